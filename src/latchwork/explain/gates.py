"""What a cell's gates do to its memory, and how much each step kept of it.

The parts that gates play are read off the cell's graph, so they are known for any cell: what multiplies the old memory
keeps it, what multiplies the candidate writes, what multiplies the memory on its way out exposes it.
"""

from __future__ import annotations

import itertools
import math
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
_ONE = Value("constant", value=1.0)
_ROUNDING = 1e-9
_MOST_FACTORS = 10  # of a share, as there are two to their number corners


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
        label: in words: "forget gate", "forget gate with zoneout".
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
        found = _computed(self.share, _known(graph, trace))
        assert isinstance(found, Tensor)
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
    """Which gate keeps, writes and exposes the memory of a cell; None where there is none, as in a plain RNN.

    A share is a gate only if it lies between 0 and 1 whatever the weights: a tanh that multiplies the memory is none.
    The memory is the first state that a gate keeps; where none does, the one that a number keeps, as in the LSTM of
    1997, whose memory is kept whole: its keep is None, but it has a write and an expose.
    """
    lowered = lower(graph)
    shares = {state: share for state, share in retention(lowered).items() if share is not None}
    found = (_gate(lowered, state, "keep", share) for state, share in shares.items())
    keep = next((gate for gate in found if gate is not None), None)
    numbers = {state: _expected(share) for state, share in shares.items() if _is_number(share)}
    if keep is None and not numbers:
        return Gates(lowered, None, None, None)
    of = max(numbers, key=lambda state: numbers[state]) if keep is None else keep.of
    place = [s.name for s in lowered.states].index(of)
    memory = lowered.results[place]
    old = set(lowered.states)
    write = _factor(lowered, of, "write", {memory: _ONE}, lambda v: v not in old and v is not memory)
    expose = None
    if place:
        before = lowered.states[place]  # zoneout comes between the memory that is shown and the one handed on
        shown = _before_projection(lowered)
        expose = _factor(lowered, of, "expose", shown, lambda v: v not in shown and _is_of(v, before))
    return Gates(lowered, keep, write, expose)


def kept(cell: Cell, trace: Mapping[str, Tensor]) -> Kept | None:
    """How much of the cell's memory each step kept; None for a cell that keeps none unit by unit, as a plain RNN.

    Args:
        cell: the cell.
        trace: one layer and direction of a :class:`latchwork.nn.Trace`.
    """
    found = gates(cell.graph)
    return None if found.keep is None else Kept(found.keep.of, found.keep.label, found.keep.shares(trace, found.graph))


def _before_projection(graph: Graph) -> dict[Value, Value]:
    """What the cell shows, before any projection, and the random masks between the two: the gate comes before both."""
    shown = {graph.output: _ONE}
    while True:
        found = gradients(graph, shown, stop=_LEARNED)
        projected = [v for v in graph.order if v.op == "project" and v in found and _is_number(found[v])]
        if not projected:
            return shown
        shown = {projected[-1].inputs[0]: found[projected[-1]]}


def _factor(
    graph: Graph, of: str, part: str, results: Mapping[Value, Value], counts: Callable[[Value], bool]
) -> Gate | None:
    """The gate that multiplies, on its way into ``results``, the last value that ``counts``."""
    found = gradients(graph, results, stop=_LEARNED)
    for value in reversed(graph.order):
        share = found.get(value)
        if share is not None and value.op != "sigmoid" and counts(value) and not _is_number(share):
            gate = _gate(graph, of, part, share)
            if gate is not None:
                return gate
    return None


def _gate(graph: Graph, of: str, part: str, share: Value) -> Gate | None:
    """The gate whose share is ``share``; None if it is none: an old state or a map enters, or it may leave 0…1."""
    given = {v for v in graph.traced.values() if v.op != "state"}
    if any(v.op not in OPS and v.op not in ("constant", "bernoulli") for v in evaluation_order([share], given)):
        return None
    names = {value: name for name, value in graph.traced.items()}
    if not names.keys() & {share, *evaluation_order([share], ())}:
        return None  # a number is no gate
    if any(factor.op != "mul" and factor.op != "bernoulli" for factor in set(_factors(share)) - set(graph.order)):
        return None  # the slope of a function, as of softplus
    low, high = bounds(share)
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        return None
    if share in names:
        return Gate(names[share], of, f"{names[share]} gate", False, share)
    label = _mentioned(share, names)
    if share.op == "sub" and _is_one(share.inputs[0]) and share.inputs[1] in names:
        return Gate(names[share.inputs[1]], of, label, True, share)
    return Gate(f"#{part}", of, label, False, share)


def bounds(value: Value) -> tuple[float, float]:
    """Numbers between which a value lies whatever the weights; infinite where none are known.

    A sum of products in which no product has a factor twice is linear in each factor, so that it is least and largest
    at corners: where every factor is as small or as large as it gets. So z + (1 − z) · f is known to lie in 0…1.
    """
    factors = _factors(value)
    limits = [_limits(factor) for factor in factors]
    if len(factors) > _MOST_FACTORS or not all(math.isfinite(limit) for pair in limits for limit in pair):
        return -math.inf, math.inf
    corners = torch.tensor(list(itertools.product(*limits)), dtype=torch.float64).reshape(-1, len(factors))
    known: dict[Value, Tensor | float] = {factor: corners[:, i] for i, factor in enumerate(factors)}
    found = torch.as_tensor(_computed(value, known))
    return float(found.min()), float(found.max())


def _factors(value: Value) -> tuple[Value, ...]:
    """The values that ``value`` is a sum of products of, none of them twice in one product."""
    if value.op == "constant":
        return ()
    divides = value.op == "div" and value.inputs[1].op == "constant" and value.inputs[1].attributes["value"] != 0
    if value.op not in ("add", "sub", "neg", "mul") and not divides:
        return (value,)
    parts = [_factors(i) for i in value.inputs]
    if value.op == "mul" and set(parts[0]) & set(parts[1]):
        return (value,)
    return tuple(dict.fromkeys(itertools.chain(*parts)))


def _limits(factor: Value) -> tuple[float, float]:
    if factor.op in ("sigmoid", "bernoulli"):
        return 0.0, 1.0
    if factor.op == "tanh":
        return -1.0, 1.0
    chosen = {"maximum": factor.inputs, "minimum": factor.inputs, "mean": factor.inputs, "where": factor.inputs[1:]}
    if factor.op in chosen:
        lows, highs = zip(*(bounds(i) for i in chosen[factor.op]), strict=True)
        return min(lows), max(highs)
    if factor.op == "mul":
        one, other = (bounds(i) for i in factor.inputs)
        products = [a * b for a in one for b in other]
        return (-math.inf, math.inf) if any(map(math.isnan, products)) else (min(products), max(products))
    return -math.inf, math.inf


def _is_number(share: Value) -> bool:
    """Whether nothing but numbers and random masks is in it."""
    return all(v.op in ("constant", "bernoulli") or v.op in OPS for v in evaluation_order([share], ()))


def _expected(share: Value) -> float:
    return float(_computed(share, {}))


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


def _computed(value: Value, known: dict[Value, Tensor | float]) -> Tensor | float:
    """``value`` from the values known; random masks as their expectation."""
    for v in evaluation_order([value], known.keys()):
        if v.op == "constant":
            known[v] = v.attributes["value"]
        elif v.op == "bernoulli":
            known[v] = v.attributes["rate"]
        else:
            known[v] = OPS[v.op].torch(torch, *(known[i] for i in v.inputs))
    return known[value]


def _mentioned(share: Value, names: Mapping[Value, str]) -> str:
    """The gates that a share is made of, by their names, and whether zoneout has a part in it."""
    mentioned: set[Value] = set()
    zoneout = False
    front = [share]
    while front:
        value = front.pop()
        if value in names:
            mentioned.add(value)
        elif value.op != "sigmoid":  # what a gate is computed from is no part of the share
            zoneout = zoneout or value.op == "bernoulli"
            front.extend(value.inputs)
    label = " and ".join(name for value, name in names.items() if value in mentioned)
    return f"{label or 'unnamed'} gate" + " with zoneout" * zoneout
