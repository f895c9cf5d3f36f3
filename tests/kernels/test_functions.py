"""The vector functions of the CPU kernels, for every instruction set that this machine runs, against a wider type."""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latchwork

CSRC = Path(latchwork.__file__).parent / "kernels" / "csrc"
FLAGS = "-std=c++17 -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror -fPIC -shared"
LEVELS = {
    "native": (),
    "x86-64": (),
    "x86-64-v3": ("avx2", "fma", "bmi2", "f16c"),
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}
ONE = ("exp", "log", "tanh", "sigmoid", "softplus", "relu", "sqrt", "abs")
TWO = ("maximum", "minimum")
TYPES = {"float": np.float32, "double": np.float64}
BLOCK = 16  # a multiple of every W

SOURCE = """
#include "functions.h"
using namespace latchwork;
#define ONE(T, name)                                                                      \\
    extern "C" void name##_##T(const T* x, T* y, int64_t size) {                          \\
        for (int64_t i = 0; i < size; i += width<T>) store<T>(y + i, name<T>(load<T>(x + i))); \\
    }
#define TWO(T, name)                                                                      \\
    extern "C" void name##_##T(const T* a, const T* b, T* y, int64_t size) {              \\
        for (int64_t i = 0; i < size; i += width<T>)                                      \\
            store<T>(y + i, name<T>(load<T>(a + i), load<T>(b + i)));                     \\
    }
#define ALL(T)                                                                            \\
    ONE(T, exp) ONE(T, log) ONE(T, tanh) ONE(T, sigmoid) ONE(T, softplus) ONE(T, relu)    \\
    ONE(T, sqrt) ONE(T, abs) TWO(T, maximum) TWO(T, minimum)                              \\
    extern "C" void select_##T(const T* a, const T* b, T* y, int64_t size) {              \\
        for (int64_t i = 0; i < size; i += width<T>) {                                    \\
            const Lanes<T>::V u = load<T>(a + i), v = load<T>(b + i);                     \\
            store<T>(y + i, select<T>(u < v, u, v));                                      \\
        }                                                                                 \\
    }                                                                                     \\
    extern "C" T horizontal_sum_##T(const T* x) { return horizontal_sum<T>(load<T>(x)); } \\
    extern "C" int width_##T() { return width<T>; }
ALL(float)
ALL(double)
extern "C" int fused() { return LATCHWORK_FMA; }
"""


def runs(level: str) -> bool:
    """Whether this machine runs a level of x86-64."""
    if level == "native":
        return True
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
    return all(flag in flags for flag in LEVELS[level])


def compiled(level: str, source: str, folder: Path) -> ctypes.CDLL:
    """The library of a source for a level, or a skipped test where there is no compiler or no such machine."""
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no C++ compiler ({compiler[0]})")
    if not runs(level):
        pytest.skip(f"this machine does not run {level}")
    (folder / "wrapper.cpp").write_text(source)
    command = [*compiler, *FLAGS.split(), f"-march={level}", "-I", str(CSRC), "wrapper.cpp", "-o", "wrapper.so"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "wrapper.so"))


@pytest.fixture(scope="session", params=LEVELS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = compiled(request.param, SOURCE, tmp_path_factory.mktemp("functions"))
    library.horizontal_sum_float.restype = ctypes.c_float
    library.horizontal_sum_double.restype = ctypes.c_double
    return library


def call(library: ctypes.CDLL, name: str, *arrays: np.ndarray) -> np.ndarray:
    """A function over arrays of a type, of any size."""
    size = arrays[0].size
    padded = [np.concatenate([a, np.zeros(-size % BLOCK, a.dtype)]) for a in arrays]
    out = np.full_like(padded[0], np.nan)
    letter = {np.dtype(t): n for n, t in TYPES.items()}[out.dtype]
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (*padded, out)]
    getattr(library, f"{name}_{letter}")(*pointers, ctypes.c_int64(out.size))
    return out[:size]


def samples(dtype: Any) -> np.ndarray:
    """Every binade of both signs, denormal ones too, and densely where the functions bend."""
    rng = np.random.default_rng(0)
    info = np.finfo(dtype)
    exponents = np.arange(info.minexp - info.nmant, info.maxexp)
    each = 30_000 // len(exponents) + 20
    binades = np.ldexp(1 + rng.random((each, len(exponents))), exponents).astype(dtype).ravel()
    edge = 110 if dtype is np.float32 else 750
    parts = [
        binades,
        -binades,
        np.linspace(-edge, edge, 120_001),
        np.linspace(-12, 12, 120_001),
        np.linspace(-1, 1, 60_001),
        rng.standard_normal(50_000),
        1 + rng.standard_normal(20_000) * 1e-3,
    ]
    return np.concatenate([p.astype(dtype) for p in parts])


def truth(name: str, x: np.ndarray) -> np.ndarray:
    """In a wider type than x has."""
    wide = x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            e = np.exp(-np.abs(wide))
            return np.where(wide < 0, e, 1) / (1 + e)
        if name == "softplus":
            return np.maximum(wide, 0) + np.log1p(np.exp(-np.abs(wide)))
        if name == "sqrt":
            return np.sqrt(x)  # is correctly rounded everywhere; a wider one would be rounded twice
        if name == "relu":
            return np.maximum(wide, 0)
        return getattr(np, name)(wide)


@pytest.fixture(scope="session", params=TYPES)
def cases(request: pytest.FixtureRequest) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    if request.param == "double" and np.finfo(np.longdouble).nmant < 60:
        pytest.skip("no type wider than double")
    x = samples(TYPES[request.param])
    return x, {name: truth(name, x) for name in ONE}


@pytest.mark.parametrize("name", ONE)
def test_at_most_two_ulp_from_the_rounded_truth(
    library: ctypes.CDLL, cases: tuple[np.ndarray, dict[str, np.ndarray]], name: str
) -> None:
    x, truths = cases
    with np.errstate(all="ignore"):
        expected = truths[name].astype(x.dtype)
    found = call(library, name, x)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])  # the same infinities and NaN
    ulp = np.spacing(np.abs(expected[finite]))
    error = np.abs(found[finite].astype(np.float64) - expected[finite].astype(np.float64)) / ulp
    # Rounding both products costs tanh two more where nothing is fused: x86-64 before 2013.
    limit = {"relu": 0, "abs": 0, "sqrt": 0}.get(name, 4 if name == "tanh" and not library.fused() else 2)
    worst = int(np.argmax(error))
    assert error[worst] <= limit, f"{name}({x[finite][worst]!r}) is {error[worst]} ulp off"


@pytest.mark.parametrize("dtype", TYPES.values())
def test_special_values(library: ctypes.CDLL, dtype: Any) -> None:
    info = np.finfo(dtype)
    inf, nan, tiny, most = np.inf, np.nan, info.smallest_subnormal, info.max
    x = np.array([0.0, -0.0, inf, -inf, nan, -nan, tiny, -tiny, most, -most], dtype)
    ln2 = dtype(np.log(2))
    expected = {
        "exp": [1, 1, inf, 0, nan, nan, 1, 1, inf, 0],
        "log": [-inf, -inf, inf, nan, nan, nan, np.log(tiny), nan, np.log(most), nan],
        "tanh": [0, 0, 1, -1, nan, nan, tiny, -tiny, 1, -1],
        "sigmoid": [0.5, 0.5, 1, 0, nan, nan, 0.5, 0.5, 1, 0],
        "softplus": [ln2, ln2, inf, 0, nan, nan, ln2, ln2, most, 0],
        "relu": [0, 0, inf, 0, nan, nan, tiny, 0, most, 0],
        "abs": [0, 0, inf, inf, nan, nan, tiny, tiny, most, most],
    }
    for name, values in expected.items():
        found = call(library, name, x)
        np.testing.assert_array_max_ulp(found, np.array(values, dtype), maxulp=1)
        exact = np.isin(np.array(values, dtype), [0, 0.5, 1, -1])
        np.testing.assert_array_equal(found[exact], np.array(values, dtype)[exact], err_msg=name)


@pytest.mark.parametrize("dtype", TYPES.values())
def test_functions_stay_in_their_range(library: ctypes.CDLL, dtype: Any) -> None:
    x = samples(dtype)
    assert (np.abs(call(library, "tanh", x)) <= 1).all()
    sigmoid = call(library, "sigmoid", x)
    assert ((sigmoid >= 0) & (sigmoid <= 1)).all()
    assert (call(library, "softplus", x) >= 0).all()


@pytest.mark.parametrize("dtype", TYPES.values())
@pytest.mark.parametrize("name", TWO)
def test_maximum_and_minimum_keep_nan_from_either_side(library: ctypes.CDLL, name: str, dtype: Any) -> None:
    values = np.array([0.0, -1.5, 2.0, np.inf, -np.inf, np.nan], dtype)
    a, b = (m.ravel() for m in np.meshgrid(values, values))
    np.testing.assert_array_equal(call(library, name, a, b), getattr(np, name)(a, b))


@pytest.mark.parametrize("dtype", TYPES.values())
def test_select_takes_the_first_where_true(library: ctypes.CDLL, dtype: Any) -> None:
    values = np.array([0.0, -1.5, 2.0, np.inf, -np.inf, np.nan], dtype)
    a, b = (m.ravel() for m in np.meshgrid(values, values))
    np.testing.assert_array_equal(call(library, "select", a, b), np.where(a < b, a, b))


@pytest.mark.parametrize("letter", TYPES)
def test_horizontal_sum_adds_halves(library: ctypes.CDLL, letter: str) -> None:
    x = np.random.default_rng(1).standard_normal(getattr(library, f"width_{letter}")()).astype(TYPES[letter])
    found = getattr(library, f"horizontal_sum_{letter}")(x.ctypes.data_as(ctypes.c_void_p))
    while x.size > 1:
        x = x[: x.size // 2] + x[x.size // 2 :]
    assert found == x[0]
