"""What ``latchwork bench`` sets against each other: a layer of ours, and what torch has for the same cell."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from latchwork import nn
from latchwork.errors import ConfigError
from latchwork.language.cell import Cell
from latchwork.language.layout import Layout
from latchwork.language.lower import lower
from latchwork.nn.dispatch import torch_operator
from latchwork.nn.recurrent import resolve

Against = Literal["torch", "loop", "compile"]
Kind = Literal["inference", "training"]
Run = Callable[[Tensor], tuple[Tensor, Any]]


class Shape(NamedTuple):
    """T, B, and H = I."""

    steps: int
    batch: int
    hidden: int


class Contender(NamedTuple):
    """One way to run a layer.

    Attributes:
        title: what it is, for a table's title.
        run: x (T, B, I) → output (T, B, ·) and final state, or states.
        weights: by name.
        x: (T, B, I), which gradients are taken by too.
        gradient: (T, B, ·), by the output.
    """

    title: str
    run: Run
    weights: Mapping[str, Tensor]
    x: Tensor
    gradient: Tensor

    def inference(self) -> tuple[Tensor, Any]:
        """Output and states, without autograd."""
        with torch.no_grad():
            return self.run(self.x)

    def training(self) -> tuple[Tensor, Any, Sequence[Tensor]]:
        """Output, states, and the gradients by the input and by every weight."""
        output, state = self.run(self.x)
        return output, state, torch.autograd.grad(output, [self.x, *self.weights.values()], self.gradient)

    def call(self, kind: Kind) -> Callable[[], object]:
        """What is timed."""
        return self.inference if kind == "inference" else self.training

    def numbers(self, kind: Kind) -> dict[str, Tensor]:
        """Everything that it computes, by name."""
        output, state, *gradients = self.inference() if kind == "inference" else self.training()
        states = state if isinstance(state, tuple | list) else (state,)
        named = {"the output": output, **{f"final state {i}": s for i, s in enumerate(states)}}
        for row in gradients:
            named.update({f"the gradient by {n}": g for n, g in zip(("x", *self.weights), row, strict=True)})
        return {name: tensor.detach() for name, tensor in named.items()}


class Pair(NamedTuple):
    """Two contenders of the same weights and input.

    Attributes:
        layer: the one that ours runs.
        path: the path that it takes.
        operations: of the matrix products of a forward pass; a multiply-add counts two.
    """

    ours: Contender
    other: Contender
    layer: nn.Recurrent
    path: nn.Dispatch
    operations: int


def pair(cell: str | Cell, shape: Shape, against: Against) -> Pair:
    """The contenders for a cell and a shape, for the threads that torch has now: ``torch.compile`` bakes them in.

    Args:
        against: "torch" for torch's operator, and a loop of torch's functions for a cell without one; "loop" for the
            loop in any case; "compile" for the loop compiled by ``torch.compile``, which takes minutes.

    Raises:
        ConfigError: there is nothing such to compare with.
    """
    if against not in get_args(Against):
        raise ConfigError(f"--against must be one of {', '.join(get_args(Against))}, not {against!r}")
    torch.manual_seed(0)
    steps, batch, hidden = shape
    ours = nn.Recurrent(cell, hidden, hidden, proj_size=max(hidden // 2, 1) if _projects(cell) else 0)
    x = torch.randn(steps, batch, hidden).requires_grad_()
    gradient = torch.randn(steps, batch, ours.output_size)
    weights = dict(ours.named_parameters())
    operator = torch_operator(ours.cell.graph)
    if against == "compile":
        other = Contender("torch.compile of a loop", _compiled(ours, x), weights, x, gradient)
    elif against == "torch" and operator is not None:
        layer, title = _operator(operator, ours)
        other = Contender(title, layer, dict(layer.named_parameters()), x, gradient)
    else:
        other = Contender("a loop in torch", _loop(ours), weights, x, gradient)
    mine = Contender("latchwork", ours, weights, x, gradient)
    return Pair(mine, other, ours, ours.explain_dispatch(), operations(ours, shape))


def exact(pair: Pair) -> Contender:
    """What both should compute: the steps of the graph in float64."""
    layer = copy.deepcopy(pair.layer).double()
    x = pair.ours.x.detach().double().requires_grad_()
    return Contender("float64", _loop(layer), dict(layer.named_parameters()), x, pair.ours.gradient.double())


def operations(layer: nn.Recurrent, shape: Shape) -> int:
    """Of the matrix products of a forward pass, 2·T·B·G·H·(I + H) for most cells; a training step: three times."""
    sizes = {"I": layer.input_size, "H": layer.hidden_size, "P": layer.proj_size}
    shapes = [p.shape(sizes) for p in Layout.of(lower(layer.cell.graph)).parameters if p.columns is not None]
    return 2 * shape.steps * shape.batch * sum(rows * columns for rows, columns in shapes)


def _projects(cell: str | Cell) -> bool:
    graph = resolve(cell).graph
    return any(value.op == "project" for value in graph.order)


def _operator(name: str, ours: nn.Recurrent) -> tuple[torch.nn.RNNBase, str]:
    """Torch's module with our weights."""
    I, H, P = ours.input_size, ours.hidden_size, ours.proj_size  # noqa: E741 (the dimension legend)
    layer: torch.nn.RNNBase
    if name == "lstm":
        layer = torch.nn.LSTM(I, H, proj_size=P)
    elif name == "gru":
        layer = torch.nn.GRU(I, H)
    else:
        layer = torch.nn.RNN(I, H, nonlinearity=name.removeprefix("rnn_"))
    layer.load_state_dict(ours.state_dict())
    return layer, f"torch.nn.{type(layer).__name__}"


def _loop(ours: nn.Recurrent) -> Run:
    def run(x: Tensor) -> tuple[Tensor, Any]:
        with nn.use_path("reference"):
            output: tuple[Tensor, Any] = ours(x)
            return output

    return run


def _compiled(ours: nn.Recurrent, x: Tensor) -> Run:
    """The loop as ``torch.compile`` makes it, unrolled over the steps.

    What it is given is the list of torch's functions that the loop calls: dynamo does not follow the interpreter.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    def loop(x: Tensor, weights: dict[str, Tensor]) -> tuple[Tensor, Any]:
        with nn.use_path("reference"):
            output: tuple[Tensor, Any] = torch.func.functional_call(ours, weights, (x,))
        return output

    torch.compiler.reset()
    weights = dict(ours.named_parameters())
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = make_fx(loop)(x.detach(), {name: w.detach() for name, w in weights.items()})
    compiled = torch.compile(traced, fullgraph=True, dynamic=False)
    return lambda x: compiled(x, weights)
