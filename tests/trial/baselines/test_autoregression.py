"""Linear autoregression: what it must learn exactly, what it may use, and what it may not see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.tasks.timeseries import TimeSeries, Windows, every_origin
from latchwork.trial.baselines import autoregression as module
from latchwork.trial.baselines import linear_autoregression, naive, seasonal_naive
from latchwork.trial.runner import Fitted

NAN = float("nan")
SETTINGS = {"lags": 4, "all_channels": False, "penalty": 1e-9}


def fit(windows: Windows, **settings: Any) -> Fitted:
    channels = windows.series[0].values.shape[1]
    chosen = {**SETTINGS, **settings}
    return linear_autoregression(4, channels).fit(windows, windows.targets(), None, None, chosen, 0)


def medians(fitted: Fitted, windows: Windows) -> np.ndarray:
    return fitted.predict(windows)[..., 1]


def test_a_wave_with_a_trend_is_forecast_exactly() -> None:
    time = np.arange(200)
    series = [TimeSeries(np.sin(time / 3 + shift) + 0.01 * time) for shift in (0, 1)]
    fitted = fit(every_origin([one.until(120) for one in series], 3))
    test = every_origin(series, 3, first=130)
    found = fitted.predict(test)
    assert found[..., 1] == pytest.approx(test.targets(), abs=1e-4)
    assert np.abs(found[..., 2] - found[..., 0]).max() < 1e-4
    assert fitted.parameters == 3 * (4 + 1)


def test_a_channel_may_help_another() -> None:
    leader = np.random.default_rng(0).normal(size=300)
    values = np.stack([leader, np.roll(leader, 1)], axis=1)  # the second is the first, one step later
    train, test = every_origin([TimeSeries(values[1:200])], 1), every_origin([TimeSeries(values[200:])], 1, first=4)
    apart, together = fit(train), fit(train, all_channels=True)
    error = [np.abs(medians(f, test) - test.targets()).mean((0, 1)) for f in (apart, together)]
    assert error[0][1] > 0.5
    assert error[1][1] < 1e-6
    assert error[1][0] > 0.5  # nothing tells the leader
    assert (apart.parameters, together.parameters) == (2 * 5, 2 * 9)


def test_what_is_known_ahead_is_used() -> None:
    generator = np.random.default_rng(0)
    known, static = generator.normal(size=(300, 2)), np.array([3.0])
    values = known @ [2.0, -1.0] + 5
    train = every_origin([TimeSeries(values[:200], known[:200], static)], 2)
    test = every_origin([TimeSeries(values, known, static)], 2, first=210)
    fitted = fit(train)
    assert medians(fitted, test) == pytest.approx(test.targets(), abs=1e-4)
    assert fitted.parameters == 2 * (4 + 2 * 2 + 1 + 1)


def test_missing_values_are_left_out_of_what_is_learned() -> None:
    values = np.sin(np.arange(300) / 3)
    gappy = values.copy()
    gappy[[50, 51, 120]] = NAN
    train, test = every_origin([TimeSeries(gappy[:200])], 2), every_origin([TimeSeries(values)], 2, first=210)
    fitted = fit(train)
    assert np.isfinite(fitted.predict(every_origin([TimeSeries(gappy)], 2))).all()
    assert medians(fitted, test) == pytest.approx(test.targets(), abs=0.1)


def test_a_channel_without_a_whole_window_is_forecast_by_its_mean() -> None:
    values = np.stack([np.sin(np.arange(40)), np.where(np.arange(40) % 2, NAN, 3.0 + np.arange(40) % 4)], axis=1)
    for order in ([0, 1], [1, 0]):
        train = every_origin([TimeSeries(values[:, order])], 2)
        fitted = fit(train)
        found = medians(fitted, train)[..., order]
        assert (found[..., 1] == 4).all()
        assert found[4:, :, 0] == pytest.approx(train.targets()[4:, :, order[0]], abs=1e-4)
        assert fitted.parameters == 2 * 2 * (4 + 1)


def test_a_strong_penalty_leads_to_the_mean() -> None:
    train = every_origin([TimeSeries(np.random.default_rng(0).normal(size=200) + 7)], 2)
    found = medians(fit(train, penalty=1e9), train)
    assert found == pytest.approx(np.broadcast_to(train.targets()[3:].mean(0), found.shape), abs=1e-4)


def test_series_shorter_than_the_lags_and_windows_by_the_million(monkeypatch: pytest.MonkeyPatch) -> None:
    short = every_origin([TimeSeries(np.sin(np.arange(12)))], 2)
    assert np.isfinite(fit(short, lags=50, penalty=1.0).predict(short)).all()
    values = np.sin(np.arange(400) / 5)
    train, test = every_origin([TimeSeries(values[:300])], 2), every_origin([TimeSeries(values)], 2, first=310)
    monkeypatch.setattr(module, "_MOST_NUMBERS", 100)  # 25 windows of 4 lags
    assert medians(fit(train), test) == pytest.approx(test.targets(), abs=1e-4)


def test_intervals_hold_for_what_comes_also_where_there_are_more_lags_than_the_data_tell() -> None:
    values = np.random.default_rng(0).normal(size=3000)
    train, test = every_origin([TimeSeries(values[:300])], 2), every_origin([TimeSeries(values[300:])], 2, first=120)
    found = fit(train, lags=100, penalty=0.01).predict(test)
    within = (test.targets() >= found[..., 0]) & (test.targets() <= found[..., 2])
    assert within.mean() == pytest.approx(0.8, abs=0.1)


@given(st.integers(0, 1000), st.integers(1, 12), st.integers(1, 4), st.booleans())
def test_no_baseline_looks_past_an_origin(seed: int, origin: int, horizon: int, all_channels: bool) -> None:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(30, 2))
    values[generator.random(values.shape) < 0.1] = NAN
    train = every_origin([TimeSeries(values)], horizon)
    changed = values.copy()
    changed[origin:] = generator.normal(size=changed[origin:].shape)
    changed[-1] = NAN
    asked = [
        Windows((TimeSeries(given),), (np.array([origin]),), horizon) for given in (values, changed, values[:origin])
    ]
    settings = {"lags": 8, "all_channels": all_channels, "penalty": 0.1}
    for baseline, chosen in ((naive(), {}), (seasonal_naive(3), {}), (linear_autoregression(3, 2), settings)):
        fitted = baseline.fit(train, train.targets(), None, None, chosen, 0)
        first, *others = (fitted.predict(windows) for windows in asked)
        assert first.shape == (1, horizon, 2, 3)
        assert np.isfinite(first).all()
        assert (np.diff(first, axis=3) >= 0).all()
        for other in others:
            assert other == pytest.approx(first, rel=1e-12)  # a matrix product may round by where its numbers lie
        # and what was last seen does count
        values[origin - 1] += 1
        moved = fitted.predict(Windows((TimeSeries(values),), (np.array([origin]),), horizon))
        values[origin - 1] -= 1
        if baseline.name == "naive" and not np.isnan(values[origin - 1]).any():
            assert (moved != first).all()
