"""A call of the kernels as the block of 64-bit words that ``csrc/plan.h`` declares.

All of it but the addresses is fixed by the shapes, so it is laid out once for each shape; a call gives the addresses.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from latchwork.kernels.native import Kernels
from latchwork.kernels.plan import Buffer, Phase, Product, Program
from latchwork.language.layout import Slot

_LETTERS = "HPI"
_FIXED, _PACKED, _CHUNK, _NOW, _BEFORE, _PREVIOUS = range(6)  # enum Kind
_FORWARD_CHUNK = 1 << 20  # bytes of hoisted values that are made before the loop reads them
_BACKWARD_CHUNK = 1 << 22  # bytes of gradients that are made before they are summed over the rows
_BACKWARD_ROWS = (384, 2048)
_OWN_CACHE = 1 << 19  # bytes of weights that a core can hold beside everything else
_ROW_WORK = 4_000_000  # multiply-adds of a scan that are worth a second thread where threads share rows
_UNIT_WORK = 60_000  # of a step, where they share units and meet at every step

Word = int | tuple[str, int] | None  # a number; an address as a base and an offset in bytes; null


class Shape(NamedTuple):
    """The shape of the sequences of a call.

    Attributes:
        steps: T.
        batch: B.
        ragged: whether the rows of each step are given, rather than B for each.
        reversed: whether the last step comes first; for rows of one length.
        cuts: whether rows are cut.
    """

    steps: int
    batch: int
    ragged: bool = False
    reversed: bool = False
    cuts: bool = False


class Mode(NamedTuple):
    """What a call keeps and is given.

    Attributes:
        save: whether the forward pass keeps what the backward pass needs.
        trace: whether it keeps every named value.
        backward: whether this is the backward pass.
        output: whether a gradient comes in by the output.
        x: whether the gradient by the input is wanted.
    """

    save: bool = False
    trace: bool = False
    backward: bool = False
    output: bool = True
    x: bool = True


class Block:
    """The words of a call with given shapes.

    Args:
        sizes: size letter → number.
        shape: of the sequences.
        threads: how many threads to use at most.
        mode: what is kept and given.

    Attributes:
        names: the bases of the addresses, in the order in which :meth:`run` takes them; the first is the workspace.
        room: numbers of working memory.
        carry: the offset in numbers of each state's gradient in the working memory.
        widths: numbers in a row of each state.
        tape: where each kept value is in a row of the tape; its width.
        reached: the parameters all of whose gradient a backward call writes.
        parameters_at, x_at, tape_at, states_at: where among the addresses a forward call puts what it gives, None for
            what is not asked for; of a state, its initial, its final and its kept values.
    """

    def __init__(self, kernels: Kernels, sizes: Mapping[str, int], shape: Shape, threads: int, mode: Mode) -> None:
        self.kernels, self.sizes, self.shape, self.mode = kernels, dict(sizes), shape, mode
        self.names: dict[str, int] = {"workspace": 0, "words": 1, "constants": 2}
        self.room = self._constants_at = 0
        plan = kernels.plan
        self._loop = plan.backward if mode.backward else plan.forward
        self._collect()
        self.widths = [self._width(letter) for letter in plan.graph.state_sizes()]
        self._states_kept = mode.save or mode.trace or mode.backward
        self.tape, self.tape_width = kernels.tape(sizes, mode.save or mode.backward, mode.trace)
        self._step_tiles = shape.batch >= 4 * kernels.extents.rows
        self._groups = [self._group(phase) for phase, *_ in self._phases]
        self._shared = dict.fromkeys(_LETTERS, 1)
        for (phase, *_), group in zip(self._phases, self._groups, strict=True):
            self._shared[phase.letter] = max(self._shared[phase.letter], group)
        self._threads, self._by_units = self._sharing(max(1, threads))
        self._place_memory()
        self._write()
        names = self.names
        blocks = [(job.slot.name, job.slot.index) for job in self._jobs] + [(s.name, s.index) for s in self._sums]
        self.reached = {
            parameter.name
            for parameter in plan.layout.parameters
            if all((parameter.name, index) in blocks for index in range(len(parameter.blocks)))
        }
        self.parameters_at = [names.get(parameter.name) for parameter in plan.layout.parameters]
        self.x_at, self.tape_at = names.get("x"), names.get("tape")
        self.states_at = [
            (names.get(f"initial_{i}", 0), names.get(f"final_{i}", 0), names.get(f"values_{i}"))
            for i in range(len(self.widths))
        ]
        self._words_at = self._words.ctypes.data, len(self._words)
        self._relocations_at = self._relocations.ctypes.data, len(self._relocations)
        self._addresses = ctypes.c_int64 * len(names)

    def run(
        self,
        addresses: Sequence[int],
        seed: int = 0,
        stream: int = 0,
        drawn: bool = False,
        step: int = 0,
        packed: bool = False,
    ) -> None:
        """Run it.

        Args:
            addresses: of everything in ``names``, in order; 0 for an initial state, or a gradient by a final one, that
                is all zeros.
            seed, stream, drawn: of the random masks; ``drawn`` false for their expectation.
            step: the number of the first step to the masks.
            packed: whether the working memory is that of an earlier run, with the weights packed in it.
        """
        bases = self._addresses(*addresses)
        bases[2] = self._constants_at  # lives as long as this object
        self.kernels.run(*self._words_at, *self._relocations_at, bases, seed, stream, drawn, step, packed)

    # What there is.

    def _collect(self) -> None:
        """The phases of this call, each with its program and the number of its function; the buffers they touch."""
        plan, backward = self.kernels.plan, self.mode.backward
        wanted = (plan.backward, plan.after) if backward else (plan.before, plan.forward)
        self._phases: list[tuple[Phase, Program, int]] = []
        self._counts = [0, 0, 0]  # before, in and after the loop
        number = 0
        for program in plan.programs:
            for phase in program.phases:
                if any(program is w for w in wanted) and (self.mode.x or not _for_input(phase)):
                    self._phases.append((phase, program, number))
                    self._counts[(program is not plan.before) + (program is plan.after)] += 1
                number += 1
        self._used = set().union(*(program.buffers() for program in wanted))
        self._jobs = plan.weight_gradients if backward else ()
        self._sums = plan.sums if backward else {}
        self._used.update(b for job in self._jobs for b in (job.gradient, job.source))
        self._used.update(self._sums.values())

    def _group(self, phase: Phase) -> int:
        """Blocks that are computed together, so that the columns fill tiles; few enough that threads can share them
        where there are not rows enough to share."""
        columns, vectors = _columns(phase), self.kernels.extents.vectors
        if not columns:
            return 1
        group = vectors // math.gcd(columns, vectors)
        while not self._step_tiles and group > 1 and self._blocks(phase.letter) // group < 4:
            group //= 2
        return group

    def _sharing(self, threads: int) -> tuple[int, bool]:
        """How many threads are worth their meetings, and whether they share units or rows. No result depends on it."""
        weights = groups = 0
        for phase in self._loop.phases:
            for product in phase.products:
                length = sum(self._length(product, s) for s in range(len(product.segments)))
                weights += length * self._width(phase.letter) * len(product.columns)
                here = self._blocks(phase.letter) // self._shared[phase.letter]
                groups = min(groups, here) if groups else here
        batch, rows = self.shape.batch, self.kernels.extents.rows
        by_rows = batch >= 2 * rows * threads and weights * self.kernels.bytes <= _OWN_CACHE
        if by_rows or groups < threads:
            threads = min(threads, max(1, -(-batch // rows)))
            worth = (weights + 256) * batch * self.shape.steps > _ROW_WORK
            return (threads if worth else 1), False
        return (threads, True) if weights * batch > _UNIT_WORK else (1, False)

    # Where it is.

    def _place_memory(self) -> None:
        """The working memory."""
        kernels, backward = self.kernels, self.mode.backward
        batch, n = max(self.shape.batch, 1), kernels.bytes
        # Rows of values that live for a chunk stand side by side, with a line between rows so that a column of rows
        # does not fall on one set of the cache.
        self._places: dict[Buffer, int] = {}
        row = 0
        for buffer in kernels.buffers:
            if buffer in self._used and buffer.role in ("hoisted", "adjoint", "chunk"):
                self._places[buffer] = row
                row += self._width(buffer.letter)
        row += 64 // n if row else 0
        if backward:
            least, most = _BACKWARD_ROWS
            rows = min(max(_BACKWARD_CHUNK // max(row * n, 1), least), most)
        else:
            rows = max(_FORWARD_CHUNK // max(row * n, 1), 8 * kernels.extents.rows)
        self._row = row
        self._chunk = max(1, min(self.shape.steps, rows // batch))
        self._chunk_at = self._take(self._chunk * batch * row)
        self._vectors = {
            b: self._take(self._width(b.letter)) for b in kernels.buffers if b in self._used and b.role == "vector"
        }
        columns = [_columns(phase) * group for (phase, *_), group in zip(self._phases, self._groups, strict=True)]
        self._tile = kernels.extents.rows * kernels.extents.lanes * max(columns, default=0) + 64
        self._tile_at = self._take(self._tile * self._threads)
        self._panels: dict[Buffer, int] = {}
        panel = 0
        for job in self._jobs:
            if job.source not in self._panels:
                self._panels[job.source] = len(self._panels)
                panel += kernels.extents.panel * kernels.padded(self._columns_of(job.slot))
        self._panel_at = self._take(panel)
        carry = [self._take(2 * batch * w) if backward else 0 for w in self.widths]
        self.carry = [at // n for at in carry]

    def _take(self, numbers: int) -> int:
        """The offset in bytes of so many numbers of working memory, on a cache line of their own."""
        place = self.room * self.kernels.bytes
        line = 64 // self.kernels.bytes
        self.room += -(-numbers // line) * line
        return place

    # How it is written.

    def _write(self) -> None:
        """Lay out the words: struct Plan, then its tables."""
        plan, shape, mode = self.kernels.plan, self.shape, self.mode
        products = self._products()
        packs: list[list[Word]] = []
        tables: list[list[list[Word]]] = [
            self._states(),
            [self._buffer(buffer) for buffer in self.kernels.buffers],
            self._phase_rows(products),
            [self._product(*product, packs) for product in products],
            [[self._number(b), self._length(p, s)] for p, *_ in products for s, b in enumerate(p.segments)],
            packs,
            self._weight_gradients(),
            [[self._number(b), self._units(slot), self._gradient(slot, 1)] for slot, b in self._sums.items()],
        ]
        for buffer, place in self._vectors.items():
            value = next(v for v, number in plan.numbers.items() if number == buffer.key)
            packs.append(self._bias_pack(plan.layout.slots[value], buffer.letter, place, 0, 1, 1))
        starts = [] if shape.ragged else self._constant_rows()
        rows: list[Word] = [("constants", 8 * start) for start in starts]
        if shape.ragged:
            rows = [("offset", 0), ("rows", 0), ("row_id", 0)]
        training = mode.save or mode.backward
        head: list[Word] = [
            shape.steps, shape.batch, self._threads, training, *rows, ("cuts", 0) if shape.cuts else None, self._chunk,
            shape.reversed, self._step_tiles, self._by_units, *(self.sizes[letter] for letter in _LETTERS),
            *(self._blocks(letter) for letter in _LETTERS), *(self._shared[letter] for letter in _LETTERS),
            0, 0, 0, 0, len(self.widths), len(self.kernels.buffers), *self._counts, len(packs), len(self._jobs),
            len(self._sums), len(self._panels),
        ]  # fmt: skip
        at = len(head) + len(tables) + 4
        pointers: list[Word] = []
        for table in tables:
            pointers.append(("words", 8 * at))
            at += sum(len(row) for row in table)
        words = [*head, *pointers, ("workspace", self._panel_at), ("workspace", self._tile_at), self._tile]
        words.append(mode.backward)
        words += [word for table in tables for row in table for word in row]
        self._words = np.array([0 if not isinstance(w, int) else int(w) for w in words], np.int64)
        places = [(i, self._base(w[0]), w[1]) for i, w in enumerate(words) if isinstance(w, tuple)]
        self._relocations = np.array(places, np.int64).reshape(-1, 3)

    def _base(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))

    def _constant_rows(self) -> list[int]:
        """Offsets, numbers and names of the rows of each step where all have B; a table that no call copies."""
        steps, batch = self.shape.steps, self.shape.batch
        offset = np.arange(steps + 1) * batch
        if self.shape.reversed:
            offset = (steps - 1 - np.arange(steps + 1)) * batch
        rows = np.full(steps + 1, batch)
        rows[steps] = 0
        self._constants = np.concatenate([offset, rows, np.arange(batch)]).astype(np.int64)
        self._constants_at = self._constants.ctypes.data
        return [0, steps + 1, 2 * (steps + 1)]

    def _states(self) -> list[list[Word]]:
        batch, n = max(self.shape.batch, 1), self.kernels.bytes
        table: list[list[Word]] = []
        self._values: list[Word] = []
        for i, (letter, width) in enumerate(zip(self.kernels.plan.graph.state_sizes(), self.widths, strict=True)):
            packed = i == 0 or self._states_kept
            values: Word = (f"values_{i}", 0) if packed else ("workspace", self._take(2 * batch * width))
            self._values.append(values)
            zeros = self._take(batch * width)
            cut = ("workspace", self._take(self._threads * batch * width)) if self.shape.cuts else None
            carry = ("workspace", self.carry[i] * n) if self.mode.backward else None
            table.append(
                [(f"initial_{i}", 0), ("workspace", zeros), (f"final_{i}", 0), values, cut, carry, width, packed]
            )
            table[-1].append(_LETTERS.index(letter))
        return table

    def _buffer(self, buffer: Buffer) -> list[Word]:
        """struct Buffer: base, stride, kind, state."""
        n, role, width = self.kernels.bytes, buffer.role, self._width(buffer.letter)
        if buffer not in self._used:
            return [None, 0, _FIXED, 0]
        if role == "previous":
            return [None, width, _PREVIOUS, int(buffer.key)]
        if role == "next":
            packed = buffer.key == 0 or self._states_kept
            return [self._values[int(buffer.key)], width, _PACKED if packed else _NOW, int(buffer.key)]
        if role == "input":
            return [("x", 0), width if self.kernels.reads_input else self.sizes["I"], _PACKED, 0]
        if role == "vector":
            return [("workspace", self._vectors[buffer]), width, _FIXED, 0]
        if role == "saved":
            kept = buffer in self.tape
            return [("tape", self.tape[buffer] * n), self.tape_width, _PACKED, 0] if kept else [None, 0, _FIXED, 0]
        if buffer in self._places:
            return [("workspace", self._chunk_at + self._places[buffer] * n), self._row, _CHUNK, 0]
        if role == "step":
            return [("workspace", self._take(2 * max(self.shape.batch, 1) * width)), width, _NOW, 0]
        if role in ("incoming", "outgoing"):
            kind = _BEFORE if role == "incoming" else _NOW
            return [("workspace", self.carry[int(buffer.key)] * n), width, kind, 0]
        if role == "grad_output" and not self.mode.output:
            return [("zeros", 0), 0, _FIXED, 0]
        name = f"grad_trace_{buffer.key}" if role == "grad_trace" else role
        return [(name, 0), width, _PACKED, 0]

    def _products(self) -> list[tuple[Product, str, int, int, int]]:
        """Each product with its phase's letter and group, its first column there and its first segment."""
        found, segments = [], 0
        for (phase, *_), group in zip(self._phases, self._groups, strict=True):
            column = 0
            for product in phase.products:
                found.append((product, phase.letter, group, column, segments))
                column += len(product.columns)
                segments += len(product.segments)
        return found

    def _phase_rows(self, products: Sequence[tuple[Product, str, int, int, int]]) -> list[list[Word]]:
        """struct Phase."""
        table: list[list[Word]] = []
        first = 0
        for (phase, program, number), group in zip(self._phases, self._groups, strict=True):
            used = program.used(phase)
            read = {program.loads[v] for v in used if v in program.loads}
            read.update(b for product in phase.products for b in product.segments)
            means = any(v.op == "mean" for v in used)
            by_step = any(b.role == "previous" for b in read) or any(v.op == "bernoulli" for v in used)
            table.append([self.kernels.functions[number], _LETTERS.index(phase.letter), _columns(phase), group])
            table[-1] += [first, len(phase.products), means, by_step]
            first += len(phase.products)
        return table

    def _product(
        self, product: Product, letter: str, group: int, column: int, segment: int, packs: list[list[Word]]
    ) -> list[Word]:
        """struct Product, and what has to be packed for it."""
        lengths = [self._length(product, s) for s in range(len(product.segments))]
        total, count = sum(lengths), len(product.columns)
        weights = self._take(total * count * self._width(letter))
        biased = any(c.bias is not None for c in product.columns)
        bias = self._take(count * self._width(letter)) if biased else 0
        for c, each in enumerate(product.columns):
            start = 0
            for slot, length in zip(each.slots, lengths, strict=True):
                numbers = self._columns_of(slot)
                strides = [1, numbers] if product.transposed else [numbers, 1]
                packs.append([self._weight(slot, numbers), *strides, self.sizes[letter], length])
                packs[-1] += [("workspace", weights), _LETTERS.index(letter), c, count, start, total, group]
                start += length
        if biased:
            packs += [
                self._bias_pack(each.bias, letter, bias, c, count, group) for c, each in enumerate(product.columns)
            ]
        first: list[Word] = [column, count, total, segment, len(product.segments), ("workspace", weights)]
        return [*first, ("workspace", bias) if biased else None]

    def _bias_pack(self, slot: Slot | None, letter: str, to: int, column: int, columns: int, group: int) -> list[Word]:
        units = 0 if slot is None else self.sizes[letter]
        base = None if slot is None else self._weight(slot, 1)
        return [base, 1, 1, units, 1, ("workspace", to), _LETTERS.index(letter), column, columns, 0, 1, group]

    def _weight_gradients(self) -> list[list[Word]]:
        table: list[list[Word]] = []
        for job in self._jobs:
            length = self._columns_of(job.slot)
            table.append([self._number(job.gradient), self._number(job.source), self._units(job.slot), length])
            table[-1] += [self._gradient(job.slot, length), self._panels[job.source]]
        return table

    def _number(self, buffer: Buffer) -> int:
        return self.kernels.buffers.index(buffer)

    def _weight(self, slot: Slot, numbers: int) -> tuple[str, int]:
        """The address of a block of a parameter whose rows have so many numbers."""
        return slot.name, slot.index * self._units(slot) * numbers * self.kernels.bytes

    def _gradient(self, slot: Slot, numbers: int) -> tuple[str, int]:
        name, offset = self._weight(slot, numbers)
        return f"grad_{name}", offset

    def _units(self, slot: Slot) -> int:
        return self.sizes[self.kernels.plan.layout[slot.name].rows]

    def _columns_of(self, slot: Slot) -> int:
        letter = self.kernels.plan.layout[slot.name].columns
        assert letter is not None
        return self.sizes[letter]

    def _length(self, product: Product, segment: int) -> int:
        slot = product.columns[0].slots[segment]
        return self._units(slot) if product.transposed else self._columns_of(slot)

    def _width(self, letter: str) -> int:
        return self.kernels.width(letter, self.sizes)

    def _blocks(self, letter: str) -> int:
        return self._width(letter) // self.kernels.extents.lanes


def _columns(phase: Phase) -> int:
    return sum(len(product.columns) for product in phase.products)


def _for_input(phase: Phase) -> bool:
    """Whether it makes nothing but the gradient by the input."""
    return bool(phase.targets) and all(b.role == "grad_input" for bs in phase.targets.values() for b in bs)


@lru_cache(maxsize=1024)
def block(kernels: Kernels, h: int, p: int, i: int, shape: Shape, threads: int, mode: Mode) -> Block:
    """The block of these sizes and shapes, laid out once."""
    return Block(kernels, {"H": h, "P": p, "I": i}, shape, threads, mode)
