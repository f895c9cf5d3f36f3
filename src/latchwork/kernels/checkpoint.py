"""A scan whose forward pass keeps the states of every k-th step alone; the backward pass computes the others again.

Chen, Xu, Zhang & Guestrin 2016, "Training deep nets with sublinear memory cost" (arXiv 1604.06174). What is kept for
the gradient hardly grows with the number of steps, and a training step costs one more forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from latchwork.kernels import scan
from latchwork.kernels.native import Kernels
from latchwork.kernels.scan import Array, Gradients, Job, Memory, Rows


class Segment(NamedTuple):
    """Some steps of a scan, one after the other, as a scan of their own.

    Attributes:
        job: the scan of these steps.
        rows: where their rows are among all packed ones.
        batch: how many sequences still have steps here.
    """

    job: Job
    rows: slice
    batch: int


class Forward(NamedTuple):
    """What a forward pass gives, rows padded to whole vectors.

    Attributes:
        output: (N, H), or (T, B, H) where the input was (T, B, I).
        final: (1, B, ·) for each state.
        checkpoints: the states before each segment.
    """

    output: Array
    final: tuple[Array, ...]
    checkpoints: tuple[tuple[Array, ...], ...]


def segments(job: Job, every: int) -> Iterator[Segment]:
    """The segments of a scan, ``every`` steps each."""
    steps, batch = job.shape.steps, job.shape.batch
    for start in range(0, steps, every):
        stop = min(start + every, steps)
        rows, width = None, batch
        if job.rows is None:
            first, last = (steps - stop, steps - start) if job.shape.reversed else (start, stop)
            place = slice(first * batch, last * batch)
        else:
            counts, offset, names = job.rows
            width = int(counts[start])
            place = slice(int(offset[start]), int(offset[stop]))
            counts = counts[start : stop + 1].copy()
            counts[-1] = 0
            rows = Rows(counts, offset[start : stop + 1] - offset[start], names[:width].copy())
        cuts = None if job.cuts is None else job.cuts.reshape(-1)[place]
        shape = job.shape._replace(steps=stop - start, batch=width)
        yield Segment(job._replace(shape=shape, rows=rows, cuts=cuts, step=job.step + start), place, width)


def forward(
    kernels: Kernels,
    memory: Memory,
    job: Job,
    parameters: Sequence[Array],
    x: Array,
    initial: Sequence[Array | None],
    every: int,
) -> Forward:
    """Run a cell over sequences, as :func:`latchwork.kernels.scan.forward` does, keeping a state at every ``every``."""
    letters = kernels.plan.graph.state_sizes()
    widths = [kernels.padded(job.sizes[letter]) for letter in letters]
    states = []
    for given, width in zip(initial, widths, strict=True):
        state = memory.zeros(1, job.shape.batch, width)
        if given is not None:
            state[..., : given.shape[-1]] = given
        states.append(state)
    output = memory.empty(*x.shape[:-1], widths[0])
    by_row = output.reshape(-1, widths[0])
    x = x.reshape(-1, x.shape[-1])
    parts = list(segments(job, every))
    # One array for all: small ones between the segments' working memory would keep that from being used again.
    kept = [memory.empty(sum(part.batch for part in parts), width) for width in widths]
    checkpoints = []
    start = 0
    for segment in parts:
        before = tuple(array[start : start + segment.batch] for array in kept)
        start += segment.batch
        for checkpoint, state in zip(before, states, strict=True):
            checkpoint[:] = state[0, : segment.batch]
        checkpoints.append(before)
        done = scan.forward(kernels, memory, segment.job, parameters, x[segment.rows], before)
        by_row[segment.rows] = done.output
        for state, final in zip(states, done.final, strict=True):
            state[:, : segment.batch] = final
    return Forward(output, tuple(states), tuple(checkpoints))


def backward(
    kernels: Kernels,
    memory: Memory,
    job: Job,
    parameters: Sequence[Array],
    x: Array,
    checkpoints: Sequence[Sequence[Array]],
    output: Array | None,
    final: Sequence[Array | None],
    every: int,
    x_needed: bool = True,
) -> Gradients:
    """The gradients, as :func:`latchwork.kernels.scan.backward` gives them.

    Args:
        checkpoints: the states before each segment, as :func:`forward` gave them.
    """
    letters = kernels.plan.graph.state_sizes()
    carried = []
    for letter, gradient in zip(letters, final, strict=True):
        state = memory.zeros(job.shape.batch, kernels.padded(job.sizes[letter]))
        if gradient is not None:
            state[:, : gradient.shape[-1]] = gradient
        carried.append(state)
    lead, x = x.shape[:-1], x.reshape(-1, x.shape[-1])
    by_x = memory.zeros(len(x), kernels.padded(job.sizes["I"])) if x_needed else None
    by_output = None if output is None else output.reshape(-1, output.shape[-1])
    learned: list[Any] = []
    for segment, before in zip(reversed(list(segments(job, every))), reversed(checkpoints), strict=True):
        rows, batch = segment.rows, segment.batch
        done = scan.forward(kernels, memory, segment.job, parameters, x[rows], before, save=True)
        given = None if by_output is None else by_output[rows]
        back = scan.backward(
            kernels, memory, segment.job, parameters, x[rows], before, done, given, [c[:batch] for c in carried],
            None, x_needed,
        )  # fmt: skip
        for state, gradient in zip(carried, back.initial, strict=True):
            state[:batch] = gradient
        if by_x is not None:
            by_x[rows] = back.x
        if learned:
            for total, part in zip(learned, back.parameters, strict=True):
                total += part
        else:
            learned = list(back.parameters)
    if not learned:
        shapes = [parameter.shape(job.sizes) for parameter in kernels.plan.layout.parameters]
        learned = [memory.zeros(*shape) for shape in shapes]
    return Gradients(None if by_x is None else by_x.reshape(*lead, by_x.shape[1]), tuple(carried), tuple(learned))
