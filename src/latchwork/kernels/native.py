"""Loads what :mod:`latchwork.kernels.build` compiled: the time loop, and each cell's pointwise functions."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from latchwork.errors import CompilerError
from latchwork.kernels.build import Real, compile_library, instruction_set
from latchwork.kernels.emit import source
from latchwork.kernels.plan import MOST_CELLS, Buffer, Plan, plan
from latchwork.language.graph import Graph

MOST_BUFFERS, MOST_SEGMENTS = 256, 64  # as scan.cpp
CORE = '#include "scan.cpp"\n'  # the translation unit of the time loop


class Extents(NamedTuple):
    """What memory is laid out by; a property of the instruction set.

    Attributes:
        lanes: W, numbers in a vector.
        vectors: columns of a tile, in vectors.
        rows: rows of a tile.
        panel: rows whose part in the weights' gradients is summed at once.
    """

    lanes: int
    vectors: int
    rows: int
    panel: int


class Kernels:
    """The compiled kernels of one cell in one precision.

    Args:
        graph: the cell's graph.
        real: "float" or "double".
        traced: whether gradients also come in by the named values.
        name: the cell's name, for messages.

    Attributes:
        run: the time loop, run(struct Block of ``csrc/plan.h``, struct Call and the bases).
        functions: the addresses of the pointwise functions, in the order of the plan's programs.
        buffers: the plan's buffers in the order that the functions know them by.
        numbers: buffer → its number in that order.

    Raises:
        CompilerError: they cannot be compiled here.
        OSError: they cannot be loaded.
    """

    def __init__(self, graph: Graph, real: Real, traced: bool, name: str) -> None:
        self.plan: Plan = plan(graph, traced)
        self.bytes = 4 if real == "float" else 8
        self.buffers = self.plan.buffers()
        self.numbers = {buffer: i for i, buffer in enumerate(self.buffers)}
        segments = [len(q.segments) for program in self.plan.programs for ph in program.phases for q in ph.products]
        if len(self.buffers) > MOST_BUFFERS or max(segments, default=0) > MOST_SEGMENTS:
            raise CompilerError(
                f"the cell '{name}' is too large for the kernels, with {len(self.buffers)} values to keep, of at most "
                f"{MOST_BUFFERS}, and {max(segments, default=0)} maps into one sum, of at most {MOST_SEGMENTS}"
            )
        self._library = ctypes.CDLL(str(compile_library(source(self.plan), real=real, name=name, isa=_isa())))
        self.run, self.extents = _core(real)
        count = sum(len(program.phases) for program in self.plan.programs)
        self.functions = [
            ctypes.cast(getattr(self._library, f"phase_{i}"), ctypes.c_void_p).value or 0 for i in range(count)
        ]
        lowered = self.plan.graph
        self.reads_input = any(user.op != "map" for user in lowered.users[lowered.input])

    def padded(self, units: int) -> int:
        """Units of a row in memory: the next multiple of W."""
        return -(-units // self.extents.lanes) * self.extents.lanes

    def width(self, letter: str, sizes: Mapping[str, int]) -> int:
        """Numbers in a row of a buffer: padded units; one vector for what is the same for all units."""
        return self.extents.lanes if letter == "1" else self.padded(sizes[letter])

    def tape(self, sizes: Mapping[str, int], save: bool, trace: bool) -> tuple[dict[Buffer, int], int]:
        """Where each kept value is in a row of the tape, and the row's width.

        Args:
            save: whether what the gradient needs is kept.
            trace: whether the named values are.
        """
        keys = {self.plan.numbers[value] for value in self.plan.saved} if save else set()
        wanted = dict.fromkeys(b for b in self.buffers if b.role == "saved" and b.key in keys)
        if trace:
            wanted.update(dict.fromkeys(b for b in self.plan.trace.values() if b.role == "saved"))
        places, total = {}, 0
        for buffer in wanted:
            places[buffer] = total
            total += self.width(buffer.letter, sizes)
        return places, total


def kernels(graph: Graph, real: Real, traced: bool = False, name: str = "cell") -> Kernels:
    """The kernels of a cell, loaded once in a process for all graphs of its content. Raises as :class:`Kernels`."""
    return _kernels(graph.canonical, real, traced, name)


@lru_cache(maxsize=MOST_CELLS)
def _kernels(graph: Graph, real: Real, traced: bool, name: str) -> Kernels:
    return Kernels(graph, real, traced, name)


def share_threads(parallel: int, index: int, count: int) -> None:
    """Run on the threads of an OpenMP pool, rather than on a team of our own beside them.

    Args:
        parallel, index, count: the addresses of ``GOMP_parallel``, ``omp_get_thread_num`` and ``omp_get_num_threads``.
    """
    global _pool
    _pool = (parallel, index, count)
    os.register_at_fork(after_in_child=_forget_pool)  # OpenMP's threads do not outlive a fork
    for library in _cores:
        library.latchwork_share(*_pool)


def _forget_pool() -> None:
    global _pool
    _pool = None


_pool: tuple[int, int, int] | None = None
_cores: list[ctypes.CDLL] = []


@cache
def _isa() -> str:
    """One instruction set for the whole process: memory is laid out by it."""
    return instruction_set()


@lru_cache(maxsize=2)
def _core(real: Real) -> tuple[Any, Extents]:
    library = ctypes.CDLL(str(compile_library(CORE, real=real, name="core", isa=_isa())))
    run = library.latchwork_run
    pointer = ctypes.c_void_p
    run.argtypes = [pointer, pointer]
    run.restype = None
    library.latchwork_share.argtypes = [pointer] * 3
    library.latchwork_share.restype = None
    _cores.append(library)
    if _pool is not None:
        library.latchwork_share(*_pool)
    extents = (ctypes.c_int64 * 4)()
    library.latchwork_extents(extents)
    return run, Extents(*extents)
