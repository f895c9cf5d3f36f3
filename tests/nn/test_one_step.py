"""`RecurrentCell`: one step of any cell is one step of the layer."""

from __future__ import annotations

import pytest
import torch

import latchwork as lw
from latchwork import cells, nn
from latchwork.errors import ConfigError
from latchwork.reference.interpreter import program
from support import CHANGES, possible_changes, zoo_options

OFFERED = (None, "layer_norm", "zoneout", "bias", "peephole")
SINGLE = [name for name in cells.names() if not zoo_options(name)]
T, B, I, H = 4, 3, 2, 5  # noqa: E741 (the dimension legend)


def both(name, **options):
    """A layer and a single step with the same weights."""
    torch.manual_seed(0)
    layer = nn.Recurrent(name, I, H, dtype=torch.float64, **options)
    step = nn.RecurrentCell(name, I, H, dtype=torch.float64, **options)
    step.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()}, strict=True)
    return layer.eval(), step.eval()


@pytest.mark.parametrize("path", ["automatic", "reference"])
@pytest.mark.parametrize(
    ("name", "options"),
    [(n, {c: CHANGES[c]} if c else {}) for n in SINGLE for c in (None, *possible_changes(n)) if c in OFFERED],
    ids=str,
)
def test_steps_in_a_loop_are_the_layer(name, options, path):
    layer, step = both(name, **options)
    x = torch.randn(T, B, I, dtype=torch.float64)
    hx = tuple(torch.randn(B, H, dtype=torch.float64) for _ in layer._state_widths)
    output, final = layer(x, tuple(h[None] for h in hx) if len(hx) > 1 else hx[0][None])
    state = hx if len(hx) > 1 else hx[0]
    for t in range(T):
        if path == "reference":
            with nn.use_path("reference"):
                state = step(x[t], state)
        else:
            state = step(x[t], state)
        shown = state if isinstance(state, torch.Tensor) else state[0]
        torch.testing.assert_close(shown, output[t], rtol=1e-12, atol=1e-14)
    for s, f in zip([state] if len(hx) == 1 else state, [final] if len(hx) == 1 else final, strict=True):
        torch.testing.assert_close(s, f[0], rtol=1e-12, atol=1e-14)


def test_masks_are_drawn_in_training_alone():
    step = nn.RecurrentCell("gru", I, H, zoneout=0.5)
    x, h = torch.randn(B, I), torch.randn(B, H)
    torch.manual_seed(1)
    first, second = step(x, h), step(x, h)
    torch.manual_seed(1)
    assert torch.equal(step(x, h), first)
    assert not torch.equal(first, second)
    kept = first == h
    assert 0 < kept.sum() < kept.numel()
    step.eval()
    assert torch.equal(step(x, h), step(x, h))


def test_a_cell_of_ones_own_steps():
    @lw.cell
    def leaky(x, h):
        return 0.5 * h + lw.tanh(lw.affine(x))

    step = nn.RecurrentCell(leaky, I, H)
    x, h = torch.randn(B, I), torch.randn(B, H)
    torch.testing.assert_close(step(x, h), 0.5 * h + torch.tanh(x @ step.weight_ih.T + step.bias_ih))
    assert repr(step) == "RecurrentCell('leaky', 2, 5)"


@pytest.mark.parametrize(("cell", "gate"), [("lstm", "forget"), ("gru", "update")])
def test_forget_bias_starts_the_keep_gate(cell, gate):
    step = lw.nn.RecurrentCell(cell, 3, 4, forget_bias=1.5)
    index = program(step.cell.graph).layout["bias_ih"].blocks.index(gate)
    rows = slice(4 * index, 4 * (index + 1))
    assert torch.equal(step.bias_ih[rows] + step.bias_hh[rows], torch.full((4,), 1.5))
    with pytest.raises(ConfigError, match=r"no such gate|no bias"):
        lw.nn.RecurrentCell("rnn", 3, 4, forget_bias=1.0)
