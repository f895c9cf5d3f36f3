"""Forecasts that repeat what was: the last value, or the last season."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from latchwork.tasks.timeseries import Floats, Windows
from latchwork.trial.baselines.baseline import Baseline
from latchwork.trial.baselines.history import before, chosen, level, with_past
from latchwork.trial.baselines.intervals import errors_around
from latchwork.trial.runner import Fitted


def naive() -> Baseline:
    """The last value that was seen, for every step ahead. X holds windows."""
    return Baseline("naive", partial(_repeat, season=1))


def seasonal_naive(season: int) -> Baseline:
    """The value of the same step one season before, or as many seasons as it takes. X holds windows.

    Args:
        season: steps.
    """
    return Baseline("seasonal naive", partial(_repeat, season=season))


@dataclass(frozen=True)
class _Repeat:
    steps: NDArray[np.intp]  #: (h,) how far back each step's value lies
    level: Floats  #: (C,) where nothing has been seen
    errors: Floats  #: (h, C, 3)

    def predict(self, windows: Windows) -> Floats:
        return before(windows, self.steps, self.level)[..., None] + self.errors


def _repeat(X: Windows, y: Floats, seed: int, season: int) -> Fitted:
    steps = season - np.arange(X.horizon) % season
    mean = level(X.series)
    rows = with_past(X, season)
    errors = errors_around(y[rows], before(chosen(X, rows), steps, mean))
    return Fitted(predict=_Repeat(steps, mean, errors).predict)
