"""The factors of an interval's width: known ones are found, and what has no answer is left as it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from latchwork.tasks.conformal import widened, width_factors
from latchwork.tasks.forecast_scores import coverage

LEVELS = (0.1, 0.5, 0.9)
MANY = 1e18  # independent targets: no allowance for their number


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def intervals(shape, levels=LEVELS, spread=1.0):
    return np.broadcast_to(spread * norm.ppf(levels), (*shape, len(levels))).copy()


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_intervals_too_narrow_or_too_wide_are_mended(spread):
    truth, found = normal((2000, 5, 1)), intervals((2000, 5, 1), spread=spread)
    factors = width_factors(truth, found, LEVELS, MANY)
    assert factors == pytest.approx([1 / spread], rel=0.05)
    mended = widened(found, LEVELS, factors)
    assert coverage(truth, mended[..., 0], mended[..., 2]) == pytest.approx(0.8, abs=1e-3)


def test_each_channel_has_its_own():
    truth = normal((2000, 3, 2)) * [1.0, 2.0]
    assert width_factors(truth, intervals((2000, 3, 2)), LEVELS, MANY) == pytest.approx([1, 2], rel=0.05)


@pytest.mark.parametrize("levels", [(0.5, 0.99), (0.05, 0.5), (0.05, 0.25, 0.5, 0.75)])
def test_intervals_of_one_side_and_of_unlike_sides(levels):
    truth, found = normal((4000, 5, 1)), intervals((4000, 5, 1), levels, spread=0.5)
    assert width_factors(truth, found, levels, MANY) == pytest.approx([2], rel=0.1)


def test_few_independent_targets_widen_but_hardly_move():
    truth, found = normal((400, 5, 1)), intervals((400, 5, 1))
    few, some, many = (width_factors(truth, found, LEVELS, n)[0] for n in (9, 40, MANY))
    asked = np.quantile(np.abs(truth), 0.8 * 10 / 9, method="higher") / norm.ppf(0.9)
    assert few == pytest.approx(asked ** (9 / 19), rel=1e-3)
    assert few > some > many == pytest.approx(1, abs=0.03)
    wide = intervals((400, 5, 1), spread=2.0)
    few, some, many = (width_factors(truth, wide, LEVELS, n)[0] for n in (20, 40, MANY))
    assert 1 > few > some > many


def test_missing_targets_do_not_count():
    truth, found = normal((500, 4, 2)), intervals((500, 4, 2))
    gappy = np.concatenate([truth, np.full((300, 4, 2), np.nan)])
    more = np.concatenate([found, intervals((300, 4, 2), spread=50)])
    assert np.array_equal(width_factors(gappy, more, LEVELS, MANY), width_factors(truth, found, LEVELS, MANY))
    assert width_factors(np.full((3, 1, 1), np.nan), found[:3, :1, :1], LEVELS, 1) == [1]


def test_no_factor_is_absurd():
    found = intervals((50, 1, 1))
    assert width_factors(np.full((50, 1, 1), 1e9), found, LEVELS, MANY) == [3]
    assert width_factors(np.zeros((50, 1, 1)), found, LEVELS, MANY) == pytest.approx(1 / 3)
    assert width_factors(normal((50, 1, 1)), 0 * found, LEVELS, MANY) == [3]
    assert width_factors(normal((50, 1, 1)), found[..., 1:2], (0.5,), MANY) == [1]


@given(
    horizon=st.integers(1, 4),
    channels=st.integers(1, 3),
    levels=st.sampled_from([(0.5,), LEVELS, (0.5, 0.9), (0.05, 0.25, 0.5, 0.75)]),
    seed=st.integers(0, 1000),
)
def test_medians_stay_and_quantiles_do_not_cross(horizon, channels, levels, seed):
    truth = normal((20, horizon, channels), seed)
    found = np.sort(normal((20, horizon, channels, len(levels)), seed + 1))
    factors = width_factors(truth, found, levels, 5)
    assert factors.shape == (channels,)
    mended = widened(found, levels, factors)
    middle = levels.index(0.5)
    assert np.array_equal(mended[..., middle], found[..., middle])
    assert (np.diff(mended) >= 0).all()
