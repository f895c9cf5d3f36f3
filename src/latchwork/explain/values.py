"""Every value of a cell at every step of a sequence, those without a name too.

Once the states are known, which the fused path computes, each step's values depend on that step's input and states
alone: the reference evaluates all steps at once. The parameters and their order are those of the layer itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from latchwork.explain.passes import Pass
from latchwork.language.graph import Graph
from latchwork.language.lower import lower
from latchwork.language.value import Value
from latchwork.reference.interpreter import Environment, Interpreter, Masks, program


def values(
    graph: Graph,
    which: Pass,
    x: Tensor,
    trace: Mapping[str, Tensor],
    wanted: Mapping[str, Value],
    start: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """The wanted values of one layer and direction, without padding.

    Args:
        graph: the cell's graph.
        which: the layer and direction.
        x: what it reads (T, B, I).
        trace: its trace, (T, B, ·) each: the states must be in it.
        wanted: key → a value of ``graph``.
        start: state → what the direction began with (B, ·); zeros by default.

    Returns:
        key → (T, B, ·), its width by its size letter.
    """
    prepared = program(graph)
    lowered = prepared.graph
    interpreter = Interpreter(prepared, torch, "torch", which.parameters, which.sizes, Masks())
    steps, batch = x.shape[:2]
    environment: Environment = {**interpreter.constants, lowered.input: x}
    for state in lowered.states:
        assert state.name
        environment[state] = _before(trace[state.name], which.direction, (start or {}).get(state.name))
    leaves = ("input", "state", "constant", "vector")
    interpreter.evaluate([v for v in lowered.order if v.op not in leaves], environment, batch, None)
    found = {}
    for key, value in located(graph, wanted).items():
        numbers = torch.as_tensor(environment[value], dtype=x.dtype)
        width = which.sizes.get(lowered.sizes[value], 1)
        found[key] = numbers.expand(steps, batch, width)
    return found


def located(graph: Graph, wanted: Mapping[str, Value]) -> dict[str, Value]:
    """Where the wanted values of ``graph`` are in the graph that is evaluated, whose layer norms are written out."""
    evaluated = program(graph).graph
    named = lower(graph.regrouped(graph.results, {**graph.names, **wanted}))
    # The two are written out alike, so they are walked side by side.
    twin: dict[Value, Value] = {}
    front = list(zip(named.results, evaluated.results, strict=True))
    front += [(named.names[name], value) for name, value in evaluated.names.items()]
    while front:
        ours, theirs = front.pop()
        if ours not in twin:
            twin[ours] = theirs
            front.extend(zip(ours.inputs, theirs.inputs, strict=True))
    return {key: twin[named.names[key]] for key in wanted}


def _before(state: Tensor, direction: int, start: Tensor | None) -> Tensor:
    """Each step's previous state: that of the step before, or after for a direction that reads from the end."""
    first = torch.zeros_like(state[:1]) if start is None else start[None]
    return torch.cat([state[1:], first]) if direction else torch.cat([first, state[:-1]])
