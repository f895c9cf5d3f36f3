"""Intervals around forecasts, from the errors that the same method makes within the training part."""

from __future__ import annotations

import numpy as np

from latchwork.tasks.timeseries import QUANTILES, Floats


def errors_around(targets: Floats, forecasts: Floats) -> Floats:
    """(h, C, 3) what to add to a forecast, to have its quantiles: the errors' own at each step ahead.

    The middle one is 0: the method's forecast stays what it is, also where it is off on one side. The outer ones never
    cross it.

    Args:
        targets: (n, h, C) NaN where missing.
        forecasts: (n, h, C)
    """
    errors = targets - forecasts
    found = np.zeros((*errors.shape[1:], len(QUANTILES)))
    for step, channel in np.ndindex(errors.shape[1:]):
        seen = errors[:, step, channel]
        seen = seen[~np.isnan(seen)]
        if len(seen):
            low, _, high = np.quantile(seen, QUANTILES)
            found[step, channel] = min(low, 0), 0, max(high, 0)
    return found
