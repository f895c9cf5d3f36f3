"""One layer and direction by the kernels: allocates what a call needs, in numpy or in torch, and runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from latchwork.kernels.native import Kernels, Mode, Shape, call

Array: TypeAlias = Any


@dataclass(frozen=True)
class Memory:
    """How arrays are made and found.

    Attributes:
        empty: rows, columns → an array of the kernels' precision whose rows begin on cache lines.
        zeros: the same, of zeros.
        address: of an array's first number.
    """

    empty: Callable[[int, int], Array]
    zeros: Callable[[int, int], Array]
    address: Callable[[Array], int]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of each step of a ragged batch, in falling order of their lengths.

    Attributes:
        rows: (T + 1,) how many rows step s has; the last is 0.
        offset: (T + 1,) the packed row at which step s begins.
        row_id: (B,) the caller's number of each row, for random masks.
    """

    rows: NDArray[np.int64]
    offset: NDArray[np.int64]
    row_id: NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """How masks are drawn: ``seed`` None for their expectation."""

    seed: int | None = None
    stream: int = 0


@dataclass(frozen=True, eq=False)
class Forward:
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
    initial: tuple[Array, ...]
    x: Array


def forward(
    kernels: Kernels,
    memory: Memory,
    sizes: Mapping[str, int],
    parameters: Mapping[str, Array],
    x: Array,
    initial: Sequence[Array | None],
    shape: Shape,
    *,
    rows: Rows | None = None,
    cuts: Array | None = None,
    threads: int = 1,
    save: bool = False,
    trace: bool = False,
    draw: Draw = Draw(),  # noqa: B008 (frozen)
) -> Forward:
    """Run a cell over sequences.

    Args:
        sizes: size letter → number.
        parameters: name → array, as the layout lists them, row by row in memory.
        x: (N, I), row by row in memory: packed by step, rows in falling order of their lengths.
        initial: (B, ·) for each state, or None for zeros.
        shape: of the sequences.
        rows: of each step, for a ragged batch.
        cuts: (N,) one byte each: whether the row is cut before that step.
        save: keep what :func:`backward` needs.
        trace: keep every named value.
        draw: how masks are drawn.
    """
    mode = Mode(save=save, trace=trace)
    layout = call(kernels, sizes["H"], sizes["P"], sizes["I"], shape, threads, mode)
    total = int(rows.offset[-1]) if rows is not None else shape.steps * shape.batch
    widths = [kernels.padded(sizes[letter]) for letter in kernels.plan.graph.state_sizes()]
    x = _padded(x, kernels.padded(sizes["I"]), memory) if kernels.reads_input else x
    first = tuple(
        memory.zeros(shape.batch, w) if s is None else _padded(s, w, memory)
        for s, w in zip(initial, widths, strict=True)
    )
    values = [memory.empty(total, w) if i == 0 or mode.states else None for i, w in enumerate(widths)]
    final = tuple(memory.empty(shape.batch, w) for w in widths)
    _, width = kernels.tape(sizes, save, trace)
    tape = memory.empty(total, width) if width else None
    address = memory.address
    addresses = {name: address(array) for name, array in parameters.items()}
    addresses |= {"x": address(x), "tape": 0 if tape is None else address(tape)}
    for i in range(len(widths)):
        addresses[f"initial_{i}"], addresses[f"final_{i}"] = address(first[i]), address(final[i])
        if values[i] is not None:
            addresses[f"values_{i}"] = address(values[i])
    _add_rows(addresses, rows, cuts, address)
    workspace = memory.empty(1, layout.room)
    addresses["workspace"] = address(workspace)
    layout.run(addresses, draw.seed or 0, draw.stream, draw.seed is not None)
    return Forward(values[0], final, tuple(v for v in values[1:] if v is not None), tape, first, x)


@dataclass(frozen=True, eq=False)
class Gradients:
    """x: (N, I); initial: (B, ·) for each state, rows padded to whole vectors; parameters: in their own shapes."""

    x: Array
    initial: tuple[Array, ...]
    parameters: dict[str, Array]


def backward(
    kernels: Kernels,
    memory: Memory,
    sizes: Mapping[str, int],
    parameters: Mapping[str, Array],
    done: Forward,
    shape: Shape,
    output: Array | None,
    final: Sequence[Array | None],
    *,
    trace: Mapping[str, Array] | None = None,
    rows: Rows | None = None,
    cuts: Array | None = None,
    threads: int = 1,
    traced: bool = False,
    draw: Draw = Draw(),  # noqa: B008 (frozen)
) -> Gradients:
    """The gradients of a scalar, given its gradients by the output (N, H) and the final states (B, ·).

    Args:
        done: the forward pass, with ``save``.
        trace: name → its gradient by that value (N, ·), for kernels that are ``traced``.
        traced: whether the forward pass kept the trace.
    """
    mode = Mode(save=True, trace=traced, backward=True, output=output is not None)
    layout = call(kernels, sizes["H"], sizes["P"], sizes["I"], shape, threads, mode)
    total = int(rows.offset[-1]) if rows is not None else shape.steps * shape.batch
    plan = kernels.plan
    widths = [kernels.padded(sizes[letter]) for letter in plan.graph.state_sizes()]
    address = memory.address
    addresses = {name: address(array) for name, array in parameters.items()}
    addresses |= {"x": address(done.x), "tape": 0 if done.tape is None else address(done.tape)}
    for i, values in enumerate((done.output, *done.states)):
        addresses[f"values_{i}"], addresses[f"initial_{i}"] = address(values), address(done.initial[i])
    if output is not None:
        output = _padded(output, widths[0], memory)
        addresses["grad_output"] = address(output)
    widest = memory.zeros(1, max(kernels.padded(s) for s in sizes.values()))
    addresses["zeros"] = address(widest)
    given = []
    for name, value in plan.graph.traced.items() if plan.traced else ():
        width = kernels.padded(sizes[plan.letters(value)])
        gradient = (trace or {}).get(name)
        given.append(memory.zeros(total, width) if gradient is None else _padded(gradient, width, memory))
        addresses[f"grad_trace_{name}"] = address(given[-1])
    x = memory.empty(total, kernels.padded(sizes["I"]))
    addresses["grad_input"] = address(x)
    learned = {}
    for parameter in plan.layout.parameters:
        learned[parameter.name] = memory.zeros(*_two(parameter.shape(sizes)))
        addresses[f"grad_{parameter.name}"] = address(learned[parameter.name])
    _add_rows(addresses, rows, cuts, address)
    workspace = memory.empty(1, layout.room)
    start = address(workspace)
    addresses["workspace"] = start
    carried = []
    for i, (w, gradient) in enumerate(zip(widths, final, strict=True)):
        at = layout.carry[i] // kernels.bytes
        both = workspace.reshape(-1)[at : at + 2 * shape.batch * w].reshape(2, shape.batch, w)
        both[:] = 0
        if gradient is not None:
            both[:, :, : gradient.shape[1]] = gradient
        carried.append(both)
    layout.run(addresses, draw.seed or 0, draw.stream, draw.seed is not None)
    if not any(b.role == "grad_input" for b in kernels.buffers):
        x[:] = 0
    shaped = {p.name: learned[p.name].reshape(p.shape(sizes)) for p in plan.layout.parameters}
    return Gradients(x, tuple(both[0] for both in carried), shaped)


def _two(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[0], 1) if len(shape) == 1 else (shape[0], shape[1])


def _padded(array: Array, width: int, memory: Memory) -> Array:
    if array.shape[1] == width:
        return array
    padded = memory.zeros(array.shape[0], width)
    padded[:, : array.shape[1]] = array
    return padded


def _add_rows(addresses: dict[str, int], rows: Rows | None, cuts: Array | None, address: Callable[[Array], int]) -> None:
    if rows is not None:
        for name in ("rows", "offset", "row_id"):
            addresses[name] = getattr(rows, name).__array_interface__["data"][0]
    if cuts is not None:
        addresses["cuts"] = address(cuts)
