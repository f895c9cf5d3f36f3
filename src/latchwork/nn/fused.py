"""One layer and direction by the fused kernels, under autograd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from latchwork.errors import ShapeError
from latchwork.kernels import checkpoint
from latchwork.kernels import scan as engine
from latchwork.kernels.block import Shape
from latchwork.kernels.native import Kernels, kernels
from latchwork.kernels.plan import Plan, plan
from latchwork.kernels.scan import Forward, Memory
from latchwork.language.graph import Graph
from latchwork.nn import threads
from latchwork.nn.packing import Packing
from latchwork.reference.interpreter import Masks
from latchwork.reference.torch import Scan
from latchwork.reference.torch import scan as reference_scan

threads.share()
_LETTERS = "HPI"
Sizes: TypeAlias = tuple[int, int, int]  # of these letters


def fused_scan(
    graph: Graph,
    name: str,
    parameters: Sequence[Tensor],
    x: Tensor,
    initial: Sequence[Tensor | None],
    *,
    sizes: Sizes,
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
        parameters: as the layout lists them.
        x: (N, I), packed; (T, B, I) where all rows are full.
        initial: the first states, (B, ·) each, in the order of the packing; None for zeros.
        sizes: H, P and I.
        packing: how the sequences are packed.
        reset: (T, B) bool, in the caller's order of rows.
        reverse: start at each row's last valid step and go back.
        masks: how random masks are drawn.
        with_trace: whether to keep every named value.
        every: keep the states of every so many steps for the gradient and compute what is between them again.

    Returns:
        output (N, ·), or (T, B, ·) where all rows are full; final (1, B, ·) each in the order of the packing; trace
        (N, ·) each, or (T, B, ·).
    """
    plain = reset is None and packing.rows is None
    job = (_plain if plain else Job.of)(
        graph, name, sizes, packing, reset, reverse, with_trace, every, torch.get_num_threads()
    )
    if masks.seed is not None:
        job = job.drawing(masks)
    if job.turned:
        x = packing.turned(x)
    tensors = (x, *initial, *parameters)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors):
        output, *rest = _Fused.apply(job, *tensors)  # type: ignore[no-untyped-call]
    else:
        output, *rest = job.results(job.forward(tensors, save=False), saved=False)
    trace = {}
    if with_trace:
        named = dict(zip(job.traced, rest[job.states :], strict=True))
        trace = {key: named.get(key, output) for key in job.facts.plan.trace}
    if job.turned:
        output = packing.turned(output)
        trace = {key: packing.turned(values) for key, values in trace.items()}
    return Scan(output, tuple(rest[: job.states]), trace)


class Facts(NamedTuple):
    """What a cell of certain sizes asks of every call.

    Attributes:
        sizes: size letter → number.
        widths: numbers in a row of each state, without padding.
        parameters: the name and shape of each.
        named: the names that are traced, but for those of the output.
    """

    plan: Plan
    sizes: Mapping[str, int]
    widths: tuple[int, ...]
    parameters: tuple[tuple[str, tuple[int, ...]], ...]
    named: tuple[str, ...]


@lru_cache(maxsize=1024)
def _facts(graph: Graph, h: int, p: int, i: int) -> Facts:
    made, sizes = plan(graph), dict(zip(_LETTERS, (h, p, i), strict=True))
    widths = tuple(sizes[letter] for letter in graph.state_sizes())
    parameters = tuple((p.name, p.shape(sizes)) for p in made.layout.parameters)
    named = tuple(key for key, buffer in made.trace.items() if (buffer.role, buffer.key) != ("next", 0))
    return Facts(made, sizes, widths, parameters, named)


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
    facts: Facts
    packing: Packing
    masks: Masks
    turned: bool
    scan: engine.Job
    every: int | None = None

    @staticmethod
    def of(
        graph: Graph,
        name: str,
        sizes: Sizes,
        packing: Packing,
        reset: Tensor | None,
        reverse: bool,
        with_trace: bool,
        every: int | None,
        threads: int,
    ) -> Job:
        """The job of a scan, its arguments as :func:`fused_scan` has them. Masks are their expectation."""
        facts, ragged = _facts(graph, *sizes), packing.rows is not None
        shape = Shape(packing.scanned, packing.batch, ragged, reverse and not ragged, reset is not None)
        cuts = None if reset is None else packing.cuts(reset, reverse)
        scan = engine.Job(facts.sizes, shape, packing.rows, cuts, threads, with_trace)
        # A trace is as long as the sequence in any case.
        return Job(graph, name, facts, packing, Masks(), reverse and ragged, scan, None if with_trace else every)

    def drawing(self, masks: Masks) -> Job:
        """The same with masks drawn so."""
        return self._replace(masks=masks, scan=self.scan._replace(seed=masks.seed, stream=masks.stream))

    @property
    def states(self) -> int:
        """How many states the cell has."""
        return len(self.facts.widths)

    @property
    def traced(self) -> tuple[str, ...]:
        """The names that are traced, but for those of the output."""
        return self.facts.named if self.scan.trace else ()

    def kernels(self, dtype: torch.dtype, traced: bool = False) -> Kernels:
        return kernels(self.graph, "float" if dtype == torch.float32 else "double", traced, self.name)

    def forward(self, tensors: Sequence[Tensor | None], save: bool) -> Forward:
        """The forward pass of the input, the first states and the parameters."""
        x, initial, parameters = self.split(tensors)
        return engine.forward(self.kernels(x.dtype), _MEMORY[x.dtype], self.scan, parameters, x, initial, save)

    def split(self, tensors: Sequence[Tensor | None]) -> tuple[Tensor, list[Tensor | None], list[Any]]:
        """The input, the first states and the parameters, each row by row in memory."""
        x, *given = _row_by_row(tensors)
        assert x is not None
        dtype, initial, parameters = x.dtype, given[: self.states], given[self.states :]
        # The kernels are given addresses alone: another type or shape would be read as what it is not.
        for array, (name, shape) in zip(parameters, self.facts.parameters, strict=True):
            assert array is not None
            if array.dtype is not dtype or array.shape != shape or not array.is_cpu:
                raise ShapeError(
                    f"{self.name}: the parameter {name} must be {shape} of {x.dtype} on {x.device}, as the input is, "
                    f"but it is {tuple(array.shape)} of {array.dtype} on {array.device}"
                )
        return x, initial, parameters

    def checkpointed(self, tensors: Sequence[Tensor | None]) -> checkpoint.Forward:
        """The forward pass, keeping the states of every so many steps."""
        x, initial, parameters = self.split(tensors)
        assert self.every is not None
        kernels = self.kernels(x.dtype)
        return checkpoint.forward(kernels, _MEMORY[x.dtype], self.scan, parameters, x, initial, self.every)

    def results(self, done: Forward | checkpoint.Forward, saved: bool) -> tuple[Tensor, ...]:
        """The output (N, ·), the final states (1, B, ·), the trace (N, ·), without padding; N may be (T, B)."""
        named = []
        if isinstance(done, Forward) and self.scan.trace:
            kernels, sizes = self.kernels(done.output.dtype), self.facts.sizes.values()
            for state, place, width in _places(kernels, self.facts.named, *sizes, saved):
                values = done.tape if state is None else done.states[state]
                assert values is not None
                named.append(values[..., place : place + width])
        widths = self.facts.widths
        return (*_trimmed((done.output, *done.final), (widths[0], *widths)), *named)

    def backward(
        self,
        done: Forward,
        tensors: Sequence[Tensor | None],
        gradients: Sequence[Tensor | None],
        x_needed: bool,
    ) -> tuple[Tensor | None, ...]:
        """The gradients by the input, the first states and the parameters, given those by the results."""
        dtype = done.output.dtype
        output, *rest = _row_by_row(gradients)
        final, named = rest[: self.states], rest[self.states :]
        x, initial, parameters = self.split(tensors)
        back = engine.backward(
            self.kernels(dtype, any(g is not None for g in named)),
            _MEMORY[dtype],
            self.scan,
            parameters,
            x,
            initial,
            done,
            output,
            final,
            dict(zip(self.traced, named, strict=True)),
            x_needed,
        )
        return self.trimmed(back)

    def trimmed(self, back: engine.Gradients) -> tuple[Tensor | None, ...]:
        """Without padding."""
        widths = (self.facts.sizes["I"], *self.facts.widths)
        return (*_trimmed((back.x, *back.initial), widths), *back.parameters)


# One for all calls that differ in nothing but their tensors and masks.
_plain = lru_cache(maxsize=1024)(Job.of)


@lru_cache(maxsize=1024)
def _places(
    kernels: Kernels, names: tuple[str, ...], h: int, p: int, i: int, saved: bool
) -> tuple[tuple[int | None, int, int], ...]:
    """Where each of these traced values is: the number of the state, None for the tape; the place in its rows; its
    width."""
    sizes = dict(zip(_LETTERS, (h, p, i), strict=True))
    places, _ = kernels.tape(sizes, saved, True)
    buffers = [kernels.plan.trace[name] for name in names]
    return tuple(
        (int(b.key) - 1, 0, sizes[b.letter]) if b.role == "next" else (None, places[b], sizes[b.letter])
        for b in buffers
    )


def _memory(dtype: torch.dtype) -> Memory:
    like = torch.empty(0, dtype=dtype, device="cpu")  # not on torch's default device, which may be another
    return Memory(like.new_empty, like.new_zeros, torch.Tensor.data_ptr)


_MEMORY = {dtype: _memory(dtype) for dtype in (torch.float32, torch.float64)}


def _row_by_row(tensors: Iterable[Tensor | None]) -> list[Tensor | None]:
    """As the kernels read them: number after number, and none that is to be negated when it is read."""
    return [t if t is None or (t.is_contiguous() and not t.is_neg()) else t.resolve_neg().contiguous() for t in tensors]


def _trimmed(values: Iterable[Any], widths: Iterable[int]) -> list[Any]:
    """Without the padding; the tensors themselves where there is none, for a view must not be changed in place."""
    return [
        v if v is None or v.shape[-1] == width else v[..., :width].contiguous()
        for v, width in zip(values, widths, strict=True)
    ]


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
            return job.results(kept, saved=True)
        done = job.forward(tensors, save=True)
        results = job.results(done, saved=True)
        # Without padding the output is what the backward pass reads, and autograd sees when it was changed in place.
        # With padding it is a copy, kept only so that autograd refuses the same for every width.
        copied = () if results[0] is done.output else (results[0],)
        ctx.given = len(tensors)
        ctx.save_for_backward(*tensors, *copied, done.output, *done.states, done.tape)
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
            kept = _row_by_row(saved[ctx.given :])
            found = _from_checkpoints(job, tensors, kept, gradients, needed[0])
        else:
            output, *states, tape = _row_by_row(saved[ctx.kept :])
            done = Forward(output, (), tuple(states), tape)
            found = job.backward(done, tensors, gradients, needed[0])
        return (None, *[g if use else None for g, use in zip(found, needed, strict=True)])


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
    count = job.states
    checkpoints = [states[i : i + count] for i in range(0, len(states), count)]
    output, *final = _row_by_row(gradients[: 1 + count])
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
    states = job.states
    x, given, parameters = tensors[0], tensors[1 : 1 + states], tensors[1 + states :]
    sizes, reversed = job.facts.sizes, job.scan.shape.reversed
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
        initial = [
            x.new_zeros((packing.batch, w)) if s is None else s for s, w in zip(given, job.facts.widths, strict=True)
        ]
        names = (name for name, _ in job.facts.parameters)
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
