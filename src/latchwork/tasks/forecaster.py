"""``SequenceForecaster``: what comes next in a series, with how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from latchwork.errors import ConfigError, DataError
from latchwork.language.cell import Cell
from latchwork.tasks.batches import Batch
from latchwork.tasks.card import Card
from latchwork.tasks.conformal import widened, width_factors
from latchwork.tasks.estimator import PREDICTION_BATCH, SequenceEstimator
from latchwork.tasks.forecast_data import (
    after_a_season,
    check_windows,
    from_the_end,
    held_out,
    read_series,
    series_of,
    sizes,
    stretches_asked,
)
from latchwork.tasks.forecast_network import CONTEXT, ForecastNetwork, pinball
from latchwork.tasks.forecast_scores import coverage, mase, naive_error, rmse, weighted_quantile_loss
from latchwork.tasks.forecast_windows import SEASONS, Joined, OriginWindows, TrainingWindows, WindowBatch, inputs_of
from latchwork.tasks.network import Shape
from latchwork.tasks.scaling import Scaling
from latchwork.tasks.timeseries import QUANTILES, Floats, TimeSeries, Windows, every_origin
from latchwork.tasks.training import Schedule

_TIMES, _MOST = 4, 512  # the context, unless it is given: so many seasons or horizons, but no more steps


class SequenceForecaster(SequenceEstimator):
    """Forecasts series of one or several channels by a recurrent network: quantiles of the next h steps at once.

    At every step that it reads, the network forecasts the h steps after it, so that one pass learns from all origins
    (MQ-RNN; Wen et al. 2017, "A multi-horizon quantile recurrent forecaster"). What it learns is the difference to a
    naive forecast: to the value of the season before, or without ``season`` to the last value. A missing value (NaN)
    is read as the last one seen, with a channel that says so, and is no target.

    Then the quantiles' distances to the median are multiplied by a factor a channel, so that they hold on the
    validation data what they say (Romano et al. 2019, "Conformalized quantile regression").

    One series is scaled by its training part; of a panel each is scaled by its own history before the first origin
    that is asked for, so that small and large series learn from each other.

    Args:
        cell: a name from the zoo, or a function marked ``@latchwork.cell``.
        horizon: steps ahead, h.
        season: steps after which the series repeats itself, as 24 for hours with a daily course; None for none.
        quantiles: what is forecast, increasing, with 0.5: the median.
        context: steps read before an origin; None for 4 seasons or 4 horizons, whichever is more, up to 512.
        hidden_size: H.
        num_layers: L.
        dropout: the probability of zeroing a number before, between and after the recurrent layers, in training.
        recurrent_dropout: the same of what a step reads of the state, the same units throughout a stretch (Gal &
            Ghahramani 2016).
        cell_options: keyword options of :class:`latchwork.nn.Recurrent`: ``{"layer_norm": True}``, ``zoneout``,
            ``peephole``, ``forget_bias``.
        max_epochs: epochs at most. An epoch forecasts from every origin once or, of short series, more often.
        epoch_steps: batches of an epoch, each going on where the last one ended; None for all of the data.
        batch_size: stretches of ``context`` steps a batch.
        learning_rate: of AdamW (Loshchilov & Hutter 2019).
        schedule: "constant", or "cosine", from the learning rate to none over ``max_epochs``.
        weight_decay: of AdamW.
        clip: the largest norm of the gradient.
        patience: epochs without a better validation loss before training stops; None to run all.
        validation_fraction: the last part of each series, held out for that if ``fit`` is given no validation data.
        time_budget: seconds; training stops before an epoch that would pass it.
        checkpoint_dir: where the state is saved after each epoch; a fit of the same data and options goes on from it.
        device: "cpu", "cuda" …; "auto" is cuda where there is one.
        random_state: seed of weights, order and dropout.
        verbose: whether to draw a progress bar.

    Attributes:
        scaling_: means and scales, of the training part alone.
        width_factors_: (C,) what the intervals' widths are multiplied by.
        network_: the trained :class:`latchwork.tasks.forecast_network.ForecastNetwork`.
        history_: one record an epoch; a loss is twice the pinball loss, the mean of the quantiles, in units of what the
            naive forecast errs by, before ``width_factors_`` is known.
        best_epoch_: the epoch, from 0, whose weights are kept.
    """

    task = "forecast"
    score_name = "weighted quantile loss"

    def __init__(
        self,
        cell: str | Cell = "lstm",
        *,
        horizon: int,
        season: int | None = None,
        quantiles: Sequence[float] = QUANTILES,
        context: int | None = None,
        hidden_size: int = 64,
        num_layers: int = 1,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.2,
        cell_options: Mapping[str, Any] | None = None,
        max_epochs: int = 60,
        epoch_steps: int | None = None,
        batch_size: int = 8,
        learning_rate: float = 0.005,
        schedule: Schedule = "cosine",
        weight_decay: float = 0.3,
        clip: float = 1.0,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        time_budget: float | None = None,
        checkpoint_dir: str | Path | None = None,
        device: str = "auto",
        random_state: Any = 0,
        verbose: bool = False,
    ) -> None:
        self._keep(locals())

    def fit(self, X: Any, y: Any = None, X_valid: Windows | None = None, y_valid: Any = None) -> SequenceForecaster:
        """Train on series.

        Args:
            X: one series, a ``TimeSeries`` or numbers (T,) or (T, C); a list of these; or ``Windows``, whose origins
                alone are learned from.
            y: not used, as what came is in the series.
            X_valid: windows for early stopping; by default the last part of each series is held out for it, and what is
                learned, the scaling too, comes from before that.
            y_valid: not used.

        Raises:
            DataError: X cannot be used; the message names the series.
            ConfigError: an option has a value it cannot have.
        """
        seed = self._begin()
        self._check_quantiles()
        season = self._season()
        windows = after_a_season(self._training_windows(X), season)
        if all(np.isnan(one.values).all() for one in windows.series):
            raise DataError("every value is missing (NaN); give a series that has some")
        if X_valid is None:
            windows, valid = held_out(windows, self.validation_fraction, season)
        elif isinstance(X_valid, Windows):
            check_windows(X_valid, self.horizon)
            _check_sizes(X_valid.series, sizes(windows.series[0]))
            valid = X_valid
        else:
            raise DataError(
                f"X_valid must be Windows, which say from where to forecast, but is {type(X_valid).__name__}; "
                "every_origin of latchwork.tasks.timeseries makes them"
            )
        truth = valid.targets()
        if np.isnan(truth).all():
            raise DataError("every value of the validation part is missing; give X_valid, or leave that part out")
        self.scaling_ = Scaling.learn(windows.series, season)
        training = Joined(windows, self.scaling_, season, training=True)
        later = OriginWindows(Joined(valid, self.scaling_, season), self._context())
        levels = torch.tensor(self._levels(), device=self._device())
        unit = torch.tensor(self.scaling_.change, dtype=torch.float32, device=self._device())

        def loss_of(batch: Batch) -> tuple[Tensor, int]:
            assert isinstance(batch, WindowBatch)
            assert batch.targets is not None
            return pinball(self._forecasts(batch), batch.targets, levels, unit)

        def validate() -> tuple[float, float]:
            loss, count = 0.0, 0

            def look(batch: WindowBatch, forecasts: Tensor) -> None:
                nonlocal loss, count
                assert batch.targets is not None
                one, there = pinball(forecasts, batch.targets, levels, unit)
                loss, count = loss + float(one) * there, count + there

            found = self._all_forecasts(later, look)
            # Where all targets are 0 the score has no unit, and the loss alone tells.
            score = weighted_quantile_loss(truth, found, self._levels()) if np.nansum(np.abs(truth)) else float("nan")
            return loss / count, score

        source = TrainingWindows(training, self._context())
        self._fit_network(self.shape_for(windows), source, later, seed, loss_of, validate)
        self.width_factors_ = width_factors(truth, self._all_forecasts(later), self._levels(), stretches_asked(valid))
        return self

    def predict_quantiles(self, X: Any) -> Any:
        """The quantiles of the h steps after the end of a series, or after each origin of windows.

        Args:
            X: as for ``fit``. Covariates that are known ahead must reach h steps past the end.

        Returns:
            (h, C, Q) for a series, (h, Q) for numbers (T,), a list of these for a list; for windows (n, h, C, Q).
            They increase along Q.
        """
        check_is_fitted(self)
        if isinstance(X, Windows):
            return self._quantiles(X)
        given = read_series(X)
        found = self._quantiles(from_the_end(given.series, self.horizon))
        each = [one[:, 0] if flat else one for one, flat in zip(found, given.flat, strict=True)]
        return each[0] if given.single else each

    def predict(self, X: Any) -> Any:
        """The medians: as :meth:`predict_quantiles`, without Q."""
        middle = self._levels().index(0.5)
        found = self.predict_quantiles(X)
        return [one[..., middle] for one in found] if isinstance(found, list) else found[..., middle]

    def score(self, X: Any, y: Any = None) -> float:
        """The weighted quantile loss at the origins of windows, or at origins inside series, taken negative: more is
        better."""
        check_is_fitted(self)
        windows = self._inside(X, None, 1)
        return -weighted_quantile_loss(windows.targets(), self._quantiles(windows), self._levels())

    def backtest(self, X: Any, origins: ArrayLike | None = None, stride: int = 1) -> dict[str, float]:
        """How good forecasts from rolling origins are. Nothing is fitted anew.

        Args:
            X: series that go on after what was trained on, or windows.
            origins: (n,) steps to forecast from, the same in each series; None for all once a context, or half of the
                series, has gone by: give the end of the training part, or what was trained on is scored too.
            stride: steps from one origin to the next.

        Returns:
            mase, by the error of the season before (of the last value without ``season``) in the steps before the first
            origin; rmse; wql, the weighted quantile loss; and coverage, the share of values between the outer
            quantiles, where there are several.
        """
        check_is_fitted(self)
        windows = self._inside(X, origins, stride)
        truth, found, levels = windows.targets(), self._quantiles(windows), self._levels()
        before = [
            naive_error(one.values[: here[0]], self._season()) if len(here) else np.zeros(truth.shape[2])
            for one, here in zip(windows.series, windows.origins, strict=True)
        ]
        median = found[..., levels.index(0.5)]
        scores = {
            "mase": mase(truth, median, np.stack(before)[series_of(windows)]),
            "rmse": rmse(truth, median),
            "wql": weighted_quantile_loss(truth, found, levels),
        }
        return scores | ({"coverage": coverage(truth, found[..., 0], found[..., -1])} if len(levels) > 1 else {})

    def encode(self, windows: Windows) -> list[NDArray[np.float32]]:
        """What the network reads of each series: (T, I), scaled by what is known before the first origin."""
        check_is_fitted(self)
        joined = Joined(windows, self.scaling_, self._season())
        return [joined.steps[place : place + len(one)] for place, one in zip(joined.first, windows.series, strict=True)]

    @property
    def steps_read(self) -> int:
        """How many steps are read before an origin: ``context``, or what stands for it."""
        return self._context()

    def shape_for(self, X: Any, y: Any = None) -> Shape:
        """The sizes that the network would have on this data; nothing is fitted."""
        series = X.series if isinstance(X, Windows) else read_series(X).series
        shape = self._shape(None, inputs_of(series[0]), int(self.horizon) * CONTEXT)
        return replace(shape, options={"recurrent_dropout": self.recurrent_dropout, **shape.options})

    # Reading

    def _check_quantiles(self) -> None:
        levels = self._levels()
        if 0.5 not in levels or any(not 0 < q < 1 for q in levels) or sorted(set(levels)) != levels:
            raise ConfigError(
                f"quantiles must increase, lie between 0 and 1 and hold 0.5, the median, but are {self.quantiles!r}"
            )

    def _levels(self) -> list[float]:
        try:
            return [float(q) for q in self.quantiles]
        except (TypeError, ValueError) as error:
            raise ConfigError(f"quantiles must be numbers, as (0.1, 0.5, 0.9), but are {self.quantiles!r}") from error

    def _season(self) -> int:
        return int(self.season or 1)

    def _context(self) -> int:
        if self.context is not None:
            return int(self.context)
        return int(min(_TIMES * max(self._season(), self.horizon), _MOST))

    def _training_windows(self, X: Any) -> Windows:
        if not isinstance(X, Windows):
            return every_origin(read_series(X).series, int(self.horizon))
        check_windows(X, self.horizon)
        return X

    def _inside(self, X: Any, origins: ArrayLike | None, stride: int) -> Windows:
        """Windows with every target in the series."""
        if isinstance(X, Windows):
            return X
        series = read_series(X).series
        if origins is None:
            shortest = min(map(len, series))
            first = max(min(self._context(), (shortest - self.horizon) // 2), 1)
            return every_origin(series, int(self.horizon), first, stride)
        places = np.asarray(origins)
        if places.ndim != 1 or not len(places) or places.dtype.kind not in "iu":
            raise DataError("origins must be whole numbers (n,), steps to forecast from, and at least one")
        chosen = places[::stride].astype(np.intp)
        return Windows(tuple(series), (chosen,) * len(series), int(self.horizon))

    # Forecasts

    def _forecasts(self, batch: WindowBatch) -> Tensor:
        assert isinstance(self.network_, ForecastNetwork)
        return self.network_.forecast(batch)

    def _all_forecasts(
        self, source: OriginWindows, look: Callable[[WindowBatch, Tensor], None] | None = None
    ) -> Floats:
        """(n, h, C, Q) as the network has them, in the values' own unit; ``look`` sees each batch and its forecasts."""
        windows = source.joined.windows
        scaled = np.empty((len(windows), self.horizon, len(self.scaling_.mean), len(self.quantiles)))
        self.network_.eval()
        with torch.no_grad():
            for batch in source.batches(PREDICTION_BATCH, self.network_.head.weight.device, None):
                forecasts = self._forecasts(batch)
                if look is not None:
                    look(batch, forecasts)
                scaled[batch.rows] = forecasts.cpu().numpy()
        return source.joined.unscaled(scaled)

    def _quantiles(self, windows: Windows) -> Floats:
        """(n, h, C, Q)"""
        check_windows(windows, self.horizon)
        scaling = self.scaling_
        _check_sizes(windows.series, (len(scaling.mean), len(scaling.known_mean), len(scaling.static_mean)))
        found = self._all_forecasts(OriginWindows(Joined(windows, scaling, self._season()), self._context()))
        return widened(found, self._levels(), self.width_factors_)

    # What the base asks for

    def _network(self, shape: Shape) -> ForecastNetwork:
        channels, known = len(self.scaling_.mean), len(self.scaling_.known_mean)
        told = known + SEASONS * channels
        return ForecastNetwork(self.cell, shape, int(self.horizon), told, self._levels(), channels)

    def _plain_parameters(self) -> dict[str, Any]:
        return super()._plain_parameters() | {"quantiles": self._levels()}

    def _state(self) -> dict[str, Any]:
        return {"scaling": self.scaling_.to_data(), "width_factors": self.width_factors_.tolist()}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.scaling_ = Scaling.from_data(state["scaling"])
        self.width_factors_ = np.array(state["width_factors"], dtype=np.float64)

    def _describe(self, folder: Path) -> Card:
        channels, known = len(self.scaling_.mean), len(self.scaling_.known_mean)
        levels = ", ".join(f"{q:g}" for q in self._levels())
        ahead = f", with {known} covariates known {self.horizon} steps ahead" if known else ""
        return Card(
            title=f"A sequence forecaster: {self._cell_name()}",
            tag="time-series-forecasting",
            reads=f"series of {channels} channel{'s' if channels > 1 else ''}{ahead}",
            gives=f"The quantiles {levels} of the next {self.horizon} steps.",
            usage=(
                "from latchwork import SequenceForecaster\n\n"
                f'model = SequenceForecaster.load("{folder.name}")\nmodel.predict_quantiles(X)'
            ),
        )


def _check_sizes(series: Sequence[TimeSeries], trained: tuple[int, int, int]) -> None:
    given = sizes(series[0])
    for has, had, what in zip(given, trained, ("channels", "known covariates", "static covariates"), strict=True):
        if has != had:
            raise DataError(f"X has {has} {what}, but the model was trained on {had}; give the same")
