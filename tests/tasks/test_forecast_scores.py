"""Scores of forecasts, by hand and against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import mean_pinball_loss

from latchwork.errors import DataError
from latchwork.tasks.forecast_scores import coverage, mase, naive_error, rmse, weighted_quantile_loss

TRUTH = np.array([[[1.0], [2.0]], [[3.0], [np.nan]]])  # (2, 2, 1)


def test_errors_by_hand_leave_missing_targets_out():
    said = np.array([[[2.0], [2.0]], [[1.0], [9.0]]])
    assert mase(TRUTH, said, [0.5]) == pytest.approx((1 + 0 + 2) / 3 / 0.5)
    assert mase(TRUTH, said, [[0.5], [1.0]]) == pytest.approx((1 / 0.5 + 0 + 2) / 3)
    assert rmse(TRUTH, said) == pytest.approx(np.sqrt(5 / 3))
    assert coverage(TRUTH, said - 1, said + 1) == pytest.approx(2 / 3)
    assert weighted_quantile_loss(TRUTH, said[..., None], (0.5,)) == pytest.approx(3 / 6)


def test_the_naive_error_is_that_of_the_season_before():
    assert naive_error([1.0, 2.0, 4.0, 8.0], 2).tolist() == [4.5]
    assert naive_error([[1.0, 5.0], [np.nan, 5.0], [4.0, 5.0]]).tolist()[1] == 0
    assert np.isnan(naive_error([[1.0], [np.nan], [4.0]])).all()
    with pytest.raises(DataError, match="3 steps, no more than the season of 3"):
        naive_error([1.0, 2.0, 3.0], 3)


def test_channels_count_alike_and_a_constant_one_not():
    truth, said = np.zeros((1, 2, 3)), np.ones((1, 2, 3)) * [1, 100, 7]
    assert mase(truth, said, [1, 100, 0]) == 1
    with pytest.raises(DataError, match="no scale"):
        mase(truth, said, [0, 0, 0])


@given(arrays(np.float64, (4, 3, 2), elements=st.floats(-50, 50)), st.floats(0.01, 0.99))
def test_quantile_loss_is_scikit_learns(truth, level):
    truth[0, 0, 0] = 1
    said = np.roll(truth, 1)
    expected = 2 * mean_pinball_loss(truth.ravel(), said.ravel(), alpha=level) * truth.size / np.abs(truth).sum()
    assert weighted_quantile_loss(truth, said[..., None], [level]) == pytest.approx(expected)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(DataError, match="every target is missing"):
        rmse(TRUTH * np.nan, TRUTH)
    with pytest.raises(DataError, match="all targets are 0"):
        weighted_quantile_loss(np.zeros((1, 1, 1)), np.ones((1, 1, 1, 1)), [0.5])
    with pytest.raises(DataError, match=r"\(2, 2, 1\) and forecasts \(2, 1, 1\)"):
        mase(TRUTH, TRUTH[:, :1], [1])
    with pytest.raises(DataError, match="3 quantiles do not fit"):
        weighted_quantile_loss(TRUTH, TRUTH[..., None], (0.1, 0.5, 0.9))
