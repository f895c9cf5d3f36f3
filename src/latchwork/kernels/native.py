"""Loads a cell's kernels and calls them: addresses in, results written in place. No torch, no numpy arrays to own.

A call is a block of 64-bit numbers in the form that ``csrc/plan.h`` declares. All of it but the addresses is fixed by
the shapes, so it is laid out once for each shape (:class:`Call`) and a call fills in the addresses alone.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.kernels.build import Real, compile_library
from latchwork.kernels.emit import programs, source
from latchwork.kernels.plan import Buffer, Phase, Plan, plan
from latchwork.language.graph import Graph
from latchwork.language.layout import Slot

_FIXED, _PACKED, _CHUNK, _NOW, _BEFORE, _PREVIOUS = range(6)
_LETTERS = "HPI"
_MOST_BUFFERS, _MOST_SEGMENTS = 256, 64  # as scan.cpp
_KIND = {
    "input": _PACKED,
    "vector": _FIXED,
    "previous": _PREVIOUS,
    "saved": _PACKED,
    "hoisted": _CHUNK,
    "step": _NOW,
    "chunk": _CHUNK,
    "incoming": _BEFORE,
    "outgoing": _NOW,
    "grad_output": _PACKED,
    "grad_trace": _PACKED,
    "adjoint": _CHUNK,
    "grad_input": _PACKED,
}
_FORWARD_CHUNK = 1 << 20  # bytes of hoisted values that are made before the loop reads them
_BACKWARD_CHUNK = 1 << 22  # bytes of gradients that are made before they are summed over the rows
_OWN_CACHE = 1 << 19  # bytes of weights that a core may be expected to hold beside everything else


@dataclass(frozen=True)
class Mode:
    """What a call keeps and is given.

    Attributes:
        save: whether the forward pass keeps what the backward pass needs.
        trace: whether it keeps every named value.
        states: whether all states are kept, step by step; so where they are saved or traced.
        backward: whether it is the backward pass.
        output: whether a gradient comes in by the output.
    """

    save: bool = False
    trace: bool = False
    backward: bool = False
    output: bool = True

    @property
    def states(self) -> bool:
        return self.save or self.trace or self.backward


@dataclass(frozen=True)
class Shape:
    """The shape of the sequences of a call.

    Attributes:
        steps: T.
        batch: B.
        ragged: whether the rows of each step are given (``rows``, ``offset``), rather than B for each.
        reversed: whether the last step comes first; for rows of one length.
        cuts: whether rows are cut.
    """

    steps: int
    batch: int
    ragged: bool = False
    reversed: bool = False
    cuts: bool = False


class Kernels:
    """The compiled kernels of one cell in one precision.

    Args:
        graph: the cell's graph.
        real: "float" or "double".
        traced: whether gradients also come in by the named values.
        name: the cell's name, for messages.

    Raises:
        CompilerError: they cannot be compiled here.
    """

    def __init__(self, graph: Graph, real: Real, traced: bool, name: str) -> None:
        self.plan: Plan = plan(graph, traced)
        self.real = real
        self.bytes = 4 if real == "float" else 8
        self.scan, extents = _core(real)
        self.lanes, self.tile_vectors, self.tile_rows, self.panel_rows = extents
        self._library = ctypes.CDLL(str(compile_library(source(self.plan), real=real, name=name)))
        phases = [phase for program in programs(self.plan) for phase in program.phases]
        self.functions = [
            ctypes.cast(getattr(self._library, f"phase_{i}"), ctypes.c_void_p).value or 0 for i in range(len(phases))
        ]
        self.buffers = self.plan.buffers()
        self.number = {buffer: i for i, buffer in enumerate(self.buffers)}
        graph = self.plan.graph
        self.reads_input = any(user.op != "map" for user in graph.users[graph.input])

    def padded(self, units: int) -> int:
        """Units of a row in memory: the next multiple of W."""
        return -(-units // self.lanes) * self.lanes

    def tape(self, sizes: Mapping[str, int], save: bool, trace: bool) -> tuple[dict[Buffer, int], int]:
        """Where each saved value is in a row of the tape, and the row's width. A property of the sizes."""
        return _tape(self, sizes["H"], sizes["P"], sizes["I"], save, trace)


@lru_cache(maxsize=1024)
def _tape(kernels: Kernels, h: int, p: int, i: int, save: bool, trace: bool) -> tuple[dict[Buffer, int], int]:
    sizes = {"H": h, "P": p, "I": i}
    wanted: dict[Buffer, None] = {}
    if save:
        for value in kernels.plan.saved:
            wanted.setdefault(next(b for b in kernels.buffers if b.role == "saved" and b.key == kernels.plan.numbers[value]))
    if trace:
        wanted.update(dict.fromkeys(b for b in kernels.plan.trace.values() if b.role == "saved"))
    places, total = {}, 0
    for buffer in wanted:
        places[buffer] = total
        total += kernels.lanes if buffer.letter == "1" else kernels.padded(sizes[buffer.letter])
    return places, total


@lru_cache(maxsize=256)
def kernels(graph: Graph, real: Real, traced: bool = False, name: str = "cell") -> Kernels:
    """The kernels of a cell, loaded once in a process."""
    return Kernels(graph, real, traced, name)


@lru_cache(maxsize=2)
def _core(real: Real) -> tuple[Any, tuple[int, int, int, int]]:
    library = ctypes.CDLL(str(compile_library('#include "scan.cpp"\n', real=real, name="core")))
    scan = library.latchwork_scan
    scan.argtypes = [ctypes.c_void_p]
    scan.restype = None
    extents = (ctypes.c_int64 * 4)()
    library.latchwork_extents(extents)
    return scan, (extents[0], extents[1], extents[2], extents[3])


class Call:
    """A call with given shapes: its block of numbers, and where the addresses go.

    Args:
        sizes: size letter → number.
        shape: of the sequences.
        threads: how many threads to use at most.
        mode: what is kept and given.

    Attributes:
        room: numbers of working memory that a call needs.
    """

    def __init__(self, kernels: Kernels, sizes: Mapping[str, int], shape: Shape, threads: int, mode: Mode) -> None:
        self.kernels = kernels
        self.mode = mode
        self.sizes = dict(sizes)
        self.steps, self.batch = shape.steps, shape.batch
        self.names: dict[str, int] = {"workspace": 0, "table": 1}
        self.room = 0
        self.cuts = shape.cuts
        self._words: list[int] = []
        self._pointers: list[tuple[int, int, int]] = []  # word, number of the base, offset in bytes
        self._build(shape, threads)
        self.words: NDArray[np.int64] = np.array(self._words, np.int64)
        where = np.array(self._pointers, np.int64).reshape(-1, 3)
        self._at, self._base, self._offset = (np.ascontiguousarray(where[:, i]) for i in range(3))

    def run(self, addresses: Mapping[str, int], seed: int = 0, stream: int = 0, drawn: bool = False) -> None:
        """Run it. ``addresses``: of everything in ``names``, the arrays as the docstring of :func:`describe` says."""
        words = self.words.copy()
        table = words.__array_interface__["data"][0]
        bases = [addresses["workspace"], table]
        bases += [addresses[name] for name in list(self.names)[2:]]
        words[self._at] = np.array(bases, np.int64)[self._base] + self._offset
        words[self._seed : self._seed + 3] = (seed - (1 << 64) if seed >> 63 else seed, stream, drawn)
        self.kernels.scan(table)

    # The block.

    def _take(self, numbers: int) -> int:
        """The offset in bytes of so many numbers of working memory, on a cache line of their own."""
        place = self.room * self.kernels.bytes
        line = 64 // self.kernels.bytes
        self.room += -(-numbers // line) * line
        return place

    def _pointer(self, name: str | None, offset: int = 0) -> int:
        """A word to be filled with an address; 0 for None."""
        if name is not None:
            base = self.names.setdefault(name, len(self.names))
            self._pointers.append((len(self._words), base, offset))
        return 0

    def _push(self, *values: int | tuple[str, int] | None) -> None:
        for value in values:
            if value is None or isinstance(value, tuple):
                self._pointer(*(value or (None,)))
                self._words.append(0)
            else:
                self._words.append(int(value))

    def _width(self, letter: str) -> int:
        return self.kernels.lanes if letter == "1" else self.kernels.padded(self.sizes[letter])

    def _build(self, shape: Shape, threads: int) -> None:
        ragged = shape.ragged
        k, p, mode = self.kernels, self.kernels.plan, self.mode
        n, lanes = k.bytes, k.lanes
        loop = p.backward if mode.backward else p.forward
        before = () if mode.backward else p.before.phases
        after = p.after.phases if mode.backward else ()
        all_programs = programs(p)
        first = {id(q): sum(len(o.phases) for o in all_programs[:i]) for i, q in enumerate(all_programs)}
        phases = [(phase, first[id(p.before)] + i) for i, phase in enumerate(before)]
        phases += [(phase, first[id(loop)] + i) for i, phase in enumerate(loop.phases)]
        phases += [(phase, first[id(p.after)] + i) for i, phase in enumerate(after)]
        program_of = [p.before] * len(before) + [loop] * len(loop.phases) + [p.after] * len(after)

        # Rows of values that live for a chunk: one next to the other, with a line between rows so that columns of
        # rows do not fall on one set of the cache.
        chunk_roles = ("adjoint", "chunk") if mode.backward else ("hoisted", "chunk")
        mine = {b for phase, _ in phases for b in _buffers(phase)}
        mine |= {b for q in {id(q): q for q in program_of}.values() for b in q.loads.values()}
        if mode.backward:
            mine |= {b for job in p.weight_gradients for b in (job.gradient, job.source)} | set(p.sums.values())
        chunked = [b for b in k.buffers if b in mine and b.role in chunk_roles]
        places, row = {}, 0
        for buffer in chunked:
            places[buffer] = row
            row += self._width(buffer.letter)
        row += 64 // n if row else 0
        most_rows = max(self.batch, 1)
        if mode.backward:
            rows = min(max(_BACKWARD_CHUNK // max(row * n, 1), 384), 2048)
        else:
            rows = max(_FORWARD_CHUNK // max(row * n, 1), 8 * k.tile_rows)
        chunk = max(1, min(self.steps, rows // most_rows)) if row or mode.backward else max(self.steps, 1)
        chunk_base = self._take(chunk * most_rows * row)
        tape, tape_row = k.tape(self.sizes, mode.save or mode.backward, mode.trace)
        vectors = {b: self._take(self._width(b.letter)) for b in k.buffers if b in mine and b.role == "vector"}
        threads = max(1, threads)

        groups = [self._group(phase) for phase, _ in phases]
        shared = {letter: 1 for letter in _LETTERS}
        for (phase, _), group in zip(phases, groups, strict=True):
            shared[phase.letter] = max(shared[phase.letter], group)
        threads, by_units = self._sharing(threads, loop.phases, shared)
        tile = max(
            (k.tile_rows * g * lanes * sum(len(q.columns) for q in phase.products)
             for (phase, _), g in zip(phases, groups, strict=True)), default=0,
        ) + 64  # fmt: skip
        tile_base = self._take(tile * threads)
        panel_sources: dict[Buffer, int] = {}
        panel_room = 0
        if mode.backward:
            for job in p.weight_gradients:
                if job.source not in panel_sources:
                    panel_sources[job.source] = len(panel_sources)
                    panel_room += k.panel_rows * k.padded(self._columns(job.slot))
        panel_base = self._take(panel_room)

        # struct Plan
        counts = (len(p.graph.states), len(k.buffers), len(before), len(loop.phases), len(after))
        self._push(self.steps, self.batch, threads)
        head = len(self._words)
        self._push(0, 0, ("row_id", 0) if ragged else None, ("cuts", 0) if self.cuts else None, chunk)
        self._push(shape.reversed, by_units)
        self._push(*(self.sizes[letter] for letter in _LETTERS))
        self._push(*(self._width(letter) // lanes for letter in _LETTERS))
        self._push(*(shared[letter] for letter in _LETTERS))
        self._seed = len(self._words)
        self._push(0, 0, 0, *counts)
        totals = len(self._words)
        self._push(0, 0, 0, 0)
        tables = len(self._words)
        self._push(*([0] * 8))
        self._push(("workspace", panel_base) if panel_room else None, ("workspace", tile_base), tile, mode.backward)

        def table(i: int, at: int | None = None) -> None:
            """Here begins a table of the block."""
            where = at if at is not None else tables + i
            self._pointers.append((where, 1, 8 * len(self._words)))

        if not ragged:
            table(0, head)
            order = range(self.steps, -1, -1) if shape.reversed else range(self.steps + 1)
            self._push(*((s - shape.reversed) * self.batch for s in order))
            table(0, head + 1)
            self._push(*([self.batch] * self.steps), 0)
            table(0, head + 2)
            self._push(*range(self.batch))
        else:
            self._pointers += [(head, self.names.setdefault("offset", len(self.names)), 0),
                               (head + 1, self.names.setdefault("rows", len(self.names)), 0)]  # fmt: skip
        letters = p.graph.state_sizes()
        carry = [self._take(2 * self.batch * self._width(q)) if mode.backward else 0 for q in letters]
        self.carry = carry
        table(0)
        for i, letter in enumerate(letters):
            width = self._width(letter)
            packed = i == 0 or mode.states
            values = (f"values_{i}", 0) if packed else ("workspace", self._take(2 * self.batch * width))
            cut = ("workspace", self._take(threads * self.batch * width)) if self.cuts else None
            final = None if mode.backward else (f"final_{i}", 0)
            self._push((f"initial_{i}", 0), final, values, cut, ("workspace", carry[i]) if mode.backward else None)
            self._push(width, packed, _LETTERS.index(letter))
            if i == 0:
                self._state_words = []
            self._state_words.append(values)
        table(1)
        for buffer in k.buffers:
            self._push(*self._buffer(buffer, buffer in mine, places, row, chunk_base, tape, tape_row, vectors, letters))
        table(2)
        products: list[tuple[Any, int, int]] = []
        for ((phase, number), group), program in zip(zip(phases, groups, strict=True), program_of, strict=True):
            columns = sum(len(q.columns) for q in phase.products)
            reads = _read(phase, program)
            by_step = any(b.role == "previous" for b in reads) or _draws(phase, program)
            means = _means(phase, program)
            self._push(k.functions[number], _LETTERS.index(phase.letter), columns, group)
            self._push(len(products), len(phase.products), means, by_step)
            start = 0
            for product in phase.products:
                products.append((product, group, start))
                start += len(product.columns)
        segments = [(i, s) for i, (product, _, _) in enumerate(products) for s in range(len(product.segments))]
        packs: list[tuple[Any, ...]] = []
        table(3)
        for product, group, start in products:
            letter = p.letters(product.columns[0].value)
            lengths = [self._length(product, s) for s in range(len(product.segments))]
            total, count = sum(lengths), len(product.columns)
            width = self._width(letter)
            weights = self._take(total * count * width)
            bias = None
            if any(c.bias is not None for c in product.columns):
                bias = self._take(count * width)
            mine_first = next(i for i, (q, _) in enumerate(segments) if products[q][0] is product)
            self._push(start, count, total, mine_first, len(product.segments))
            self._push(("workspace", weights), None if bias is None else ("workspace", bias))
            for c, column in enumerate(product.columns):
                at = 0
                for slot, length in zip(column.slots, lengths, strict=True):
                    packs.append(self._weight_pack(product, slot, letter, length, weights, c, count, at, total, group))
                    at += length
                if bias is not None:
                    packs.append(self._bias_pack(column.bias, letter, bias, c, count, group))
        for buffer, place in vectors.items():
            value = next(v for v, number in p.numbers.items() if number == buffer.key)
            packs.append(self._bias_pack(p.layout.slots[value], buffer.letter, place, 0, 1, 1))
        table(4)
        for q, s in segments:
            product = products[q][0]
            self._push(k.number[product.segments[s]], self._length(product, s))
        table(5)
        for pack in packs:
            self._push(*pack)
        table(6)
        gradients = p.weight_gradients if mode.backward else ()
        for job in gradients:
            units, length = self._units(job.slot), self._columns(job.slot)
            to = (f"grad_{job.slot.name}", job.slot.index * units * length * n)
            self._push(k.number[job.gradient], k.number[job.source], units, length, to, panel_sources[job.source])
        table(7)
        sums = p.sums if mode.backward else {}
        for slot, buffer in sums.items():
            units = self._units(slot)
            self._push(k.number[buffer], units, (f"grad_{slot.name}", slot.index * units * n))
        self._words[totals : totals + 4] = [len(packs), len(gradients), len(sums), len(panel_sources)]
        assert len(k.buffers) <= _MOST_BUFFERS
        assert all(len(q.segments) <= _MOST_SEGMENTS for q, _, _ in products)

    def _group(self, phase: Phase) -> int:
        """Blocks that are computed together, so that the columns fill tiles; few enough that threads can share them."""
        columns = sum(len(q.columns) for q in phase.products)
        if not columns:
            return 1
        vectors = self.kernels.tile_vectors
        group = vectors // math.gcd(columns, vectors)
        while group > 1 and self._width(phase.letter) // self.kernels.lanes // group < 4:
            group //= 2
        return group

    def _sharing(self, threads: int, loop: Sequence[Phase], shared: Mapping[str, int]) -> tuple[int, bool]:
        """How many threads are worth their barriers, and whether they share units or rows. No result depends on it."""
        work = weights = 0  # multiply-adds and numbers of the recurrent products
        for phase in loop:
            for product in phase.products:
                for s in range(len(product.segments)):
                    weights += self._length(product, s) * self._width(phase.letter) * len(product.columns)
        work = weights * self.batch
        groups = min(
            (self._width(ph.letter) // self.kernels.lanes // shared[ph.letter] for ph in loop if ph.products), default=0
        )
        by_rows = self.batch >= 2 * self.kernels.tile_rows * threads and weights * self.kernels.bytes <= _OWN_CACHE
        if by_rows or groups < threads or not weights:
            threads = min(threads, max(1, -(-self.batch // self.kernels.tile_rows)))
            return threads if (work + self.batch * 256) * self.steps > 4_000_000 else 1, False
        return (threads, True) if work > 400_000 else (1, False)

    def _buffer(self, buffer: Buffer, used: bool, places: Mapping[Buffer, int], row: int, chunk_base: int,
                tape: Mapping[Buffer, int], tape_row: int, vectors: Mapping[Buffer, int], letters: Sequence[str]) -> list[Any]:  # fmt: skip
        """The words of struct Buffer."""
        n = self.kernels.bytes
        width = self._width(buffer.letter)
        role = buffer.role
        if not used:
            return [None, 0, _FIXED, 0]
        kind = _KIND.get(role, _FIXED)
        if role in ("previous", "next"):
            state = int(buffer.key)
            if role == "next":
                packed = state == 0 or self.mode.states
                kind = _PACKED if packed else _NOW
                return [self._state_words[state], width, kind, state]
            return [None, width, kind, state]
        if role == "input":
            return [("x", 0), width if self.kernels.reads_input else self.sizes["I"], kind, 0]
        if role == "vector":
            return [("workspace", vectors[buffer]), width, kind, 0]
        if role == "saved":
            return [("tape", tape[buffer] * n), tape_row, kind, 0] if buffer in tape else [None, 0, _FIXED, 0]
        if buffer in places:
            return [("workspace", chunk_base + places[buffer] * n), row, kind, 0]
        if role == "step":
            return [("workspace", self._take(2 * self.batch * width)), width, kind, 0]
        if role in ("incoming", "outgoing"):
            return [("workspace", self.carry[int(buffer.key)]), width, kind, 0]
        if role == "grad_output":
            return [("grad_output", 0), width, kind, 0] if self.mode.output else [("zeros", 0), 0, _FIXED, 0]
        if role == "grad_trace":
            return [(f"grad_trace_{buffer.key}", 0), width, kind, 0]
        assert role == "grad_input", buffer
        return [("grad_input", 0), width, kind, 0]

    def _units(self, slot: Slot) -> int:
        return self.sizes[self.kernels.plan.layout[slot.name].rows]

    def _columns(self, slot: Slot) -> int:
        letter = self.kernels.plan.layout[slot.name].columns
        assert letter is not None
        return self.sizes[letter]

    def _length(self, product: Any, segment: int) -> int:
        slot = product.columns[0].slots[segment]
        return self._units(slot) if product.transposed else self._columns(slot)

    def _weight_pack(self, product: Any, slot: Slot, letter: str, length: int, weights: int, column: int, columns: int,
                     at: int, total: int, group: int) -> tuple[Any, ...]:  # fmt: skip
        n = self.kernels.bytes
        units, numbers = self._units(slot), self._columns(slot)
        base = (slot.name, slot.index * units * numbers * n)
        strides = (1, numbers) if product.transposed else (numbers, 1)
        there = self.sizes[letter]
        to = ("workspace", weights)
        return (base, *strides, there, length, to, _LETTERS.index(letter), column, columns, at, total, group)

    def _bias_pack(self, slot: Slot | None, letter: str, to: int, column: int, columns: int, group: int) -> tuple[Any, ...]:
        n = self.kernels.bytes
        units = self.sizes[letter]
        base = None if slot is None else (slot.name, slot.index * units * n)
        there = 0 if slot is None else units
        return (base, 1, units, there, 1, ("workspace", to), _LETTERS.index(letter), column, columns, 0, 1, group)


def _buffers(phase: Phase) -> set[Buffer]:
    found = {b for targets in (phase.targets, phase.optional) for buffers in targets.values() for b in buffers}
    return found | {s for product in phase.products for s in product.segments}


def _cone(phase: Phase, program: Any) -> list[Any]:
    """The values that the phase computes or loads."""
    seen: dict[Any, None] = {}
    stored = {v for q in program.phases for v in q.targets}
    products = {c.value for product in phase.products for c in product.columns}
    stack = [*phase.targets, *phase.optional]
    while stack:
        value = stack.pop()
        if value in seen:
            continue
        seen[value] = None
        earlier = program.levels[value] < phase.level and value in stored
        if value not in program.loads and value not in products and not earlier:
            stack.extend(value.inputs)
    return list(seen)


def _read(phase: Phase, program: Any) -> list[Buffer]:
    sources = [s for product in phase.products for s in product.segments]
    return [program.loads[v] for v in _cone(phase, program) if v in program.loads] + sources


def _means(phase: Phase, program: Any) -> bool:
    return any(v.op == "mean" for v in _cone(phase, program))


def _draws(phase: Phase, program: Any) -> bool:
    return any(v.op == "bernoulli" for v in _cone(phase, program))


@lru_cache(maxsize=1024)
def call(kernels: Kernels, h: int, p: int, i: int, shape: Shape, threads: int, mode: Mode) -> Call:
    """The call of these shapes, laid out once."""
    return Call(kernels, {"H": h, "P": p, "I": i}, shape, threads, mode)
