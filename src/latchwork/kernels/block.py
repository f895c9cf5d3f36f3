"""A call of the kernels as the block of 64-bit words that ``csrc/plan.h`` declares.

All of it but the addresses and the number of steps is fixed by the other shapes, so it is laid out once for those; a
call gives the addresses and the steps.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from latchwork.kernels.native import Kernels
from latchwork.kernels.plan import Buffer, Phase, Product, Program, WeightGradient
from latchwork.kernels.structs import Word, kinds, row, words_in
from latchwork.language.layout import Slot

_LETTERS = "HPI"
_FORWARD_CHUNK = 1 << 20  # bytes of hoisted values that are made before the loop reads them
_BACKWARD_CHUNK = 1 << 20  # bytes of gradients that are made before they are summed over the rows: a core's own cache
_BACKWARD_ROWS = (384, 2048)
_AHEAD = 1 << 20  # bytes kept of a step that are fetched a step ahead; more would drive out what is at work
_OWN_CACHE = 1 << 19  # bytes of weights that a core can hold beside everything else
_ROW_WORK = 4_000_000  # multiply-adds of a scan that are worth a second thread where threads share rows
_UNIT_WORK = 60_000  # of a step, where they share units and meet at every step


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


class Learned(NamedTuple):
    """A learned parameter in a call.

    Attributes:
        at: where among the addresses its own is; None if the call does not read it.
        grad_at: where that of its gradient is, for a backward call.
        shape: its shape.
        reached: whether a backward call writes all of its gradient.
    """

    at: int | None
    grad_at: int | None
    shape: tuple[int, ...]
    reached: bool


class Block:
    """The words of calls of any number of steps, their other shapes given.

    Args:
        sizes: size letter → number.
        batch: B.
        reversed, cuts: as :class:`Shape` has them.
        threads: how many threads to use at most.
        mode: what is kept and given.

    Attributes:
        names: the bases of the addresses, in the order in which :meth:`run` takes them; the first is the workspace.
        carry: the offset in numbers of each state's gradient in the working memory.
        widths: numbers in a row of each state.
        tape_width: numbers in a row of the tape.
        parameters: the learned parameters, in the order of the layout.
        x_at, tape_at, states_at: where among the addresses a call puts what it gives, None for what is not asked for;
            of a state, its initial, its final and its kept values.
        output_at, grad_x_at, zeros_at, traced_at: the same of what only a backward call is given: the gradients by the
            output, by the input and by each named value, and zeros.
    """

    def __init__(
        self,
        kernels: Kernels,
        sizes: Mapping[str, int],
        batch: int,
        reversed: bool,
        cuts: bool,
        threads: int,
        mode: Mode,
    ) -> None:
        layout = _Layout(kernels, sizes, batch, reversed, cuts, threads, mode)
        self._run = kernels.run
        self.names = names = layout.names
        self.widths, self.tape_width = layout.widths, layout.tape_width
        self.carry = layout.carry
        self._step_work = layout.step_work
        # The values of a chunk of steps are last in the working memory: all else has its place for any number of steps.
        self._before_chunk, self._step, self._longest = layout.room, layout.step, layout.longest
        self._chunk_at = layout.room * kernels.bytes
        blocks = [(s.name, s.index) for s in (*(job.slot for job in layout.jobs), *layout.sums)]
        parameters = kernels.plan.layout.parameters
        self.parameters = [
            Learned(
                names.get(p.name),
                names.get(f"grad_{p.name}"),
                p.shape(sizes),
                all((p.name, i) in blocks for i in range(len(p.blocks))),
            )
            for p in parameters
        ]
        self.x_at, self.tape_at = names.get("x"), names.get("tape")
        self.output_at, self.grad_x_at = names.get("grad_output"), names.get("grad_input")
        self.zeros_at = names.get("zeros")
        self.traced_at = {n: names[f"grad_trace_{n}"] for n in kernels.plan.trace if f"grad_trace_{n}" in names}
        self.states_at = [
            (names.get(f"initial_{i}", 0), names.get(f"final_{i}", 0), names.get(f"values_{i}"))
            for i in range(len(self.widths))
        ]
        self._words = np.array([word if isinstance(word, int) else 0 for word in layout.words], np.int64)
        places = [(i, names[w[0]], w[1]) for i, w in enumerate(layout.words) if isinstance(w, tuple)]
        self._relocations = np.array(places, np.int64).reshape(-1, 3)
        words = row(
            "Block", words=self._words.ctypes.data, count=len(self._words),
            relocations=self._relocations.ctypes.data, relocated=len(self._relocations),
        )  # fmt: skip
        self._block = np.array(words, np.int64)
        self._block_at = self._block.ctypes.data
        self._given = struct.Struct(f"Q{words_in('Call') - 1 + len(names)}q").pack  # the seed has no sign

    def worth_threads(self, steps: int) -> bool:
        """Whether so many steps are worth more threads than one."""
        return self._step_work is None or self._step_work * steps > _ROW_WORK

    def room(self, steps: int) -> int:
        """Numbers of working memory for so many steps."""
        return self._before_chunk + self._step * min(steps, self._longest)

    def run(
        self,
        addresses: Sequence[int],
        steps: int,
        seed: int = 0,
        stream: int = 0,
        drawn: bool = False,
        step: int = 0,
        packed: bool = False,
    ) -> None:
        """Run it.

        Args:
            addresses: of everything in ``names``, in order; 0 for an initial state, or a gradient by a final one, that
                is all zeros, and for the rows of each step where all have B.
            steps: T.
            seed, stream, drawn: of the random masks; ``drawn`` false for their expectation.
            step: the number of the first step to the masks.
            packed: whether the working memory is that of an earlier run, with the weights packed in it.
        """
        workspace, words, _, *rest = addresses
        chunk = workspace + self._chunk_at
        # By struct, for ctypes takes several times as long to fill an array.
        self._run(self._block_at, self._given(seed, stream, drawn, step, steps, packed, workspace, words, chunk, *rest))


_BASES = ("workspace", "words", "chunk")  # as latchwork_run and Block.run know them


class _Layout:
    """Lays a block out.

    Attributes:
        names: the bases of the addresses → their numbers.
        words: struct Plan and its tables.
        room: numbers of working memory before the chunk.
        step: numbers of a step of the chunk.
        longest: steps of a chunk at most.
        step_work: multiply-adds of a step where threads share rows, None where they share units.
        jobs, sums: the gradients of weights and of vectors that are made.
        widths, carry, tape_width: as :class:`Block` has them.
    """

    def __init__(
        self,
        kernels: Kernels,
        sizes: Mapping[str, int],
        batch: int,
        reversed: bool,
        cuts: bool,
        threads: int,
        mode: Mode,
    ) -> None:
        self.kernels, self.sizes, self.mode = kernels, dict(sizes), mode
        self.batch, self.reversed, self.cuts = batch, reversed, cuts
        self.most_rows = max(batch, 1)
        self.names: dict[str, int] = {name: i for i, name in enumerate(_BASES)}
        self.room = 0
        plan = kernels.plan
        self._loop = plan.backward if mode.backward else plan.forward
        self._collect()
        self.widths = [self._width(letter) for letter in plan.graph.state_sizes()]
        self._states_kept = mode.save or mode.trace or mode.backward
        self._tape, self.tape_width = kernels.tape(sizes, mode.save or mode.backward, mode.trace)
        self._step_tiles = batch >= 4 * kernels.extents.rows
        self._groups = [self._group(phase) for phase, *_ in self._phases]
        self._shared = dict.fromkeys(_LETTERS, 1)
        for (phase, *_), group in zip(self._phases, self._groups, strict=True):
            self._shared[phase.letter] = max(self._shared[phase.letter], group)
        self._threads, self.step_work = self._sharing(max(1, threads))
        self._place_memory()
        self.words = self._write()

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
        self.jobs = plan.weight_gradients if backward else ()
        self.sums = plan.sums if backward else {}
        self._used.update(b for job in self.jobs for b in (job.gradient, job.source))
        self._used.update(self.sums.values())

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

    def _sharing(self, threads: int) -> tuple[int, int | None]:
        """How many threads are worth their meetings; the work of a step where they share rows, None where they share
        units. No result depends on it."""
        weights = groups = 0
        for phase in self._loop.phases:
            for product in phase.products:
                length = sum(self._length(product, s) for s in range(len(product.segments)))
                weights += length * self._width(phase.letter) * len(product.columns)
                here = self._blocks(phase.letter) // self._shared[phase.letter]
                groups = min(groups, here) if groups else here
        rows = self.kernels.extents.rows
        by_rows = self.batch >= 2 * rows * threads and weights * self.kernels.bytes <= _OWN_CACHE
        if by_rows or groups < threads:
            return min(threads, max(1, -(-self.batch // rows))), (weights + 256) * self.batch
        return (threads if weights * self.batch > _UNIT_WORK else 1), None

    # Where it is.

    def _place_memory(self) -> None:
        """The working memory."""
        kernels, backward = self.kernels, self.mode.backward
        batch, n = self.most_rows, kernels.bytes
        # Rows of values that live for a chunk stand side by side, with a line between rows so that a column of rows
        # does not fall on one set of the cache.
        self._places: dict[Buffer, int] = {}
        width = 0
        for buffer in kernels.buffers:
            if buffer in self._used and buffer.role in ("hoisted", "adjoint", "chunk"):
                self._places[buffer] = width
                width += self._width(buffer.letter)
        width += 64 // n if width else 0
        if backward:
            least, most = _BACKWARD_ROWS
            rows = min(max(_BACKWARD_CHUNK // max(width * n, 1), least), most)
        else:
            rows = max(_FORWARD_CHUNK // max(width * n, 1), 8 * kernels.extents.rows)
        self._chunk_width, self.step, self.longest = width, batch * width, max(1, rows // batch)
        self._vectors = {
            b: self._take(self._width(b.letter)) for b in kernels.buffers if b in self._used and b.role == "vector"
        }
        columns = [_columns(phase) * group for (phase, *_), group in zip(self._phases, self._groups, strict=True)]
        self._tile = kernels.extents.rows * kernels.extents.lanes * max(columns, default=0) + 64
        self._tile_at = self._take(self._tile * self._threads)
        self._panels: dict[Buffer, int] = {}
        panel = 0
        for job in self.jobs:
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

    def _write(self) -> list[Word]:
        """Struct Plan, then its tables."""
        plan, mode, counts = self.kernels.plan, self.mode, self._counts
        products = self._products()
        packs: list[list[Word]] = []
        tables: dict[str, list[list[Word]]] = {
            "state": self._states(),
            "buffer": [self._buffer(buffer) for buffer in self.kernels.buffers],
            "phase": self._phase_rows(),
            "product": [self._product(*product, packs) for product in products],
            "segment": [
                row("Segment", buffer=self._number(b), length=self._length(p, s))
                for p, *_ in products
                for s, b in enumerate(p.segments)
            ],
            "pack": packs,
            "gradient": [self._weight_gradient(job) for job in self.jobs],
            "sum": [
                row("ColumnSum", gradient=self._number(b), units=self._units(slot), to=self._gradient(slot, 1))
                for slot, b in self.sums.items()
            ],
        }
        values = {number: value for value, number in plan.numbers.items()}
        for buffer, place in self._vectors.items():
            slot = plan.layout.slots[values[int(buffer.key)]]
            packs.append(self._bias_pack(slot, buffer.letter, place, 0, 1, 1))

        kept = self.batch * self.tape_width * self.kernels.bytes

        def head(at: Mapping[str, Word]) -> list[Word]:
            return row(
                "Plan", steps=0, seed=0, stream=0, drawn=0, first_step=0,  # of each call
                batch=self.batch, chunk=self.longest, threads=self._threads, backward=mode.backward,
                pooled=mode.save or mode.backward,
                offset=self._base("offset"), rows=self._base("rows"), row_id=self._base("row_id"),
                cuts=self._base("cuts") if self.cuts else None,
                reversed=self.reversed, fetch_ahead=kept <= _AHEAD, step_tiles=self._step_tiles,
                split_units=self.step_work is None,
                size=[self.sizes[letter] for letter in _LETTERS],
                blocks=[self._blocks(letter) for letter in _LETTERS],
                split_group=[self._shared[letter] for letter in _LETTERS],
                states=len(self.widths), buffers=len(self.kernels.buffers),
                before=counts[0], loop=counts[1], after=counts[2],
                packs=len(packs), gradients=len(self.jobs), sums=len(self.sums), panels=len(self._panels),
                panel=("workspace", self._panel_at), tile=("workspace", self._tile_at), tile_size=self._tile,
                **at,
            )  # fmt: skip

        end = len(head(dict.fromkeys(tables)))
        starts: dict[str, Word] = {}
        for name, table in tables.items():
            starts[name] = ("words", 8 * end)
            end += sum(map(len, table))
        return head(starts) + [word for table in tables.values() for each in table for word in each]

    def _base(self, name: str, offset: int = 0) -> tuple[str, int]:
        """An address that a call gives."""
        self.names.setdefault(name, len(self.names))
        return name, offset

    def _states(self) -> list[list[Word]]:
        batch, n = self.most_rows, self.kernels.bytes
        table: list[list[Word]] = []
        self._values: list[Word] = []
        for i, (letter, width) in enumerate(zip(self.kernels.plan.graph.state_sizes(), self.widths, strict=True)):
            packed = i == 0 or self._states_kept
            initial, final = self._base(f"initial_{i}"), self._base(f"final_{i}")
            values = self._base(f"values_{i}") if packed else ("workspace", self._take(2 * batch * width))
            self._values.append(values)
            zeros = self._take(batch * width)
            cut = ("workspace", self._take(self._threads * batch * width)) if self.cuts else None
            carry = ("workspace", self.carry[i] * n) if self.mode.backward else None
            table.append(
                row(
                    "State", initial=initial, zeros=("workspace", zeros), final=final, values=values, cut=cut,
                    carry=carry, stride=width, packed=packed, letter=_LETTERS.index(letter),
                )
            )  # fmt: skip
        return table

    def _buffer(self, buffer: Buffer) -> list[Word]:
        def found(kind: str, base: Word, stride: int, state: int = 0) -> list[Word]:
            return row("Buffer", base=base, stride=stride, kind=kinds()[kind], state=state)

        n, role, width = self.kernels.bytes, buffer.role, self._width(buffer.letter)
        if buffer not in self._used:
            return found("FIXED", None, 0)
        if role == "previous":
            return found("PREVIOUS", None, width, int(buffer.key))
        if role == "next":
            packed = buffer.key == 0 or self._states_kept
            return found("PACKED" if packed else "NOW", self._values[int(buffer.key)], width, int(buffer.key))
        if role == "input":
            return found("PACKED", self._base("x"), width if self.kernels.reads_input else self.sizes["I"])
        if role == "vector":
            return found("FIXED", ("workspace", self._vectors[buffer]), width)
        if role == "saved":
            if buffer not in self._tape:
                return found("FIXED", None, 0)
            return found("PACKED", self._base("tape", self._tape[buffer] * n), self.tape_width)
        if buffer in self._places:
            return found("CHUNK", ("chunk", self._places[buffer] * n), self._chunk_width)
        if role == "step":
            return found("NOW", ("workspace", self._take(2 * self.most_rows * width)), width)
        if role in ("incoming", "outgoing"):
            at = ("workspace", self.carry[int(buffer.key)] * n)
            return found("BEFORE" if role == "incoming" else "NOW", at, width)
        if role == "grad_output" and not self.mode.output:
            return found("FIXED", self._base("zeros"), 0)
        return found("PACKED", self._base(f"grad_trace_{buffer.key}" if role == "grad_trace" else role), width)

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

    def _phase_rows(self) -> list[list[Word]]:
        table: list[list[Word]] = []
        first = 0
        for (phase, program, number), group in zip(self._phases, self._groups, strict=True):
            used = program.used(phase)
            read = {program.loads[v] for v in used if v in program.loads}
            read.update(b for product in phase.products for b in product.segments)
            by_step = any(b.role == "previous" for b in read) or any(v.op == "bernoulli" for v in used)
            table.append(
                row(
                    "Phase", run=self.kernels.functions[number], letter=_LETTERS.index(phase.letter),
                    columns=_columns(phase), group=group, first_product=first, products=len(phase.products),
                    whole_rows=any(v.op == "mean" for v in used), by_step=by_step,
                )
            )  # fmt: skip
            first += len(phase.products)
        return table

    def _product(
        self, product: Product, letter: str, group: int, column: int, segment: int, packs: list[list[Word]]
    ) -> list[Word]:
        """Struct Product, and what has to be packed for it."""
        lengths = [self._length(product, s) for s in range(len(product.segments))]
        total, count = sum(lengths), len(product.columns)
        weights = self._take(total * count * self._width(letter))
        biased = any(c.bias is not None for c in product.columns)
        bias = self._take(count * self._width(letter)) if biased else 0
        for c, each in enumerate(product.columns):
            start = 0
            for slot, length in zip(each.slots, lengths, strict=True):
                numbers = self._columns_of(slot)
                unit_stride, stride = (1, numbers) if product.transposed else (numbers, 1)
                packs.append(
                    row(
                        "Pack", base=self._weight(slot, numbers), unit_stride=unit_stride, stride=stride,
                        units=self.sizes[letter], length=length, to=("workspace", weights),
                        letter=_LETTERS.index(letter), column=c, columns=count, start=start, total=total, group=group,
                    )
                )  # fmt: skip
                start += length
        if biased:
            packs += [
                self._bias_pack(each.bias, letter, bias, c, count, group) for c, each in enumerate(product.columns)
            ]
        return row(
            "Product", first_column=column, columns=count, length=total, first_segment=segment,
            segments=len(product.segments), weights=("workspace", weights),
            bias=("workspace", bias) if biased else None,
        )  # fmt: skip

    def _bias_pack(self, slot: Slot | None, letter: str, to: int, column: int, columns: int, group: int) -> list[Word]:
        return row(
            "Pack", base=None if slot is None else self._weight(slot, 1), unit_stride=1, stride=1,
            units=0 if slot is None else self.sizes[letter], length=1, to=("workspace", to),
            letter=_LETTERS.index(letter), column=column, columns=columns, start=0, total=1, group=group,
        )  # fmt: skip

    def _weight_gradient(self, job: WeightGradient) -> list[Word]:
        length = self._columns_of(job.slot)
        return row(
            "WeightGradient", gradient=self._number(job.gradient), source=self._number(job.source),
            units=self._units(job.slot), length=length, to=self._gradient(job.slot, length),
            panel=self._panels[job.source],
        )  # fmt: skip

    def _number(self, buffer: Buffer) -> int:
        return self.kernels.numbers[buffer]

    def _weight(self, slot: Slot, numbers: int) -> tuple[str, int]:
        """The address of a block of a parameter whose rows have so many numbers."""
        return self._base(slot.name, self._place_in(slot, numbers))

    def _gradient(self, slot: Slot, numbers: int) -> tuple[str, int]:
        return self._base(f"grad_{slot.name}", self._place_in(slot, numbers))

    def _place_in(self, slot: Slot, numbers: int) -> int:
        """Where a block of a parameter begins in it."""
        return slot.index * self._units(slot) * numbers * self.kernels.bytes

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
def laid_out(
    kernels: Kernels, h: int, p: int, i: int, batch: int, reversed: bool, cuts: bool, threads: int, mode: Mode
) -> Block:
    """The block of these sizes and shapes, laid out once for all numbers of steps."""
    return Block(kernels, {"H": h, "P": p, "I": i}, batch, reversed, cuts, threads, mode)


def block(kernels: Kernels, sizes: Mapping[str, int], shape: Shape, threads: int, mode: Mode) -> Block:
    """The block of a call of these sizes and shapes, with no more threads than its work is worth."""
    h, p, i = sizes["H"], sizes["P"], sizes["I"]
    steps, batch, _, reversed, cuts = shape
    found = laid_out(kernels, h, p, i, batch, reversed, cuts, threads, mode)
    if threads == 1 or found.worth_threads(steps):
        return found
    return laid_out(kernels, h, p, i, batch, reversed, cuts, 1, mode)
