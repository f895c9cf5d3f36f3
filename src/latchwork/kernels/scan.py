"""One layer and direction by the kernels: allocates what a call needs, in numpy or in torch, and runs it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from latchwork.kernels.block import Block, Mode, Shape, block
from latchwork.kernels.native import Kernels

Array: TypeAlias = Any
Sizes: TypeAlias = Mapping[str, int]
_FORWARD = {(save, trace): Mode(save, trace) for save in (False, True) for trace in (False, True)}
_LINE = 64  # bytes of a cache line, and of the widest vector


class Memory(NamedTuple):
    """How arrays are made and found.

    Attributes:
        empty: the numbers of a shape → an array of the kernels' precision.
        zeros: the same, of zeros.
        address: of an array's first number.
    """

    empty: Callable[..., Array]
    zeros: Callable[..., Array]
    address: Callable[[Array], int]

    @staticmethod
    def numpy(dtype: DTypeLike) -> Memory:
        """Arrays of numpy's, each on a cache line: a vector that lies on two takes twice as long to read."""

        def empty(*shape: int) -> Array:
            size = math.prod(shape) * np.dtype(dtype).itemsize
            room = np.empty(size + _LINE - 1, np.uint8)
            start = -address(room) % _LINE
            return room[start : start + size].view(dtype).reshape(shape)

        def zeros(*shape: int) -> Array:
            array = empty(*shape)
            array[...] = 0
            return array

        def address(array: Array) -> int:
            return int(array.__array_interface__["data"][0])

        return Memory(empty, zeros, address)


class Rows(NamedTuple):
    """The rows of each step of a ragged batch, in falling order of their lengths.

    Attributes:
        rows: (T + 1,) how many rows step s has; the last is 0.
        offset: (T + 1,) the packed row at which step s begins.
        row_id: (B,) the caller's number of each row, for random masks.
    """

    rows: NDArray[np.int64]
    offset: NDArray[np.int64]
    row_id: NDArray[np.int64]


class Job(NamedTuple):
    """What the two passes of one scan have in common.

    Attributes:
        sizes: size letter → number.
        shape: of the sequences.
        rows: of each step, for a ragged batch.
        cuts: (N,) or (T, B), one byte each: whether the row is cut before that step.
        threads: how many to use at most.
        trace: whether every named value is kept.
        seed: of the random masks; None for their expectation.
        stream: the first stream of the masks.
        step: the number of the first step to the masks.
    """

    sizes: Sizes
    shape: Shape
    rows: Rows | None = None
    cuts: Array | None = None
    threads: int = 1
    trace: bool = False
    seed: int | None = None
    stream: int = 0
    step: int = 0

    def block(self, kernels: Kernels, mode: Mode) -> Block:
        return block(kernels, self.sizes, self.shape, self.threads, mode)

    def run(self, words: Block, addresses: list[int], memory: Memory) -> None:
        names = words.names
        if self.rows is not None:
            for name, array in zip(Rows._fields, self.rows, strict=True):
                addresses[names[name]] = array.__array_interface__["data"][0]
        if self.cuts is not None:
            addresses[names["cuts"]] = memory.address(self.cuts)
        words.run(addresses, self.shape.steps, self.seed or 0, self.stream, self.seed is not None, self.step)


class Forward(NamedTuple):
    """What a forward pass gives, rows padded to whole vectors; N is (T, B) where the input was so.

    Attributes:
        output: (N, H).
        final: (1, B, ·) for each state.
        states: (N, ·) for each state beside the output, where kept.
        tape: (N, ·): what is kept for the gradient and the trace.
    """

    output: Array
    final: tuple[Array, ...]
    states: tuple[Array, ...]
    tape: Array | None


def forward(
    kernels: Kernels,
    memory: Memory,
    job: Job,
    parameters: Sequence[Array],
    x: Array,
    initial: Sequence[Array | None],
    save: bool = False,
) -> Forward:
    """Run a cell over sequences.

    Args:
        parameters: as the layout lists them, row by row in memory.
        x: (N, I), row by row in memory: packed by step, rows in falling order of their lengths. Where all rows are full
            it may be (T, B, I).
        initial: (B, ·) for each state, row by row in memory, or None for zeros.
        save: keep what :func:`backward` needs.
    """
    empty, _, address = memory
    words = job.block(kernels, _FORWARD[save, job.trace])
    addresses = [0] * len(words.names)
    for parameter, array in zip(words.parameters, parameters, strict=True):
        if parameter.at is not None:
            addresses[parameter.at] = address(array)
    read = _read(x, kernels, job, memory)
    if words.x_at is not None:
        addresses[words.x_at] = address(read)
    batch, lead = job.shape.batch, x.shape[:-1]
    held, final, values = [], [], []
    for given, width, (initial_at, final_at, values_at) in zip(initial, words.widths, words.states_at, strict=True):
        if given is not None:
            held.append(_padded(given, width, memory))  # until the call is over
            addresses[initial_at] = address(held[-1])
        last = empty(1, batch, width)
        addresses[final_at] = address(last)
        final.append(last)
        if values_at is not None:
            kept = empty(*lead, width)
            addresses[values_at] = address(kept)
            values.append(kept)
    tape = None
    if words.tape_at is not None:
        tape = empty(*lead, words.tape_width)
        addresses[words.tape_at] = address(tape)
    workspace = empty(words.room(job.shape.steps))
    addresses[0] = address(workspace)
    job.run(words, addresses, memory)
    return Forward(values[0], tuple(final), tuple(values[1:]), tape)


class Gradients(NamedTuple):
    """Rows are padded to whole vectors.

    Attributes:
        x: (N, I), or None.
        initial: (B, ·) for each state that was given; None for the others.
        parameters: in their shapes.
    """

    x: Array | None
    initial: tuple[Array | None, ...]
    parameters: tuple[Array, ...]


def backward(
    kernels: Kernels,
    memory: Memory,
    job: Job,
    parameters: Sequence[Array],
    x: Array,
    initial: Sequence[Array | None],
    done: Forward,
    output: Array | None,
    final: Sequence[Array | None],
    trace: Mapping[str, Array | None] | None = None,
    x_needed: bool = True,
) -> Gradients:
    """The gradients of a scalar, given its gradients by the output (N, H) and the final states (B, ·).

    Args:
        parameters, x, initial: as :func:`forward` was given them.
        done: the forward pass, with ``save``.
        trace: name → its gradient by that value (N, ·), for kernels that are traced.
        x_needed: whether the gradient by the input is wanted.
    """
    empty, zeros, address = memory
    sizes, batch, lead = job.sizes, job.shape.batch, done.output.shape[:-1]
    words = job.block(kernels, Mode(True, job.trace, True, output is not None, x_needed))
    addresses = [0] * len(words.names)
    held = []  # until the call is over

    def give(at: int | None, array: Array) -> None:
        if at is not None:
            held.append(array)
            addresses[at] = address(array)

    learned = []
    for parameter, array in zip(words.parameters, parameters, strict=True):
        if parameter.at is not None:
            addresses[parameter.at] = address(array)
        gradient = empty(*parameter.shape) if parameter.reached else zeros(*parameter.shape)
        if parameter.grad_at is not None:
            addresses[parameter.grad_at] = address(gradient)
        learned.append(gradient)
    give(words.x_at, _read(x, kernels, job, memory))
    give(words.tape_at, done.tape)
    if output is not None:
        give(words.output_at, _padded(output, words.widths[0], memory))
    if words.zeros_at is not None:
        give(words.zeros_at, zeros(max(words.widths)))
    for name, at in words.traced_at.items():
        width = kernels.padded(sizes[kernels.plan.trace[name].letter])
        gradient = (trace or {}).get(name)
        give(at, zeros(*lead, width) if gradient is None else _padded(gradient, width, memory))
    by_x = None
    if x_needed:
        width = kernels.padded(sizes["I"])
        by_x = zeros(*lead, width) if words.grad_x_at is None else empty(*lead, width)
        give(words.grad_x_at, by_x)
    workspace = empty(words.room(job.shape.steps))
    addresses[0] = address(workspace)
    values = (done.output, *done.states)
    for kept, first, gradient, width, (initial_at, final_at, values_at) in zip(
        values, initial, final, words.widths, words.states_at, strict=True
    ):
        give(values_at, kept)
        if first is not None:
            give(initial_at, _padded(first, width, memory))
        if gradient is not None:
            give(final_at, _padded(gradient, width, memory))
    job.run(words, addresses, memory)
    by_initial: list[Array | None] = []
    for first, at, width in zip(initial, words.carry, words.widths, strict=True):
        carried = None
        if first is not None:  # a copy, which does not hold the workspace
            carried = empty(batch, width)
            carried[:] = workspace[at : at + batch * width].reshape(batch, width)
        by_initial.append(carried)
    return Gradients(by_x, tuple(by_initial), tuple(learned))


def _read(x: Array, kernels: Kernels, job: Job, memory: Memory) -> Array:
    """The input as the kernels read it."""
    return _padded(x, kernels.padded(job.sizes["I"]), memory) if kernels.reads_input else x


def _padded(array: Array, width: int, memory: Memory) -> Array:
    *lead, given = array.shape
    if given == width:
        return array
    padded = memory.zeros(*lead, width)
    padded[..., :given] = array
    return padded
