"""The tests of differences, against hand computation, limits and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from latchwork.errors import ConfigError
from latchwork.trial.statistics import (
    blocks_t_test,
    corrected_t_test,
    detectable_difference,
    fixed_test_t_test,
    holm,
    row_pulls,
    share_variance,
)


def test_corrected_t_test_by_hand() -> None:
    # differences 1, 2, 3, 6: mean 3, squares 4 + 1 + 0 + 9 = 14, S² = 14/3; factor 1/4 + 20/80 = 1/2;
    # standard error √(7/3) = 1.527525, t = 1.963961, 3 degrees of freedom, t_0.975 = 3.182446
    test = corrected_t_test([1, 2, 3, 6], n_train=80, n_test=20)
    assert test.difference == 3
    assert test.standard_error == pytest.approx(1.5275252)
    assert test.t == pytest.approx(1.9639610)
    assert test.degrees_of_freedom == 3
    assert (test.low, test.high) == pytest.approx((3 - 4.8612672, 3 + 4.8612672))
    # with 3 degrees of freedom the t distribution has a closed form
    u = test.t / math.sqrt(3)
    assert test.p == pytest.approx(1 - 2 / math.pi * (u / (1 + u * u) + math.atan(u)))
    # one fresh split: S² (1 + 1/4) on top of the 7/3
    assert test.new_split is not None
    assert test.new_split[1] - 3 == pytest.approx(3.1824463 * math.sqrt(7 / 3 + 14 / 3 * 1.25))


def test_blocks_t_test_by_hand() -> None:
    # differences 1, 2, 3, 6: about their mean -2, -1, 0, 3, neighbours 2 + 0 + 0 = 2 of 14, which with its bias taken
    # out is 4 · 1/7 + 1 = 11/7 over 1 and is cut to 0.9; alternating ones have less than the least, 0.4
    # f = 1 + 2 (0.4 · 3/4 + 0.16 · 2/4 + 0.064 · 1/4) = 1.792; of 0, 2, 0, 2 S² = 4/3, over 1 - 0.792/3 = 0.736
    test = blocks_t_test([0, 2, 0, 2], n_train=80, n_test=20)
    assert test.difference == 1
    assert test.standard_error == pytest.approx(math.sqrt((1.792 / 4 + 1 / 4) * 4 / 3 / 0.736))
    assert test.degrees_of_freedom == pytest.approx(3 * 0.84 / 1.16)
    alike = blocks_t_test([1, 2, 3, 6], n_train=80, n_test=20)
    factor = 1 + 2 * (0.9 * 3 / 4 + 0.81 * 2 / 4 + 0.729 * 1 / 4)
    assert alike.standard_error == pytest.approx(math.sqrt((factor / 4 + 1 / 4) * 14 / 3 / (1 - (factor - 1) / 3)))
    assert alike.degrees_of_freedom == 1
    assert alike.new_split is not None


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=12))
def test_blocks_are_tested_more_strictly_than_random_splits_in_either_order(differences: list[float]) -> None:
    blocks = blocks_t_test(differences, n_train=80, n_test=5)
    assert blocks.standard_error >= corrected_t_test(differences, n_train=80, n_test=5).standard_error
    assert blocks_t_test(differences[::-1], n_train=80, n_test=5).p == pytest.approx(blocks.p, rel=1e-6)


def test_equal_blocks_are_as_equal_splits() -> None:
    assert blocks_t_test([0, 0, 0], n_train=80, n_test=20).p == 1
    claimed = blocks_t_test([0.1] * 3, n_train=80, n_test=20)
    assert (claimed.p, claimed.low, claimed.high) == (1, -math.inf, math.inf)
    assert blocks_t_test([0.1] * 3, n_train=80, n_test=20, least_variance=0.01).standard_error > 0


@pytest.mark.parametrize("J", [3, 5, 10])
@pytest.mark.parametrize("likeness", [0.0, 0.3, 0.5])
def test_blocks_that_are_alike_are_declared_different_in_5_per_cent_at_most(J: int, likeness: float) -> None:
    noise = np.random.default_rng(J).normal(size=(1500, J))
    blocks = noise.copy()
    for j in range(1, J):
        blocks[:, j] = likeness * blocks[:, j - 1] + math.sqrt(1 - likeness**2) * noise[:, j]
    declared = [blocks_t_test(row, n_train=75, n_test=25 / J).p <= 0.05 for row in blocks]
    assert np.mean(declared) <= 0.05 + (0.01 if likeness == 0.5 else 0)


def test_without_test_rows_it_is_the_ordinary_paired_t_test() -> None:
    differences = [0.01, -0.02, 0.04, 0.03, 0.02]
    ours, plain = corrected_t_test(differences, n_train=1e12, n_test=1), stats.ttest_1samp(differences, 0)
    assert (ours.t, ours.p) == pytest.approx((plain.statistic, plain.pvalue))
    assert (ours.low, ours.high) == pytest.approx(tuple(plain.confidence_interval()))


def test_more_splits_cannot_make_up_for_the_sample() -> None:
    # 1/J vanishes, n_test/n_train stays: the standard error tends to S √(1/4), not to 0
    pattern = np.tile([0.0, 0.1], 5000)
    assert corrected_t_test(pattern, n_train=80, n_test=20).standard_error == pytest.approx(0.05 / 2, rel=1e-3)


def test_no_difference_at_all() -> None:
    test = corrected_t_test([0, 0, 0], n_train=80, n_test=20)
    assert (test.difference, test.t, test.p) == (0, 0, 1)
    with_floor = corrected_t_test([0, 0, 0], n_train=80, n_test=20, least_variance=share_variance(0, 20))
    assert with_floor.p == 1
    assert with_floor.low < 0 < with_floor.high  # 20 rows cannot prove equality


@pytest.mark.parametrize("value", [0.1, 0.05, -1 / 3])
def test_equal_differences_claim_nothing_without_a_floor(value: float) -> None:
    test = corrected_t_test([value] * 3, n_train=80, n_test=20)
    assert test.difference == value
    assert test.p == 1
    assert math.isnan(test.t)
    assert (test.low, test.high) == (-math.inf, math.inf)


def test_the_floor_lets_large_equal_differences_through_and_small_ones_not() -> None:
    def p(share: float) -> float:
        floor = share_variance(share, 20)
        return corrected_t_test([share] * 5, n_train=65, n_test=20, least_variance=floor).p

    assert p(1 / 20) > 0.2  # one row of 20, five times
    assert p(0.5) < 0.01  # a perfect cell against a coin


def test_the_floor_does_not_touch_a_spread_above_it() -> None:
    differences = [0.1, -0.2, 0.3]
    free = corrected_t_test(differences, n_train=80, n_test=20)
    assert corrected_t_test(differences, n_train=80, n_test=20, least_variance=0.001) == free


def test_share_variance_by_hand() -> None:
    # (20 · 0.1 + 1)/(20 + 2) = 3/22; 3/22 · 19/22 / 20
    assert share_variance(0.1, 20) == share_variance(-0.1, 20) == pytest.approx(57 / 484 / 20)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("more", [0.0, 0.1])
def test_share_variance_is_the_least_that_is_possible(share: float, more: float) -> None:
    # One is right where the other is wrong on `share + more` of the rows, the other way about on `more`.
    n = 2000
    u = np.random.default_rng(0).random((4000, n))
    differences = (1 * (u < share + more) - (u > 1 - more)).mean(1)
    assert share_variance(share, n) <= differences.var() * 1.1 + 1 / n**2
    if more == 0:  # then it is attained
        assert share_variance(share, n) == pytest.approx(differences.var(), rel=0.1, abs=1 / n**2)


def test_fixed_test_adds_the_test_rows_variance_to_that_of_the_seeds() -> None:
    test = fixed_test_t_test([1, 2, 3, 6], test_variance=0.5)
    assert test.standard_error == pytest.approx(math.sqrt(14 / 3 / 4 + 0.5))
    assert test.new_split is None
    many = fixed_test_t_test(np.tile([0.0, 0.1], 5000).tolist(), test_variance=0.01)
    assert many.standard_error == pytest.approx(0.1, rel=1e-3)  # more seeds do not make up for test rows


@pytest.mark.parametrize("differences", [[], [0.1], [[0.1, 0.2], [0.3, 0.4]]])
def test_fewer_than_two_splits_are_refused(differences: list[float]) -> None:
    with pytest.raises(ConfigError, match="at least 2 splits"):
        corrected_t_test(differences, n_train=80, n_test=20)
    with pytest.raises(ConfigError, match="at least 2 splits"):
        fixed_test_t_test(differences, test_variance=0.1)


def test_unusable_numbers_are_refused() -> None:
    with pytest.raises(ConfigError, match="not a finite number"):
        corrected_t_test([0.1, math.nan], n_train=80, n_test=20)
    with pytest.raises(ConfigError, match="n_train=0"):
        corrected_t_test([0.1, 0.2], n_train=0, n_test=20)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        holm([0.5, 1.5])
    with pytest.raises(ConfigError, match="between -1 and 1"):
        share_variance(1.5, 10)


def test_the_correction_holds_the_level_where_the_plain_test_does_not() -> None:
    """Differences correlated as Nadeau & Bengio take splits to be: ρ = n_test/(n_train + n_test)."""
    rng = np.random.default_rng(0)
    trials, J, rho = 4000, 10, 0.2
    shared = math.sqrt(rho) * rng.normal(size=(trials, 1))
    differences = shared + math.sqrt(1 - rho) * rng.normal(size=(trials, J))
    corrected = np.mean([corrected_t_test(d, n_train=80, n_test=20).p <= 0.05 for d in differences])
    plain = np.mean(stats.ttest_1samp(differences, 0, axis=1).pvalue <= 0.05)
    assert corrected == pytest.approx(0.05, abs=0.012)
    assert plain > 0.2


def test_the_prediction_for_a_new_split_covers() -> None:
    rng = np.random.default_rng(1)
    trials, J, rho = 4000, 10, 0.2
    shared = math.sqrt(rho) * rng.normal(size=(trials, 1))
    differences = 0.3 + shared + math.sqrt(1 - rho) * rng.normal(size=(trials, J))
    fresh = 0.3 + rng.normal(size=trials)
    intervals = [corrected_t_test(d, n_train=80, n_test=20).new_split for d in differences]
    covered = [i is not None and i[0] <= value <= i[1] for i, value in zip(intervals, fresh, strict=True)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.012)


def test_holm_known_values() -> None:
    # 0.005·4, 0.01·3, 0.03·2, 0.04·1 raised to the running maximum 0.06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1, 1]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_none_and_bonferroni_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for raw, value in zip(p_values, adjusted, strict=True):
        assert raw <= value <= min(1, len(p_values) * raw)
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


def test_detectable_difference_is_seen_four_times_of_five() -> None:
    rng = np.random.default_rng(2)
    J = 10
    noise = rng.normal(size=(4000, J))
    spread = corrected_t_test(np.tile([-1.0, 1.0], J // 2) * math.sqrt((J - 1) / J), n_train=1e9, n_test=1)  # S² = 1
    assert spread.standard_error == pytest.approx(1 / math.sqrt(J), rel=1e-6)
    effect = detectable_difference(spread)
    seen = np.mean([corrected_t_test(d + effect, n_train=1e9, n_test=1).p <= 0.05 for d in noise])
    assert seen == pytest.approx(0.8, abs=0.03)
    assert detectable_difference(spread, comparisons=3) > effect


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1"])
def test_row_pulls_give_the_variance_over_test_sets(metric: str) -> None:
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    def score(y: np.ndarray, predicted: np.ndarray) -> float:
        if metric == "accuracy":
            return float(accuracy_score(y, predicted))
        measure = recall_score if metric == "balanced_accuracy" else f1_score
        return float(measure(y, predicted, average="macro"))

    rng = np.random.default_rng(3)
    n = 400
    y = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
    predicted = np.where(rng.random(n) < 0.7, y, rng.choice(3, size=n))
    pulls = row_pulls(y, predicted, metric)
    assert pulls.mean() == pytest.approx(0, abs=1e-12)
    draws = [score(y[rows], predicted[rows]) for rows in rng.integers(0, n, size=(600, n))]
    assert math.sqrt((pulls**2).sum()) / n == pytest.approx(np.std(draws), rel=0.12)
