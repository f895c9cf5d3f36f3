"""Runs the kernels by the driver in numpy alone, on memory that is NaN wherever nothing was written."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latchwork import cells
from latchwork.kernels import build, native, scan
from latchwork.kernels.block import Shape
from latchwork.language.derivative import gradients
from latchwork.language.graph import Graph
from latchwork.language.value import Value
from latchwork.reference import numpy as truth
from latchwork.reference.interpreter import Masks, program
from support import random_parameters

GUARD = 256  # bytes on either side of every array; all ones, so that a number read there is NaN
LINE = 64
Results = dict[str, np.ndarray]


@dataclass
class Guarded:
    """Memory as the driver takes it: NaN where nothing was written, and a guard on either side of every array."""

    dtype: Any
    blocks: list[tuple[np.ndarray, int, int]] = field(default_factory=list)

    def raw(self, count: int, dtype: Any) -> np.ndarray:
        size = count * np.dtype(dtype).itemsize
        block = np.full(size + 2 * GUARD + LINE, 0xFF, np.uint8)
        start = GUARD + (-block.ctypes.data) % LINE
        self.blocks.append((block, start, start + size))
        return block[start : start + size].view(dtype)

    def empty(self, *shape: int) -> np.ndarray:
        return self.raw(math.prod(shape), self.dtype).reshape(shape)

    def zeros(self, *shape: int) -> np.ndarray:
        array = self.empty(*shape)
        array[:] = 0
        return array

    def own(self, array: np.ndarray) -> np.ndarray:
        """A copy, as two dimensions."""
        copy = self.empty(array.shape[0], int(np.prod(array.shape[1:], dtype=int)))
        copy[:] = array.reshape(copy.shape)
        return copy

    def memory(self) -> scan.Memory:
        return scan.Memory(self.empty, self.zeros, lambda array: array.__array_interface__["data"][0])

    def assert_guards(self) -> None:
        for block, start, end in self.blocks:
            assert (block[:start] == 0xFF).all(), "written before an array"
            assert (block[end:] == 0xFF).all(), "written past an array"


@dataclass(frozen=True)
class Case:
    """What is run: a graph, shapes and options; all numbers are drawn from ``draw``.

    Attributes:
        initial: whether the first states are given, or None.
        gradients: "all", or "output", or "final": by what gradients come in.
        traced: whether they come in by every named value too.
        scale: of the weights; small for many steps, over which a cell without a bound would grow.
    """

    graph: Graph
    T: int = 5
    B: int = 3
    I: int = 4  # noqa: E741 (the dimension legend)
    H: int = 7
    P: int = 3
    dtype: Any = np.float64
    lengths: Sequence[int] | None = None
    cut: bool = False
    reverse: bool = False
    initial: bool = True
    seed: int | None = None
    stream: int = 0
    gradients: str = "all"
    traced: bool = False
    draw: int = 0
    scale: float = 1.0

    @property
    def sizes(self) -> dict[str, int]:
        return {"I": self.I, "H": self.H, "P": self.P}

    @property
    def real(self) -> build.Real:
        return "float" if self.dtype == np.float32 else "double"


@dataclass
class Inputs:
    """The numbers of a case, padded, in numpy's float64 but exact in the case's dtype."""

    parameters: Results
    x: np.ndarray
    initial: list[np.ndarray] | None
    reset: np.ndarray | None
    output: np.ndarray
    final: list[np.ndarray]
    trace: Results


def inputs(case: Case) -> Inputs:
    rng = np.random.default_rng(case.draw)
    lowered = program(case.graph).graph
    sizes = case.sizes

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(case.dtype).astype(np.float64)

    cell: Any = case  # random_parameters reads its graph alone
    parameters = random_parameters(cell, sizes, rng)
    scaled = {n: case.scale * p * (4 / max(p.shape[1], 4)) ** 0.5 if p.ndim == 2 else p for n, p in parameters.items()}
    widths = [sizes[letter] for letter in lowered.state_sizes()]
    return Inputs(
        {n: p.astype(case.dtype).astype(np.float64) for n, p in scaled.items()},
        normal(case.T, case.B, case.I),
        [normal(case.B, w) for w in widths] if case.initial else None,
        rng.random((case.T, case.B)) < 0.3 if case.cut else None,
        normal(case.T, case.B, widths[0]) if case.gradients != "final" else np.zeros((case.T, case.B, widths[0])),
        [normal(case.B, w) if case.gradients != "output" else np.zeros((case.B, w)) for w in widths],
        {n: normal(case.T, case.B, sizes[lowered.sizes[v]]) for n, v in lowered.traced.items() if not v.is_comparison},
    )


def by_truth(case: Case, dtype: Any = np.float64) -> Results:
    """Everything by the numpy reference."""
    given = inputs(case)

    def cast(array: np.ndarray) -> np.ndarray:
        return array.astype(dtype)

    initial = None if given.initial is None else [cast(s) for s in given.initial]
    done = truth.forward(
        case.graph, {n: cast(p) for n, p in given.parameters.items()}, cast(given.x), initial,
        lengths=case.lengths, reset=given.reset, reverse=case.reverse, masks=Masks(case.seed, case.stream),
    )  # fmt: skip
    final = [cast(g) for g in given.final]
    if case.traced:
        back = traced_backward(done, cast(given.output), final, {n: cast(g) for n, g in given.trace.items()})
    else:
        back = truth.backward(done, cast(given.output), final)
    found = {"output": done.output, "gradient x": back.x}
    found |= {f"final {i}": s for i, s in enumerate(done.final)}
    found |= {f"gradient initial {i}": s for i, s in enumerate(back.initial)}
    found |= {f"gradient {n}": g for n, g in back.parameters.items()}
    found |= {f"trace {n}": v for n, v in done.trace.items()}
    return {n: np.asarray(v, np.float64) for n, v in found.items()}


def traced_backward(done: truth.Pass, output: np.ndarray, final: list[np.ndarray], named: Results) -> truth.Gradients:
    """As the reference's, with gradients that come in by the named values too: added to the output's, by the chain
    rule of a graph in which each has a seed of its own. For rows in the order of the input."""
    interpreter = done.interpreter
    graph = interpreter.program.graph
    assert done.order is None
    seeds: dict[Value, Value] = {}
    inner: dict[str, Value] = {}
    for result in dict.fromkeys(graph.results):
        seeds[result] = Value("seed")
    incoming = dict(seeds)
    for name in named:
        inner[name] = Value("seed")
        value = graph.traced[name]
        seeds[value] = seeds[value] + inner[name] if value in seeds else inner[name]
    adjoint = {v: g for v, g in gradients(graph, seeds).items() if v.op != "constant"}
    learned = [v for v in graph.order if v.op in ("map", "project", "vector") and v in adjoint]
    targets = [adjoint[v] for v in (graph.input, *graph.states, *learned) if v in adjoint]
    x = np.zeros_like(done.x)
    total = {name: np.zeros_like(array) for name, array in interpreter.parameters.items()}
    carried = list(final)
    for t in reversed(range(len(done.steps))):
        keep = done.valid[t][:, None]
        environment = dict(done.steps[t])
        for name, seed in inner.items():
            environment[seed] = np.where(keep, named[name][t], 0)
        coming = [np.where(keep, c, 0) for c in carried]
        coming[0] = coming[0] + np.where(keep, output[t], 0)
        for result, gradient in zip(graph.results, coming, strict=True):
            seed = incoming[result]
            environment[seed] = environment[seed] + gradient if seed in environment else gradient
        truth._evaluate(targets, environment, interpreter)
        if graph.input in adjoint:
            x[t] = environment[adjoint[graph.input]]
        for value in learned:
            gradient = np.broadcast_to(environment[adjoint[value]], (len(keep), interpreter.sizes[graph.sizes[value]]))
            truth._accumulate(total, value, np.where(keep, gradient, 0), environment, interpreter)
        for i, state in enumerate(graph.states):
            passed = environment[adjoint[state]] if state in adjoint else 0
            carried[i] = np.where(done.restart[t][:, None], 0, np.where(keep, passed, carried[i]))
    return truth.Gradients(np.where(done.valid[:, :, None], x, 0), tuple(carried), total)


def by_kernels(case: Case, threads: int = 1, save: bool = True, x_needed: bool = True) -> Results:
    """Everything by the kernels, in the case's dtype; without ``save`` the forward pass alone."""
    given = inputs(case)
    dtype = case.dtype
    held = Guarded(dtype)
    memory = held.memory()
    kernels = native.kernels(case.graph, case.real, case.traced, "cell")
    rows, place, order = packing(case)
    shape = Shape(
        len(rows.rows) - 1 if rows else case.T, case.B, rows is not None, case.reverse, given.reset is not None
    )
    sorted_rows = (lambda states: states) if order is None else (lambda states: [s[order] for s in states])

    def pack(values: np.ndarray) -> np.ndarray:
        return held.own(values.reshape(case.T * case.B, values.shape[2]).astype(dtype)[place])

    def unpack(values: np.ndarray, width: int) -> np.ndarray:
        padded = np.zeros((case.T * case.B, width), dtype)
        padded[place] = values[:, :width]
        return padded.reshape(case.T, case.B, width)

    def unsort(states: Sequence[np.ndarray]) -> list[np.ndarray]:
        back = slice(None) if order is None else np.argsort(order)
        return [s.reshape(case.B, s.shape[-1])[:, :w][back] for s, w in zip(states, widths, strict=True)]

    cuts = None
    if given.reset is not None:
        reset = given.reset
        if case.reverse:
            reset = np.concatenate([reset[1:], np.zeros((min(case.T, 1), case.B), bool)])
        cuts = held.raw(len(place), np.uint8)
        cuts[:] = reset.reshape(-1)[place]
    widths = [case.sizes[letter] for letter in kernels.plan.graph.state_sizes()]
    parameters = {n: held.own(p.astype(dtype)) for n, p in given.parameters.items()}
    initial = given.initial or [None] * len(widths)
    first = (
        [None if s is None else held.own(s.astype(dtype)) for s in sorted_rows(initial)] if case.initial else initial
    )
    x = pack(given.x)
    kept = [a.copy() for a in (x, *parameters.values())]
    traced = case.traced
    job = scan.Job(case.sizes, shape, rows, cuts, threads, traced, case.seed, case.stream)
    arrays = list(parameters.values())
    done = scan.forward(kernels, memory, job, arrays, x, first, save)
    found = {"output": unpack(done.output, widths[0])}
    found |= {f"final {i}": s for i, s in enumerate(unsort(done.final))}
    if traced:
        places, _ = kernels.tape(case.sizes, save, True)
        for name, buffer in kernels.plan.trace.items():
            width = case.sizes[buffer.letter] if buffer.letter != "1" else 1
            if buffer.role == "next":
                states = (done.output, *done.states)
                found[f"trace {name}"] = unpack(states[int(buffer.key)], width)
            else:
                assert done.tape is not None
                found[f"trace {name}"] = unpack(done.tape[:, places[buffer] :], width)
    if save:
        given_trace = {n: pack(g) for n, g in given.trace.items()}
        back = scan.backward(
            kernels, memory, job, arrays, x, first, done,
            None if case.gradients == "final" else pack(given.output),
            [None if case.gradients == "output" else held.own(g.astype(dtype)) for g in sorted_rows(given.final)],
            given_trace if traced else None, x_needed,
        )  # fmt: skip
        if x_needed:
            found["gradient x"] = unpack(back.x, case.I)
        if case.initial:
            found |= {f"gradient initial {i}": s for i, s in enumerate(unsort(back.initial))}
        found |= {f"gradient {n}": g.copy() for n, g in zip(parameters, back.parameters, strict=True)}
    held.assert_guards()
    for before, after in zip(kept, (x, *parameters.values()), strict=True):
        assert np.array_equal(before, after), "an input was changed"
    return {n: np.array(v) for n, v in found.items()}


def packing(case: Case) -> tuple[scan.Rows | None, np.ndarray, np.ndarray | None]:
    """The rows of a ragged case, where each packed row is in the padded (T · B) ones, and the order of the rows."""
    if case.lengths is None:
        return None, np.arange(case.T * case.B), None
    length = np.asarray(case.lengths, np.int64)
    order = np.argsort(-length, kind="stable")
    counts = [int((length > t).sum()) for t in range(case.T)]
    longest = int(length.max(initial=0))
    rows = np.array([*counts[:longest], 0], np.int64)
    offset = np.concatenate([[0], np.cumsum(rows[:-1])]).astype(np.int64)
    place = np.concatenate([t * case.B + order[:n] for t, n in enumerate(counts)] or [np.zeros(0)]).astype(np.int64)
    return scan.Rows(rows, offset, np.ascontiguousarray(order, np.int64)), place, order


EPSILON = 2.0**-23  # of float32


def assert_true(case: Case, threads: int = 1, run: Callable[..., Results] = by_kernels) -> Results:
    """The kernels against the truth, by the bounds of ``parity.assert_parity``."""
    found = run(case, threads)
    expected = by_truth(case)
    single = case.dtype == np.float32
    rounded = by_truth(case, np.float32) if single else expected
    if not case.traced:
        expected = {n: v for n, v in expected.items() if not n.startswith("trace ")}
    if not case.initial:
        expected = {n: v for n, v in expected.items() if not n.startswith("gradient initial ")}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        assert np.isfinite(found[name]).all(), f"{name}: something that nobody wrote was read"
        scale = max(1.0, float(np.abs(value).max(initial=0)))
        off = float(np.abs(rounded[name] - value).max(initial=0))
        bound = 16 * off + 64 * EPSILON * scale if single else 1e-10 * scale
        error = float(np.abs(found[name] - value).max(initial=0))
        assert error <= bound, f"{name}: off by {error:.3g}, more than {bound:.3g}"
    return found


def assert_same_bits(one: Results, other: Results) -> None:
    """What both have is the same, to the bit."""
    for name in one.keys() & other.keys():
        assert one[name].tobytes() == other[name].tobytes(), name


def every_cell_once() -> None:
    """The zoo in both precisions: for a process of its own, whose instruction set is chosen from outside."""
    for name in cells.names():
        for dtype in (np.float64, np.float32):
            case = Case(cells.get(name).graph, T=4, B=7, I=5, H=18, P=5, dtype=dtype, cut=True, seed=3)
            one = assert_true(case)
            assert_same_bits(one, by_kernels(case, threads=2))
