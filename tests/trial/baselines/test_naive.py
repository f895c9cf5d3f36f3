"""Forecasts that repeat: their values and intervals, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from latchwork.tasks.timeseries import TimeSeries, Windows, every_origin
from latchwork.trial.baselines import naive, seasonal_naive

NAN = float("nan")


def test_the_last_value_stays() -> None:
    train = every_origin([TimeSeries(np.array([[1.0, 5], [2, 5], [4, 5], [NAN, 5], [3, 5], [3, 5]]))], 2)
    fitted = naive().fit(train, train.targets(), None, None, {}, 0)
    found = fitted.predict(Windows((TimeSeries(np.array([[7.0, 1], [NAN, 2]])),), (np.array([1, 2]),), 2))
    assert found.shape == (2, 2, 2, 3)
    assert found[..., 1].tolist() == [[[7, 1], [7, 1]], [[7, 2], [7, 2]]]
    # errors of channel 0 one step ahead: 2 − 1, 4 − 2, missing, 3 − 4 from the value that was carried on
    low, high = np.quantile([1, 2, -1], [0.1, 0.9])
    assert found[0, 0, 0].tolist() == pytest.approx([7 + low, 7, 7 + high])
    # two steps ahead: 4 − 1, missing, 3 − 4 and 3 − 4
    low, high = np.quantile([3, -1, -1], [0.1, 0.9])
    assert found[0, 1, 0].tolist() == pytest.approx([7 + low, 7, 7 + high])
    assert found[0, :, 1].tolist() == [[1, 1, 1]] * 2  # a channel that never changed
    assert fitted.parameters is None


def test_the_last_season_comes_again_as_often_as_it_must() -> None:
    values = np.tile([1.0, 2, 3], 5)
    train = every_origin([TimeSeries(values)], 7)
    fitted = seasonal_naive(3).fit(train, train.targets(), None, None, {}, 0)
    found = fitted.predict(Windows((TimeSeries(np.array([9.0, 9, 4, 5, 6])),), (np.array([4, 5]),), 7))
    assert found[0, :, 0, 1].tolist() == [9, 4, 5, 9, 4, 5, 9]
    assert found[1, :, 0, 1].tolist() == [4, 5, 6, 4, 5, 6, 4]
    assert (found[..., 0] == found[..., 2]).all()  # it was never wrong where it had a season to look at


def test_a_step_that_always_rises_is_above_the_forecast_which_stays() -> None:
    train = every_origin([TimeSeries(np.arange(20.0))], 1)
    fitted = naive().fit(train, train.targets(), None, None, {}, 0)
    assert fitted.predict(train)[:, 0, 0].tolist() == [[o, o, o + 1] for o in range(19)]


def test_four_fifths_of_noise_lie_within_the_interval() -> None:
    values = np.random.default_rng(0).normal(size=(4000, 2)).cumsum(0)
    train, test = every_origin([TimeSeries(values[:2000])], 4), every_origin([TimeSeries(values[2000:])], 4)
    found = naive().fit(train, train.targets(), None, None, {}, 0).predict(test)
    truth = test.targets()
    within = (truth >= found[..., 0]) & (truth <= found[..., 2])
    assert within.mean(0) == pytest.approx(np.full((4, 2), 0.8), abs=0.05)
