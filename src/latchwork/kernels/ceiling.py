"""What this machine can do at most, to hold speeds against: multiply-adds a second, and bytes read a second."""

from __future__ import annotations

import contextlib
import ctypes
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from latchwork.kernels.build import compile_library

_FACTOR = 0.999
_TYPICAL = {"L1": 32 << 10, "L2": 1 << 20, "L3": 32 << 20}  # bytes, where the system does not tell
_MOST = 1 << 30
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Read(NamedTuple):
    """Reading the same memory over and over.

    Attributes:
        size: bytes of it, of all threads together.
        rate: bytes a second, of all threads together.
    """

    size: int
    rate: float


class Ceiling(NamedTuple):
    """What a number of threads reach together at most.

    Attributes:
        threads: how many there were; fewer than asked for where the system gives no more.
        flops: float32 operations a second on numbers in registers; a multiply-add counts two.
        read: "L1", "L2", "L3" and "memory" → how fast it is read.
    """

    threads: int
    flops: float
    read: dict[str, Read]


def ceiling(threads: int, seconds: float = 0.1) -> Ceiling:
    """Measure it: the best of many short runs, for whatever else the machine does only takes away.

    Args:
        threads: how many.
        seconds: for each of the five measurements.

    Raises:
        CompilerError: what measures cannot be compiled here.
        OSError: it cannot be loaded.
    """
    library = _library()
    joined = ctypes.c_int(1)
    flops = library.latchwork_peak(threads, seconds, _FACTOR, ctypes.byref(joined))
    read = {}
    for name, size in working_sets(threads).items():
        rate = library.latchwork_read(threads, seconds, size // threads, ctypes.byref(joined))
        if rate:
            read[name] = Read(size, rate)
    return Ceiling(joined.value, flops, read)


def working_sets(threads: int) -> dict[str, int]:
    """Bytes, of all threads together, that surely lie in each level: a quarter of a cache; four times the last.

    Not more than a quarter, for other programs use the caches too. L1 and L2 are taken to be each thread's own, and L3
    everybody's.
    """
    sizes = {**_TYPICAL, **_caches()}
    own = {name: size // 4 * threads for name, size in sizes.items() if name != "L3"}
    past = threads * sizes["L2"]
    return {**own, "L3": max(sizes["L3"] // 4, past), "memory": min(4 * max(sizes["L3"], past), _MOST)}


def _caches() -> dict[str, int]:
    """The sizes of the first processor's caches, as far as the system tells them."""
    found = {}
    for folder in sorted(_CACHES.glob("index*")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            level, kind, size = ((folder / part).read_text().strip() for part in ("level", "type", "size"))
            number = re.fullmatch(r"(\d+)([KMG])", size)
            if kind != "Instruction" and number and f"L{level}" in _TYPICAL:
                found[f"L{level}"] = int(number[1]) * _UNITS[number[2]]
    return found


@cache
def _library() -> Any:
    library = ctypes.CDLL(str(compile_library('#include "ceiling.cpp"\n', real="float", name="ceiling")))
    number, joined = ctypes.c_double, ctypes.POINTER(ctypes.c_int)
    library.latchwork_peak.argtypes = [ctypes.c_int, number, number, joined]
    library.latchwork_read.argtypes = [ctypes.c_int, number, ctypes.c_int64, joined]
    library.latchwork_peak.restype = library.latchwork_read.restype = number
    return library
