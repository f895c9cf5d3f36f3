"""Series to forecast, and the places in them to forecast from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError

Floats = NDArray[np.float64]

QUANTILES = (0.1, 0.5, 0.9)
"""Of forecasts that are compared: the median, and an interval that should hold 80 % of what comes."""


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """One series with regular steps, and what else is known of it.

    Attributes:
        values: (T, C) what is forecast; NaN is a missing value.
        known: (T', K) with T' ≥ T, covariates that are known ahead, as the hour of the day, a holiday, a price that has
            been fixed; a forecast of h steps needs them up to T + h.
        static: (S,) what holds for the whole series, as a size or a place.
    """

    values: Floats
    known: Floats | None = None
    static: Floats | None = None

    def __post_init__(self) -> None:
        values = _numbers(self.values, "values", missing=True)
        object.__setattr__(self, "values", values[:, None] if values.ndim == 1 else values)
        if self.values.ndim != 2 or not self.values.shape[1]:
            raise DataError(f"values must be (T,) or (T, C), but have shape {values.shape}")
        if self.known is not None:
            known = _numbers(self.known, "known", missing=False)
            object.__setattr__(self, "known", known[:, None] if known.ndim == 1 else known)
            assert self.known is not None
            if self.known.ndim != 2 or len(self.known) < len(self.values):
                raise DataError(
                    f"known must be (T', K) with a row for each of the {len(self.values)} steps, or more, but has "
                    f"shape {known.shape}"
                )
        if self.static is not None:
            static = _numbers(self.static, "static", missing=False)
            if static.ndim != 1:
                raise DataError(f"static must be (S,), but has shape {static.shape}")
            object.__setattr__(self, "static", static)

    def __len__(self) -> int:
        return len(self.values)

    def until(self, end: int) -> TimeSeries:
        """The first ``end`` steps; the covariates that are known ahead stay."""
        return replace(self, values=self.values[:end])


@dataclass(frozen=True, eq=False)
class Windows:
    """Series, and the origins in each from which ``horizon`` steps are forecast.

    Attributes:
        series: one or several, with the same C, K and S.
        origins: for each series (n,), increasing: from ``o`` on, ``values[:o]`` is known and ``values[o:o + horizon]``
            is asked for. It lies within the series where forecasts are to be scored; else it may reach past the end.
        horizon: steps ahead, h.
    """

    series: tuple[TimeSeries, ...]
    origins: tuple[NDArray[np.intp], ...]
    horizon: int

    def __len__(self) -> int:
        return sum(map(len, self.origins))

    def targets(self) -> Floats:
        """(n, h, C) what came, one series after the other. NaN where it is missing or not yet known."""
        found = np.full((len(self), self.horizon, self.series[0].values.shape[1]), np.nan)
        place = 0
        for series, origins in zip(self.series, self.origins, strict=True):
            for origin in origins.tolist():
                ahead = series.values[origin : origin + self.horizon]
                found[place, : len(ahead)] = ahead
                place += 1
        return found


def every_origin(series: Sequence[TimeSeries], horizon: int, first: int = 1, stride: int = 1) -> Windows:
    """All origins whose ``horizon`` steps lie within the series, from ``first`` on, ``stride`` steps apart.

    Raises:
        DataError: the horizon is longer than what a series leaves for it.
    """
    origins = []
    for row, one in enumerate(series):
        last = len(one) - horizon
        if last < first:
            raise DataError(
                f"series {row} has {len(one)} steps, too few to forecast {horizon} after {first}: give a longer series "
                "or a shorter horizon"
            )
        origins.append(np.arange(first, last + 1, stride))
    return Windows(tuple(series), tuple(origins), horizon)


def _numbers(given: Any, what: str, missing: bool) -> Floats:
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must be numbers: {error}") from error
    wrong = np.isinf(values) if missing else ~np.isfinite(values)
    if wrong.any():
        place = np.argwhere(wrong)[0].tolist()
        value = values[tuple(place)]
        raise DataError(
            f"{what} has {'an infinite value' if np.isinf(value) else 'NaN'} at step {place[0]}"
            + (f", channel {place[1]}" if len(place) > 1 else "")
            + ("; mark missing values as NaN" if missing else "; fill it in first")
        )
    return values
