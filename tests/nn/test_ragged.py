"""`lengths` and `reset` of the modules: rows and pieces run alone give the same, and padding is not read."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latchwork import cells, nn
from support import zoo_options

T, B, I, H = 6, 4, 3, 4  # noqa: E741 (the dimension legend)
LENGTHS = [3, 0, 6, 1]
OPERATORS = ["rnn", "rnn_relu", "lstm", "lstm_projected", "gru"]
# Every cell by its kernels and on the reference path, and on torch's operator where it has one.
RUNS = [(name, path) for path in ("fused", "reference") for name in cells.names()]
RUNS += [(name, "torch") for name in OPERATORS]
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def layer(name: str, **options: Any) -> nn.Recurrent:
    torch.manual_seed(4)
    return nn.Recurrent(name, I, H, dtype=torch.float64, **{**zoo_options(name), **options})


def start(module: nn.Recurrent, batch: int) -> tuple[torch.Tensor, ...]:
    rows = module.num_layers * module.directions
    return tuple(torch.randn(rows, batch, width, dtype=torch.float64) for width in module._state_widths)


def run(module: nn.Recurrent, x: torch.Tensor, hx: tuple[torch.Tensor, ...], **options: Any):
    output, state = module(x, hx if len(hx) > 1 else hx[0], **options)
    return output, (state,) if isinstance(state, torch.Tensor) else state


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "path"), RUNS)
def test_each_row_is_as_if_it_ran_alone(name, path):
    module = layer(name, num_layers=2, bidirectional=True)
    x, hx = torch.randn(T, B, I, dtype=torch.float64), start(module, B)
    with nn.use_path(path):
        output, final = run(module, x, hx, lengths=LENGTHS)
        for row, length in enumerate(LENGTHS):
            assert not output[length:, row].any()
            if length == 0:
                for state, first in zip(final, hx, strict=True):
                    assert torch.equal(state[:, row], first[:, row])
                continue
            alone, last = run(module, x[:length, [row]], tuple(h[:, [row]] for h in hx))
            close(output[:length, row], alone[:, 0])
            for state, expected in zip(final, last, strict=True):
                close(state[:, row], expected[:, 0])


@pytest.mark.parametrize(("name", "path"), RUNS)
def test_the_backward_direction_starts_at_each_rows_end(name, path):
    module = layer(name, bidirectional=True)
    forward_only = layer(name)
    with torch.no_grad():
        for parameter_name, parameter in forward_only.named_parameters():
            parameter.copy_(getattr(module, f"{parameter_name}_reverse"))
    x, hx = torch.randn(T, B, I, dtype=torch.float64), start(module, B)
    with nn.use_path(path):
        output, final = run(module, x, hx, lengths=LENGTHS)
        width = output.shape[-1] // 2
        for row, length in enumerate(LENGTHS):
            if length:
                turned = x[:length, [row]].flip(0)
                alone, last = run(forward_only, turned, tuple(h[1:2, [row]] for h in hx))
                close(output[:length, row, width:], alone.flip(0)[:, 0])
                for state, expected in zip(final, last, strict=True):
                    close(state[1, row], expected[0, 0])


@pytest.mark.parametrize(("name", "path"), RUNS)
@pytest.mark.parametrize("filling", [float("nan"), float("inf"), 1e300])
def test_nothing_of_the_padding_comes_through(name, path, filling):
    module = layer(name, num_layers=2, bidirectional=True)
    torch.manual_seed(1)
    clean, hx = torch.randn(T, B, I, dtype=torch.float64), start(module, B)
    padding = (torch.arange(T)[:, None] >= torch.tensor(LENGTHS))[..., None]
    results = []
    for x in (torch.where(padding, 0.0, clean), torch.where(padding, filling, clean)):
        leaf = x.requires_grad_()
        first = tuple(h.clone().requires_grad_() for h in hx)
        module.zero_grad()
        with nn.use_path(path):
            output, final = run(module, leaf, first, lengths=LENGTHS)
        (output.sum() + sum(s.sum() for s in final)).backward()
        gradients = [leaf.grad, *(h.grad for h in first), *(p.grad for p in module.parameters())]
        results.append([output.detach(), *(s.detach() for s in final), *gradients])
    for expected, found in zip(*results, strict=True):
        assert found.isfinite().all()
        assert torch.equal(found, expected)
    assert not results[1][len(final) + 1][padding.expand_as(clean)].any(), "the gradient of the padding is 0"


@pytest.mark.parametrize("lengths", [LENGTHS, tuple(LENGTHS), np.array(LENGTHS), torch.tensor(LENGTHS).int()], ids=type)
def test_lengths_may_be_any_sequence_of_integers(lengths):
    module = layer("gru", batch_first=True)
    x = torch.randn(B, T, I, dtype=torch.float64)
    expected = module(x, lengths=torch.tensor(LENGTHS))
    for e, r in zip(expected, module(x, lengths=lengths), strict=True):
        assert torch.equal(e, r)


@pytest.mark.parametrize("path", ["fused", "torch", "reference"])
def test_one_row_without_a_batch_may_have_a_length(path):
    module = layer("lstm", bidirectional=True)
    x = torch.randn(T, I, dtype=torch.float64)
    with nn.use_path(path):
        output, (h, c) = module(x, lengths=[4])
        expected, (eh, ec) = module(x[:4])
    close(output[:4], expected)
    assert not output[4:].any()
    close(h, eh)
    close(c, ec)


@pytest.mark.parametrize("path", ["fused", "torch", "reference"])
@pytest.mark.parametrize("lengths", [[0, 0, 0, 0], [6, 6, 6, 6]])
def test_all_empty_and_all_full(path, lengths):
    module = layer("lstm", num_layers=2, bidirectional=True)
    x, hx = torch.randn(T, B, I, dtype=torch.float64), start(module, B)
    with nn.use_path(path):
        output, final = run(module, x, hx, lengths=lengths)
        if lengths[0]:
            expected, last = run(module, x, hx)
        else:
            expected, last = torch.zeros_like(output), hx
    close(output, expected)
    for e, r in zip(last, final, strict=True):
        close(r, e)


@given(st.sampled_from(cells.names()), st.booleans(), st.booleans(), st.data())
@settings(max_examples=40)
def test_a_cut_row_is_its_pieces(name, bidirectional, ragged, data):
    """One layer, as in several the upper one is cut where the lower is; both directions at once."""
    module = layer(name, bidirectional=bidirectional)
    torch.manual_seed(data.draw(st.integers(0, 99)))
    lengths = data.draw(st.lists(st.integers(1, T), min_size=B, max_size=B)) if ragged else [T] * B
    x, hx, reset = torch.randn(T, B, I, dtype=torch.float64), start(module, B), torch.rand(T, B) < 0.3
    output, final = run(module, x, hx, lengths=lengths if ragged else None, reset=reset)
    for row, length in enumerate(lengths):
        edges = [0, *(t for t in range(1, length) if reset[t, row]), length]
        pieces = list(pairwise(edges))
        for number, (begin, end) in enumerate(pieces):
            # A piece starts from hx at its outer end alone: forward the first one, backward the last one.
            first = [h[:, [row]].clone() for h in hx]
            for h in first:
                if number or reset[0, row]:
                    h[0] = 0
                if bidirectional and number < len(pieces) - 1:
                    h[1] = 0
            alone, last = run(module, x[begin:end, [row]], tuple(first))
            close(output[begin:end, row], alone[:, 0])
            for state, expected in zip(final, last, strict=True):
                if number == len(pieces) - 1:
                    close(state[0, row], expected[0, 0])
                if bidirectional and number == 0:
                    close(state[1, row], expected[1, 0])


def test_a_reset_at_the_first_step_drops_the_forward_state_alone():
    module = layer("lstm", bidirectional=True)
    x, hx = torch.randn(T, B, I, dtype=torch.float64), start(module, B)
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[0] = True
    output, _ = run(module, x, hx, reset=reset)
    expected, _ = run(module, x, tuple(torch.stack([torch.zeros_like(h[0]), h[1]]) for h in hx))
    close(output, expected)
    first = tuple(h.clone().requires_grad_() for h in hx)
    run(module, x, first, reset=reset)[0].sum().backward()
    assert all(not h.grad[0].any() and h.grad[1].all() for h in first)


def test_a_reset_in_the_padding_is_none():
    module = layer("gru", bidirectional=True)
    x, hx = torch.randn(T, B, I, dtype=torch.float64), start(module, B)
    reset = torch.arange(T)[:, None] >= torch.tensor(LENGTHS)
    cut, expected = (run(module, x, hx, lengths=LENGTHS, reset=r) for r in (reset, torch.zeros_like(reset)))
    assert torch.equal(cut[0], expected[0])
    assert torch.equal(cut[1][0], expected[1][0])


def test_reset_in_every_form_of_input():
    module, turned = layer("gru"), layer("gru", batch_first=True)
    x, reset = torch.randn(T, B, I, dtype=torch.float64), torch.rand(T, B) < 0.4
    output, final = module(x, reset=reset)
    by_batch, same = turned(x.transpose(0, 1), reset=reset.t())
    close(by_batch.transpose(0, 1), output)
    close(same, final)
    alone, last = module(x[:, 2], reset=reset[:, 2])
    close(alone, output[:, 2])
    close(last, final[:, 2])
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor([3, 6, 1, 4]), enforce_sorted=False)
    unpacked, _ = torch.nn.utils.rnn.pad_packed_sequence(module(packed, reset=reset)[0])
    close(unpacked, module(x, lengths=[3, 6, 1, 4], reset=reset)[0])


def test_a_bad_state_before_a_cut_is_left_behind():
    module = layer("gru")
    x, reset = torch.randn(T, B, I, dtype=torch.float64), torch.zeros(T, B, dtype=torch.bool)
    reset[0, 1] = True
    hx = torch.randn(1, B, H, dtype=torch.float64)
    hx[:, 1] = float("nan")
    output, final = module(x, hx, reset=reset)
    assert output.isfinite().all()
    assert final.isfinite().all()
