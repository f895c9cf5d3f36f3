"""What a calendar tells ahead of time, as covariates for forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from latchwork.errors import ConfigError, DataError
from latchwork.tasks.timeseries import Floats

Cycle = Literal["hour", "weekday", "month", "year"]
_DAY = 86_400  # seconds
_MONDAY = 4 * _DAY  # 1970-01-05


def calendar_features(times: ArrayLike, cycles: Sequence[Cycle] = ("hour", "weekday")) -> Floats:
    """Times (T,) as places in their cycles (T, 2 · cycles): a sine and a cosine each, so that midnight is near 23:59.

    Args:
        times: numpy datetimes, or text as numpy reads it; to forecast from a series' end, up to h steps past it.
        cycles: "hour" in the day, "weekday", whole days in the week, "month" from first to last second, "year".

    Raises:
        DataError: a time is missing or unreadable.
        ConfigError: an unknown cycle.
    """
    try:
        seconds = np.asarray(times, dtype="datetime64[s]")
    except (TypeError, ValueError) as error:
        raise DataError(f"times must be datetimes, as 2024-05-01T13:00: {error}") from error
    if seconds.ndim != 1:
        raise DataError(f"times must be (T,), but have shape {seconds.shape}")
    if np.isnat(seconds).any():
        raise DataError(f"the time of step {int(np.argmax(np.isnat(seconds)))} is missing; regular steps have one each")
    columns = []
    for cycle in cycles:
        if cycle not in get_args(Cycle):
            raise ConfigError(f"cycles may be {', '.join(map(repr, get_args(Cycle)))}, but one is {cycle!r}")
        angle = 2 * np.pi * _share(seconds, cycle)
        columns += [np.sin(angle), np.cos(angle)]
    return np.stack(columns, 1) if columns else np.zeros((len(seconds), 0))


def _share(seconds: np.ndarray, cycle: Cycle) -> Floats:
    """How much of its cycle has gone by at each time, from 0 to below 1."""
    number = seconds.astype(np.int64)
    if cycle == "hour":
        return number % _DAY / _DAY
    if cycle == "weekday":
        return (number - _MONDAY) // _DAY % 7 / 7  # whole days: at midnight it is another one
    unit = "datetime64[M]" if cycle == "month" else "datetime64[Y]"
    begin = seconds.astype(unit)
    whole = (begin + 1).astype("datetime64[s]").astype(np.int64) - begin.astype("datetime64[s]").astype(np.int64)
    share: Floats = (number - begin.astype("datetime64[s]").astype(np.int64)) / whole
    return share
