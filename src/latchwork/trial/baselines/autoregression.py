"""Linear autoregression: the next values as weighted sums of the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from latchwork.tasks.timeseries import QUANTILES, Floats, Windows
from latchwork.trial.baselines.baseline import Baseline
from latchwork.trial.baselines.history import ahead, before, chosen, level, with_past
from latchwork.trial.baselines.intervals import errors_around
from latchwork.trial.runner import Fitted

_UNITS = (1, 2, 8)  # of lags: a day, two days, and past a week, where the season is a day of hours
_FEWEST_LAGS, _MOST_LAGS = 8, 1000
_STRENGTHS = (1e-4, 1e-2, 1.0)  # of the penalty, as shares of the number of windows
_MOST_NUMBERS = 20_000_000  # in the table that is learned from; windows overlap, so some of them tell nearly all


def linear_autoregression(season: int, channels: int) -> Baseline:
    """Ridge regression of all steps ahead on the last values, and on what is known ahead. X holds windows.

    The lags are 1, 2 or 8 whole seasons; a season counts as at least 8 steps. Each channel has weights of its own: for
    its own lags or, where there are several channels and no more than 1,000 lags of all of them, for those of all.
    Everything is standardised by the training part. Windows without their whole past or with missing targets are left
    out of the fit; a channel that has no whole window is forecast by its mean.

    The intervals are from the errors on the last fifth of the training windows, of weights learned on those before: on
    what they were learned from, many weights err too little.

    Args:
        season: steps.
        channels: C.
    """
    lags = dict.fromkeys(min(units * max(season, _FEWEST_LAGS), _MOST_LAGS) for units in _UNITS)
    settings: list[Mapping[str, Any]] = [
        {"lags": p, "all_channels": every, "penalty": penalty}
        for every, p, penalty in product((False, True), lags, _STRENGTHS)
        if not every or 1 < channels <= _MOST_LAGS // p
    ]
    return Baseline("linear autoregression", _autoregression, settings)


@dataclass(frozen=True)
class _Autoregression:
    lags: int
    all_channels: bool
    level: Floats  #: (C,) where nothing has been seen
    channels: Sequence[Any]  #: a fitted regression for each
    errors: Floats  #: (h, C, 3)

    def predict(self, windows: Windows) -> Floats:
        return self.forecast(windows)[..., None] + self.errors

    def forecast(self, windows: Windows) -> Floats:
        """(n, h, C)"""
        inputs = _inputs(windows, self.lags, self.all_channels, self.level)
        n = len(windows)  # with one step ahead, what a regression predicts has one axis
        return np.stack([m.predict(x).reshape(n, -1) for m, x in zip(self.channels, inputs, strict=True)], axis=2)


def _autoregression(X: Windows, y: Floats, seed: int, **settings: Any) -> Fitted:
    rows = with_past(X, settings["lags"])
    channels = y.shape[2]
    every = max(1, -(-len(rows) * settings["lags"] * channels // _MOST_NUMBERS))
    rows = rows[::every]
    X, y = chosen(X, rows), y[rows]
    earlier, later = _in_two(X)
    if len(earlier) and len(later):
        before_them = _learned(chosen(X, earlier), y[earlier], **settings)
        errors = errors_around(y[later], before_them.forecast(chosen(X, later)))
        model = replace(_learned(X, y, **settings), errors=errors)
    else:  # too few to keep some apart
        model = _learned(X, y, **settings)
        model = replace(model, errors=errors_around(y, model.forecast(X)))
    weights = model.channels[0].n_features_in_ + 1
    return Fitted(predict=model.predict, parameters=channels * X.horizon * weights)


def _learned(X: Windows, y: Floats, lags: int, all_channels: bool, penalty: float) -> _Autoregression:
    """Without intervals."""
    mean = level(X.series)
    models = []
    for channel, inputs in enumerate(_inputs(X, lags, all_channels, mean)):
        whole = ~np.isnan(y[..., channel]).any(1)
        if whole.any():
            ridge = make_pipeline(StandardScaler(), Ridge(alpha=penalty * int(whole.sum())))
            models.append(ridge.fit(inputs[whole], y[whole, :, channel]))
        else:
            models.append(DummyRegressor().fit(inputs[:1], np.full((1, X.horizon), mean[channel])))
    return _Autoregression(lags, all_channels, mean, models, np.zeros((*y.shape[1:], len(QUANTILES))))


def _in_two(windows: Windows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows: of each series' windows the last fifth, and before them those that ask for nothing that these ask for."""
    cuts = [origins[len(origins) * 4 // 5] if len(origins) else 0 for origins in windows.origins]
    pairs = list(zip(windows.origins, cuts, strict=True))
    earlier = np.concatenate([origins + windows.horizon <= cut for origins, cut in pairs])
    later = np.concatenate([origins >= cut for origins, cut in pairs])
    return np.flatnonzero(earlier), np.flatnonzero(later)


def _inputs(windows: Windows, lags: int, all_channels: bool, otherwise: Floats) -> Iterator[Floats]:
    """(n, F) of each channel."""
    past = before(windows, np.arange(1, lags + 1), otherwise)
    known = ahead(windows)
    for channel in range(past.shape[2]):
        seen = past if all_channels else past[..., channel]
        yield np.concatenate([seen.reshape(len(past), -1), known], axis=1)
