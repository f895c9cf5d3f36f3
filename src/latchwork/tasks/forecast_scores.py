"""How good forecasts are; missing targets (NaN) do not count.

Shapes: n origins, h steps ahead, C channels, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latchwork.errors import DataError

Floats = NDArray[np.float64]


def naive_error(values: ArrayLike, season: int = 1) -> Floats:
    """(C,) mean absolute difference of values (T, C) to those a season before: the scale of :func:`mase`. NaN in a
    channel where no value has one a season before.

    Raises:
        DataError: the values are no longer than the season.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[:, None] if known.ndim == 1 else known
    if len(known) <= season:
        raise DataError(f"the training part has {len(known)} steps, no more than the season of {season}; give more")
    return _mean(np.abs(known[season:] - known[:-season]), axis=0)


def mase(targets: ArrayLike, forecasts: ArrayLike, scale: ArrayLike) -> float:
    """Mean absolute scaled error (Hyndman & Koehler 2006): below 1, forecasts err less than the seasonal naive one did
    in the training part.

    Args:
        targets, forecasts: (n, h, C); the forecasts are medians.
        scale: (C,) of :func:`naive_error` on the training part, or (n, C) for origins of several series.

    Returns:
        The mean of the channels. A channel whose scale is 0, since it never changed, is left out.

    Raises:
        DataError: no channel has a scale above 0, or no target is there.
    """
    truth, found = _pair(targets, forecasts)
    unit = np.broadcast_to(np.asarray(scale, dtype=np.float64), (len(truth), truth.shape[2]))[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.where(unit > 0, np.abs(truth - found) / unit, np.nan)
    if np.isnan(scaled).all():
        raise DataError("no channel changed from season to season in the training part, so errors have no scale")
    return float(np.nanmean(_mean(scaled, axis=(0, 1))))


def rmse(targets: ArrayLike, forecasts: ArrayLike) -> float:
    """Root of the mean squared error, in the values' own unit.

    Args:
        targets, forecasts: (n, h, C).

    Returns:
        Over all channels together, so one with large values counts most.
    """
    truth, found = _pair(targets, forecasts)
    return float(np.sqrt(np.nanmean((truth - found) ** 2)))


def weighted_quantile_loss(targets: ArrayLike, forecasts: ArrayLike, quantiles: Sequence[float]) -> float:
    """Twice the pinball losses' sum over that of all |target|, the mean of the quantiles (Salinas et al. 2020).

    Args:
        targets: (n, h, C).
        forecasts: (n, h, C, Q).
        quantiles: (Q,) between 0 and 1.

    Raises:
        DataError: no target is there, or all are 0.
    """
    truth, found = np.asarray(targets, dtype=np.float64), np.asarray(forecasts, dtype=np.float64)
    if found.shape != (*truth.shape, len(quantiles)):
        raise DataError(f"targets {truth.shape} and {len(quantiles)} quantiles do not fit forecasts {found.shape}")
    _any_target(truth)
    total = float(np.nansum(np.abs(truth)))
    if not total:
        raise DataError("all targets are 0, so the weighted quantile loss has nothing to be weighted by; take another")
    above = truth[..., None] - found
    level = np.asarray(quantiles, dtype=np.float64)
    pinball = np.maximum(level * above, (level - 1) * above)
    return float(2 * np.nansum(pinball) / len(level) / total)


def coverage(targets: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of targets (n, h, C) within [low, high], (n, h, C) each."""
    truth, bottom = _pair(targets, low)
    _, top = _pair(targets, high)
    there = ~np.isnan(truth)
    return float(((truth >= bottom) & (truth <= top))[there].mean())


def _pair(targets: ArrayLike, forecasts: ArrayLike) -> tuple[Floats, Floats]:
    truth, found = np.asarray(targets, dtype=np.float64), np.asarray(forecasts, dtype=np.float64)
    if truth.ndim != 3 or truth.shape != found.shape:
        raise DataError(f"targets {truth.shape} and forecasts {found.shape} must both be (n, h, C)")
    _any_target(truth)
    return truth, found


def _any_target(truth: Floats) -> None:
    if np.isnan(truth).all():
        raise DataError("every target is missing, so there is nothing to score")


def _mean(values: Floats, axis: int | tuple[int, ...]) -> Floats:
    """The mean of what is not NaN; NaN where all is, without a warning."""
    there = ~np.isnan(values)
    count = there.sum(axis=axis)
    total = np.where(there, values, 0.0).sum(axis=axis)
    return np.asarray(np.where(count, total / np.maximum(count, 1), np.nan))
