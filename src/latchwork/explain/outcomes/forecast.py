"""A forecaster reading a series: what it forecasts, and what the gates kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.explain.outcomes.shares import Shares, features_of, on_cpu, shares
from latchwork.tasks.forecast_data import read_series
from latchwork.tasks.forecaster import SequenceForecaster
from latchwork.tasks.network import SequenceNetwork
from latchwork.tasks.timeseries import Floats, Windows

_HORIZONS, _LEAST = 4, 24  # steps before the end that are told of: so many horizons, but so many at least


@dataclass(frozen=True)
class Forecasted:
    """What a forecaster made of one series.

    Attributes:
        steps: (T,) what the last steps are called: "step 1" is the series' first.
        history: (T, C) their values; NaN is missing.
        levels: (3,) the lowest quantile, the median and the highest.
        forecast: (h, C, 3) these quantiles of the h steps after the last.
        shares: what the gates did at each of the steps.
    """

    steps: tuple[str, ...]
    history: Floats
    levels: tuple[float, float, float]
    forecast: Floats
    shares: Shares


def forecasted(model: SequenceForecaster, series: Any) -> Forecasted:
    """What ``model`` forecasts from the end of one series.

    Args:
        series: a ``TimeSeries``, or numbers (T,) or (T, C).

    Raises:
        DataError: it is no series, it has no step, or what is known ahead ends too early.
    """
    given = read_series(series)
    if not given.single:
        raise DataError(f"one series is explained at a time, and {len(given.series)} were given")
    (one,) = given.series
    if not len(one):
        raise DataError("there is nothing to explain: the series has no steps")
    first = max(len(one) - max(_HORIZONS * int(model.horizon), _LEAST), 0)
    windows = Windows((one,), (np.array([len(one)]),), int(model.horizon))
    levels, quantiles = three_quantiles(model, windows)
    row, begun = row_read(model, windows, first)
    network = on_cpu(model.network_)
    return Forecasted(
        steps=step_names(first, len(one)),
        history=one.values[first:],
        levels=levels,
        forecast=quantiles[0],
        shares=shares(network, features_of(network, row)).last(len(row) - begun),
    )


def three_quantiles(model: SequenceForecaster, windows: Windows) -> tuple[tuple[float, float, float], Floats]:
    """The lowest quantile's level, the median's and the highest's; and these quantiles (n, h, C, 3)."""
    levels = [float(q) for q in model.quantiles]
    three = (0, levels.index(0.5), len(levels) - 1)
    return (levels[three[0]], 0.5, levels[three[2]]), model.predict_quantiles(windows)[..., three]


def row_read(model: SequenceForecaster, windows: Windows, first: int) -> tuple[NDArray[Any], int]:
    """What the network reads (T', I) of the only series up to its last origin, from ``first`` on and as many steps
    before that as a forecast reads; and at which of these steps ``first`` is."""
    begins = max(first - model.steps_read, 0)
    return model.encode(windows)[0][begins : int(windows.origins[0][-1])], first - begins


def warmed_up(network: SequenceNetwork, row: NDArray[Any], begun: int) -> tuple[torch.Tensor, Any]:
    """The features (T, 1, I) of the steps from ``begun`` on, and the state with which the network comes to them."""
    features = features_of(network, row)
    if not begun:
        return features, None
    with torch.no_grad():
        _, state = network.recurrent(features[:begun])
    return features[begun:], state


def step_names(first: int, last: int) -> tuple[str, ...]:
    """What the steps from ``first`` to before ``last`` are called."""
    return tuple(f"step {t + 1}" for t in range(first, last))
