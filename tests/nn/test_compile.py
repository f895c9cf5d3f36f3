"""torch.compile, torch.export and the operators that stand for the kernels in traced graphs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd
from torch.autograd import forward_ad

import latchwork as lw
from latchwork import nn
from latchwork.errors import ShapeError

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


def forward_mode(run, x, tangent):
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(run(forward_ad.make_dual(x, tangent))).tangent


TRANSFORMS = {
    "jvp": lambda run, x, tangent: torch.func.jvp(run, (x,), (tangent,))[1],
    "forward mode": forward_mode,
    "vmap": lambda run, x, tangent: torch.func.vmap(run)(torch.stack([x, tangent])),
    "grad": lambda run, x, tangent: torch.func.grad(lambda x: run(x).square().sum())(x),
    "vmap of grad": lambda run, x, tangent: torch.func.vmap(torch.func.grad(lambda x: run(x).square().sum()))(
        torch.stack([x, tangent])
    ),
    "jacrev": lambda run, x, tangent: torch.func.jacrev(run)(x),
    "jacfwd": lambda run, x, tangent: torch.func.jacfwd(run)(x),
    "hessian": lambda run, x, tangent: torch.func.hessian(lambda x: run(x).square().sum())(x),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_transform_inside_a_compiled_graph_is_right(transform, frozen):
    module = nn.LSTM(2, 3, dtype=torch.float64).requires_grad_(not frozen)
    x, tangent = (torch.randn(3, 2, 2, dtype=torch.float64) for _ in range(2))
    reset = torch.tensor([[False, False], [True, False], [False, False]])

    def run(x):
        output, (_, c), trace = module(x, reset=reset, return_trace=True)
        return torch.cat([output, c, trace[0]["forget"]])

    expected = TRANSFORMS[transform](run, x, tangent)
    whole = torch.compile(lambda x: TRANSFORMS[transform](run, x, tangent), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(whole(x), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("transform", ["jvp", "forward mode", "vmap", "grad"])
def test_a_transform_of_a_compiled_layer_is_right(transform):
    """Also of one that was compiled without it before."""
    module = nn.GRU(2, 3, dtype=torch.float64).requires_grad_(False)
    x, tangent = (torch.randn(3, 2, 2, dtype=torch.float64) for _ in range(2))
    compiled = torch.compile(lambda x: module(x)[0], backend="aot_eager")
    compiled(x)
    expected = TRANSFORMS[transform](lambda x: module(x)[0], x, tangent)
    torch.testing.assert_close(TRANSFORMS[transform](compiled, x, tangent), expected, rtol=1e-10, atol=1e-12)


def test_a_compiled_gradient_runs_on_the_kernels():
    module, seen = nn.GRU(I, H), []

    def record(graph, examples):
        seen.append({str(node.target) for node in graph.graph.nodes})
        return make_boxed_func(graph.forward)

    compiled = torch.compile(module, backend=aot_autograd(fw_compiler=record), fullgraph=True)
    compiled(torch.randn(T, B, I, requires_grad=True))[0].sum().backward()
    assert ["latchwork.scan.default" in names for names in seen] == [True, False]
    assert ["latchwork.scan_backward.default" in names for names in seen] == [False, True]


def second_derivative(run, x: torch.Tensor) -> torch.Tensor:
    (first,) = torch.autograd.grad(run(x).square().sum(), x, create_graph=True)
    return torch.autograd.grad(first.square().sum(), x)[0]


def arguments(module: nn.Recurrent, x: torch.Tensor, /, **changes: Any) -> tuple[Any, ...]:
    """What the operator is called with."""
    known = {
        "x": x,
        "initial": [x.new_zeros((x.shape[1], width)) for width in module._state_widths],
        "parameters": list(module.parameters()),
        "lengths": None,
        "reset": None,
        "seed": None,
        "cell": module._signature.text,
        "sizes": [module.hidden_size, module.proj_size, module.input_size],
        "reverse": False,
        "stream": 0,
        "with_trace": False,
    }
    return tuple({**known, **changes}.values())


@pytest.mark.parametrize("options", [{}, {"lengths": torch.tensor([T, 0, 3]), "reverse": True, "with_trace": True}])
def test_the_second_derivative_through_the_operator_is_right(options):
    module = nn.LSTM(I, H, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    found = second_derivative(lambda x: torch.ops.latchwork.scan(*arguments(module, x, **options))[0], x)
    given = {**options}
    reverse, _ = given.pop("reverse", False), given.pop("with_trace", None)
    both = nn.LSTM(I, H, dtype=torch.float64, bidirectional=True)
    with torch.no_grad():
        for name, value in module.named_parameters():
            for suffix in ("", "_reverse"):
                getattr(both, name + suffix).copy_(value)
    expected = second_derivative(lambda x: both(x, **given)[0][..., H * reverse :][..., :H], x)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_the_second_derivative_through_a_compiled_graph_is_right_or_refused():
    module = nn.GRU(I, H, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    expected = second_derivative(lambda x: module(x)[0], x)
    found = second_derivative(torch.compile(lambda x: module(x)[0], backend="eager"), x)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        second_derivative(torch.compile(lambda x: module(x)[0], backend="aot_eager"), x)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_operator_itself_refuses_transforms(transform):
    module = nn.GRU(2, 3).requires_grad_(False)
    x, tangent = torch.randn(3, 2, 2), torch.randn(3, 2, 2)
    with pytest.raises(RuntimeError, match="no forward-mode derivative|Batching rule not implemented|functorch"):
        TRANSFORMS[transform](lambda x: torch.ops.latchwork.scan(*arguments(module, x))[0], x, tangent)


x = torch.zeros(T, B, I)
WRONG = {
    "x of other dimensions": ({"x": x[0]}, r"x must be \(T, B, I\), got \(3, 5\)"),
    "x too narrow": ({"x": x[..., :4]}, r"x must be \(7, 3, 5\) of torch.float32"),
    "x of integers": ({"x": x.int()}, "x is torch.int32"),
    "x of another type": ({"x": x.double()}, "must be .* of torch.float64"),
    "too few states": ({"initial": [torch.zeros(B, H)]}, "there are 2 states, got 1"),
    "a state too short": ({"initial": [torch.zeros(B, H), torch.zeros(B - 1, H)]}, r"the state c must be \(3, 8\)"),
    "a state too narrow": ({"initial": [torch.zeros(B, 1), torch.zeros(B, H)]}, r"the state h must be \(3, 8\)"),
    "a state of another type": ({"initial": [torch.zeros(B, H).double()] * 2}, "the state h must be"),
    "too few parameters": ({"parameters": []}, "there are 4 parameters, got 0"),
    "a parameter too small": ({"parameters": [torch.zeros(1, 1)] * 4}, "the parameter weight_ih must be"),
    "lengths past the end": ({"lengths": torch.tensor([T, T + 1, 0])}, "lengths must be in 0…7"),
    "lengths below zero": ({"lengths": torch.tensor([T, -1, 0])}, "lengths must be in 0…7"),
    "too few lengths": ({"lengths": torch.tensor([T, 1])}, r"lengths must be \(3,\) of torch.int64"),
    "lengths not whole": ({"lengths": torch.ones(B)}, r"lengths must be \(3,\) of torch.int64"),
    "reset too short": ({"reset": torch.zeros(T - 1, B, dtype=torch.bool)}, r"reset must be \(7, 3\) of torch.bool"),
    "reset of numbers": ({"reset": torch.zeros(T, B)}, "reset must be .* of torch.bool"),
    "too few sizes": ({"sizes": [H, 0]}, r"sizes must be \[H, P, I\]"),
    "a size below zero": ({"sizes": [H, -1, I]}, r"sizes must be \[H, P, I\]"),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_operator_refuses_what_does_not_fit_its_cell(case):
    changes, message = WRONG[case]
    given = arguments(nn.LSTM(I, H).requires_grad_(False), x, **changes)
    with pytest.raises(ShapeError, match=message):
        torch.ops.latchwork.scan(*given)
    gradients = [torch.zeros(T, B, H), None, None]
    with pytest.raises(ShapeError, match=message):
        torch.ops.latchwork.scan_backward(gradients, *given)


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        ([torch.zeros(T, B, H)], "there are 3 results, got 1 gradients"),
        ([torch.zeros(T, B, 1), None, None], r"a gradient must be \(7, 3, 8\)"),
        ([None, torch.zeros(1, H), None], r"a gradient must be \(3, 8\)"),
        ([None, None, torch.zeros(B, H).double()], "a gradient must be .* of torch.float32"),
    ],
)
def test_the_operators_gradient_refuses_what_is_not_of_its_results(gradients, message):
    with pytest.raises(ShapeError, match=message):
        torch.ops.latchwork.scan_backward(gradients, *arguments(nn.LSTM(I, H).requires_grad_(False), x))
