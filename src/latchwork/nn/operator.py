"""The kernels as operators of ``torch.library``, for graphs that torch traces: ``torch.compile`` and ``torch.export``.

A traced graph sees one opaque operator for each layer and direction. Its gradient is an operator too, which runs the
forward pass once more rather than have the graph carry what the gradient needs. Outside of traced graphs the kernels
are called through :mod:`latchwork.nn.fused`, which costs less to call and keeps what it needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from latchwork.errors import CompilerError, ShapeError
from latchwork.kernels.native import kernels
from latchwork.kernels.plan import plan
from latchwork.language.cell import Cell
from latchwork.language.serial import from_data
from latchwork.nn.dispatch import differentiated
from latchwork.nn.fused import Job
from latchwork.nn.packing import Packing
from latchwork.nn.signature import Signature
from latchwork.reference.interpreter import Masks
from latchwork.reference.torch import Scan
from latchwork.reference.torch import scan as reference_scan


@lru_cache(maxsize=256)
def _cell(text: str) -> Cell:
    """The cell that a traced graph carries."""
    return from_data(json.loads(text))


def can_be_traced(text: str, x: Tensor) -> bool:
    """Whether the operator can stand for the steps in a traced graph."""
    plain = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)
    return plain and not torch.is_autocast_enabled("cpu") and _has_kernels(text, x.dtype == torch.float64)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _has_kernels(text: str, double: bool) -> bool:
    """Whether the cell's kernels can be had here; compiles them."""
    cell = _cell(text)
    try:
        kernels(cell.graph, "double" if double else "float", False, cell.name)
    except (CompilerError, OSError):
        return False
    return True


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _is_transformed() -> bool:
    """Whether a transform is at work while the graph is traced. torch traces again where another one is."""
    return differentiated()


def traced_scan(
    signature: Signature,
    parameters: Mapping[str, Tensor],
    x: Tensor,
    initial: Sequence[Tensor],
    *,
    sizes: Mapping[str, int],
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    reverse: bool = False,
    masks: Masks = Masks(),  # noqa: B008 (frozen)
    with_trace: bool = False,
) -> Scan:
    """As :func:`latchwork.reference.torch.scan`, by one operator.

    Args:
        masks: how random masks are drawn; its seed a tensor, so that each run of the graph draws another.
    """
    # The level is read here too, so that torch sees that the graph hangs on it.
    transformed = _is_transformed() or forward_ad._current_level >= 0
    run = _steps if transformed else torch.ops.latchwork.scan
    found = run(
        x, list(initial), list(parameters.values()), lengths, reset, masks.seed, signature.text,
        [sizes[letter] for letter in "HPI"], reverse, masks.stream, with_trace,
    )  # fmt: skip
    states = 1 + len(initial)
    trace = dict(zip(signature.traced, found[states:], strict=True)) if with_trace else {}
    return Scan(found[0], tuple(found[1:states]), trace)


def _check(
    cell: Cell, x: Tensor, initial: Sequence[Tensor], parameters: Sequence[Tensor], lengths: Tensor | None,
    reset: Tensor | None, sizes: Sequence[int],
) -> None:  # fmt: skip
    """Refuse what the kernels would read as what it is not: the operator may be called without a module's checks.

    Raises:
        ShapeError: an argument has the wrong shape or dtype.
    """
    graph, letters = cell.graph, dict(zip("HPI", sizes, strict=False))
    if len(sizes) != 3 or min(sizes) < 0 or min(letters[letter] for letter in ("H", *graph.state_sizes())) < 1:
        raise ShapeError(f"{cell.name}: sizes must be [H, P, I], got {list(sizes)}")
    if x.dtype not in (torch.float32, torch.float64):
        raise ShapeError(f"{cell.name}: the kernels compute in float32 and float64, and x is {x.dtype}")
    if x.dim() != 3:
        raise ShapeError(f"{cell.name}: x must be (T, B, I), got {tuple(x.shape)}")
    steps, batch, _ = x.shape
    _require(cell.name, "x", x, (steps, batch, letters["I"]), x.dtype)
    learned = plan(graph).layout.parameters
    for what, given, due in (("states", initial, graph.states), ("parameters", parameters, learned)):
        if len(given) != len(due):
            raise ShapeError(f"{cell.name}: there are {len(due)} {what}, got {len(given)}")
    for state, value, letter in zip(initial, graph.states, graph.state_sizes(), strict=True):
        _require(cell.name, f"the state {value.name}", state, (batch, letters[letter]), x.dtype)
    if reset is not None:
        _require(cell.name, "reset", reset, (steps, batch), torch.bool)
    if lengths is not None:
        _require(cell.name, "lengths", lengths, (batch,), torch.int64)
        if bool(((lengths < 0) | (lengths > steps)).any()):
            raise ShapeError(f"{cell.name}: lengths must be in 0…{steps}, the steps there are; got {lengths.tolist()}")


def _require(name: str, what: str, given: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    if tuple(given.shape) != shape or given.dtype != dtype or given.device.type != "cpu":
        raise ShapeError(
            f"{name}: {what} must be {shape} of {dtype} on the CPU, "
            f"but it is {tuple(given.shape)} of {given.dtype} on {given.device}"
        )


def _job(
    x: Tensor, initial: Sequence[Tensor], parameters: Sequence[Tensor], lengths: Tensor | None, reset: Tensor | None,
    seed: Tensor | None, text: str, sizes: Sequence[int], reverse: bool, stream: int, with_trace: bool,
) -> tuple[Packing, Job]:  # fmt: skip
    if forward_ad._current_level >= 0:
        raise NotImplementedError(
            "torch.ops.latchwork.scan has no forward-mode derivative, and would seem to be constant; call the module, "
            "whose steps torch sees where it takes such derivatives"
        )
    cell = _cell(text)
    _check(cell, x, initial, parameters, lengths, reset, sizes)
    packing = Packing.of(x.shape[0], x.shape[1], None if lengths is None else lengths.cpu())
    h, p, i = sizes
    threads = torch.get_num_threads()
    job = Job.of(cell.graph, cell.name, (h, p, i), packing, reset, reverse, with_trace, None, threads)
    return packing, job if seed is None else job.drawing(Masks(int(seed), stream))


@torch.compiler.allow_in_graph  # type: ignore[untyped-decorator]
def _steps(
    x: Tensor, initial: Sequence[Tensor], parameters: Sequence[Tensor], lengths: Tensor | None, reset: Tensor | None,
    seed: Any, cell: str, sizes: Sequence[int], reverse: bool, stream: int, with_trace: bool,
) -> list[Tensor]:  # fmt: skip
    """What the operator computes, step by step in torch, which can be transformed and differentiated again."""
    graph = _cell(cell).graph
    names = (parameter.name for parameter in plan(graph).layout.parameters)
    done = reference_scan(
        graph,
        dict(zip(names, parameters, strict=True)),
        x,
        initial,
        sizes=dict(zip("HPI", sizes, strict=True)),
        lengths=lengths,
        reset=reset,
        reverse=reverse,
        masks=Masks(seed, stream),
        with_trace=with_trace,
    )
    return [done.output, *done.final, *done.trace.values()]


@torch.library.custom_op("latchwork::scan", mutates_args=(), device_types="cpu")
def _scan(
    x: Tensor, initial: Sequence[Tensor], parameters: Sequence[Tensor], lengths: Tensor | None, reset: Tensor | None,
    seed: Tensor | None, cell: str, sizes: Sequence[int], reverse: bool, stream: int, with_trace: bool,
) -> list[Tensor]:  # fmt: skip
    """x (T, B, I), the states (B, ·), the parameters → the output (T, B, ·), the final states, the trace."""
    packing, job = _job(x, initial, parameters, lengths, reset, seed, cell, sizes, reverse, stream, with_trace)
    rows = packing.pack(x)
    tensors = (packing.turned(rows) if job.turned else rows, *packing.sort(initial), *parameters)
    output, *rest = job.results(job.forward(tensors, save=False), saved=False)
    final, named = [f[0] for f in rest[: len(initial)]], rest[len(initial) :]
    trace = dict(zip(job.traced, named, strict=True))
    every = job.facts.plan.trace if with_trace else ()
    sequences = [output, *(trace.get(name, output) for name in every)]
    spread = [packing.unpack(packing.turned(s) if job.turned else s) for s in sequences]
    spread = [spread[0], *(s.clone() for s in spread[1:])]
    return [spread[0], *packing.unsort(final), *spread[1:]]


@_scan.register_fake
def _(
    x: Tensor, initial: Sequence[Tensor], parameters: Sequence[Tensor], lengths: Tensor | None, reset: Tensor | None,
    seed: Tensor | None, cell: str, sizes: Sequence[int], reverse: bool, stream: int, with_trace: bool,
) -> list[Tensor]:  # fmt: skip
    made = plan(_cell(cell).graph)
    letters = dict(zip("HPI", sizes, strict=True))
    steps, batch = x.shape[:2]
    widths = [letters[letter] for letter in made.graph.state_sizes()]
    named = [letters[buffer.letter] for buffer in made.trace.values()] if with_trace else []
    return [
        x.new_empty((steps, batch, widths[0])),
        *(x.new_empty((batch, w)) for w in widths),
        *(x.new_empty((steps, batch, w)) for w in named),
    ]


def _check_gradients(job: Job, x: Tensor, gradients: Sequence[Tensor | None]) -> None:
    """Refuse gradients that are not of the results. Raises ShapeError."""
    made, sizes, widths, *_ = job.facts
    steps, batch, _ = x.shape
    shapes = [(steps, batch, widths[0]), *((batch, width) for width in widths)]
    if job.scan.trace:
        shapes += [(steps, batch, sizes[buffer.letter]) for buffer in made.trace.values()]
    if len(gradients) != len(shapes):
        raise ShapeError(f"{job.name}: there are {len(shapes)} results, got {len(gradients)} gradients")
    for gradient, shape in zip(gradients, shapes, strict=True):
        if gradient is not None:
            _require(job.name, "a gradient", gradient, shape, x.dtype)


@torch.library.custom_op("latchwork::scan_backward", mutates_args=(), device_types="cpu")
def _scan_backward(
    gradients: Sequence[Tensor | None], x: Tensor, initial: Sequence[Tensor], parameters: Sequence[Tensor],
    lengths: Tensor | None, reset: Tensor | None, seed: Tensor | None, cell: str, sizes: Sequence[int], reverse: bool,
    stream: int, with_trace: bool,
) -> list[Tensor]:  # fmt: skip
    """The gradients by the output, the final states and the trace → those by x, the states and the parameters."""
    packing, job = _job(x, initial, parameters, lengths, reset, seed, cell, sizes, reverse, stream, with_trace)
    turn = packing.turned if job.turned else lambda values: values
    _check_gradients(job, x, gradients)
    tensors = (turn(packing.pack(x)), *packing.sort(initial), *parameters)
    done = job.forward(tensors, save=True)
    states = len(initial)
    given = [None if g is None else turn(packing.pack(g)) for g in (gradients[0], *gradients[1 + states :])]
    final = [None if g is None else packing.sort([g])[0] for g in gradients[1 : 1 + states]]
    output, named = given[0], given[1:]
    if with_trace:
        every = dict(zip(job.facts.plan.trace, named, strict=True))
        for name in every.keys() - set(job.traced):  # another name of the output
            extra = every[name]
            if extra is not None:
                output = extra if output is None else output + extra
        named = [every[name] for name in job.traced]
    found = job.backward(done, tensors, [output, *final, *named], True)
    by_x, by_initial, by_parameters = found[0], found[1 : 1 + states], found[1 + states :]
    assert by_x is not None
    whole = [g for g in (*by_initial, *by_parameters) if g is not None]
    back = [*packing.unsort(whole[:states]), *whole[states:]]
    return [packing.unpack(turn(by_x)).contiguous(), *(g.contiguous().clone() for g in back)]


@_scan_backward.register_fake
def _(
    gradients: Sequence[Tensor | None], x: Tensor, initial: Sequence[Tensor], parameters: Sequence[Tensor],
    lengths: Tensor | None, reset: Tensor | None, seed: Tensor | None, cell: str, sizes: Sequence[int], reverse: bool,
    stream: int, with_trace: bool,
) -> list[Tensor]:  # fmt: skip
    return [torch.empty_like(t, memory_format=torch.contiguous_format) for t in (x, *initial, *parameters)]


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    x, initial, parameters, lengths, reset, seed, *ctx.options = inputs
    ctx.counts = (len(initial), len(parameters))
    ctx.save_for_backward(x, *initial, *parameters, lengths, reset, seed)


def _differentiate(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple[Any, ...]:
    x, *rest, lengths, reset, seed = ctx.saved_tensors
    states, _ = ctx.counts
    initial, parameters = rest[:states], rest[states:]
    if torch.is_grad_enabled():  # a derivative of this derivative may follow
        by_x, *by_rest = _differentiable(ctx, gradients, x, initial, parameters, lengths, reset, seed)
        return (by_x, by_rest[:states], by_rest[states:], *([None] * (3 + len(ctx.options))))
    by_x, *by_rest = torch.ops.latchwork.scan_backward(
        list(gradients), x, initial, parameters, lengths, reset, seed, *ctx.options
    )
    return (by_x, by_rest[:states], by_rest[states:], *([None] * (3 + len(ctx.options))))


def _differentiable(
    ctx: Any, gradients: Sequence[Tensor | None], x: Tensor, initial: Sequence[Tensor], parameters: Sequence[Tensor],
    lengths: Tensor | None, reset: Tensor | None, seed: Tensor | None,
) -> list[Tensor | None]:  # fmt: skip
    """The gradients as values that autograd can differentiate again."""
    inputs = (x, *initial, *parameters)
    results = _steps(x, initial, parameters, lengths, reset, seed, *ctx.options)
    wanted = [t for t in inputs if t.requires_grad]
    pairs = [(r, g) for r, g in zip(results, gradients, strict=True) if g is not None and r.requires_grad]
    found: Iterator[Tensor | None] = iter([None] * len(wanted))
    if pairs:
        reached, seeds = zip(*pairs, strict=True)
        found = iter(torch.autograd.grad(reached, wanted, seeds, create_graph=True, allow_unused=True))
    return [next(found) if t.requires_grad else None for t in inputs]


_scan.register_autograd(_differentiate, setup_context=_setup)
