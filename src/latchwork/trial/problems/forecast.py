"""The next steps of series: scaled and quantile errors of forecasts from rolling origins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import ConfigError, DataError
from latchwork.tasks.forecast_scores import coverage, mase, naive_error, rmse, weighted_quantile_loss
from latchwork.tasks.timeseries import QUANTILES, TimeSeries, Windows, every_origin
from latchwork.trial.blocks import TEST_FRACTION, VALIDATION_FRACTION, last_block, rolling_blocks
from latchwork.trial.metric import Metric
from latchwork.trial.problem import Part, Task
from latchwork.trial.splits import PartName, Split

METRICS = (
    Metric("mase", "MASE", "number", "less", "a {words} of {score}"),
    Metric("coverage", f"{QUANTILES[-1] - QUANTILES[0]:.0%} interval covers".replace("%", " %"), "share", "none"),
    Metric("wql", "weighted quantile loss", "number", "less", "a {words} of {score}"),
    Metric("rmse", "RMSE", "number", "less", "an {words} of {score}"),
)
"""How wrong the median is, measured by what the season before would have been wrong by in the training steps (Hyndman &
Koehler 2006); the share of values between the outer quantiles; the pinball loss of all quantiles, by the size of the
values; and the root of the median's mean squared error. How they are averaged, ``tasks/forecast_scores.py`` says."""

_MEDIAN = QUANTILES.index(0.5)
_MOST_ORIGINS = 300
"""Forecasts a block, unless a stride is given: neighbouring ones have nearly all in common."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ForecastProblem:
    """Series and how far ahead they are to be known.

    Attributes:
        X: the series and the horizon; which origins are trained on and tested is for the splits to say.
        y: nothing; what came is in the series.
        season: steps after which the series is expected to repeat itself: 24 for hours with a daily course, 1 for
            none. Errors are measured by those of the season before.
        stride: steps from one validation or test origin to the next; None for as few as make 300 forecasts a block.
        test_fraction: what share of the shortest series is tested over all blocks.
        validation_fraction: what share of it is validated on before each test block.

    Raises:
        DataError: X is no ``Windows``.
        ConfigError: a season or stride that cannot be.
    """

    X: Windows
    y: Any = None
    season: int = field(kw_only=True)
    stride: int | None = None
    test_fraction: float = TEST_FRACTION
    validation_fraction: float = VALIDATION_FRACTION

    task: Task = field(default="forecast", init=False)
    metrics: tuple[Metric, ...] = field(default=METRICS, init=False)
    rows: str = field(default="steps", init=False)
    asked: str = field(default="forecast", init=False)
    rolling: bool = field(default=True, init=False)
    groups: None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.X, Windows):
            raise DataError(
                f"forecasting needs Windows, not {type(self.X).__name__}: every_origin([TimeSeries(values)], horizon) "
                "of latchwork.tasks.timeseries makes them"
            )
        if self.season < 1:
            raise ConfigError(f"season must be at least 1 step (1 is none), got {self.season}")
        if self.stride is not None and self.stride < 1:
            raise ConfigError(f"stride must be at least 1 step, got {self.stride}")

    @property
    def series(self) -> tuple[TimeSeries, ...]:
        """One or several."""
        return self.X.series

    @property
    def horizon(self) -> int:
        """Steps ahead, h."""
        return self.X.horizon

    def facts(self) -> Mapping[str, Any]:
        """Series, steps, channels, what is missing, the horizon and the season."""
        return {
            "series": len(self.series),
            "steps": sum(self._lengths),
            "channels": self.series[0].values.shape[1],
            "missing values": sum(int(np.isnan(one.values).sum()) for one in self.series),
            "horizon": self.horizon,
            "season": self.season,
        }

    def splits(self, repeats: int, seed: int) -> list[Split]:
        """Test blocks with a rolling origin, see :func:`rolling_blocks`; nothing is drawn, so the seed has no part.

        Raises:
            DataError: also where a block holds no value, or the training steps repeat themselves exactly.
        """
        splits = rolling_blocks(
            self._lengths,
            repeats=repeats,
            horizon=self.horizon,
            season=self.season,
            test_fraction=self.test_fraction,
            validation_fraction=self.validation_fraction,
        )
        for split in splits:
            self._naive_errors(split)
            for name in ("validation", "test"):
                if np.isnan(self.part(split, name).y).all():
                    rows = split.rows(name)
                    raise DataError(
                        f"all values of the {name} block from step {rows[0]} to {rows[-1]} are missing: leave them "
                        "out, or ask for fewer or larger blocks"
                    )
        return splits

    def final(self, seed: int) -> Split:
        """The last steps say when to stop, all before them are learned from."""
        return last_block(self._lengths, horizon=self.horizon, validation_fraction=self.validation_fraction)

    def part(self, split: Split, name: PartName) -> Part:
        """Windows and targets (n, h, C).

        The series are cut at the part's end, so that nothing later is at hand, and every target lies within the part.
        What came before the part is known to a forecast from within it, as it would be then.
        """
        begins, ends = self._bounds(split, name)
        series = [one.until(end) for one, end in zip(self.series, ends, strict=True)]
        if name == "train":
            windows = every_origin(series, self.horizon)
        else:
            origins = [range(begin, end - self.horizon + 1) for begin, end in zip(begins, ends, strict=True)]
            stride = self.stride or -(-sum(map(len, origins)) // _MOST_ORIGINS)
            windows = Windows(tuple(series), tuple(np.array(o[::stride], dtype=np.intp) for o in origins), self.horizon)
        return Part(windows, windows.targets())

    def scores(self, split: Split, name: PartName, predicted: Any, needed: str | None = None) -> dict[str, float]:
        """All scores of the quantiles (n, h, C, 3). Missing values are not scored.

        The weighted quantile loss is left out where all values are 0.
        """
        part = self.part(split, name)
        y, answer = part.y, np.asarray(predicted, dtype=np.float64)
        if answer.shape != (*y.shape, len(QUANTILES)):
            raise ConfigError(
                f"forecasts must be quantiles of shape {(*y.shape, len(QUANTILES))}, got shape {answer.shape}"
            )
        if not np.isfinite(answer).all():
            raise ConfigError("a forecast is not a finite number")
        origins = [len(here) for here in part.X.origins]
        median = answer[..., _MEDIAN]
        found = {
            "mase": mase(y, median, np.repeat(self._naive_errors(split), origins, axis=0)),
            "coverage": coverage(y, answer[..., 0], answer[..., -1]),
            "rmse": rmse(y, median),
        }
        return found | ({"wql": weighted_quantile_loss(y, answer, QUANTILES)} if np.nansum(abs(y)) else {})

    def test_covariance(self, splits: Sequence[Split], predictions: Mapping[str, Sequence[Any]]) -> None:
        """None: the test block changes with the split."""

    @cached_property
    def _lengths(self) -> list[int]:
        return [len(one) for one in self.series]

    def _bounds(self, split: Split, name: PartName) -> tuple[list[int], list[int]]:
        """Where the part begins and ends in each series."""
        rows, begins, ends, first = split.rows(name), [], [], 0
        for length in self._lengths:
            here = np.searchsorted(rows, (first, first + length))
            steps = rows[here[0] : here[1]]
            begins.append(int(steps[0]) - first)
            ends.append(int(steps[-1]) - first + 1)
            first += length
        return begins, ends

    def _naive_errors(self, split: Split) -> Floats:
        """(series, C) mean absolute error of the season before, in the training steps."""
        found = []
        for row, (one, end) in enumerate(zip(self.series, self._bounds(split, "train")[1], strict=True)):
            found.append(naive_error(one.values[:end], self.season))
            flat = np.flatnonzero(~(found[-1] > 0))
            if len(flat):
                raise DataError(
                    f"channel {flat[0]} of series {row} repeats itself after {self.season} steps, or is missing, in "
                    f"its first {end} steps: nothing is left to forecast, and MASE would divide by 0; leave it out or "
                    "give another season"
                )
        return np.array(found)
