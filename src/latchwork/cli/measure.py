"""How speeds are compared: in turn, in one process, on a set number of threads, and only where the numbers agree."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

# Two ways of adding up the same float32 products differ by some 1e-6 of the largest number, and gradients summed over
# thousands of steps by some 1e-5; a lower precision or an error in a formula by more than 1e-3.
TOLERANCE = 1e-4
_TIMES = 16  # the largest of many errors, each much grown, is a matter of luck

_ROUNDS = 5
_FEWEST = 3  # rounds, however long they take
# OpenMP's threads spin for some milliseconds after a call, on the processors that the next contender needs.
_PAUSE = 0.01
_SETTLE = 0.003  # of calls that do not count, so that caches and threads are as they are in use
_LONG = 0.05  # a call so long that how it began hardly matters
_NOISY = 0.2


class Timing(NamedTuple):
    """The seconds of a call.

    Attributes:
        median: of all calls.
        low: a quarter took less.
        high: a quarter took more.
        calls: how many there were.
    """

    median: float
    low: float
    high: float
    calls: int

    @staticmethod
    def of(times: list[float]) -> Timing:
        low, median, high = (float(q) for q in np.quantile(times, (0.25, 0.5, 0.75)))
        return Timing(median, low, high, len(times))

    @property
    def noisy(self) -> bool:
        """Whether the calls took so different times that the median says little."""
        return self.high - self.low > _NOISY * self.median


def in_turn(calls: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, Timing]:
    """Time calls against each other: a while of each, in turn, round after round, the order turned each time.

    Whatever the machine does beside falls on all of them. Calls should have been made once before, for their numbers.

    Args:
        calls: name → what is to be timed.
        seconds: for each; long calls take more, for each is called three times at least.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    for done in range(_ROUNDS):
        if done >= _FEWEST and sum(map(sum, times.values())) >= seconds * len(calls):
            break
        for name in order:
            time.sleep(_PAUSE)
            times[name] += _while(calls[name], seconds / _ROUNDS)
        order.reverse()
    return {name: Timing.of(taken) for name, taken in times.items()}


def _while(call: Callable[[], object], seconds: float) -> list[float]:
    """The times of calls for so long, at least one; those before it has settled are left out."""
    first = settling = _timed(call)
    if first < _LONG:
        while settling < _SETTLE:
            settling += _timed(call)
        times, total = [], 0.0
    else:
        times, total = [first], first
    while not times or total < seconds:
        times.append(_timed(call))
        total += times[-1]
    return times


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Within this context torch and the kernels use ``count`` threads.

    Measure everything on one number before going on to the next: a change starts or stops threads.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def disagreement(
    found: Mapping[str, Any],
    expected: Mapping[str, Any],
    truth: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
) -> str | None:
    """What differs between two results by more than rounding, in words; None where they agree.

    Args:
        found: name → array or tensor (without gradient).
        expected: the same names.
        truth: the same in a higher precision. A difference then counts only where one of the two is more than 16 times
            as far from it as the other: over many steps some cells make much of either's rounding.
        tolerance: the greatest difference, as a share of the largest expected number of that array.
    """
    if missing := expected.keys() ^ found.keys():
        return f"only one of the two has {', '.join(sorted(missing))}"
    for name, right in expected.items():
        a, b = np.asarray(found[name], dtype=np.float64), np.asarray(right, dtype=np.float64)
        if a.shape != b.shape:
            return f"{name} is {a.shape} and should be {b.shape}"
        error, scale = float(np.max(np.abs(a - b), initial=0)), float(np.max(np.abs(b), initial=0))
        if truth is not None:
            exact = np.asarray(truth[name], dtype=np.float64)
            ours, others = (float(np.max(np.abs(v - exact), initial=0)) for v in (a, b))
            if ours <= _TIMES * others and others <= _TIMES * ours:
                continue
        if not error <= tolerance * scale:  # so that a NaN is a difference
            share = error / scale if scale else float("inf")
            return f"{name} differs by {share:.1e} of its largest number, and {tolerance:.0e} is allowed"
    return None


def geometric_mean(ratios: list[float]) -> float | None:
    """The mean of ratios, None of none."""
    return statistics.geometric_mean(ratios) if ratios else None
