"""One layer and direction by the kernels: allocates what a call needs, in numpy or in torch, and runs it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from latchwork.kernels.block import Block, Mode, Shape, block
from latchwork.kernels.native import Kernels

Array: TypeAlias = Any
Sizes: TypeAlias = Mapping[str, int]


class Memory(NamedTuple):
    """How arrays are made and found.

    Attributes:
        empty: rows, columns → an array of the kernels' precision, on a cache line.
        zeros: the same, of zeros.
        address: of an array's first number.
    """

    empty: Callable[[int, int], Array]
    zeros: Callable[[int, int], Array]
    address: Callable[[Array], int]


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
        cuts: (N,) one byte each: whether the row is cut before that step.
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

    @property
    def total(self) -> int:
        """N."""
        return self.shape.steps * self.shape.batch if self.rows is None else int(self.rows.offset[-1])

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
    """What a forward pass gives, rows padded to whole vectors.

    Attributes:
        output: (N, H).
        final: (B, ·) for each state.
        states: (N, ·) for each state beside the output, where kept.
        tape: (N, ·): what is kept for the gradient and the trace.
        initial: (B, ·) for each state, as given.
        x: (N, I), as it was read.
    """

    output: Array
    final: tuple[Array, ...]
    states: tuple[Array, ...]
    tape: Array | None
    initial: tuple[Array | None, ...]
    x: Array


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
        x: (N, I), row by row in memory: packed by step, rows in falling order of their lengths.
        initial: (B, ·) for each state, row by row in memory, or None for zeros.
        save: keep what :func:`backward` needs.
    """
    empty, _, address = memory
    words = job.block(kernels, Mode(save, job.trace))
    batch, total = job.shape.batch, job.total
    addresses = [0] * len(words.names)
    for at, array in zip(words.parameters_at, parameters, strict=True):
        if at is not None:
            addresses[at] = address(array)
    if kernels.reads_input:
        x = _padded(x, kernels.padded(job.sizes["I"]), memory)
    if words.x_at is not None:
        addresses[words.x_at] = address(x)
    first, final, values = [], [], []
    for given, width, (initial_at, final_at, values_at) in zip(initial, words.widths, words.states_at, strict=True):
        if given is not None:
            given = _padded(given, width, memory)
            addresses[initial_at] = address(given)
        first.append(given)
        final.append(empty(batch, width))
        addresses[final_at] = address(final[-1])
        if values_at is not None:
            values.append(empty(total, width))
            addresses[values_at] = address(values[-1])
    tape = None
    if words.tape_at is not None:
        tape = empty(total, words.tape_width)
        addresses[words.tape_at] = address(tape)
    workspace = empty(1, words.room(job.shape.steps))
    addresses[0] = address(workspace)
    job.run(words, addresses, memory)
    return Forward(values[0], tuple(final), tuple(values[1:]), tape, tuple(first), x)


class Gradients(NamedTuple):
    """x: (N, I) or None; initial: (B, ·) for each state; rows padded to whole vectors. parameters: in their shapes."""

    x: Array | None
    initial: tuple[Array, ...]
    parameters: tuple[Array, ...]


def backward(
    kernels: Kernels,
    memory: Memory,
    job: Job,
    parameters: Sequence[Array],
    done: Forward,
    output: Array | None,
    final: Sequence[Array | None],
    trace: Mapping[str, Array | None] | None = None,
    x_needed: bool = True,
) -> Gradients:
    """The gradients of a scalar, given its gradients by the output (N, H) and the final states (B, ·).

    Args:
        done: the forward pass, with ``save``.
        trace: name → its gradient by that value (N, ·), for kernels that are traced.
        x_needed: whether the gradient by the input is wanted.
    """
    empty, zeros, address = memory
    plan, sizes, batch, total = kernels.plan, job.sizes, job.shape.batch, job.total
    words = job.block(kernels, Mode(True, job.trace, True, output is not None, x_needed))
    names = words.names
    addresses = [0] * len(names)
    kept: list[Array] = []  # until the call is over

    def give(name: str, array: Array) -> None:
        if name in names:
            kept.append(array)
            addresses[names[name]] = address(array)

    give("x", done.x)
    if done.tape is not None:
        give("tape", done.tape)
    for i, (values, first) in enumerate(zip((done.output, *done.states), done.initial, strict=True)):
        give(f"values_{i}", values)
        if first is not None:
            give(f"initial_{i}", first)
    if output is not None:
        give("grad_output", _padded(output, words.widths[0], memory))
    if "zeros" in names:
        give("zeros", zeros(1, max(words.widths)))
    for name, value in plan.graph.traced.items() if plan.traced else ():
        width = kernels.padded(sizes[plan.letters(value)])
        gradient = (trace or {}).get(name)
        give(f"grad_trace_{name}", zeros(total, width) if gradient is None else _padded(gradient, width, memory))
    x = None
    if x_needed:
        width = kernels.padded(sizes["I"])
        x = empty(total, width) if "grad_input" in names else zeros(total, width)
        give("grad_input", x)
    learned = []
    for parameter, array in zip(plan.layout.parameters, parameters, strict=True):
        give(parameter.name, array)
        shape = parameter.shape(sizes)
        make = empty if parameter.name in words.reached else zeros
        learned.append(make(shape[0], math.prod(shape[1:])))
        give(f"grad_{parameter.name}", learned[-1])
        learned[-1] = learned[-1].reshape(shape)
    workspace = empty(1, words.room(job.shape.steps))
    addresses[0] = address(workspace)
    carried = []
    for i, (at, width, gradient) in enumerate(zip(words.carry, words.widths, final, strict=True)):
        if gradient is not None:
            give(f"final_{i}", _padded(gradient, width, memory))
        carried.append(workspace[0, at : at + batch * width].reshape(batch, width))
    job.run(words, addresses, memory)
    return Gradients(x, tuple(carried), tuple(learned))


def _padded(array: Array, width: int, memory: Memory) -> Array:
    if array.shape[1] == width:
        return array
    padded = memory.zeros(array.shape[0], width)
    padded[:, : array.shape[1]] = array
    return padded
