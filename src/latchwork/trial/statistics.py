"""Is a difference between two candidates more than luck? Tests for scores from repeated splits of one sample.

The scores of repeated random splits are not independent: the splits share rows. The ordinary paired t-test takes them
for independent and declares differences far too often. Nadeau & Bengio, "Inference for the Generalization Error",
Machine Learning 52 (2003), widen its variance from S²/J to (1/J + n_test/n_train) S²; that is the test used here.

Blocks in time share no test rows, but neighbours are alike, which that test does not know; :func:`blocks_t_test` does.

One value per split goes in. Several seeds of one split are averaged first: they share all training and test rows, so
J splits of m seeds are J observations, not J·m; taken as J·m they would shrink the 1/J term for nothing and lend the
test degrees of freedom that the data do not have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from latchwork.errors import ConfigError

LEVEL = 0.05
"""Share of trials in which a difference may be declared although there is none."""

_LEAST_LIKENESS, _MOST_LIKENESS = 0.4, 0.9  # of neighbouring blocks: few blocks tell little of it


@dataclass(frozen=True)
class PairedTest:
    """A two-sided t-test of the mean of per-split differences, in the unit of the scores (a share, 0.01 = 1 point)."""

    difference: float  #: mean over the splits
    low: float  #: lower end of the 95 % interval of the mean
    high: float  #: upper end of the 95 % interval of the mean
    t: float  #: difference / standard_error; NaN if the spread is zero and the difference is not
    p: float  #: two-sided
    standard_error: float  #: of the mean, the correction included
    degrees_of_freedom: float  #: J − 1; of blocks in time fewer
    new_split: tuple[float, float] | None  #: 95 % prediction for one split of fresh data; None if it is not measured


def corrected_t_test(
    differences: Sequence[float], *, n_train: float, n_test: float, least_variance: float = 0.0
) -> PairedTest:
    """Paired corrected resampled t-test (Nadeau & Bengio 2003), two-sided.

    Args:
        differences: (J,) score of one candidate minus score of the other, one value for each split.
        n_train: training rows of a split (a mean, if the splits differ).
        n_test: test rows of a split (likewise).
        least_variance: a floor under the variance of the differences; :func:`share_variance` gives one for scores that
            are shares. With few splits or few test rows all differences can be alike by chance; t is then infinite
            though next to nothing is known. The floor is what keeps such a trial from "finding" a difference.

    Equal differences, no floor: if all are 0 there is no difference and p = 1. If all have the same other value the
    spread is unknown, not zero, so nothing is claimed: p = 1, an unbounded interval, t is NaN.

    ``new_split`` predicts the difference on one split of *fresh* data. With r = n_test/n_train, such a split varies by
    S² (1 + r), since S² leaves out what all splits of one sample share, and the mean itself by S² (1/J + r).

    Raises:
        ConfigError: fewer than 2 splits, a value that is not finite, or a size that is not positive.
    """
    values, ratio = _checked(differences), _ratio(n_train, n_test)
    variance = max(float(np.var(values, ddof=1)), least_variance)
    variance_of_mean = (1 / len(values) + ratio) * variance
    return _t_test(values, variance_of_mean, variance_of_fresh_split=variance_of_mean + (1 + ratio) * variance)


def blocks_t_test(
    differences: Sequence[float], *, n_train: float, n_test: float, least_variance: float = 0.0
) -> PairedTest:
    """Paired t-test for test blocks in order of time, two-sided: of differences of which neighbours may be alike.

    The blocks are taken as a first-order autoregression. Its coefficient ρ is that of neighbouring differences, freed
    of its bias (Marriott & Pope 1954), and at least 0.4, as ten blocks or fewer hardly tell it from 0. With
    f = 1 + 2 Σ (1 − k/J) ρᵏ, k from 1 to J − 1, the variance of the mean is f/J of a block's; S² is
    1 − (f − 1)/(J − 1) of that on average, and is divided by it. It has the degrees of freedom
    (J − 1)(1 − ρ²)/(1 + ρ²), but at least 1 (Bayley & Hammersley 1946). As in :func:`corrected_t_test` the shared
    training rows are paid for by n_test/n_train.

    Simulated, 20,000 trials each, no true difference, a share of n_test/n_train as a trial of so many blocks has it,
    the share of trials that declare one:

    ======  =====  =======  =======  =======  =======
    blocks  ρ = 0  ρ = 0.3  ρ = 0.5  ρ = 0.7  ρ = 0.8
    ======  =====  =======  =======  =======  =======
    3       0.5 %  1.2 %    1.9 %    3.4 %    5.7 %
    5       0.4 %  1.1 %    2.8 %    6.7 %    11.2 %
    10      0.3 %  1.4 %    4.0 %    10.6 %   14.7 %
    ======  =====  =======  =======  =======  =======

    So beyond ρ = 0.5 too many are declared: what holds for as long as all blocks together looks like a lasting gain.

    Args:
        differences: (J,) in order of time, forwards or backwards.
        n_train, n_test, least_variance: as for :func:`corrected_t_test`, whose words on equal differences hold too.

    Raises:
        ConfigError: fewer than 2 blocks, a value that is not finite, or a size that is not positive.
    """
    values, ratio = _checked(differences), _ratio(n_train, n_test)
    count = len(values)
    likeness = _likeness(values)
    lags = np.arange(1, count)
    factor = 1 + 2 * float(((1 - lags / count) * likeness**lags).sum())
    variance = max(float(np.var(values, ddof=1)) / (1 - (factor - 1) / (count - 1)), least_variance)
    variance_of_mean = (factor / count + ratio) * variance
    freedom = max(1.0, (count - 1) * (1 - likeness**2) / (1 + likeness**2))
    return _t_test(values, variance_of_mean, variance_of_mean + (1 + ratio) * variance, freedom)


def fixed_test_t_test(differences: Sequence[float], *, test_variance: float) -> PairedTest:
    """Paired t-test for one fixed test set, where only the seeds and the validation rows differ between repeats.

    Given the data, the repeats are independent, so nothing is corrected for shared rows: their part of the variance of
    the mean is S²/J. But S² holds nothing of what *other test rows* would change, and that does not shrink with more
    repeats: ``test_variance`` is added for it. What other *training* rows would change is not measured at all, so the
    result holds for models trained on these rows, and ``new_split`` is None.

    Args:
        differences: (J,) score of one candidate minus score of the other, one value for each repeat.
        test_variance: variance of the mean difference over test sets of this size, from :func:`row_pulls`.

    Raises:
        ConfigError: fewer than 2 repeats or a value that is not finite.
    """
    values = _checked(differences)
    return _t_test(values, float(np.var(values, ddof=1)) / len(values) + test_variance, variance_of_fresh_split=None)


def row_pulls(y: np.ndarray, predicted: np.ndarray, metric: str) -> np.ndarray:
    """(n,) how strongly each test row pulls a score up or down: its influence function, which has mean 0.

    For one set of predictions or the mean of several, sum(pulls²)/n² is the score's variance over test sets of n rows
    (exact for accuracy, to first order for the others; the infinitesimal jackknife, Efron 1982). Differences of
    candidates have the differences of their pulls.

    Args:
        y, predicted: (n,) classes.
        metric: "accuracy", "balanced_accuracy" or "macro_f1", over the classes present in y.
    """
    right = y == predicted
    if metric == "accuracy":
        return np.asarray(right - right.mean())
    pulls = np.zeros(len(y))
    classes = np.unique(y)
    for label in classes:
        true, said = y == label, predicted == label
        # recall is hits/true, F1 is 2 hits/(true + said): ratios of counts, and their derivatives are alike
        hits, size = (true & said, true) if metric == "balanced_accuracy" else (2 * (true & said), 1 * true + said)
        pulls += (hits - hits.sum() / size.sum() * size) / size.mean()
    return pulls / len(classes)


def share_variance(share: float, n_test: float) -> float:
    """The least variance of a score difference ``share`` over test sets of ``n_test`` rows, for scores that are shares.

    If one candidate is right on a share δ of the rows more than the other, the two disagree on at least that share, and
    a share of n rows varies by δ(1 − δ)/n at least. δ is taken as (n δ + 1)/(n + 2) (Laplace's rule), lest a perfect
    score on a handful of rows pass for certainty. Exact for accuracy; a rule of thumb for means over classes, such as
    macro-F1. The same bound serves for a single accuracy, whose variance over test sets it is.

    Raises:
        ConfigError: the share is outside [−1, 1], or there are no rows.
    """
    if not (-1 <= share <= 1 and n_test >= 1):
        raise ConfigError(f"need a share between -1 and 1 and at least one test row, got {share} and {n_test}")
    smoothed = (n_test * abs(share) + 1) / (n_test + 2)
    return smoothed * (1 - smoothed) / n_test


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values by Holm's step-down rule, in the order given.

    All claims p_adjusted ≤ 5 % together contain a false one in at most 5 % of trials, however the comparisons depend on
    each other. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statistics 6 (1979).

    Raises:
        ConfigError: a p-value outside [0, 1].
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise ConfigError(f"p-values lie between 0 and 1, got {list(p_values)}")
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        # no later step may claim more than an earlier one that failed: keep the running maximum
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def detectable_difference(test: PairedTest, *, comparisons: int = 1, power: float = 0.8) -> float:
    """The smallest true difference that such a trial would have declared with probability ``power``, roughly.

    (t_{1−α/2} + t_power) × standard error, with α = 5 % shared among the ``comparisons`` (Holm's first, hardest step).

    Raises:
        ConfigError: fewer than 1 comparison, or a power outside (0, 1).
    """
    if comparisons < 1 or not 0 < power < 1:
        raise ConfigError(f"need comparisons >= 1 and 0 < power < 1, got {comparisons} and {power}")
    reach = stats.t.ppf([1 - LEVEL / comparisons / 2, power], test.degrees_of_freedom).sum()
    return float(reach) * test.standard_error


def _checked(differences: Sequence[float]) -> np.ndarray:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ConfigError(
            f"a test needs one value for each of at least 2 splits, got shape {values.shape}; use more repeats"
        )
    if not np.isfinite(values).all():
        raise ConfigError(f"a score difference is not a finite number: {values.tolist()}")
    return values


def _ratio(n_train: float, n_test: float) -> float:
    if not (n_train > 0 and n_test > 0):
        raise ConfigError(f"n_train and n_test must be positive, got n_train={n_train}, n_test={n_test}")
    return n_test / n_train


def _likeness(values: np.ndarray) -> float:
    """The autocorrelation of neighbours, freed of its bias, which is −(1 + 3ρ)/J; within what few blocks can tell."""
    apart = values - values.mean()
    spread = float(apart @ apart)
    if spread == 0:
        return _LEAST_LIKENESS
    found = float(apart[1:] @ apart[:-1]) / spread
    unbiased = (len(values) * found + 1) / max(len(values) - 3, 1)
    return min(max(unbiased, _LEAST_LIKENESS), _MOST_LIKENESS)


def _t_test(
    values: np.ndarray, variance_of_mean: float, variance_of_fresh_split: float | None, freedom: float | None = None
) -> PairedTest:
    mean, freedom = float(values.mean()), len(values) - 1 if freedom is None else freedom
    if np.ptp(values) == 0:
        mean = float(values[0])  # the mean of equal numbers, free of round-off
    error = math.sqrt(variance_of_mean)
    if mean != 0 and error <= 1e-12 * abs(mean):  # no spread at all, only round-off
        return PairedTest(mean, -math.inf, math.inf, math.nan, 1.0, 0.0, freedom, None)
    t = mean / error if error > 0 else 0.0
    p = float(2 * stats.t.sf(abs(t), freedom))
    quantile = float(stats.t.ppf(1 - LEVEL / 2, freedom))
    new_split = None
    if variance_of_fresh_split is not None:
        reach = quantile * math.sqrt(variance_of_fresh_split)
        new_split = (mean - reach, mean + reach)
    return PairedTest(mean, mean - quantile * error, mean + quantile * error, t, p, error, freedom, new_split)
