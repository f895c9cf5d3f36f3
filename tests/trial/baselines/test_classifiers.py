"""Baselines for classes: what they see, what they can learn, and what they cannot."""

from __future__ import annotations

import numpy as np
import pytest

from latchwork.errors import DataError
from latchwork.trial.baselines import bag_of_words, majority, series_summary, summarise


def test_summary_of_a_series_by_hand() -> None:
    # mean 3, sd √(8/3), min 1, max 5, first 1, last 5, slope 2; length 3
    expected = [3, np.sqrt(8 / 3), 1, 5, 1, 5, 2, 3]
    assert summarise([[1, 3, 5]]) == pytest.approx(np.array([expected]))
    channels = summarise([np.array([[1, 0], [3, 0], [5, 0]])])
    assert channels[0, 0::2][:7] == pytest.approx(expected[:7])
    assert channels[0, 1::2].tolist() == [0, 0, 0, 0, 0, 0, 0]
    assert channels[0, 14] == 3


def test_short_series_have_no_slope_and_empty_ones_are_zeros() -> None:
    assert summarise([[4.0], []]).tolist() == [[4, 0, 4, 4, 4, 4, 0, 1], [0] * 8]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([[1.0], [float("nan")]], DataError, "row 1 of X is NaN at step 0"),
        ([[1.0], ["a"]], DataError, "row 1 of X is no series of numbers"),
        ([np.zeros((3, 2)), np.zeros((3, 1))], DataError, "row 1 of X has 1 channels, but row 0 has 2"),
        ([np.zeros((3, 2, 2))], DataError, "row 0 of X has 3 dimensions"),
    ],
)
def test_unusable_series_are_refused(X: list[object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        summarise(X)


def test_bag_of_words_knows_words_and_pairs_of_words_but_not_their_place() -> None:
    pairs = ["not good", "good not", "x good a not", "x not a good"]
    X = [f"{pairs[i % 2]} {['the', 'a', 'of'][i % 3]}" for i in range(60)]
    y = np.arange(60) % 2
    fitted = bag_of_words().fit(X[:40], y[:40], [], np.array([]), {"C": 10.0}, 0)
    assert (fitted.predict(X[40:]) == y[40:]).all()  # by the pair "not good"
    # with a letter between them no pair tells, and the words are the same
    X = [pairs[2 + i % 2] for i in range(60)]
    fitted = bag_of_words().fit(X, y, [], np.array([]), {"C": 1.0}, 0)
    assert fitted.parameters is not None
    words = {"x", "a", "good", "not", "x good", "good a", "a not", "x not", "not a", "a good"}
    assert fitted.parameters == len(words) + 1  # a weight each, one-letter words too, and the bias


def test_series_summary_learns_from_lists_of_any_length_and_from_arrays() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    ragged = [rng.normal(size=rng.integers(3, 9)) + 4 * label for label in y]
    array = rng.normal(size=(80, 6, 2)) + 4 * y[:, None, None]
    for X in (ragged, array):
        fitted = series_summary().fit(X[:60], y[:60], [], np.array([]), {"C": 1.0}, 0)
        assert np.mean(fitted.predict(X[60:]) == y[60:]) > 0.9
    assert fitted.parameters == 7 * 2 + 1 + 1


def test_majority_takes_the_most_frequent_class_of_the_training_rows() -> None:
    fitted = majority().fit(["x"] * 5, np.array(["b", "a", "b", "b", "a"]), ["x"] * 9, np.array(["a"] * 9), {}, 0)
    assert list(fitted.predict(["y", "z"])) == ["b", "b"]
    assert fitted.parameters is None
