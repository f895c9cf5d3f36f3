"""The derivative of a graph, as a graph: reverse accumulation over the op table's derivative column."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from latchwork.language.graph import Graph, ordered
from latchwork.language.ops import OPS
from latchwork.language.value import Value


def gradients(graph: Graph, seeds: Mapping[Value, Value], stop: Collection[str] = ()) -> dict[Value, Value]:
    """The gradient of each value of a lowered graph.

    Args:
        graph: the lowered graph.
        seeds: the gradient that comes into some of its values from outside.
        stop: ops that let no gradient through to their inputs.

    Returns:
        value → its gradient, as a value computed from the graph's values, the seeds, and two ops of the derivative
        alone: ``map_transpose`` and ``project_transpose``, which carry a gradient back through the learned map that
        is their attribute ``of``. A value that nothing depends on is left out.
    """
    found: dict[Value, Value] = {}
    settled = set(graph.order)  # what is folded already, or not to be

    def fold(value: Value) -> Value:
        folded = _fold(value, settled)
        settled.add(folded)
        return folded

    def add(value: Value, gradient: Value) -> None:
        if value.op != "constant" and graph.sizes[value] != "1":
            found[value] = fold(found[value] + gradient) if value in found else gradient

    for value, seed in seeds.items():
        add(value, seed)
    for value in reversed(graph.order):
        if value not in found or value.op in stop:
            continue
        gradient = found[value] = fold(found[value])
        if value.op in ("map", "project"):
            add(value.inputs[0], Value(f"{value.op}_transpose", (gradient,), of=value))
        elif value.op in OPS:
            for source, part in zip(
                value.inputs, OPS[value.op].derivative(gradient, value, *value.inputs), strict=True
            ):
                if part is not None:
                    folded = fold(part)
                    if not _is(folded, 0.0):
                        add(source, folded)
    return found


def retention(graph: Graph) -> dict[str, Value | None]:
    """How much of each state a step hands on to itself unit by unit: the keep gate of each state.

    For LSTM's ``c`` this is its forget gate, for GRU's ``h`` its update gate; None for a state that is written anew at
    each step, as a plain RNN's. What goes through a learned map or moves a gate is not kept but computed with, so it
    does not count.

    Args:
        graph: the lowered graph.
    """
    kept: dict[str, Value | None] = {}
    for state, result in zip(graph.states, graph.results, strict=True):
        assert state.name
        one = Value("constant", value=1.0)
        kept[state.name] = gradients(graph, {result: one}, stop=("map", "project", "mean", "sigmoid")).get(state)
    return kept


def _is(value: Value, number: float) -> bool:
    return value.op == "constant" and value.attributes["value"] == number


def _fold(value: Value, settled: Collection[Value]) -> Value:
    """Drop what multiplies by 1 or adds 0: derivative rules are written for the general case."""
    if value in settled:
        return value
    if value.op == "mul":
        a, b = (_fold(i, settled) for i in value.inputs)
        if _is(a, 0.0) or _is(b, 0.0):
            return Value("constant", value=0.0)
        if _is(a, 1.0):
            return b
        if _is(b, 1.0):
            return a
        return value if (a, b) == value.inputs else a * b
    if value.op == "add":
        a, b = value.inputs
        return b if _is(a, 0.0) else a if _is(b, 0.0) else value
    if value.op == "sub":
        return value.inputs[0] if _is(value.inputs[1], 0.0) else value
    if value.op == "neg":
        (a,) = value.inputs
        if a.op == "constant":
            return Value("constant", value=-a.attributes["value"])
        return a.inputs[0] if a.op == "neg" else value
    return value


def evaluation_order(results: Collection[Value], given: Collection[Value]) -> list[Value]:
    """What must be computed for ``results`` when the values ``given`` are known, each after its inputs."""
    needed: set[Value] = set()
    front = [r for r in results if r not in given]
    while front:
        value = front.pop()
        if value not in needed:
            needed.add(value)
            front.extend(i for i in value.inputs if i not in given)
    return [value for value in ordered(results) if value in needed]
