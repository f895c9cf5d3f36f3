"""Reads what a person gives a forecaster: series in any of the usual shapes, and origins to learn from and check at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.tasks.timeseries import TimeSeries, Windows

_VALIDATION_ORIGINS = 300  # enough to tell one epoch from another; more have nearly all in common


@dataclass(frozen=True)
class Given:
    """Series as they were given.

    Attributes:
        series: at least one, all with the same C, K and S.
        single: whether it was one series, not a list.
        flat: for each whether it was (T,).
    """

    series: tuple[TimeSeries, ...]
    single: bool
    flat: tuple[bool, ...]


def read_series(X: Any) -> Given:
    """X as series: a ``TimeSeries``, numbers (T,) or (T, C), or a list of these.

    Raises:
        DataError: X is none of these, or its series differ in channels or covariates; the message names the series.
    """
    single = isinstance(X, TimeSeries) or hasattr(X, "__array__") or _are_numbers(X)
    if not single and (isinstance(X, (str, bytes)) or not isinstance(X, Iterable)):
        raise DataError(f"X must be a TimeSeries, numbers (T,) or (T, C), or a list of these, but is {_kind(X)}")
    rows = [X] if single else list(X)
    if not rows:
        raise DataError("X is empty; give series to forecast")
    found, flat = [], []
    for row, given in enumerate(rows):
        if isinstance(given, TimeSeries):
            found.append(given)
            flat.append(False)
            continue
        try:
            values = np.asarray(given, dtype=np.float64)
            found.append(TimeSeries(values))
        except (TypeError, ValueError) as error:
            where = "X" if single else f"series {row} of X"
            raise DataError(f"{where} is no series of numbers: {error}") from error
        flat.append(values.ndim == 1)
    _check_alike(found)
    return Given(tuple(found), single, tuple(flat))


def sizes(series: TimeSeries) -> tuple[int, int, int]:
    """C, K and S."""
    known = 0 if series.known is None else series.known.shape[1]
    return series.values.shape[1], known, 0 if series.static is None else len(series.static)


def check_windows(windows: Windows, horizon: int) -> None:
    """Find out whether forecasts can be made for windows.

    Raises:
        DataError: another horizon, series that differ, an origin outside its series, or covariates that are known ahead
            end before the steps that are asked for do.
    """
    if windows.horizon != horizon:
        raise DataError(
            f"the windows ask for {windows.horizon} steps ahead, but the forecaster is for horizon={horizon}; give "
            "both the same"
        )
    if not windows.series:
        raise DataError("the windows hold no series; give at least one")
    _check_alike(windows.series)
    for row, (series, origins) in enumerate(zip(windows.series, windows.origins, strict=True)):
        if not len(origins):
            continue
        if (np.diff(origins) <= 0).any():
            raise DataError(f"the origins of series {row} are not increasing; sort them and take each once")
        if origins[0] < 1 or origins[-1] > len(series):
            wrong = origins[0] if origins[0] < 1 else origins[-1]
            raise DataError(
                f"series {row} has {len(series)} steps and cannot be forecast from step {wrong}; origins must be "
                f"from 1 to {len(series)}"
            )
        if series.known is not None and len(series.known) < origins[-1] + horizon:
            raise DataError(
                f"known of series {row} has {len(series.known)} rows; to forecast {horizon} steps from step "
                f"{origins[-1]} on it needs {origins[-1] + horizon}"
            )


def from_the_end(series: Sequence[TimeSeries], horizon: int) -> Windows:
    """Windows with one origin each, after the last step. Raises DataError for a series without steps."""
    for row, one in enumerate(series):
        if not len(one):
            raise DataError(f"series {row} has no steps to forecast from; give at least 1")
    return Windows(tuple(series), tuple(np.array([len(one)]) for one in series), horizon)


def held_out(windows: Windows, fraction: float, season: int) -> tuple[Windows, Windows]:
    """Windows to learn from, whose series end where the others' targets begin; and some origins later than that.

    Args:
        fraction: the part of each series, its last, that is validated on; at least a horizon.

    Raises:
        DataError: a series is too short for both.
    """
    series, origins, later = [], [], []
    for row, (one, given) in enumerate(zip(windows.series, windows.origins, strict=True)):
        cut = len(one) - max(round(fraction * len(one)), windows.horizon)
        before, after = given[given <= cut - windows.horizon], given[given >= cut]
        if not (len(before) and len(after)):
            raise DataError(
                f"series {row} has {len(one)} steps, too few to learn from and to validate {windows.horizon} steps "
                "ahead: give a longer series or a shorter horizon or season, or X_valid"
            )
        series.append(one.until(cut))
        origins.append(before)
        later.append(after)
    # Neighbouring origins tell nearly the same, and at a stride of the season all would be of the same phase.
    stride = -(-sum(map(len, later)) // _VALIDATION_ORIGINS)
    while math.gcd(stride, season) > 1:
        stride += 1
    return replace(windows, series=tuple(series), origins=tuple(origins)), replace(
        windows, origins=tuple(one[::stride] for one in later)
    )


def after_a_season(windows: Windows, season: int) -> Windows:
    """The windows that have a whole season before them.

    Raises:
        DataError: a season is longer than what the horizon leaves of every series.
    """
    origins = tuple(one[one >= season] for one in windows.origins)
    if not any(map(len, origins)):
        longest = max(map(len, windows.series))
        raise DataError(
            f"the longest series has {longest} steps, too few for a season of {season} and {windows.horizon} steps "
            "ahead: give a longer series, or a shorter season or horizon"
        )
    return replace(windows, origins=origins)


def series_of(windows: Windows) -> NDArray[np.intp]:
    """(n,) the number of the series of each window."""
    return np.repeat(np.arange(len(windows.series)), [len(one) for one in windows.origins])


def stretches_asked(windows: Windows) -> float:
    """How many stretches of a horizon, end to end, the windows' targets cover: neighbouring origins share theirs."""
    return sum(float(one[-1] - one[0]) / windows.horizon + 1 for one in windows.origins if len(one))


def _check_alike(series: Sequence[TimeSeries]) -> None:
    for row, one in enumerate(series):
        for has, first, what in zip(
            sizes(one), sizes(series[0]), ("channels", "known covariates", "static covariates"), strict=True
        ):
            if has != first:
                raise DataError(f"series {row} has {has} {what}, but series 0 has {first}; give all the same")


def _are_numbers(X: Any) -> bool:
    return isinstance(X, (list, tuple)) and bool(X) and all(np.isscalar(v) and not isinstance(v, str) for v in X)


def _kind(X: Any) -> str:
    return "None" if X is None else type(X).__name__
