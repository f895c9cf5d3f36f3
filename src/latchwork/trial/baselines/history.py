"""What a forecast may look at: the values before its origin, and what is known ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.tasks.timeseries import Floats, TimeSeries, Windows


def level(series: Sequence[TimeSeries]) -> Floats:
    """(C,) the mean of what is there in all series; 0 for a channel with nothing."""
    steps = np.concatenate([one.values for one in series])
    there = ~np.isnan(steps)
    mean: Floats = np.where(there, steps, 0).sum(0) / np.maximum(there.sum(0), 1)
    return mean


def before(windows: Windows, steps: NDArray[np.intp], otherwise: Floats) -> Floats:
    """(n, k, C) the values so many ``steps`` (k,) before each origin: 1 is the last one that is known.

    Where a value is missing the last one seen stands for it; where none has been seen yet, ``otherwise`` (C,).
    """
    rows = []
    for one, origins in zip(windows.series, windows.origins, strict=True):
        places = origins[:, None] - steps  # below 0 lies before the series
        carried = _carried(one.values, otherwise)
        rows.append(np.where((places >= 0)[..., None], carried[np.maximum(places, 0)], otherwise))
    return np.concatenate(rows)


def ahead(windows: Windows) -> Floats:
    """(n, F) what is known of each window besides its past: covariates of the h steps asked for, and of the series.

    Raises:
        DataError: covariates end before the steps asked for do.
    """
    rows = []
    for number, (one, origins) in enumerate(zip(windows.series, windows.origins, strict=True)):
        parts = [np.zeros((len(origins), 0))]
        if one.known is not None:
            places = origins[:, None] + np.arange(windows.horizon)
            if len(origins) and places.max() >= len(one.known):
                raise DataError(
                    f"known of series {number} has {len(one.known)} rows; to forecast {windows.horizon} steps from "
                    f"step {origins.max()} on it needs {places.max() + 1}"
                )
            parts.append(one.known[places].reshape(len(origins), -1))
        if one.static is not None:
            parts.append(np.tile(one.static, (len(origins), 1)))
        rows.append(np.concatenate(parts, 1))
    return np.concatenate(rows)


def with_past(windows: Windows, steps: int) -> NDArray[np.intp]:
    """The windows, as rows, that have so many steps before their origin; all of them if none has."""
    rows = np.flatnonzero(np.concatenate(windows.origins) >= steps)
    return rows if len(rows) else np.arange(len(windows))


def chosen(windows: Windows, rows: NDArray[np.intp]) -> Windows:
    """Those of the windows; ``rows`` are increasing."""
    ends = np.cumsum([len(origins) for origins in windows.origins])
    starts = ends - [len(origins) for origins in windows.origins]
    return replace(
        windows,
        origins=tuple(
            origins[rows[(rows >= start) & (rows < end)] - start]
            for origins, start, end in zip(windows.origins, starts, ends, strict=True)
        ),
    )


def _carried(values: Floats, otherwise: Floats) -> Floats:
    """(T, C) with the last value seen in place of missing ones."""
    seen = np.where(np.isnan(values), -1, np.arange(len(values))[:, None])
    last = np.maximum.accumulate(seen, axis=0)
    return np.where(last >= 0, np.take_along_axis(values, np.maximum(last, 0), 0), otherwise)
