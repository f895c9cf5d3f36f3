"""What a step kept: the right gate of each cell, and the right numbers."""

import pytest
import torch

import latchwork as lw
from latchwork import cells
from latchwork.explain import kept
from latchwork.nn import Recurrent

EXPECTED = {
    "gru": ("h", "update gate"),
    "gru_layer_norm": ("h", "update gate"),
    "gru_reset_before": ("h", "update gate"),
    "indrnn": None,
    "lstm": ("c", "forget gate"),
    "lstm_coupled": ("c", "forget gate"),
    "lstm_layer_norm": ("c", "forget gate"),
    "lstm_peephole": ("c", "forget gate"),
    "lstm_projected": ("c", "forget gate"),
    "mgu": ("h", "forget gate"),
    "rnn": None,
    "rnn_relu": None,
}


def run(cell, **options):
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, **options).eval()
    _, _, trace = layer(torch.randn(6, 2, 3), return_trace=True)
    return layer, trace[0]


@pytest.mark.parametrize("cell", cells.names())
def test_each_cell_of_the_zoo(cell):
    layer, trace = run(cell, proj_size=2 if cell == "lstm_projected" else 0)
    found = kept(layer.cell, trace)
    if EXPECTED[cell] is None:
        assert found is None
        return
    assert (found.state, found.gate) == EXPECTED[cell]
    gate = trace[found.gate.removesuffix(" gate")]
    assert torch.equal(found.values, 1 - gate if cell == "mgu" else gate)


def test_zoneout_keeps_more():
    layer, trace = run("lstm", zoneout={"c": 0.25})
    found = kept(layer.cell, trace)
    assert torch.allclose(found.values, 0.25 + 0.75 * trace["forget"])


def test_what_is_kept_is_the_derivative_of_the_state_by_the_state():
    """The keep gate of a cell without recurrent maps is all of ∂h[t]/∂h[t−1]."""

    @lw.cell
    def leaky(x, h):
        keep = lw.sigmoid(lw.affine(x))
        h = keep * h + (1 - keep) * lw.tanh(lw.affine(x))
        return h

    layer = Recurrent(leaky, 2, 3)
    x, h = torch.randn(1, 1, 2), torch.randn(1, 1, 3)
    _, _, trace = layer(x, h, return_trace=True)
    jacobian = torch.autograd.functional.jacobian(lambda state: layer(x, state)[0][0, 0], h)[:, 0, 0]
    found = kept(leaky, trace[0])
    assert found.gate == "keep gate"
    assert torch.allclose(torch.diag(found.values[0, 0]), jacobian, atol=1e-6)
