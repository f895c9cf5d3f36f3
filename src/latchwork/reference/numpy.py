"""The truth: one layer and direction of any cell in numpy, forward and backward, float64 by default.

Slow and plain on purpose. The gradients come from the op table's derivative column, with no automatic
differentiation, so they prove that column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.language.derivative import evaluation_order, gradients
from latchwork.language.graph import Graph
from latchwork.language.ops import OPS
from latchwork.language.value import Value
from latchwork.reference.interpreter import Environment, Interpreter, Masks, program

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Pass:
    """A finished forward pass and all that the backward pass needs.

    Attributes:
        output: (T, B, H); 0 past a row's end.
        final: the states after each row's last valid step, (B, H) each.
        trace: name → (T, B, H) of every assigned name and state; 0 past a row's end.
    """

    output: Floats
    final: tuple[Floats, ...]
    trace: dict[str, Floats]
    interpreter: Interpreter
    x: Floats
    initial: tuple[Floats, ...]
    valid: NDArray[np.bool_]
    restart: NDArray[np.bool_]
    order: NDArray[np.intp] | None
    steps: list[Environment]


@dataclass(frozen=True, eq=False)
class Gradients:
    """x: (T, B, I); initial: (B, H) for each state; parameters: in their own shapes."""

    x: Floats
    initial: tuple[Floats, ...]
    parameters: dict[str, Floats]


def forward(
    graph: Graph,
    parameters: Mapping[str, Floats],
    x: Floats,
    initial: Sequence[Floats] | None = None,
    *,
    lengths: Sequence[int] | None = None,
    reset: NDArray[np.bool_] | None = None,
    reverse: bool = False,
    masks: Masks = Masks(),  # noqa: B008 (frozen)
) -> Pass:
    """Run a cell over sequences.

    Args:
        graph: the cell's graph.
        parameters: name → array, as ``program(graph).layout`` lists them.
        x: (T, B, I).
        initial: the first states, (B, H) or (B, P) each; zeros by default.
        lengths: the valid steps of each row (B,), all by default.
        reset: (T, B); True cuts the row before that step: no state is carried over the cut, in either direction.
        reverse: start at each row's last valid step and go back.
        masks: how random masks are drawn; their expectation by default.
    """
    steps, batch, _ = x.shape
    prepared = program(graph)
    sizes = _sizes(prepared.layout.parameters, parameters, x.shape[2])
    interpreter = Interpreter(prepared, np, "numpy", parameters, sizes, masks)
    lowered = prepared.graph
    valid, restart, order = schedule(steps, batch, lengths, reset, reverse)
    x = np.where(valid[:, :, None], x, 0)  # what is past a row's end counts for nothing, and NaN times 0 would
    scanned = x if order is None else np.take_along_axis(x, order[:, :, None], 0)
    state_sizes = [sizes[letter] for letter in lowered.state_sizes()]
    first = tuple(initial) if initial is not None else tuple(np.zeros((batch, n), x.dtype) for n in state_sizes)

    states = first
    environments: list[Environment] = []
    trace = {name: np.zeros((steps, batch, sizes[lowered.sizes[v]]), x.dtype) for name, v in lowered.traced.items()}
    for t in range(steps):
        states = tuple(np.where(restart[t][:, None], 0, s) for s in states)
        environment = {
            **interpreter.constants,
            lowered.input: scanned[t],
            **dict(zip(lowered.states, states, strict=True)),
        }
        interpreter.evaluate(lowered.order, environment, batch, t)
        environments.append(environment)
        keep = valid[t][:, None]
        for name, value in lowered.traced.items():
            trace[name][t] = np.where(keep, environment[value], 0)
        states = tuple(np.where(keep, environment[r], s) for r, s in zip(lowered.results, states, strict=True))
    if order is not None:
        trace = {name: np.take_along_axis(values, order[:, :, None], 0) for name, values in trace.items()}
    output = trace[lowered.states[0].name or ""]
    return Pass(output, states, trace, interpreter, scanned, first, valid, restart, order, environments)


def backward(done: Pass, output: Floats, final: Sequence[Floats] | None = None) -> Gradients:
    """The gradients of a scalar, given its gradients by ``done.output`` (T, B, H) and by ``done.final`` (B, H) each."""
    interpreter = done.interpreter
    graph = interpreter.program.graph
    seeds = {result: Value("seed") for result in dict.fromkeys(graph.results)}
    adjoint = gradients(graph, seeds)
    learned = [v for v in graph.order if v.op in ("map", "project", "vector") and v in adjoint]
    targets = [adjoint[v] for v in (graph.input, *graph.states, *learned) if v in adjoint]

    if done.order is not None:
        output = np.take_along_axis(output, done.order[:, :, None], 0)
    x = np.zeros_like(done.x)
    total = {name: np.zeros_like(array) for name, array in interpreter.parameters.items()}
    carried = [np.zeros_like(s) for s in done.final] if final is None else list(final)
    for t in reversed(range(len(done.steps))):
        keep = done.valid[t][:, None]
        incoming = [np.where(keep, c, 0) for c in carried]
        incoming[0] = incoming[0] + np.where(keep, output[t], 0)
        environment = dict(done.steps[t])
        for result, gradient in zip(graph.results, incoming, strict=True):
            seed = seeds[result]
            environment[seed] = environment[seed] + gradient if seed in environment else gradient
        _evaluate(targets, environment, interpreter)
        if graph.input in adjoint:
            x[t] = environment[adjoint[graph.input]]
        for value in learned:
            _accumulate(total, value, environment[adjoint[value]], environment, interpreter)
        for i, state in enumerate(graph.states):
            passed = environment[adjoint[state]] if state in adjoint else 0
            # Past a row's end the state went through untouched; at a cut nothing did.
            carried[i] = np.where(done.restart[t][:, None], 0, np.where(keep, passed, carried[i]))
    if done.order is not None:
        x = np.take_along_axis(x, done.order[:, :, None], 0)
    return Gradients(x, tuple(carried), total)


def schedule(
    steps: int, batch: int, lengths: Sequence[int] | None, reset: NDArray[np.bool_] | None, reverse: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.intp] | None]:
    """When each row is valid, where it starts anew (T, B), and for ``reverse`` which step each step of the scan reads.

    The order is its own inverse: it turns each row's valid part around and leaves the rest in place.
    """
    length = np.full(batch, steps) if lengths is None else np.asarray(lengths, np.intp)
    time = np.arange(steps)[:, None]
    valid = time < length
    restart = np.zeros((steps, batch), bool) if reset is None else np.asarray(reset)
    if not reverse:
        return valid, restart & valid, None
    order = np.where(valid, length - 1 - time, time)
    # A cut before step t, seen from the other side, is a cut before step t − 1.
    other_side = np.concatenate([restart[1:], np.zeros((min(steps, 1), batch), bool)])
    other_side[(time >= length - 1)] = False  # nothing comes before a row's last valid step
    return valid, np.take_along_axis(other_side, order, 0), order


def _sizes(described: Sequence[Any], parameters: Mapping[str, Floats], input_size: int) -> dict[str, int]:
    sizes = {"I": input_size}
    for parameter in described:
        sizes.setdefault(parameter.rows, parameters[parameter.name].shape[0] // len(parameter.blocks))
    return sizes


def _evaluate(targets: Sequence[Value], environment: Environment, interpreter: Interpreter) -> None:
    for value in evaluation_order(targets, environment.keys()):
        if value.op == "constant":
            environment[value] = value.attributes["value"]
        elif value.op in ("map_transpose", "project_transpose"):
            environment[value] = environment[value.inputs[0]] @ interpreter.block(value.attributes["of"])
        else:
            environment[value] = OPS[value.op].numpy(np, *(environment[i] for i in value.inputs))


def _accumulate(
    total: dict[str, Floats], value: Value, gradient: Floats, environment: Environment, interpreter: Interpreter
) -> None:
    """Add what ``gradient`` (B, ·) of a map, projection or vector gives to its learned numbers."""
    slot = interpreter.program.layout.slots[value]
    rows = interpreter.sizes[interpreter.program.layout[slot.name].rows]
    block = total[slot.name][slot.index * rows : (slot.index + 1) * rows]
    if value.op == "vector":
        block += gradient.sum(0)
        return
    source = environment[value.inputs[0]]
    block += gradient.T @ np.broadcast_to(source, (len(gradient), source.shape[-1]))  # a learned vector has no B
    if slot.bias is not None:
        total[slot.bias][slot.bias_index * rows : (slot.bias_index + 1) * rows] += gradient.sum(0)
