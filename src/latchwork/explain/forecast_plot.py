"""A forecast as a picture: what was, the median of what comes, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from latchwork.errors import DataError
from latchwork.tasks.timeseries import QUANTILES

_HISTORY, _FORECAST, _TRUTH = "#59636e", "#2a78b8", "#d1603d"
_SHADES = (0.25, 0.45)  # of the outermost interval and of the innermost


def plot_forecast(
    history: ArrayLike,
    forecast: ArrayLike,
    truth: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    levels: Sequence[float] = QUANTILES,
    times: ArrayLike | None = None,
) -> Axes:
    """Draw the end of a series and the forecast of what follows.

    Args:
        history: (T,) values up to the origin, as much of them as is to be seen; NaN leaves a gap.
        forecast: (h, Q) quantiles of one channel, as ``predict_quantiles`` gives them.
        truth: (h,) what came, where it is known.
        ax: where to draw; by default a figure of its own, ``ax.figure``.
        levels: (Q,) which quantiles they are, increasing; the middle one is drawn as a line, each pair around it as a
            shaded interval.
        times: (T + h,) of all steps; by default they are numbered from the origin, so that 1 is the first one forecast.

    Raises:
        DataError: shapes that do not fit.
    """
    past, quantiles = np.asarray(history, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    if past.ndim != 1 or not len(past):
        raise DataError(f"history must be the values (T,) of one channel, but has shape {past.shape}")
    if quantiles.ndim != 2 or quantiles.shape[1] != len(levels):
        raise DataError(f"forecast must be (h, {len(levels)}), a column a quantile, but has shape {quantiles.shape}")
    here: Any = np.arange(-len(past) + 1, len(quantiles) + 1) if times is None else np.asarray(times)
    if len(here) != len(past) + len(quantiles):
        raise DataError(f"times has {len(here)} steps, but history and forecast have {len(past) + len(quantiles)}")
    if ax is None:
        ax = Figure(figsize=(8, 3.2), layout="constrained").add_subplot()
    before, after = here[: len(past)], here[len(past) :]
    ax.plot(before, past, color=_HISTORY, linewidth=1.4, label="history")
    pairs = len(levels) // 2
    for pair in range(pairs):
        share = _SHADES[0] + (_SHADES[1] - _SHADES[0]) * pair / max(pairs - 1, 1)
        width = levels[-1 - pair] - levels[pair]
        ax.fill_between(
            after,
            quantiles[:, pair],
            quantiles[:, -1 - pair],
            color=_FORECAST,
            alpha=share,
            linewidth=0,
            label=f"{100 * width:.0f} % interval",
        )
    if truth is not None:
        came = np.asarray(truth, dtype=np.float64)
        if came.shape != (len(quantiles),):
            raise DataError(f"truth must be ({len(quantiles)},), as long as the forecast, but has shape {came.shape}")
        # From the last known step on, so that the line does not break at the origin.
        ax.plot(here[len(past) - 1 :], np.r_[past[-1], came], color=_TRUTH, linewidth=1.4, label="what came")
    ax.plot(after, quantiles[:, len(levels) // 2], color=_FORECAST, linewidth=2, label="median")
    ax.axvline(before[-1], color=_HISTORY, alpha=0.4, linewidth=1, linestyle=(0, (3, 3)))
    ax.grid(axis="y", color=_HISTORY, alpha=0.15)
    ax.tick_params(length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.margins(x=0.01)
    if times is None:
        ax.set_xlabel("steps from the origin")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, fontsize=9, borderaxespad=0.2)
    return ax
