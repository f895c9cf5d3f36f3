"""What a cell's gates do to its memory, and how much each step kept of it.

The parts that gates play are read off the cell's graph, so they are known for any cell: what multiplies the old memory
keeps it, what multiplies the candidate writes, what multiplies the memory on its way out exposes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latchwork.language.cell import Cell
from latchwork.language.derivative import evaluation_order, gradients, retention
from latchwork.language.graph import Graph
from latchwork.language.lower import lower
from latchwork.language.ops import OPS
from latchwork.language.value import Value

_LEARNED = ("map", "project", "mean", "sigmoid")  # what a share is not followed through


@dataclass(frozen=True)
class Kept:
    """How much of a state each step kept.

    Attributes:
        state: the state's name: ``c`` of LSTM, ``h`` of GRU.
        gate: what keeps it, in words: "forget gate", "1 − forget" …
        values: (T, B, H) in the trace's form; 1 keeps all, 0 drops all.
    """

    state: str
    gate: str
    values: Tensor


@dataclass(frozen=True, eq=False)
class Gate:
    """A part that a gate plays.

    Attributes:
        value: the name of the value that plays it; it begins with ``#`` where none of the cell's names does.
        of: the memory: the state's name.
        label: in words: "forget gate".
        complement: whether the share is 1 − the value, as of GRU's update gate, which writes what it does not keep.
        share: the share itself, as a value of the lowered graph.
    """

    value: str
    of: str
    label: str
    complement: bool
    share: Value

    def shares(self, trace: Mapping[str, Tensor], graph: Graph) -> Tensor:
        """The share at each step, computed from the named values of a trace: (T, B, H), 0…1."""
        found = _evaluated(self.share, _known(graph, trace))
        assert found is not None
        return found


@dataclass(frozen=True)
class Gates:
    """The parts in a cell.

    Attributes:
        graph: the lowered graph whose values the shares are made of.
        keep: how much of the memory a step hands on.
        write: how much of the candidate it adds.
        expose: how much of the memory it shows.
    """

    graph: Graph
    keep: Gate | None
    write: Gate | None
    expose: Gate | None

    @property
    def parts(self) -> dict[str, Gate | None]:
        """ "keep", "write" and "expose" → the gate, or None."""
        return {"keep": self.keep, "write": self.write, "expose": self.expose}


def gates(graph: Graph) -> Gates:
    """Which gate keeps, writes and exposes the memory of a cell; None where there is none, as in a plain RNN."""
    lowered = lower(graph)
    for state, value in retention(lowered).items():
        keep = None if value is None else _gate(lowered, state, "keep", value)
        if keep is not None:
            break
    else:
        return Gates(lowered, None, None, None)
    place = [s.name for s in lowered.states].index(keep.of)
    memory = lowered.results[place]
    old = set(lowered.states)
    write = _factor(lowered, keep.of, "write", memory, lambda v: v not in old and v is not memory)
    expose = None
    if place:
        # A projection comes after the gate.
        shown = lowered.output
        while shown.op == "project":
            shown = shown.inputs[0]
        before = lowered.states[place]  # zoneout comes between the memory that is shown and the one handed on
        expose = _factor(lowered, keep.of, "expose", shown, lambda v: v is not shown and _is_of(v, before))
    return Gates(lowered, keep, write, expose)


def kept(cell: Cell, trace: Mapping[str, Tensor]) -> Kept | None:
    """How much of the cell's memory each step kept; None for a cell that keeps none unit by unit, as a plain RNN.

    Args:
        cell: the cell.
        trace: one layer and direction of a :class:`latchwork.nn.Trace`.
    """
    found = gates(cell.graph)
    return None if found.keep is None else Kept(found.keep.of, found.keep.label, found.keep.shares(trace, found.graph))


def _factor(graph: Graph, of: str, part: str, result: Value, counts: Callable[[Value], bool]) -> Gate | None:
    """The gate that multiplies, on its way into ``result``, the last value that ``counts``."""
    found = gradients(graph, {result: Value("constant", value=1.0)}, stop=_LEARNED)
    for value in reversed(graph.order):
        share = found.get(value)
        if share is not None and value.op != "sigmoid" and counts(value) and _is_of_gates(share):
            return _gate(graph, of, part, share)
    return None


def _gate(graph: Graph, of: str, part: str, share: Value) -> Gate | None:
    """The gate whose share is ``share``; None if it is more than a gate: an old state or a map enters."""
    given = {v for v in graph.traced.values() if v.op != "state"}
    if any(v.op not in OPS and v.op not in ("constant", "bernoulli") for v in evaluation_order([share], given)):
        return None
    names = {value: name for name, value in graph.traced.items()}
    if not names.keys() & {share, *evaluation_order([share], ())}:
        return None  # a number is no gate
    if share in names:
        return Gate(names[share], of, f"{names[share]} gate", False, share)
    label = _mentioned(share, graph.names)
    if share.op == "sub" and _is_one(share.inputs[0]) and share.inputs[1] in names:
        return Gate(names[share.inputs[1]], of, label, True, share)
    return Gate(f"#{part}", of, label, False, share)


def _is_of_gates(share: Value) -> bool:
    """Whether nothing but sigmoids, random masks and numbers is in it, and one sigmoid at least."""
    front, seen = [share], False
    while front:
        value = front.pop()
        if value.op == "sigmoid":
            seen = True
        elif value.op in OPS:
            front.extend(value.inputs)
        elif value.op not in ("constant", "bernoulli"):
            return False
    return seen


def _is_of(value: Value, memory: Value) -> bool:
    """Whether ``value`` is computed from ``memory`` within the step, without a learned map between."""
    if value is memory:
        return True
    if value.op in ("map", "project") or (value.op not in OPS):
        return False
    return any(_is_of(i, memory) for i in value.inputs)


def _is_one(value: Value) -> bool:
    return value.op == "constant" and bool(value.attributes["value"] == 1.0)


def _known(graph: Graph, trace: Mapping[str, Tensor]) -> dict[Value, Tensor | float]:
    return {value: trace[name] for name, value in graph.traced.items() if name in trace}


def _evaluated(value: Value, known: dict[Value, Tensor | float]) -> Tensor | None:
    """``value`` from the values known; random masks as their expectation."""
    for v in evaluation_order([value], known.keys()):
        if v.op == "constant":
            known[v] = v.attributes["value"]
        elif v.op == "bernoulli":
            known[v] = v.attributes["rate"]
        else:
            known[v] = OPS[v.op].torch(torch, *(known[i] for i in v.inputs))
    values = known[value]
    return values if isinstance(values, Tensor) else None


def _mentioned(value: Value, names: Mapping[str, Value]) -> str:
    """The gates that an expression is made of."""
    below = set(evaluation_order([value], ()))
    mentioned = [name for name, v in names.items() if v in below and v.op == "sigmoid"]
    return f"{' and '.join(mentioned)} gate" if mentioned else "state"
