"""One layer and direction by the fused kernels, under autograd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from latchwork.errors import ShapeError
from latchwork.kernels import checkpoint
from latchwork.kernels import scan as engine
from latchwork.kernels.block import Shape
from latchwork.kernels.native import Kernels, kernels
from latchwork.kernels.plan import plan
from latchwork.kernels.scan import Forward, Memory
from latchwork.language.graph import Graph
from latchwork.nn import threads
from latchwork.nn.packing import Packing
from latchwork.reference.interpreter import Masks
from latchwork.reference.torch import Scan
from latchwork.reference.torch import scan as reference_scan

threads.share()
_LETTERS = "HPI"


def fused_scan(
    graph: Graph,
    name: str,
    parameters: Mapping[str, Tensor],
    x: Tensor,
    initial: Sequence[Tensor | None],
    *,
    sizes: Mapping[str, int],
    packing: Packing,
    reset: Tensor | None = None,
    reverse: bool = False,
    masks: Masks = Masks(),  # noqa: B008 (frozen)
    with_trace: bool = False,
    every: int | None = None,
) -> Scan:
    """Run a cell over packed sequences, as :func:`latchwork.reference.torch.scan` does over padded ones.

    Args:
        graph: the cell's graph.
        name: the cell's name, for messages.
        parameters: name → tensor, as the layout lists them.
        x: (N, I), packed; (T, B, I) where all rows are full.
        initial: the first states, (B, ·) each, in the order of the packing; None for zeros.
        sizes: size letter → number.
        packing: how the sequences are packed.
        reset: (T, B) bool, in the caller's order of rows.
        reverse: start at each row's last valid step and go back.
        masks: how random masks are drawn.
        with_trace: whether to keep every named value.
        every: keep the states of every so many steps for the gradient and compute what is between them again.

    Returns:
        output (N, ·), or (T, B, ·) where all rows are full; final (1, B, ·) each in the order of the packing; trace
        (N, ·) each.
    """
    job = Job.of(graph, name, sizes, packing, reset, reverse, masks, with_trace)
    if every is not None and not with_trace:  # a trace is as long as the sequence in any case
        job = job._replace(every=every)
    if job.turned:
        x = packing.turned(x)
    tensors = (x, *initial, *parameters.values())
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors):
        output, *rest = _Fused.apply(job, *tensors)  # type: ignore[no-untyped-call]
    else:
        output, *rest = job.shaped(job.results(job.forward(tensors, save=False), saved=False))
    states = len(initial)
    trace = {}
    if with_trace:
        named = dict(zip(job.traced, rest[states:], strict=True))
        trace = {key: named.get(key, output) for key in plan(graph).trace}
    if job.turned:
        output = packing.turned(output)
        trace = {key: packing.turned(values) for key, values in trace.items()}
    return Scan(output, tuple(rest[:states]), trace)


class Job(NamedTuple):
    """A call of the kernels: all of it but the tensors.

    Attributes:
        masks: as the reference would draw them, for a derivative of the derivative.
        turned: whether the rows have to be turned around: a ragged batch is scanned backwards by turning its rows.
        scan: what the kernels are told.
        every: how many steps lie between the states that are kept for the gradient; None to keep all.
    """

    graph: Graph
    name: str
    packing: Packing
    masks: Masks
    turned: bool
    scan: engine.Job
    every: int | None = None

    @staticmethod
    def of(
        graph: Graph,
        name: str,
        sizes: Mapping[str, int],
        packing: Packing,
        reset: Tensor | None,
        reverse: bool,
        masks: Masks,
        with_trace: bool,
    ) -> Job:
        """The job of a scan, its arguments as :func:`fused_scan` has them."""
        ragged = packing.rows is not None
        shape = Shape(packing.scanned, packing.batch, ragged, reverse and not ragged, reset is not None)
        cuts = None if reset is None else packing.cuts(reset, reverse)
        threads = torch.get_num_threads()
        sizes = {letter: sizes[letter] for letter in _LETTERS}
        scan = engine.Job(sizes, shape, packing.rows, cuts, threads, with_trace, masks.seed, masks.stream)
        return Job(graph, name, packing, masks, reverse and ragged, scan)

    @property
    def traced(self) -> tuple[str, ...]:
        """The names that are traced, but for those of the output."""
        if not self.scan.trace:
            return ()
        return tuple(key for key, buffer in plan(self.graph).trace.items() if (buffer.role, buffer.key) != ("next", 0))

    def kernels(self, dtype: torch.dtype, traced: bool = False) -> Kernels:
        return kernels(self.graph, "float" if dtype == torch.float32 else "double", traced, self.name)

    def forward(self, tensors: Sequence[Tensor | None], save: bool) -> Forward:
        """The forward pass of the input, the first states and the parameters."""
        x, initial, parameters = self.split(tensors)
        return engine.forward(self.kernels(x.dtype), _MEMORY[x.dtype], self.scan, parameters, x, initial, save)

    def split(self, tensors: Sequence[Tensor | None]) -> tuple[Tensor, list[Tensor | None], list[Any]]:
        """The input, the first states and the parameters, each row by row in memory."""
        x, *given = (_row_by_row(t) for t in tensors)
        assert x is not None
        x = x if x.dim() == 2 else x.reshape(self.scan.total, x.shape[2])
        states = len(self.graph.states)
        sizes = self.scan.sizes
        # The kernels are given addresses alone: another type or shape would be read as what it is not.
        for array, (name, shape) in zip(given[states:], _shapes(self.graph, *sizes.values()), strict=True):
            assert array is not None
            if array.dtype != x.dtype or array.device != x.device or tuple(array.shape) != shape:
                raise ShapeError(
                    f"{self.name}: the parameter {name} must be {shape} of {x.dtype} on {x.device}, as the input is, "
                    f"but it is {tuple(array.shape)} of {array.dtype} on {array.device}"
                )
        return x, given[:states], given[states:]

    def checkpointed(self, tensors: Sequence[Tensor | None]) -> checkpoint.Forward:
        """The forward pass, keeping the states of every so many steps."""
        x, initial, parameters = self.split(tensors)
        assert self.every is not None
        kernels = self.kernels(x.dtype)
        return checkpoint.forward(kernels, _MEMORY[x.dtype], self.scan, parameters, x, initial, self.every)

    def results(self, done: Forward | checkpoint.Forward, saved: bool) -> tuple[Tensor, ...]:
        """The output (N, ·), the final states (B, ·), the trace (N, ·), without padding."""
        sizes = self.scan.sizes
        widths = [sizes[letter] for letter in self.graph.state_sizes()]
        named = []
        if isinstance(done, Forward) and self.scan.trace:
            kernels = self.kernels(done.output.dtype)
            places, _ = kernels.tape(sizes, saved, True)
            for name in self.traced:
                buffer = kernels.plan.trace[name]
                width = sizes[buffer.letter]
                if buffer.role == "next":
                    named.append(done.states[int(buffer.key) - 1][:, :width])
                else:
                    assert done.tape is not None
                    named.append(done.tape[:, places[buffer] : places[buffer] + width])
        final = [_trimmed(f, w) for f, w in zip(done.final, widths, strict=True)]
        return (_trimmed(done.output, widths[0]), *final, *named)

    def shaped(self, results: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The results with the output as the input is, and the final states (1, B, ·) as the layer returns them.

        In place, for autograd refuses to detach a view in place.
        """
        output, *rest = results
        if self.packing.rows is None:
            output.resize_(self.packing.steps, self.packing.batch, output.shape[1])
        for final in rest[: len(self.graph.states)]:
            final.resize_(1, self.packing.batch, final.shape[1])
        return results

    def backward(
        self,
        done: Forward,
        tensors: Sequence[Tensor | None],
        gradients: Sequence[Tensor | None],
        x_needed: bool,
    ) -> tuple[Tensor | None, ...]:
        """The gradients by the input, the first states and the parameters, given those by the results."""
        dtype = done.output.dtype
        states = len(self.graph.states)
        output, *rest = (_flat(g) for g in gradients)
        final, named = rest[:states], rest[states:]
        _, _, parameters = self.split(tensors)
        back = engine.backward(
            self.kernels(dtype, any(g is not None for g in named)),
            _MEMORY[dtype],
            self.scan,
            parameters,
            done,
            output,
            final,
            dict(zip(self.traced, named, strict=True)),
            x_needed,
        )
        return self.trimmed(back)

    def trimmed(self, back: engine.Gradients) -> tuple[Tensor | None, ...]:
        """Without padding."""
        sizes = self.scan.sizes
        x = None if back.x is None else _trimmed(back.x, sizes["I"])
        initial = [_trimmed(g, sizes[w]) for g, w in zip(back.initial, self.graph.state_sizes(), strict=True)]
        return (x, *initial, *back.parameters)


def _memory(dtype: torch.dtype) -> Memory:
    return Memory(
        # Not on torch's default device, which may be another.
        lambda rows, columns: torch.empty((rows, columns), dtype=dtype, device="cpu"),
        lambda rows, columns: torch.zeros((rows, columns), dtype=dtype, device="cpu"),
        torch.Tensor.data_ptr,
    )


_MEMORY = {dtype: _memory(dtype) for dtype in (torch.float32, torch.float64)}


def _row_by_row(values: Tensor | None) -> Tensor | None:
    """As the kernels read it: number after number, and none that is to be negated when it is read."""
    if values is None or (values.is_contiguous() and not values.is_neg()):
        return values
    return values.resolve_neg().contiguous()


def _flat(values: Tensor | None) -> Tensor | None:
    """(T, B, ·) or (1, B, ·) → two dimensions, as the kernels read it."""
    values = _row_by_row(values)
    return values if values is None or values.dim() == 2 else values.flatten(0, 1)


@lru_cache(maxsize=1024)
def _shapes(graph: Graph, *sizes: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The name and shape of each parameter; ``sizes`` in the order of :data:`_LETTERS`."""
    letters = dict(zip(_LETTERS, sizes, strict=True))
    return tuple((p.name, p.shape(letters)) for p in plan(graph).layout.parameters)


def _trimmed(values: Tensor, width: int) -> Tensor:
    """Without the padding; the tensor itself where there is none, for a view must not be changed in place."""
    return values if values.shape[1] == width else values[:, :width].contiguous()


class _Fused(torch.autograd.Function):
    """The kernels under autograd. A derivative of the derivative is taken of the reference."""

    @staticmethod
    def forward(ctx: Any, job: Job, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.job = job
        ctx.set_materialize_grads(False)
        if job.every is not None:
            kept = job.checkpointed(tensors)
            ctx.save_for_backward(*tensors, *(state for states in kept.checkpoints for state in states))
            ctx.given = len(tensors)
            return job.shaped(job.results(kept, saved=True))
        done = job.forward(tensors, save=True)
        ctx.states = len(done.states)
        results = job.shaped(job.results(done, saved=True))
        # Without padding the output is what the backward pass reads, and autograd sees when it was changed in place.
        # With padding it is a copy, kept only so that autograd refuses the same for every width.
        copied = () if results[0] is done.output else (results[0],)
        ctx.given = len(tensors)
        ctx.save_for_backward(*tensors, *copied, done.output, *done.states, *done.initial, done.x, done.tape)
        ctx.kept = len(tensors) + len(copied)
        return results

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        job: Job = ctx.job
        saved = ctx.saved_tensors
        tensors = saved[: ctx.given]
        if torch.is_grad_enabled() or any(_is_batched(g) for g in gradients):
            return (None, *_by_reference(job, tensors, gradients, ctx.needs_input_grad[1:]))
        needed = ctx.needs_input_grad[1:]
        # A hook may have brought them back in another layout.
        if job.every is not None:
            kept = [_row_by_row(t) for t in saved[ctx.given :]]
            found = _from_checkpoints(job, tensors, kept, gradients, needed[0])
        else:
            output, *rest = (_flat(t) for t in saved[ctx.kept :])
            states, initial = rest[: ctx.states], rest[ctx.states : -2]
            done = Forward(output, (), tuple(states), rest[-1], tuple(initial), rest[-2])
            found = job.backward(done, tensors, gradients, needed[0])
        by_x, *others = (g if use else None for g, use in zip(found, needed, strict=True))
        return (None, None if by_x is None else by_x.view(tensors[0].shape), *others)


def _is_batched(gradient: Tensor | None) -> bool:
    """Whether it is one of many at once, as vmap and vectorised Jacobians make them."""
    functorch = torch._C._functorch
    return gradient is not None and (
        functorch.is_batchedtensor(gradient) or functorch.is_legacy_batchedtensor(gradient)
    )


def _from_checkpoints(
    job: Job, tensors: Sequence[Tensor | None], states: Sequence[Any], gradients: Sequence[Any], x_needed: bool
) -> tuple[Tensor | None, ...]:
    x, _, parameters = job.split(tensors)
    count = len(job.graph.states)
    checkpoints = [states[i : i + count] for i in range(0, len(states), count)]
    output, *final = (_flat(g) for g in gradients[: 1 + count])
    assert job.every is not None
    kernels, memory = job.kernels(x.dtype), _MEMORY[x.dtype]
    back = checkpoint.backward(
        kernels, memory, job.scan, parameters, x, checkpoints, output, final, job.every, x_needed
    )
    return job.trimmed(back)


def _by_reference(
    job: Job, tensors: Sequence[Any], gradients: Sequence[Tensor | None], needed: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """The gradients as values that autograd can differentiate again."""
    packing = job.packing
    states = len(job.graph.states)
    x, given, parameters = tensors[0], tensors[1 : 1 + states], tensors[1 + states :]
    sizes, reversed = job.scan.sizes, job.scan.shape.reversed
    lengths = None
    if packing.rows is not None:
        lengths = torch.from_numpy(packing.lengths)
    with torch.enable_grad():
        # In the order of the scan and of the packing, so that it need not be turned or sorted.
        sorted_packing = packing.sorted()
        padded = x if packing.rows is None else sorted_packing.unpack(x)
        padded = padded.flip(0) if reversed else padded
        cuts = None
        if job.scan.cuts is not None:
            cuts = sorted_packing.unpack(job.scan.cuts.unsqueeze(-1)).squeeze(-1).bool()
            cuts = cuts.flip(0) if reversed else cuts
        widths = [sizes[letter] for letter in job.graph.state_sizes()]
        initial = [
            x.new_zeros((packing.batch, width)) if s is None else s for s, width in zip(given, widths, strict=True)
        ]
        names = (parameter.name for parameter in plan(job.graph).layout.parameters)
        done = reference_scan(
            job.graph,
            dict(zip(names, parameters, strict=True)),
            padded,
            initial,
            sizes=sizes,
            lengths=lengths,
            reset=cuts,
            masks=replace(job.masks, rows=packing.order),
            with_trace=job.scan.trace,
        )
        values = [done.output, *(done.trace[name] for name in job.traced)]
        output, *named = (v.flip(0) if reversed else v for v in values)
        results = [
            output if packing.rows is None else sorted_packing.pack(output),
            *(final.unsqueeze(0) for final in done.final),
            *(sorted_packing.pack(v) for v in named),
        ]
        wanted = [t for t, use in zip(tensors, needed, strict=True) if use]
        pairs = [(r, g) for r, g in zip(results, gradients, strict=True) if g is not None and r.requires_grad]
        found: Iterator[Tensor | None] = iter([None] * len(wanted))
        if pairs:
            reached, seeds = zip(*pairs, strict=True)
            found = iter(torch.autograd.grad(reached, wanted, seeds, create_graph=True, allow_unused=True))
    return tuple(next(found) if use else None for use in needed)
