"""What a kernel does, before it is written in C++: which values are computed in which phase, and where they are kept.

A scan is four programs of phases: *before* (what depends on the input alone, for all steps of a chunk at once), the
*loop* forward, the loop backward, and *after* (what the gradient needs no order of steps for). A phase is matrix
products, then a pointwise function on their sums, unit by unit. A value gets a *level*: the first phase in which it can
be computed. A product's source must be there in whole rows, so it starts a level of its own; a mean over the units is
summed again by every reader from rows that are there.

What is saved for the gradient is decided here too: see :func:`_saved`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from latchwork.language.derivative import gradients
from latchwork.language.graph import HOISTED, Graph, ordered
from latchwork.language.layout import Layout, Slot
from latchwork.language.lower import lower
from latchwork.language.ops import OPS
from latchwork.language.value import Value

Role = Literal[
    "input",
    "vector",
    "previous",
    "next",
    "saved",
    "hoisted",
    "step",
    "chunk",
    "incoming",
    "outgoing",
    "grad_output",
    "grad_trace",
    "adjoint",
    "grad_input",
]
PRODUCTS = ("map", "project", "transposed")
_SEEDS = ("incoming", "grad_output", "grad_trace")
# Worth keeping rather than computing again for every reader of a whole row.
_HEAVY = ("sigmoid", "tanh", "softplus", "exp", "log", "bernoulli")
MOST_CELLS = 256  # whose plans and kernels are kept
_CHEAP = 6  # ops that are computed again in a later phase rather than stored
_MOST_TERMS = 64  # of a sum whose products are made one


@dataclass(frozen=True)
class Buffer:
    """Where a value's rows are.

    Attributes:
        role: what it is for, which says how a step finds its rows.
        key: the value's number in its role: the state's index, the name, or the number of the value.
        letter: the size letter of a row; "1" for one number that stands for the whole row (stored as W of them).
    """

    role: Role
    key: int | str
    letter: str


@dataclass(frozen=True)
class Column:
    """One column of a product: what it is multiplied with.

    Attributes:
        value: the value that it computes.
        slots: for each segment of the product, the block of a weight.
    """

    value: Value
    slots: tuple[Slot, ...]
    bias: Slot | None


@dataclass(frozen=True)
class Product:
    """Sums of learned maps of one source, or of the transposed maps of several gradients.

    Attributes:
        segments: the buffers that are multiplied, in order.
        transposed: whether the weights' rows, rather than their columns, are summed over.
    """

    segments: tuple[Buffer, ...]
    columns: tuple[Column, ...]
    transposed: bool


@dataclass
class Phase:
    """One phase: ``targets`` are what it stores, in which buffers; an optional one only where its buffer is there."""

    level: int
    letter: str
    targets: dict[Value, list[Buffer]] = field(default_factory=dict)
    optional: dict[Value, list[Buffer]] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)


@dataclass(frozen=True)
class Program:
    """Phases in the order in which they run, and what they read.

    Attributes:
        loads: the values that are loaded rather than computed, with their buffers.
        levels: the level of every value.
    """

    phases: tuple[Phase, ...]
    loads: dict[Value, Buffer]
    levels: dict[Value, int]

    def used(self, phase: Phase) -> tuple[Value, ...]:
        """The values that a phase of this program loads or computes, its products' results among them."""
        stored = {v for other in self.phases if other.level < phase.level for v in other.targets}
        products = {c.value for product in phase.products for c in product.columns}
        seen: dict[Value, None] = {}
        stack = [*phase.targets, *phase.optional]
        while stack:
            value = stack.pop()
            if value in seen:
                continue
            seen[value] = None
            earlier = self.levels[value] < phase.level and value in stored
            if value not in self.loads and value not in products and not earlier:
                stack.extend(value.inputs)
        return tuple(seen)

    def buffers(self) -> set[Buffer]:
        """What the program's phases read and store."""
        found = set(self.loads.values())
        for phase in self.phases:
            found.update(b for targets in (phase.targets, phase.optional) for bs in targets.values() for b in bs)
            found.update(b for product in phase.products for b in product.segments)
        return found


@dataclass(frozen=True)
class WeightGradient:
    """The gradient of a block of a weight: ``gradient`` times ``source``, summed over all rows."""

    slot: Slot
    gradient: Buffer
    source: Buffer


@dataclass(frozen=True)
class Plan:
    """All that a kernel of one cell does.

    Attributes:
        graph: the lowered graph.
        traced: whether gradients come in by every named value, and not by the output and the final states alone.
        before, forward, backward, after: the programs.
        saved: the values kept for the gradient, beside the states.
        weight_gradients: what is summed over the rows for each weight.
        sums: slot → the buffer whose column sums are the gradient of a bias or a vector.
    """

    graph: Graph
    layout: Layout
    traced: bool
    before: Program
    forward: Program
    backward: Program
    after: Program
    saved: tuple[Value, ...]
    trace: dict[str, Buffer]
    weight_gradients: tuple[WeightGradient, ...]
    sums: dict[Slot, Buffer]
    numbers: dict[Value, int]
    letters: Callable[[Value], str]
    is_uniform: Callable[[Value], bool]

    def buffers(self) -> tuple[Buffer, ...]:
        """Every buffer, in a fixed order."""
        found = set().union(*(program.buffers() for program in self.programs))
        found.update(b for job in self.weight_gradients for b in (job.gradient, job.source))
        found.update(self.sums.values())
        return tuple(sorted(found, key=lambda b: (b.role, str(b.key), b.letter)))

    @property
    def programs(self) -> tuple[Program, ...]:
        """All programs; their phases are numbered in this order."""
        return self.before, self.forward, self.backward, self.after


def plan(graph: Graph, traced: bool = False) -> Plan:
    """The plan of a cell's graph; ``traced`` if gradients also come in by the named values.

    Graphs of equal content have one plan, made of the values of the first of them.
    """
    return _plan(graph.canonical, traced)


@lru_cache(maxsize=MOST_CELLS)
def _plan(graph: Graph, traced: bool) -> Plan:
    return _Planner(lower(graph), traced).plan()


class _Planner:
    def __init__(self, graph: Graph, traced: bool) -> None:
        self.graph = graph
        self.layout = Layout.of(graph)
        self.traced = traced
        self.numbers: dict[Value, int] = {}
        self._letters: dict[Value, str] = dict(graph.sizes)
        self._canonical: dict[tuple[object, ...], Value] = {}
        self._shared: dict[Value, Value] = {}
        self._lengths: dict[Value, int] = {}  # of each sum, how many terms it has
        self._uniform: dict[Value, bool] = {}
        for value in graph.order:
            self._number(value)
            # By shared inputs: values that differ only in which of two equal numbers they were given are equal.
            inputs = tuple(self._shared[i] for i in value.inputs)
            self._shared[value] = self._canonical.setdefault(self._structure(value, inputs), value)
        self.primal = set(graph.order)
        self.row_values = self._row_values()
        results = {r: Buffer("next", i, self._letter(r)) for i, r in enumerate(graph.results)}
        self.names = {name: results.get(v) or self._buffer("saved", v) for name, v in graph.traced.items()}

    def plan(self) -> Plan:
        graph = self.graph
        adjoint = self._adjoints()
        carried = [adjoint.get(state) for state in graph.states]
        learned = [v for v in graph.order if v.op in ("map", "project", "vector") and v in adjoint]
        saved = self._saved(adjoint, learned)

        # Forward.
        hoisted: dict[Value, Buffer] = {}

        def load_forward(value: Value) -> Buffer | None:
            if value in graph.states:
                return Buffer("previous", graph.states.index(value), self._letter(value))
            if value in self.row_values:
                return hoisted.setdefault(value, self._buffer("hoisted", value))
            return self._vector(value)

        targets: dict[Value, list[Buffer]] = {}
        for i, result in enumerate(graph.results):
            targets.setdefault(result, []).append(Buffer("next", i, self._letter(result)))
        kept = {*saved, *(v for v in graph.traced.values() if v not in graph.results)}
        optional = {v: [self._buffer("saved", v)] for v in graph.order if v in kept and v not in self.row_values}
        forward = self._program(targets, optional, load_forward, "step")

        def load_before(value: Value) -> Buffer | None:
            return Buffer("input", 0, "I") if value is graph.input else self._vector(value)

        optional = {v: [self._buffer("saved", v)] for v in graph.order if v in kept and v in self.row_values}
        before = self._program({v: [b] for v, b in hoisted.items()}, optional, load_before, "chunk")

        # Backward.
        homes = {adjoint[v]: self._rows("adjoint", adjoint[v]) for v in learned}
        stored: dict[Value, Buffer] = {}

        def load_primal(value: Value) -> Buffer | None:
            if value in graph.states:
                return Buffer("previous", graph.states.index(value), self._letter(value))
            if value in saved:
                return self._buffer("saved", value)
            if value in graph.results:
                return Buffer("next", graph.results.index(value), self._letter(value))
            if value is graph.input:
                return Buffer("input", 0, "I")
            return self._vector(value)

        def load_backward(value: Value) -> Buffer | None:
            if value.op == "incoming":
                return Buffer("incoming", value.attributes["state"], self._letter(value))
            if value.op == "grad_output":
                return Buffer("grad_output", 0, self._letter(value))
            if value.op == "grad_trace":
                return Buffer("grad_trace", value.attributes["of"], self._letter(value))
            return load_primal(value)

        in_loop = self._in_loop(adjoint, learned)

        def load_after(value: Value) -> Buffer | None:
            if value in in_loop:
                return stored.setdefault(value, homes.get(value) or self._buffer("adjoint", value))
            return load_primal(value)

        targets = {}
        sources: dict[Value, Buffer] = {}
        for value in learned:
            gradient = adjoint[value]
            if gradient in in_loop:
                load_after(gradient)
            elif gradient not in targets:
                targets[gradient] = [homes[gradient]]
            if value.op in ("map", "project"):
                source = value.inputs[0]
                loaded = load_primal(source)
                if loaded is None or loaded.role == "vector":
                    loaded = self._rows("adjoint", source)
                    targets.setdefault(source, [loaded])
                sources[source] = loaded
        if graph.input in adjoint:
            targets.setdefault(adjoint[graph.input], []).append(Buffer("grad_input", 0, "I"))
        after = self._program(targets, {}, load_after, "chunk", homes)
        targets = {}
        for i, (state, target) in enumerate(zip(graph.states, carried, strict=True)):
            if target is None:
                target = Value("constant", value=0.0)
                self._number(target)
                self._letters[target] = "1"
            targets.setdefault(target, []).append(Buffer("outgoing", i, self._letter(state)))
        for value, buffer in stored.items():
            targets.setdefault(value, []).append(buffer)
        backward = self._program(targets, {}, load_backward, "step", homes)

        jobs, sums = [], {}
        for value in learned:
            slot = self.layout.slots[value]
            buffer = homes[adjoint[value]]
            if value.op == "vector":
                sums[slot] = buffer
                continue
            jobs.append(WeightGradient(slot, buffer, sources[value.inputs[0]]))
            if slot.bias is not None:
                sums[Slot(slot.bias, slot.bias_index)] = buffer
        jobs.sort(key=lambda job: (job.source.role, str(job.source.key), job.slot.name, job.slot.index))
        order = tuple(v for v in graph.order if v in saved)
        return Plan(
            graph, self.layout, self.traced, before, forward, backward, after, order, self.names, tuple(jobs), sums,
            self.numbers, self._letter, self.is_uniform,
        )  # fmt: skip

    # Values.

    def _number(self, value: Value) -> int:
        return self.numbers.setdefault(value, len(self.numbers))

    def _letter(self, value: Value) -> str:
        stack = [value]
        while stack:
            last = stack[-1]
            inputs = last.attributes["of"][0].inputs if last.op == "transposed" else last.inputs
            missing = [i for i in inputs if i not in self._letters]
            if last not in self._letters:
                if missing:
                    stack.extend(missing)
                    continue
                found = [self._letters[i] for i in inputs]
                self._letters[last] = next((letter for letter in found if letter != "1"), "1")
            stack.pop()
        return self._letters[value]

    @staticmethod
    def _structure(value: Value, inputs: tuple[Value, ...]) -> tuple[object, ...]:
        if value.op in ("input", "state", "vector", "bernoulli", "map", "project"):
            return (value.op, id(value))
        return (value.op, *map(id, inputs), *sorted(value.attributes.items(), key=lambda item: item[0]))

    def _share(self, root: Value) -> Value:
        """``root`` with equal parts made one value, and with the transposed maps within a sum made one product."""
        for value in ordered([root]):
            if value not in self._shared:
                inputs = tuple(self._shared[i] for i in value.inputs)
                if value.op == "add":
                    shared = self._summed(value, inputs)
                elif value.op == "mean":
                    shared = self._averaged(value, inputs)
                elif value.op in ("map_transpose", "project_transpose"):
                    shared = self._unique(Value("transposed", inputs, of=(value.attributes["of"],)), inputs)
                else:
                    shared = self._unique(value, inputs)
                self._shared[value] = shared
        return self._shared[root]

    def _summed(self, value: Value, inputs: tuple[Value, ...]) -> Value:
        """A sum, with the products among its terms made one. A sum of sums that share terms has more of them than
        anybody could write down (`t + t` of a `t + t` of …): such are left as they are, and so are equal products."""
        count = sum(self._lengths.get(i, 1) for i in inputs)
        terms = [term for i in inputs for term in _terms(i)] if count <= _MOST_TERMS else []
        products = [t for t in terms if t.op == "transposed"]
        parts = [part for p in products for part in zip(p.inputs, p.attributes["of"], strict=True)]
        in_place = len(products) == 1 and inputs[0].op != "add"
        if not products or in_place or len(set(parts)) < len(parts):
            total = self._unique(value, inputs)
        else:
            sources, of = zip(*parts, strict=True)
            total = self._unique(Value("transposed", sources, of=of), sources)
            others = [t for t in terms if t.op != "transposed"]
            for term in others:
                total = self._unique(Value("add", (term, total)), (term, total))
            count = len(others) + 1
        self._lengths[total] = count
        return total

    def _averaged(self, value: Value, inputs: tuple[Value, ...]) -> Value:
        """A mean, with what all units share taken out of it term by term: so the means of a gradient do not wait for
        each other, and one walk over the row sums them. The mean of what a mean was taken from is 0."""
        terms = [(negative, *self._factors(term)) for negative, term in _signed_terms(inputs[0])]
        if not any(factors or self._is_shared(rest) or _is_centred(rest) for _, factors, rest in terms):
            return self._unique(value, inputs)
        total: Value | None = None
        for negative, factors, rest in terms:
            if _is_centred(rest):
                continue
            mean = rest if self._is_shared(rest) else self._made("mean", rest)
            for factor in reversed(factors):
                mean = self._made("mul", mean, factor)
            if total is not None:
                total = self._made("sub" if negative else "add", total, mean)
            else:
                total = self._made("neg", mean) if negative else mean
        return self._unique(Value("constant", value=0.0), ()) if total is None else total

    def _factors(self, value: Value) -> tuple[list[Value], Value]:
        """The factors of a product that all units share, the last one first, and what is left of it."""
        factors = []
        while value.op == "mul":
            shared = next((i for i in reversed(value.inputs) if self._is_shared(i)), None)
            if shared is None:
                break
            factors.append(shared)
            value = value.inputs[0] if shared is value.inputs[1] else value.inputs[1]
        return factors, value

    def _is_shared(self, value: Value) -> bool:
        return value.op == "constant" or self.is_uniform(value)

    def _made(self, op: str, *inputs: Value) -> Value:
        return self._unique(Value(op, inputs), inputs)

    def _unique(self, value: Value, inputs: tuple[Value, ...]) -> Value:
        structure = self._structure(value, inputs)
        if structure not in self._canonical:
            new = value if inputs == value.inputs else Value(value.op, inputs, value.name, **value.attributes)
            self._canonical[structure] = new
            self._number(new)
        return self._canonical[structure]

    def _vector(self, value: Value) -> Buffer | None:
        return Buffer("vector", self._number(value), self._letter(value)) if value.op == "vector" else None

    def _buffer(self, role: Role, value: Value) -> Buffer:
        return Buffer(role, self._number(value), "1" if self.is_uniform(value) else self._letter(value))

    def _rows(self, role: Role, value: Value) -> Buffer:
        """A buffer that has a number for each unit, as products need them."""
        return Buffer(role, self._number(value), self._letter(value))

    def is_uniform(self, value: Value) -> bool:
        """Whether all units of a row have the same number: means, and what is computed from them and numbers alone."""
        stack = [value]
        while stack:
            last = stack[-1]
            pointwise = last.op in OPS and OPS[last.op].pointwise
            missing = [i for i in last.inputs if i not in self._uniform] if pointwise else []
            if missing and last not in self._uniform:
                stack.extend(missing)
                continue
            stack.pop()
            same = pointwise and all(i.op == "constant" or self._uniform[i] for i in last.inputs)
            self._uniform[last] = last.op == "mean" or same
        return self._uniform[value]

    def _row_values(self) -> set[Value]:
        """What is computed before the loop and stored for it: hoisted values that differ from row to row, and maps and
        means of learned vectors, which cost too much to be computed at every step."""
        found: set[Value] = set()
        for value in self.graph.order:
            if self.graph.stages[value] != HOISTED or value is self.graph.input:
                continue
            starts = value.op in PRODUCTS or value.op == "mean"
            if starts or any(i is self.graph.input or i in found for i in value.inputs):
                found.add(value)
        return found

    # The gradient.

    def _adjoints(self) -> dict[Value, Value]:
        """Value of the graph → its gradient, equal parts shared."""
        graph = self.graph
        seeds: dict[Value, Value] = {}

        def seed(value: Value, gradient: Value) -> None:
            self._letters[gradient] = self._letter(value)
            seeds[value] = seeds[value] + gradient if value in seeds else gradient

        for i, result in enumerate(graph.results):
            seed(result, Value("incoming", state=i))
        seed(graph.output, Value("grad_output"))
        if self.traced:
            for name, value in graph.traced.items():
                if not value.is_comparison:
                    seed(value, Value("grad_trace", of=name))
        found = gradients(graph, seeds)
        for value in graph.order:  # a seed of its own may stand for the gradient of a constant, which has none
            if value.op == "constant":
                found.pop(value, None)
        return {value: self._share(gradient) for value, gradient in found.items()}

    def _saved(self, adjoint: Mapping[Value, Value], learned: Iterable[Value]) -> set[Value]:
        """What the gradient needs of the forward pass and cannot compute again from the states and from what is saved
        already, pointwise. Matrix products and means are never computed again; sigmoids and their kind are, because
        that costs less than writing and reading a number."""
        graph = self.graph
        needed = {v.inputs[0] for v in learned if v.op in ("map", "project")}
        for value in ordered(adjoint.values()):
            if value not in self.primal:
                needed.update(i for i in value.inputs if i in self.primal)
            else:
                continue
        needed.update(v for v in adjoint.values() if v in self.primal)
        have: set[Value] = {graph.input, *graph.states, *graph.results}
        saved: set[Value] = set()
        for value in graph.order:
            if value in have:
                continue
            pointwise = value.op in OPS and OPS[value.op].pointwise
            if value.op in ("constant", "vector", "bernoulli") or (pointwise and all(i in have for i in value.inputs)):
                have.add(value)
            elif value in needed:
                saved.add(value)
                have.add(value)
        return saved

    def _in_loop(self, adjoint: Mapping[Value, Value], learned: Iterable[Value]) -> set[Value]:
        """The values of the gradient that must be computed in the loop: all that the carried gradients are made of,
        and all that reads a gradient that comes into the step, for it is there only then."""
        graph = self.graph
        carried = [adjoint[s] for s in graph.states if s in adjoint]
        wanted = ordered([*carried, *(adjoint[v] for v in (*learned, graph.input) if v in adjoint)])
        made_of = set(ordered(carried))
        moved: set[Value] = set()  # what depends on an incoming gradient; the rest can be computed anywhere
        loop: set[Value] = set()
        for value in wanted:
            if value.op in _SEEDS or any(i in moved for i in value.inputs):
                moved.add(value)
                if value in made_of or value.op in _SEEDS or any(i.op in _SEEDS for i in value.inputs):
                    loop.add(value)
        return loop

    # Phases.

    def _program(
        self,
        targets: Mapping[Value, list[Buffer]],
        optional: Mapping[Value, list[Buffer]],
        load: Callable[[Value], Buffer | None],
        scratch: Role,
        homes: Mapping[Value, Buffer] | None = None,
    ) -> Program:
        return _Schedule(self, targets, optional, load, scratch, homes or {}).program()


class _Schedule:
    """Assigns the values that must be stored to phases."""

    def __init__(
        self,
        planner: _Planner,
        targets: Mapping[Value, list[Buffer]],
        optional: Mapping[Value, list[Buffer]],
        load: Callable[[Value], Buffer | None],
        scratch: Role,
        homes: Mapping[Value, Buffer],
    ) -> None:
        self.planner = planner
        self.load = load
        self.scratch = scratch
        self.homes = homes
        self.loads: dict[Value, Buffer] = {}
        self.level: dict[Value, int] = {}
        self.row: dict[Value, int] = {}
        self.required = {v: list(b) for v, b in targets.items()}
        self.optional = {v: list(b) for v, b in optional.items()}
        for value in (*self.required, *self.optional):
            self._place(value)

    def _place(self, root: Value) -> None:
        """Find the level of ``root`` and of what it is computed from."""
        stack = [root]
        while stack:
            value = stack[-1]
            if value in self.level:
                stack.pop()
                continue
            buffer = self.load(value)
            if buffer is not None:
                self.loads[value] = buffer
                self.level[value] = self.row[value] = 0
                continue
            missing = [i for i in value.inputs if i not in self.level]
            if missing:
                stack.extend(missing)
                continue
            self._set_level(value)

    def _set_level(self, value: Value) -> None:
        if value.op in PRODUCTS:
            self.level[value] = max(0 if self._direct(i) else self.level[i] + 1 for i in value.inputs)
            self.row[value] = self.level[value] + 1
        elif value.op == "mean":
            self.level[value] = self.row[value] = self.row[value.inputs[0]]
        else:
            self.level[value] = max((self.level[i] for i in value.inputs), default=0)
            self.row[value] = max((self.row[i] for i in value.inputs), default=0)
            if value.op in _HEAVY and value.op != "bernoulli" and not self.planner.is_uniform(value):
                self.row[value] = self.level[value] + 1

    def _direct(self, value: Value) -> bool:
        """Whether whole rows of ``value`` are in memory before the program starts."""
        return value in self.loads and self.loads[value].role != "vector"

    def program(self) -> Program:
        phases: dict[tuple[int, str], Phase] = {}
        pending = dict.fromkeys((*self.required, *self.optional))
        products: dict[Value, None] = {}
        # From the last level to the first: what a phase reads of earlier ones is stored there.
        levels = sorted({self.level[v] for v in pending}, reverse=True)
        top = levels[0] if levels else 0
        for level in range(top, -1, -1):
            here = [v for v in (*self.required, *self.optional) if self.level[v] == level]
            for value in here:
                for needed in self._reads(value, level):
                    self._store(needed)
                for product in self._products(value, level):
                    products.setdefault(product)
            for product in products:
                if self.level[product] == level:
                    for source in product.inputs:
                        if not self._direct(source):
                            self._store(source)
                            if all(b.letter == "1" for b in self.required[source]):
                                self.required[source].append(self.planner._rows(self.scratch, source))
        for value in (*self.required, *self.optional):
            key = (self.level[value], self._letter(value))
            phase = phases.setdefault(key, Phase(*key))
            (phase.targets if value in self.required else phase.optional).setdefault(value, [])
        for value, buffers in self.required.items():
            phases[self.level[value], self._letter(value)].targets[value].extend(buffers)
        for value, buffers in self.optional.items():
            phase = phases[self.level[value], self._letter(value)]
            phase.optional.setdefault(value, []).extend(buffers)
        for phase in phases.values():
            mine = [p for p in products if self.level[p] == phase.level and self._letter(p) == phase.letter]
            phase.products = self._grouped(mine)
        ordered_phases = tuple(phases[key] for key in sorted(phases))
        return Program(ordered_phases, self.loads, self.level)

    def _letter(self, value: Value) -> str:
        letter = self.planner._letter(value)
        if letter == "1":  # a plain number as a state's new value: its buffer says how wide
            return next(b.letter for b in self.required[value])
        return letter

    def _store(self, value: Value) -> None:
        """Make ``value`` a target of its own phase, in the buffer that is its home."""
        if value not in self.required:
            buffer = self.homes.get(value) or self.planner._buffer(self.scratch, value)
            self.required[value] = [buffer]

    def _reads(self, value: Value, level: int) -> list[Value]:
        """What the phase of ``level`` needs of earlier phases in order to compute ``value``."""
        found: dict[Value, None] = {}
        seen: set[Value] = set()
        stack = [value]
        while stack:
            current = stack.pop()
            if current in seen or current in self.loads:
                continue
            seen.add(current)
            if current is not value and self._kept(current, level):
                found.setdefault(current)
                continue
            if current.op not in PRODUCTS:
                stack.extend(current.inputs)
        return list(found)

    def _kept(self, value: Value, level: int) -> bool:
        """Whether a phase of ``level`` reads ``value`` as an earlier phase stored it."""
        if self.level[value] >= level or value.op == "bernoulli" or self.planner._letter(value) == "1":
            return False  # numbers alone are the compiler's to compute
        if value.op in PRODUCTS or value.op in _HEAVY or value in self.required or self.planner.is_uniform(value):
            return True
        return self._is_dear(value)

    def _is_dear(self, value: Value) -> bool:
        """Whether it takes many ops to compute, from what is there or stored itself."""
        ops, stack = 0, [value]
        while stack and ops <= _CHEAP:
            last = stack.pop()
            if last not in self.loads and last not in self.required and last.op not in (*PRODUCTS, *_HEAVY, "constant"):
                ops += 1
                stack.extend(last.inputs)
        return ops > _CHEAP

    def _products(self, value: Value, level: int) -> list[Value]:
        """The products of ``level`` that ``value`` is computed from."""
        found: dict[Value, None] = {}
        seen: set[Value] = set()
        stack = [value]
        while stack:
            current = stack.pop()
            if current in seen or current in self.loads or (current is not value and self._kept(current, level)):
                continue
            seen.add(current)
            if current.op in PRODUCTS:
                if self.level[current] == level:
                    found.setdefault(current)
            else:
                stack.extend(current.inputs)
        return list(found)

    def _source(self, value: Value) -> Buffer:
        return self.loads[value] if self._direct(value) else next(b for b in self.required[value] if b.letter != "1")

    def _grouped(self, products: list[Value]) -> list[Product]:
        """Maps of one source side by side; transposed maps of several gradients summed."""
        slots = self.planner.layout.slots
        straight: dict[tuple[str, Value], list[Column]] = {}
        summed = []
        for value in products:
            if value.op == "transposed":
                column = Column(value, tuple(slots[m] for m in value.attributes["of"]), None)
                summed.append(Product(tuple(self._source(i) for i in value.inputs), (column,), True))
            else:
                slot = slots[value]
                bias = None if slot.bias is None else Slot(slot.bias, slot.bias_index)
                straight.setdefault((value.op, value.inputs[0]), []).append(Column(value, (slot,), bias))
        return [Product((self._source(s),), tuple(columns), False) for (_, s), columns in straight.items()] + summed


def _terms(value: Value) -> list[Value]:
    """The terms of a sum."""
    found, stack = [], [value]
    while stack:
        last = stack.pop()
        if last.op == "add":
            stack.extend(reversed(last.inputs))
        else:
            found.append(last)
    return found


def _signed_terms(value: Value) -> list[tuple[bool, Value]]:
    """The terms of a sum and of its differences, and whether they are taken from it; the sum alone if they are many."""
    found: list[tuple[bool, Value]] = []
    stack = [(False, value)]
    while stack:
        negative, last = stack.pop()
        if len(found) + len(stack) > _MOST_TERMS:
            return [(False, value)]
        if last.op == "neg":
            stack.append((not negative, last.inputs[0]))
        elif last.op == "add" or (last.op == "sub" and not _is_centred(last)):
            first, second = last.inputs
            stack += [(negative != (last.op == "sub"), second), (negative, first)]
        else:
            found.append((negative, last))
    return found


def _is_centred(value: Value) -> bool:
    """Whether it is a value less its mean."""
    return value.op == "sub" and value.inputs[1].op == "mean" and value.inputs[1].inputs[0] is value.inputs[0]
