"""Where a cell's learned numbers live: which parameters it has, their names, shapes and blocks.

Maps of one source share one weight, their blocks stacked in the order of the calls: ``weight_ih`` (G·H, I) for the
input, ``weight_hh`` (G·H, H) for the output state; other sources are called by their names. So the zoo's lstm, gru and
rnn have exactly torch's parameters.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from latchwork.language.graph import Graph
from latchwork.language.value import Value


@dataclass(frozen=True)
class Parameter:
    """One learned array of a cell.

    Attributes:
        name: "weight_ih", "bias_hh", "weight_hr", "vector_forget", "norm_weight_ih" …
        kind: "weight", "bias", "projection", "vector", "norm_weight" or "norm_bias".
        blocks: the name of each stacked block: the gates, in order.
        rows: the size letter of one block's rows.
        columns: the size letter of a weight's columns; None for a vector.
        initial: the range of the uniform initial values; None for ±1/√H.
    """

    name: str
    kind: str
    blocks: tuple[str, ...]
    rows: str
    columns: str | None = None
    initial: tuple[float, float] | None = None

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """(G·H, I) for a weight, (G·H,) for a bias, and so on, with the numbers for the size letters."""
        rows = len(self.blocks) * sizes[self.rows]
        return (rows,) if self.columns is None else (rows, sizes[self.columns])


@dataclass(frozen=True)
class Slot:
    """Where one value's numbers are: the block ``index`` of the parameter ``name``; ``bias`` likewise, for a map."""

    name: str
    index: int
    bias: str | None = None
    bias_index: int = 0


@dataclass(frozen=True)
class Layout:
    """All parameters of a (lowered) graph, in torch's order, and the slot of each value that has learned numbers."""

    parameters: tuple[Parameter, ...]
    slots: dict[Value, Slot]

    @staticmethod
    def of(graph: Graph) -> Layout:
        """The layout of a lowered graph."""
        return _Builder(graph).build()

    def __getitem__(self, name: str) -> Parameter:
        return next(p for p in self.parameters if p.name == name)

    def count(self, sizes: Mapping[str, int]) -> int:
        """How many learned numbers a layer and direction has."""
        total = 0
        for parameter in self.parameters:
            numbers = 1
            for extent in parameter.shape(sizes):
                numbers *= extent
            total += numbers
        return total


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.suffixes: dict[Value, str] = {graph.input: "ih", graph.states[0]: "hh"}
        self.used: set[str] = set()
        self.slots: dict[Value, Slot] = {}

    def build(self) -> Layout:
        graph = self.graph
        maps: dict[Value, list[Value]] = {graph.input: [], graph.states[0]: []}
        for value in graph.order:
            if value.op == "map":
                maps.setdefault(unmasked(value.inputs[0]), []).append(value)
        weights: list[Parameter] = []
        biases: list[Parameter] = []
        for source, blocks in maps.items():
            if blocks:
                # The order of the calls is the order of the blocks, whatever order the graph computes them in.
                blocks.sort(key=lambda value: int(value.attributes["call"]))
                self._group(source, blocks, weights, biases)
        norms = self._norms()
        vectors = [self._vector(v) for v in graph.order if v.op == "vector" and "norm" not in v.attributes]
        projections = [self._projection(v) for v in graph.order if v.op == "project"]
        return Layout((*weights, *biases, *norms, *vectors, *projections), self.slots)

    def _group(self, source: Value, blocks: list[Value], weights: list[Parameter], biases: list[Parameter]) -> None:
        suffix = self._suffix(source)
        labels = tuple(self.graph.label(block) for block in blocks)
        weights.append(Parameter(self._unique(f"weight_{suffix}"), "weight", labels, "H", self.graph.sizes[source]))
        biased = [block for block in blocks if block.attributes["bias"]]
        if biased:
            names = tuple(self.graph.label(block) for block in biased)
            biases.append(Parameter(self._unique(f"bias_{suffix}"), "bias", names, "H"))
        for index, block in enumerate(blocks):
            if block in biased:
                self.slots[block] = Slot(weights[-1].name, index, biases[-1].name, biased.index(block))
            else:
                self.slots[block] = Slot(weights[-1].name, index)

    def _norms(self) -> list[Parameter]:
        """Gains and shifts of normalised maps are stacked as the maps are; those of other values stand alone."""
        groups: dict[tuple[str, bool, Value], list[Value]] = {}
        for value in self.graph.order:
            if value.op == "vector" and "norm" in value.attributes:
                source = value.attributes["source"]
                mapped = source.op == "map"
                origin = unmasked(source.inputs[0]) if mapped else source
                groups.setdefault((value.attributes["norm"], mapped, origin), []).append(value)
        parameters = []
        for (role, mapped, origin), values in groups.items():
            values.sort(key=lambda value: int(value.attributes["source"].attributes.get("call", 0)))
            name = self._unique(f"norm_{role}_{self._suffix(origin)}")
            labels = tuple(origin.name if origin.name and not mapped else self.graph.label(value) for value in values)
            parameters.append(Parameter(name, f"norm_{role}", labels, self.graph.sizes[values[0]]))
            for index, value in enumerate(values):
                self.slots[value] = Slot(name, index)
        return sorted(parameters, key=lambda p: p.kind == "norm_bias")

    def _vector(self, value: Value) -> Parameter:
        label = value.name or self.graph.label(value)
        name = self._unique(f"vector_{label}")
        self.slots[value] = Slot(name, 0)
        low, high = value.attributes["low"], value.attributes["high"]
        initial = None if low is None else (low, high)
        return Parameter(name, "vector", (label,), self.graph.sizes[value], None, initial)

    def _projection(self, value: Value) -> Parameter:
        label = self.graph.label(value)
        first = label == self.graph.states[0].name
        name = self._unique("weight_hr" if first else f"weight_{label}r")
        self.slots[value] = Slot(name, 0)
        return Parameter(name, "projection", (label,), "P", self.graph.sizes[value.inputs[0]])

    def _suffix(self, source: Value) -> str:
        if source not in self.suffixes:
            taken = set(self.suffixes.values())
            name = f"{source.name}h" if source.op == "state" else source.name or self.graph.label(source)
            self.suffixes[source] = next(n for n in _numbered(name) if n not in taken)
        return self.suffixes[source]

    def _unique(self, name: str) -> str:
        free = next(n for n in _numbered(name) if n not in self.used)
        self.used.add(free)
        return free


def unmasked(source: Value) -> Value:
    """A map of a state with a dropout mask on it is that state's map."""
    masked = source.op == "mul" and source.inputs[1].op == "div" and source.inputs[1].inputs[0].op == "bernoulli"
    return source.inputs[0] if masked else source


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in itertools.count(2):
        yield f"{name}_{number}"
