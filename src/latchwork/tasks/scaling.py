"""How series and their covariates are scaled for a network: by what the training part says, and by nothing later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.tasks.timeseries import Floats, TimeSeries

Single = NDArray[np.float32]


@dataclass(frozen=True)
class Scaling:
    """Means and scales (standard deviations).

    Attributes:
        mean, scale: (C,) of the values of all training series.
        change: (C,) mean absolute change from season to season, of scaled values: what a naive forecast errs by.
        known_mean, known_scale: (K,) of the covariates that are known ahead.
        static_mean, static_scale: (S,) of those of a whole series.
        own: whether a series is scaled by its own history instead, which serves a panel of small and large ones.
    """

    mean: Floats
    scale: Floats
    change: Floats
    known_mean: Floats
    known_scale: Floats
    static_mean: Floats
    static_scale: Floats
    own: bool

    @classmethod
    def learn(cls, series: Sequence[TimeSeries], season: int = 1) -> Scaling:
        """The scaling of training series that repeat themselves after ``season`` steps.

        Raises:
            DataError: nothing but missing values in a channel, the same value throughout, or values too large.
        """
        values = np.concatenate([one.values for one in series])
        empty = np.flatnonzero(np.isnan(values).all(0))
        if len(empty):
            raise DataError(
                f"channel {empty[0]} holds nothing but missing values (NaN) in the training part; leave it out, or "
                "give a series that has some"
            )
        if not any(_changes(column) for one in series for column in one.values.T):
            raise DataError(
                f"the series is constant ({np.nanmax(series[0].values):g} throughout the training part): there is "
                "nothing to learn, and the forecast is that value; give a series that changes"
            )
        mean, scale = _moments(values)
        if not np.isfinite(scale).all():
            channel = int(np.argmax(~np.isfinite(scale)))
            raise DataError(f"the values of channel {channel} are too large to be scaled; divide them first")
        known = [one.known[: len(one)] for one in series if one.known is not None]
        static = [one.static for one in series if one.static is not None]
        learned = cls(
            mean,
            scale,
            np.ones_like(scale),
            *_moments(np.concatenate(known) if known else np.zeros((1, 0))),
            *_moments(np.stack(static) if static else np.zeros((1, 0))),
            own=len(series) > 1,
        )
        scaled = [(one.values - level) / unit for one in series for level, unit in [learned.level(one.values)]]
        changes = np.concatenate([abs(one[season:] - one[:-season]) for one in scaled])
        count = (~np.isnan(changes)).sum(0)
        change = np.nansum(changes, axis=0) / np.maximum(count, 1)
        return replace(learned, change=np.where(change > 0, change, 1.0))

    def level(self, history: Floats) -> tuple[Floats, Floats]:
        """(C,) mean and scale for a series of which ``history`` (T, C) is known when it is first forecast."""
        if not self.own:
            return self.mean, self.scale
        count = (~np.isnan(history)).sum(0)
        mean, scale = _moments(history) if len(history) else (self.mean, self.scale)
        # Of a few values the spread is unknown, of a constant one it is none.
        usable = (count > 1) & (np.nan_to_num(scale) > 0)
        return np.where(count > 0, mean, self.mean), np.where(usable, scale, self.scale)

    def values(self, series: Floats, row: int, mean: Floats, scale: Floats) -> Single:
        """Values (T, C), scaled. Raises DataError where one is too far beyond the training data to be a number."""
        with np.errstate(over="ignore"):
            scaled: Single = ((series - mean) / scale).astype(np.float32)
        if np.isinf(scaled).any():
            step, channel = np.argwhere(np.isinf(scaled))[0].tolist()
            raise DataError(
                f"series {row} has the value {series[step, channel]:g} at step {step}, channel {channel}, far beyond "
                "all of the training data"
            )
        return scaled

    def covariates(self, series: TimeSeries) -> tuple[Single, Single]:
        """Those known ahead (T', K) and those of the whole series (S,), scaled."""
        known = np.zeros((len(series), 0)) if series.known is None else series.known
        static = np.zeros(0) if series.static is None else series.static
        return (
            ((known - self.known_mean) / self.known_scale).astype(np.float32),
            ((static - self.static_mean) / self.static_scale).astype(np.float32),
        )

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        return {name: value if isinstance(value, bool) else value.tolist() for name, value in vars(self).items()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Scaling:
        """The scaling that :meth:`to_data` wrote."""
        arrays = {name: np.asarray(value, dtype=np.float64) for name, value in data.items() if name != "own"}
        return cls(**arrays, own=bool(data["own"]))


def _changes(column: Floats) -> bool:
    there = column[~np.isnan(column)]
    return bool(len(there)) and bool((there != there[0]).any())


def _moments(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of what is there, in each column; 1 where the latter is 0."""
    there = ~np.isnan(values)
    count = np.maximum(there.sum(0), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(there, values, 0.0).sum(0) / count
        spread = np.sqrt((np.where(there, values - mean, 0.0) ** 2).sum(0) / count)
    return mean, np.where(spread > 0, spread, np.where(np.isnan(spread), np.inf, 1.0))
