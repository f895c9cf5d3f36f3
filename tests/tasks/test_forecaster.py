"""SequenceForecaster: what it learns, that it never looks ahead, what it gives for what, and what it refuses."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from latchwork import SequenceForecaster
from latchwork.errors import ConfigError, DataError
from latchwork.tasks import load_model
from latchwork.tasks.timeseries import TimeSeries, Windows, every_origin
from latchwork.tasks.training import Silent

rng = np.random.default_rng(0)
NOISE = rng.normal(size=400)
WAVE = np.sin(np.arange(400) * 2 * np.pi / 12) + 0.1 * NOISE
SMALL = {"horizon": 3, "season": 12, "hidden_size": 8, "max_epochs": 1, "epoch_steps": 5, "context": 24}


@pytest.fixture(scope="module")
def small():
    return SequenceForecaster("gru", **SMALL).fit(WAVE)


# What it learns


def test_a_rule_known_ahead_is_learned():
    """Each step's value is that of the covariate, doubled where the last value was above 0."""
    draw = np.random.default_rng(1)
    known = draw.choice([-1.0, 1.0], size=600)
    values = known * 3 + 1
    series = TimeSeries(values, known)
    model = SequenceForecaster("gru", horizon=4, hidden_size=8, max_epochs=20).fit(series.until(500))
    found = model.backtest(series, origins=np.arange(500, 596))
    assert found["mase"] < 0.1
    blind = SequenceForecaster("gru", horizon=4, hidden_size=8, max_epochs=5).fit(values[:500])
    assert blind.backtest(values, origins=np.arange(500, 596))["mase"] > 0.5


def test_quantiles_hold_the_share_they_say():
    """A wave whose noise is ten times as strong in its second half: the interval is as wide as the noise."""
    draw = np.random.default_rng(2)
    steps = np.arange(3000)
    spread = np.where(steps % 10 < 5, 0.1, 1.0)
    values = np.sin(steps * 2 * np.pi / 10) + spread * draw.normal(size=3000)
    model = SequenceForecaster("gru", horizon=5, season=10, hidden_size=16, max_epochs=16).fit(values[:2500])
    scores = model.backtest(values, origins=np.arange(2500, 2996))
    assert 0.72 < scores["coverage"] < 0.88
    assert scores["mase"] < 0.85  # of independent noise, the best is 1 / sqrt(2)
    calm, wild = (np.diff(model.predict_quantiles(values[:end])[:, [0, 2]])[:, 0] for end in (2500, 2505))
    assert calm.mean() < 1 < 0.6 * wild.mean()  # truly 0.26 and 2.6
    assert wild == pytest.approx(np.full(5, 2.56), rel=0.3)


def test_a_trend_goes_on():
    values = np.arange(300.0) + 0.2 * NOISE[:300]
    model = SequenceForecaster("lstm", horizon=4, hidden_size=8, max_epochs=25).fit(values[:280])
    assert model.predict(values) == pytest.approx([300, 301, 302, 303], abs=1.0)


def test_small_and_large_series_of_a_panel_learn_from_each_other():
    panel = [size * (WAVE[:200] + 3) for size in (1.0, 1000.0)]
    model = SequenceForecaster("gru", horizon=3, season=12, hidden_size=8, max_epochs=8).fit(panel)
    small, large = model.predict(panel)
    assert large == pytest.approx(1000 * small, rel=1e-3)
    assert model.predict([50 * panel[0]])[0] == pytest.approx(50 * small, rel=1e-3)  # a series it never saw


def test_static_covariates_tell_series_apart():
    """Two series of coin flips' sums, one drifting up, one down: only the covariate says which at once."""
    up, down = (np.cumsum(np.full(200, sign) + 0.3 * NOISE[:200]) for sign in (1.0, -1.0))
    panel = [TimeSeries(up, static=[1.0]), TimeSeries(down, static=[-1.0])]
    model = SequenceForecaster("gru", horizon=2, hidden_size=8, max_epochs=16).fit(panel)
    first, second = (one[-1, 0] - series.values[-1, 0] for one, series in zip(model.predict(panel), panel, strict=True))
    assert first > 1 > -1 > second


# That it never looks ahead


@settings(max_examples=10, deadline=None)
@given(st.integers(13, 390), st.integers(0, 100))
def test_what_comes_after_an_origin_changes_nothing(small, origin, seed):
    other = WAVE.copy()
    other[origin:] = 1e6 * np.random.default_rng(seed).normal(size=len(other) - origin)
    asked = np.array([origin])
    before, after = (small.predict_quantiles(Windows((TimeSeries(values),), (asked,), 3)) for values in (WAVE, other))
    assert np.array_equal(before, after)
    assert np.array_equal(small.predict_quantiles(WAVE[:origin]), before[0, :, 0])


def test_the_held_out_part_changes_the_width_alone():
    other = WAVE.copy()
    other[360:] *= 50  # the last tenth is held out
    options = SMALL | {"patience": None}
    first, second = (SequenceForecaster("gru", **options).fit(values) for values in (WAVE, other))
    assert first.scaling_.to_data() == second.scaling_.to_data()
    assert np.array_equal(first.predict(WAVE[:300]), second.predict(WAVE[:300]))
    assert first.width_factors_ < second.width_factors_
    low, middle, high = first.predict_quantiles(WAVE[:300]).T
    factor = second.width_factors_ / first.width_factors_
    wider = second.predict_quantiles(WAVE[:300])
    assert wider == pytest.approx(
        np.stack([middle - factor * (middle - low), middle, middle + factor * (high - middle)], 1)
    )


def test_the_width_comes_from_the_targets_of_the_validation_windows_alone():
    """Changed before its first context and after its last target, the validation series gives the same width; changed
    in a target, another."""
    learned = Windows((TimeSeries(WAVE[:300]),), (np.arange(24, 298),), 3)

    def widths(changed):
        values = WAVE.copy()
        values[changed] += 5
        model = SequenceForecaster("gru", **SMALL)
        return model.fit(learned, None, Windows((TimeSeries(values),), (np.arange(330, 358),), 3)).width_factors_

    same = widths(slice(0, 0))
    assert np.array_equal(widths(slice(360, 400)), same)
    assert np.array_equal(widths(slice(0, 330 - 7 * 12 - 24)), same)
    assert not np.array_equal(widths(slice(340, 350)), same)


def test_of_a_panel_only_the_history_of_the_first_origin_scales():
    model = SequenceForecaster("gru", **SMALL).fit([WAVE, 10 * WAVE])
    other = WAVE.copy()
    other[200:] += 1e5
    asked = tuple(np.array([o]) for o in (200, 150))
    first, second = (
        model.predict_quantiles(Windows((TimeSeries(values), TimeSeries(10 * WAVE)), asked, 3))
        for values in (WAVE, other)
    )
    assert np.array_equal(first, second)


def test_a_forecast_does_not_depend_on_what_else_is_asked(small):
    series = TimeSeries(WAVE)
    together = small.predict_quantiles(Windows((series,), (np.array([20, 100, 400]),), 3))
    alone = [small.predict_quantiles(Windows((series,), (np.array([o]),), 3))[0] for o in (20, 100, 400)]
    assert together == pytest.approx(np.stack(alone), abs=1e-6)


# What it gives


def test_shapes_follow_what_is_given(small):
    assert small.predict(WAVE).shape == (3,)
    assert small.predict_quantiles(WAVE).shape == (3, 3)
    assert small.predict(TimeSeries(WAVE)).shape == (3, 1)
    assert [one.shape for one in small.predict([WAVE, WAVE[:50, None]])] == [(3,), (3, 1)]
    windows = every_origin([TimeSeries(WAVE)], 3, first=390)
    assert small.predict(windows).shape == windows.targets().shape == (8, 3, 1)
    assert small.predict_quantiles(windows).shape == (8, 3, 1, 3)
    assert small.predict(WAVE.tolist()) == pytest.approx(small.predict(WAVE))


@settings(max_examples=8, deadline=None)
@given(
    channels=st.integers(1, 3),
    horizon=st.integers(1, 6),
    season=st.sampled_from([None, 1, 4, 7]),
    quantiles=st.sampled_from([(0.5,), (0.1, 0.5, 0.9), (0.05, 0.25, 0.5, 0.75), (0.5, 0.99)]),
    gaps=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_shape_gives_quantiles_that_do_not_cross(channels, horizon, season, quantiles, gaps, seed):
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(80, channels)).cumsum(0)
    if gaps:
        values[draw.random(values.shape) < 0.2] = np.nan
    series = TimeSeries(values, known=draw.normal(size=(80 + horizon, 2)))
    model = SequenceForecaster(
        "gru", horizon=horizon, season=season, quantiles=quantiles, hidden_size=4, max_epochs=1, epoch_steps=2
    ).fit(series)
    found = model.predict_quantiles(series)
    assert found.shape == (horizon, channels, len(quantiles))
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= 0).all()
    scores = model.backtest(series)
    assert scores["mase"] > 0
    assert ("coverage" in scores) == (len(quantiles) > 1)


def test_missing_values_are_read_as_the_last_ones_and_never_learned_as_targets():
    gappy = WAVE.copy()
    gappy[rng.random(400) < 0.2] = np.nan
    model = SequenceForecaster("gru", **SMALL | {"max_epochs": 2, "epoch_steps": None}).fit(gappy[:360])
    scores = model.backtest(gappy, origins=np.arange(360, 397))
    assert scores["mase"] < 1.2
    assert np.isfinite(model.predict(np.r_[WAVE[:50], [np.nan] * 30])).all()


def test_score_and_backtest_agree_with_the_scores(small):
    windows = every_origin([TimeSeries(WAVE)], 3, first=380)
    scores = small.backtest(windows)
    assert small.score(windows) == -scores["wql"]
    assert scores == small.backtest(WAVE, origins=np.arange(380, 398))
    assert 0 <= scores["coverage"] <= 1


def test_windows_limit_what_is_learned_from():
    """Values that no origin asks for are no targets: with them changed after the last target, nothing changes."""
    series = TimeSeries(WAVE)
    windows = Windows((series.until(300),), (np.arange(100, 298),), 3)
    valid = Windows((series.until(350),), (np.arange(300, 348),), 3)
    model = SequenceForecaster("gru", **SMALL).fit(windows, windows.targets(), valid, valid.targets())
    assert model.predict_quantiles(valid).shape == (48, 3, 1, 3)
    assert len(model.history_) == 1
    assert model.history_[0].valid_score > 0


# scikit-learn, folders, resuming


def test_grid_search_over_blocks_of_time():
    search = GridSearchCV(
        SequenceForecaster("gru", **SMALL), {"hidden_size": [4, 6]}, cv=TimeSeriesSplit(2), error_score="raise"
    ).fit(WAVE)
    assert search.best_score_ < 0
    assert search.predict(WAVE).shape == (3,)


def test_clone_and_parameters():
    model = SequenceForecaster("gru", horizon=5, quantiles=[0.5, 0.7])
    assert clone(model).get_params() == model.get_params()


def test_a_saved_model_forecasts_the_same_to_the_bit(small, tmp_path):
    small.save(tmp_path)
    loaded = load_model(tmp_path)
    assert type(loaded) is SequenceForecaster
    assert np.array_equal(loaded.predict_quantiles(WAVE), small.predict_quantiles(WAVE))
    assert np.array_equal(loaded.width_factors_, small.width_factors_)
    assert small.width_factors_ != 1
    assert json.loads((tmp_path / "config.json").read_text())["task"] == "forecast"
    assert "quantiles 0.1, 0.5, 0.9 of the next 3 steps" in (tmp_path / "README.md").read_text()


class KilledError(Exception):
    pass


class Killer(Silent):
    """Ends a fit in the middle of an epoch, as a kill would, once so many are done."""

    def __init__(self, epochs):
        self.epochs = epochs

    def batch(self, epoch, done, total, loss):
        if epoch == self.epochs and done == 2:
            raise KilledError


@pytest.mark.parametrize("epoch_steps", [None, 3])
def test_an_interrupted_fit_goes_on_to_the_same_weights_to_the_bit(tmp_path, monkeypatch, epoch_steps):
    options = SMALL | {"max_epochs": 4, "epoch_steps": epoch_steps, "dropout": 0.2}
    SequenceForecaster("gru", **options).fit(WAVE[:150]).save(tmp_path / "whole")
    options["checkpoint_dir"] = tmp_path / "state"
    for epochs in (1, 3):
        with monkeypatch.context() as patch:
            patch.setattr("latchwork.tasks.estimator.Silent", lambda epochs=epochs: Killer(epochs))
            with pytest.raises(KilledError):
                SequenceForecaster("gru", **options).fit(WAVE[:150])
    SequenceForecaster("gru", **options).fit(WAVE[:150]).save(tmp_path / "resumed")
    whole, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "resumed"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_checkpoint_of_other_origins_is_refused(tmp_path):
    options = SMALL | {"checkpoint_dir": tmp_path}
    SequenceForecaster("gru", **options).fit(WAVE)
    with pytest.raises(DataError, match="other data or options"):
        SequenceForecaster("gru", **options).fit(every_origin([TimeSeries(WAVE)], 3, first=20))


# Refusals


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (WAVE[:3], "too few to forecast 3"),
        (WAVE[:14], "too few for a season of 12"),
        (WAVE[:16], "too few to learn from and to validate"),
        (np.full(100, 5.0), r"constant \(5 throughout"),
        ([np.full(100, 5.0), np.full(90, 7.0)], "constant"),
        (np.r_[np.full(360, np.nan), WAVE[:40]], "channel 0 holds nothing but missing"),
        (np.stack([WAVE, np.full(400, np.nan)], 1), "channel 1 holds nothing but missing"),
        (np.full(100, np.nan), "every value is missing"),
        (np.r_[WAVE, np.inf], "infinite value at step 400"),
        ([], "X is empty"),
        ("abc", "must be a TimeSeries"),
        (None, "is None"),
        (["a", "b"], "no series of numbers"),
        (np.zeros((2, 3, 4)), r"\(T,\) or \(T, C\)"),
        ([WAVE, np.stack([WAVE, WAVE], 1)], "series 1 has 2 channels, but series 0 has 1"),
        ([TimeSeries(WAVE, known=WAVE), TimeSeries(WAVE)], "series 1 has 0 known covariates, but series 0 has 1"),
        ([TimeSeries(WAVE, static=[1.0]), TimeSeries(WAVE)], "series 1 has 0 static covariates, but series 0 has 1"),
        (every_origin([TimeSeries(WAVE)], 4), "4 steps ahead, but the forecaster is for horizon=3"),
        (np.r_[WAVE[:350], np.full(50, np.nan)], "every value of the validation part is missing"),
        (1e200 * WAVE, "too large to be scaled"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(X, words):
    with pytest.raises(DataError, match=words):
        SequenceForecaster("gru", **SMALL).fit(X)


def test_a_constant_channel_beside_others_is_forecast_as_it_is():
    model = SequenceForecaster("gru", **SMALL).fit(np.stack([WAVE, np.full(400, 4.0)], 1))
    assert model.predict(np.stack([WAVE, np.full(400, 4.0)], 1))[:, 1] == pytest.approx(4, abs=1.0)


def test_what_does_not_fit_the_model_is_refused(small):
    with pytest.raises(DataError, match="X has 2 channels, but the model was trained on 1"):
        small.predict(np.stack([WAVE, WAVE], 1))
    with pytest.raises(DataError, match="X has 1 known covariates, but the model was trained on 0"):
        small.predict(TimeSeries(WAVE, known=np.zeros(500)))
    with pytest.raises(DataError, match="no steps to forecast from"):
        small.predict(np.zeros(0))
    with pytest.raises(DataError, match="horizon=3"):
        small.predict(every_origin([TimeSeries(WAVE)], 2))
    for origins, words in (([0], "from step 0"), ([401], "from step 401"), ([5, 4], "not increasing")):
        with pytest.raises(DataError, match=words):
            small.predict(Windows((TimeSeries(WAVE),), (np.array(origins),), 3))
    with pytest.raises(DataError, match="origins must be whole numbers"):
        small.backtest(WAVE, origins=[0.5])
    with pytest.raises(DataError, match="far beyond"):
        small.predict(WAVE * 1e300)
    with pytest.raises(DataError, match="X_valid must be Windows"):
        SequenceForecaster("gru", **SMALL).fit(WAVE, None, WAVE)


def test_covariates_that_end_too_soon_are_refused():
    known = np.random.default_rng(0).normal(size=403)
    model = SequenceForecaster("gru", **SMALL).fit(TimeSeries(WAVE, known=known[:400]))
    with pytest.raises(
        DataError, match="known of series 0 has 402 rows; to forecast 3 steps from step 400 on it needs"
    ):
        model.predict(TimeSeries(WAVE, known=known[:402]))
    assert model.predict(TimeSeries(WAVE, known=known)).shape == (3, 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"horizon": 0}, "horizon must be a whole number"),
        ({"season": 0}, "season must be a whole number"),
        ({"context": 2.5}, "context must be a whole number"),
        ({"quantiles": (0.1, 0.9)}, "hold 0.5"),
        ({"quantiles": (0.5, 0.5)}, "must increase"),
        ({"quantiles": (0.9, 0.5, 0.1)}, "must increase"),
        ({"quantiles": (0.5, 1.0)}, "between 0 and 1"),
        ({"quantiles": "half"}, "must be numbers"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        SequenceForecaster("gru", **SMALL | options).fit(WAVE)
