"""torch.compile, torch.export and the operators that stand for the kernels in traced graphs."""

from __future__ import annotations

import pytest
import torch

import latchwork as lw
from latchwork import nn

T, B, I, H = 7, 3, 5, 8  # noqa: E741 (the dimension legend)


@pytest.fixture(autouse=True)
def fresh() -> None:
    torch.compiler.reset()
    torch.manual_seed(0)


def gradients(module: torch.nn.Module, run, x: torch.Tensor) -> dict[str, torch.Tensor]:
    module.zero_grad()
    leaf = x.clone().requires_grad_()
    output, state = run(leaf)
    states = state if isinstance(state, tuple) else (state,)
    (output.pow(2).sum() + sum(s.sum() for s in states)).backward()
    return {"x": leaf.grad, **{name: p.grad.clone() for name, p in module.named_parameters()}}


@pytest.mark.parametrize("name", ["lstm", "gru_reset_before", "lstm_layer_norm"])
def test_a_whole_compiled_graph_gives_the_same_numbers(name):
    module = nn.Recurrent(name, I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64)
    compiled = torch.compile(module, fullgraph=True)
    assert torch.equal(compiled(x)[0], module(x)[0])
    expected = gradients(module, module, x)
    for key, value in gradients(module, compiled, x).items():
        torch.testing.assert_close(value, expected[key], rtol=1e-12, atol=1e-12)


def test_a_compiled_model_takes_the_trace_and_cuts():
    module = nn.GRU(I, H)
    x, reset = torch.randn(T, B, I), torch.rand(T, B) < 0.3
    run = torch.compile(lambda x, reset: module(x, reset=reset, return_trace=True), fullgraph=True)
    (output, _, trace), (expected, _, named) = run(x, reset), module(x, reset=reset, return_trace=True)
    torch.testing.assert_close(output, expected)
    assert list(trace[0]) == list(named[0])
    for key, values in named[0].items():
        torch.testing.assert_close(trace[0][key], values)


def test_a_compiled_model_draws_new_masks_in_every_run():
    compiled = torch.compile(nn.GRU(I, H, zoneout=0.3), fullgraph=True)
    x = torch.randn(T, B, I)
    assert not torch.equal(compiled(x)[0], compiled(x)[0])


def test_an_exported_model_takes_any_batch_and_any_number_of_steps(tmp_path):
    module = nn.LSTM(I, H, num_layers=2).eval()
    dims = ({0: torch.export.Dim("steps"), 1: torch.export.Dim("batch")},)
    exported = torch.export.export(module, (torch.randn(T, B, I),), dynamic_shapes=dims)
    torch.export.save(exported, tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    for shape in ((T, B, I), (2, 6, I), (11, 2, I)):
        x = torch.randn(shape)
        torch.testing.assert_close(loaded(x)[0], module(x)[0])


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_operators_are_as_torch_wants_them(ragged):
    module = nn.GRU(I, H)
    signature = module._signature
    parameters = [p.detach().clone().requires_grad_() for p in module.parameters()]
    arguments = (
        torch.randn(T, B, I, requires_grad=True),
        [torch.randn(B, H, requires_grad=True)],
        parameters,
        torch.tensor([T, 0, 3]) if ragged else None,
        torch.rand(T, B) < 0.2 if ragged else None,
        None,
        signature.text,
        [H, 0, I],
        ragged,
        0,
        ragged,
    )
    done = torch.library.opcheck(torch.ops.latchwork.scan, arguments)
    assert set(done.values()) == {"SUCCESS"}


@lw.cell
def leaky(x, h):
    """A cell of the user's own."""
    rate = lw.sigmoid(lw.vector())
    h = rate * h + (1 - rate) * lw.tanh(lw.affine(x, h))
    return h


def test_a_users_cell_travels_with_the_exported_graph():
    module = nn.Recurrent(leaky, I, H).eval()
    x = torch.randn(T, B, I)
    exported = torch.export.export(module, (x,))
    torch.testing.assert_close(exported.module()(x)[0], module(x)[0])
