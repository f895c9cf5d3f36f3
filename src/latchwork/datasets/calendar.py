"""Whether times are regular, and their full grid: steps of seconds, or of the calendar's months. Arrays, no files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from latchwork.errors import ConfigError, DataError, ShapeError

Times = npt.NDArray[np.datetime64]
Integers = npt.NDArray[np.int64]

_UNITS = ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_HOUR = 3600
_SPARSE = 0.9  # of the steps missing: a time is wrong, rather, and the grid could be too long for any memory
_SAVING = "local times repeat an hour where daylight saving ends: write them in UTC, or keep one hour of the two"


@dataclass(frozen=True, eq=False)
class Regular:
    """Times that stand on a regular grid, of which some steps may be missing.

    T are the times given, T' ≥ T the steps of the grid from the first of them to the last.

    Attributes:
        step: timedelta64, in seconds ("s") or in months ("M"; twelve of them are a year).
        times: datetime64[s] (T',), the grid.
        places: (T,), where on the grid the times given stand.
        gaps: (T' − T,), where on the grid the missing steps stand.
        day: of a step in months, the day of the month, or the month's last where it has no such day; else 0.
    """

    step: np.timedelta64
    times: Times = field(repr=False)
    places: Integers = field(repr=False)
    gaps: Integers = field(repr=False)
    day: int = 0

    def spread(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Values of the times given, (T, C) or (T,), on the grid: float64 (T', C) or (T',), NaN at the missing steps.

        Raises:
            ShapeError: there is not one value, or row of them, for each time.
        """
        given = np.asarray(values, dtype=np.float64)
        if given.ndim not in (1, 2) or len(given) != len(self.places):
            raise ShapeError(f"values have shape {given.shape}; needed is a row for each of {len(self.places)} times")
        found = np.full((len(self.times), *given.shape[1:]), np.nan)
        found[self.places] = given
        return found

    def ahead(self, steps: int) -> Times:
        """The next times behind the grid's last, datetime64[s] (steps,). Raises ConfigError for negative ``steps``."""
        if steps < 0:
            raise ConfigError(f"steps={steps}: it must not be negative")
        return _grid(self.times[0], self.step, self.day, np.arange(len(self.times), len(self.times) + steps))

    def __str__(self) -> str:
        """Step, span and gaps in words."""
        shown = f"steps of {duration(self.step)} from {_shown(self.times[0])} to {_shown(self.times[-1])}"
        if not len(self.gaps):
            return f"{shown}, none missing"
        saving = "; local times lack an hour where daylight saving begins" if _within_an_hour(self.step) else ""
        first = _shown(self.times[self.gaps[0]])
        return f"{shown}, {len(self.gaps)} of {len(self.times)} missing, the first {first}{saving}"


def regular(times: npt.ArrayLike, row: Callable[[int], str] | None = None) -> Regular:
    """The grid that times stand on.

    Times on one day of the month, or all on a month's last day, at one hour, are steps of months; a day that a month
    lacks is its last. Any others are steps of seconds. The step is the most common difference of neighbours (the
    smallest of several), and every difference must be a multiple of it; what is skipped becomes a gap. Times are taken
    as they are: UTC has no gaps or repeats, local times with daylight saving have one of each a year.

    Args:
        times: datetime64 (T,), T ≥ 2, rising, to the second.
        row: how messages name a time by its index, such as a table's ``row``; by default ``row 3``, counted from 1.

    Raises:
        ShapeError: there are fewer than two times, or they are not (T,).
        DataError: they are no times, one is missing, finer than a second, given twice or out of order; or they stand on
            no grid, or on one of which nine steps in ten are missing. The message names the rows.
    """
    row = row or (lambda index: f"row {index + 1}")
    given = _seconds(np.asarray(times), row)
    differences = np.diff(given).astype(np.int64)
    _require_rising(given, differences, row)
    day = _day_of_month(given)
    unit: Literal["M", "s"] = "M" if day else "s"
    if day:
        differences = np.diff(given.astype("datetime64[M]")).astype(np.int64)
    lengths, counts = np.unique(differences, return_counts=True)
    step = np.timedelta64(int(lengths[counts.argmax()]), unit)
    multiples, rests = np.divmod(differences, step.astype(np.int64))

    def pair(index: int) -> str:
        return f"{row(index)} ({_shown(given[index])}) and {row(index + 1)} ({_shown(given[index + 1])})"

    if (off := np.flatnonzero(rests)).size:
        apart = duration(np.timedelta64(int(differences[off[0]]), unit))
        raise DataError(
            f"{pair(int(off[0]))} are {apart} apart, which is no multiple of {duration(step)}, the usual step; a "
            "series needs regular times: average or interpolate it to a fixed step"
        )
    places = np.concatenate([[0], np.cumsum(multiples)])
    T = int(places[-1]) + 1
    if T - len(given) >= _SPARSE * T:
        raise DataError(
            f"at the usual step of {duration(step)}, {T - len(given):,} of {T:,} steps are missing, most of them "
            f"between {pair(int(multiples.argmax()))}; check these times, or split the series there"
        )
    steps = np.arange(T)
    gaps = np.setdiff1d(steps, places, assume_unique=True)
    return Regular(step, _grid(given[0], step, day, steps), places, gaps, day)


def duration(step: np.timedelta64) -> str:
    """A step in words: ``15 minutes``, ``1 day``, ``3 months``, ``1 year``; ``step`` is in seconds or in months."""
    count = int(step.astype(np.int64))
    if _in_months(step):
        return _counted(count // 12, "year") if count % 12 == 0 else _counted(count, "month")
    return next(_counted(count // length, unit) for length, unit in _UNITS if count % length == 0)


def _seconds(times: npt.NDArray[Any], row: Callable[[int], str]) -> Times:
    if times.ndim != 1 or len(times) < 2:
        raise ShapeError(f"times have shape {times.shape}; needed is (T,) with at least 2 times")
    if times.dtype.kind != "M":
        raise DataError(f"times have dtype {times.dtype}; needed is datetime64, such as np.array(…, 'datetime64[s]')")
    if (missing := np.flatnonzero(np.isnat(times))).size:
        raise DataError(f"{row(int(missing[0]))} has no time (NaT); fill it in or leave the row out")
    found = times.astype("datetime64[s]")
    if (finer := np.flatnonzero(found != times)).size:
        index = int(finer[0])
        raise DataError(f"{row(index)} ({times[index]}) is finer than a second; round the times to seconds")
    return found


def _require_rising(times: Times, differences: Integers, row: Callable[[int], str]) -> None:
    rising = differences[differences > 0]
    hourly = rising.size > 0 and int(np.median(rising)) <= _HOUR
    if (back := np.flatnonzero(differences < 0)).size:
        index = int(back[0])
        hint = f"; or, {_SAVING}" if hourly and differences[index] >= -_HOUR else ""
        raise DataError(
            f"{row(index + 1)} ({_shown(times[index + 1])}) is before {row(index)} ({_shown(times[index])}); sort the "
            f"rows by time{hint}"
        )
    if (same := np.flatnonzero(differences == 0)).size:
        index = int(same[0])
        hint = f"; or, {_SAVING}" if hourly else ""
        raise DataError(
            f"{row(index)} and {row(index + 1)} have the same time, {_shown(times[index])}; keep one row a time, and "
            f"what is measured in parallel as series of their own{hint}"
        )


def _day_of_month(times: Times) -> int:
    """The one day of the month that times in different months stand on, at one time of day; 0 if there is none."""
    days = times.astype("datetime64[D]")
    months = times.astype("datetime64[M]")
    if np.unique(times - days).size > 1 or (np.diff(months).astype(np.int64) < 1).any():
        return 0
    numbers = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    lengths = _days_in(months)
    if (numbers == lengths).all():
        return 31
    day = int(numbers.max())
    return day if (numbers == np.minimum(day, lengths)).all() else 0


def _grid(first: np.datetime64, step: np.timedelta64, day: int, index: Integers) -> Times:
    """The grid's times at these indices, datetime64[s], in the shape of ``index``."""
    if not day:
        return np.asarray(first + index * step)
    months = first.astype("datetime64[M]") + index * step
    days = np.minimum(day, _days_in(months)) - 1  # whole days behind the month's first
    clock = first - first.astype("datetime64[D]")
    return np.asarray((months.astype("datetime64[D]") + days).astype("datetime64[s]") + clock)


def _days_in(months: Times) -> Integers:
    following = (months + np.timedelta64(1, "M")).astype("datetime64[D]")
    return np.asarray((following - months.astype("datetime64[D]")).astype(np.int64))


def _in_months(step: np.timedelta64) -> bool:
    return bool(np.datetime_data(step.dtype)[0] == "M")


def _within_an_hour(step: np.timedelta64) -> bool:
    return not _in_months(step) and int(step.astype(np.int64)) <= _HOUR


def _counted(count: int, unit: str) -> str:
    return f"1 {unit}" if count == 1 else f"{count} {unit}s"


def _shown(time: np.datetime64) -> str:
    return str(time).replace("T", " ").removesuffix(" 00:00:00")
