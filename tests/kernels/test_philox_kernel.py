"""The kernels' random masks against the reference's, for every instruction set that this machine runs."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from test_functions import LEVELS, TYPES, compiled

from latchwork.reference.philox import bernoulli, philox

SEEDS = (0, 1, 0x123456789ABCDEF0, 2**64 - 1)

SOURCE = """
#include "philox.h"
using namespace latchwork;
#define DRAW(T)                                                                                             \\
    extern "C" void draw_##T(uint64_t seed, uint32_t unit0, uint32_t row, uint32_t step, uint32_t stream,   \\
                             uint64_t threshold, T* y, int64_t units) {                                     \\
        for (int64_t u = 0; u < units; u += width<T>)                                                       \\
            store<T>(y + u, bernoulli<T>(seed, unit0 + uint32_t(u), row, step, stream, threshold));         \\
    }
DRAW(float)
DRAW(double)
"""


@pytest.fixture(scope="session", params=LEVELS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compiled(request.param, SOURCE, tmp_path_factory.mktemp("philox"))


def draw(
    library: ctypes.CDLL, letter: str, seed: int, counter: tuple[int, int, int, int], threshold: int, units: int
) -> np.ndarray:
    """Numbers for the units from the counter's first on."""
    out = np.full(units, np.nan, TYPES[letter])
    getattr(library, f"draw_{letter}")(
        ctypes.c_uint64(seed),
        *(ctypes.c_uint32(n) for n in counter),
        ctypes.c_uint64(threshold),
        out.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_int64(units),
    )
    return out


@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("letter", TYPES)
def test_masks_are_the_references(library: ctypes.CDLL, letter: str, rate: float) -> None:
    units, batch = 96, 5
    for seed in SEEDS:
        expected: Any = bernoulli(np, rate, seed, 7, 11, batch, units)
        for row in range(batch):
            found = draw(library, letter, seed, (0, row, 11, 7), int(rate * 2**32), units)
            np.testing.assert_array_equal(found, expected[row].astype(found.dtype))


@pytest.mark.parametrize("letter", TYPES)
def test_large_counters(library: ctypes.CDLL, letter: str) -> None:
    units = 32
    for unit0, row, step, stream in [(16, 2**31, 2**32 - 1, 3), (2**32 - 32, 2**32 - 1, 5, 2**32 - 1)]:
        for seed in SEEDS:
            zero = np.zeros(units // 4, np.int64)
            counter = (zero + unit0 // 4 + np.arange(units // 4), zero + row, zero + step, zero + stream)
            word = np.stack(philox(counter, (seed & 0xFFFFFFFF, seed >> 32)), -1).ravel()
            for threshold in (*(int(w) for w in word[:4]), int(word[0]) + 1):  # a word equal to it counts as 0
                found = draw(library, letter, seed, (unit0, row, step, stream), threshold, units)
                np.testing.assert_array_equal(found, (word < threshold).astype(found.dtype))
