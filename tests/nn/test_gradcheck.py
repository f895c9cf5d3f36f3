"""First and second derivatives by torch's own checkers, in float64, on every path that runs the cell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from latchwork import cells, nn
from support import CHANGES, possible_changes, zoo_options

T, B, I, H = 3, 2, 2, 3  # noqa: E741 (the dimension legend)
OPERATORS = ["rnn", "rnn_relu", "lstm", "lstm_projected", "gru"]
EVERYWHERE = [(name, path) for path in ("fused", "reference") for name in cells.names()]
RUNS = EVERYWHERE + [(name, "torch") for name in OPERATORS]
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def function_of(name: str, path: str, call: dict[str, Any], **options: Any):
    """A module as a function of its input, states and parameters, and arguments to check it at."""
    torch.manual_seed(6)
    module = nn.Recurrent(name, I, H, dtype=torch.float64, **{**zoo_options(name), **options})
    names = [n for n, _ in module.named_parameters()]
    rows = module.num_layers * module.directions
    x = torch.randn(T, B, I, dtype=torch.float64)
    states = [torch.randn(rows, B, width, dtype=torch.float64) for width in module._state_widths]
    arguments = [x, *states, *(p.detach() + 0.1 for p in module.parameters())]

    def function(x, *rest):
        hx, parameters = rest[: len(states)], rest[len(states) :]
        torch.manual_seed(0)
        with nn.use_path(path):
            out, final = torch.func.functional_call(
                module, dict(zip(names, parameters, strict=True)), (x, hx if len(hx) > 1 else hx[0]), call
            )
        return (out, final) if isinstance(final, torch.Tensor) else (out, *final)

    return function, tuple(a.requires_grad_() for a in arguments)


@pytest.mark.parametrize(("name", "path"), RUNS)
@pytest.mark.parametrize("call", [{}, {"lengths": [2, 3]}], ids=["full", "ragged"])
def test_first_derivative(name, path, call):
    assert gradcheck(*function_of(name, path, call, bidirectional=True), fast_mode=True)


@pytest.mark.parametrize(("name", "path"), RUNS)
def test_second_derivative(name, path):
    assert gradgradcheck(*function_of(name, path, {"lengths": [2, 3]}), fast_mode=True)


@pytest.mark.parametrize(("name", "path"), EVERYWHERE)
def test_masks_cuts_and_layers(name, path):
    call = {"reset": torch.tensor([[True, False], [False, True], [False, False]])}
    options = {"num_layers": 2, "zoneout": 0.3, "recurrent_dropout": 0.3}
    function, arguments = function_of(name, path, call, **options)
    assert gradcheck(function, arguments, fast_mode=True)
    assert gradgradcheck(function, arguments, fast_mode=True)


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name in cells.names() for change in possible_changes(name)]
)
def test_changed_cells_by_their_kernels(name, change):
    function, arguments = function_of(name, "fused", {"lengths": [2, 3]}, **{change: CHANGES[change]})
    assert gradcheck(function, arguments, fast_mode=True)
    assert gradgradcheck(function, arguments, fast_mode=True)


@pytest.mark.parametrize("path", ["torch", "reference"])
@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
def test_single_steps(kind, path):
    torch.manual_seed(1)
    step = getattr(nn, kind)(I, H, dtype=torch.float64)
    names = [n for n, _ in step.named_parameters()]
    states = 2 if kind == "LSTMCell" else 1

    def function(x, *rest):
        hx, parameters = rest[:states], dict(zip(names, rest[states:], strict=True))
        with nn.use_path(path):
            return torch.func.functional_call(step, parameters, (x, hx if states > 1 else hx[0]))

    arguments = [torch.randn(B, I, dtype=torch.float64), *torch.randn(states, B, H, dtype=torch.float64)]
    arguments = tuple(a.detach().requires_grad_() for a in [*arguments, *step.parameters()])
    assert gradcheck(function, arguments)
    assert gradgradcheck(function, arguments, fast_mode=True)
