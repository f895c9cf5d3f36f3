"""Intervals that hold what they say: their width is fitted where the network did not learn.

After split conformal prediction for quantiles (Romano, Patterson & Candès 2019, "Conformalized quantile regression"),
with a factor of the width in place of a summand, so that wide intervals stay the wider ones.

Shapes: n origins, h steps ahead, C channels, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from latchwork.tasks.timeseries import Floats

_MOST = 3.0  # beyond, a few values at odds with the rest would make all intervals useless
_OWN = 10  # the network's own width counts as if so many targets stood for it: few others cannot overrule it


def width_factors(targets: Floats, forecasts: Floats, quantiles: Sequence[float], independent: float) -> Floats:
    """(C,) by which the outer quantiles' distances to the median must be multiplied to hold the share that they say.

    Args:
        targets: (n, h, C), of validation data; NaN is no target.
        forecasts: (n, h, C, Q) of the same steps.
        quantiles: (Q,) increasing, with 0.5.
        independent: how many of the targets tell something of their own. The fewer, the wider, as in conformal
            prediction, where the next one is below the k-th of N values with probability k / (N + 1); and the nearer
            to 1 is the factor.

    Returns:
        From 1/3 to 3; 1 for a channel without a target, or where there is but the median.
    """
    found = np.ones(targets.shape[2])
    levels = list(quantiles)
    if len(levels) == 1:
        return found
    middle = levels.index(0.5)
    median = forecasts[..., middle]
    out = np.full(targets.shape, -np.inf)  # how far from the median a target is, in distances of the outer quantile
    share = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for outer, sign in ((0, -1.0), (len(levels) - 1, 1.0)):
            if outer != middle:
                beyond, distance = sign * (targets - median), sign * (forecasts[..., outer] - median)
                out = np.maximum(out, np.where(distance > 0, beyond / distance, np.where(beyond > 0, np.inf, -np.inf)))
                share -= levels[0] if outer == 0 else 1 - levels[-1]
    level = min(share * (1 + 1 / independent), 1.0)
    for channel in range(targets.shape[2]):
        there = out[..., channel][~np.isnan(targets[..., channel])]
        if len(there):
            found[channel] = np.quantile(there, level, method="higher")
    drawn: Floats = np.clip(found, 1 / _MOST, _MOST) ** (independent / (independent + _OWN))
    return drawn


def widened(forecasts: Floats, quantiles: Sequence[float], factors: ArrayLike) -> Floats:
    """Forecasts (…, C, Q) with all distances to the median multiplied by factors (C,)."""
    middle = list(quantiles).index(0.5)
    median = forecasts[..., middle, None]
    found: Floats = median + np.asarray(factors)[:, None] * (forecasts - median)
    found[..., middle] = forecasts[..., middle]
    return found
