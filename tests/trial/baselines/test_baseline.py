"""Every baseline as a candidate: it learns from the training rows alone, and goes to other processes and back."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from latchwork.tasks.timeseries import TimeSeries, every_origin
from latchwork.trial.baselines import (
    Baseline,
    bag_of_words,
    kneser_ney,
    linear_autoregression,
    majority,
    majority_tag,
    naive,
    random_convolutions,
    seasonal_naive,
    series_summary,
    word_tags,
    xz,
)

TEXTS = ["a good one", "a bad one", "good", "bad and bad", "so good", "too bad"]
SERIES = [np.random.default_rng(row).normal(size=(5 + row, 2)) for row in range(6)]
CLASSES = np.array(["x", "y"] * 3)
WORDS = [text.split() for text in TEXTS]
TAGS = [[word[0].upper() for word in words] for words in WORDS]
WINDOWS = every_origin([TimeSeries(np.random.default_rng(0).normal(size=(60, 2)))], 3)

CASES = [
    (majority(), TEXTS, CLASSES),
    (bag_of_words(), TEXTS, CLASSES),
    (series_summary(), SERIES, CLASSES),
    (random_convolutions(), SERIES, CLASSES),
    (majority_tag(), SERIES, [["a"] * len(values) for values in SERIES]),
    (word_tags(), WORDS, TAGS),
    (kneser_ney(), TEXTS, None),
    (xz(), TEXTS, None),
    (naive(), WINDOWS, WINDOWS.targets()),
    (seasonal_naive(4), WINDOWS, WINDOWS.targets()),
    (linear_autoregression(4, 2), WINDOWS, WINDOWS.targets()),
]


@pytest.mark.parametrize(("baseline", "X", "y"), CASES, ids=[case[0].name for case in CASES])
def test_validation_rows_are_not_looked_at_and_a_seed_decides_all(baseline: Baseline, X: Any, y: Any) -> None:
    settings = baseline.settings[0]
    first = baseline.fit(X, y, X, y, settings, 3)
    again = baseline.fit(X, y, None, None, settings, 3)
    assert first.parameters == again.parameters
    for a, b in zip(first.predict(X), again.predict(X), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("baseline", "X", "y"), CASES, ids=[case[0].name for case in CASES])
def test_baselines_and_what_they_fitted_can_be_sent_to_other_processes(baseline: Baseline, X: Any, y: Any) -> None:
    def sent(what: Any) -> Any:
        return pickle.loads(pickle.dumps(what))  # as joblib sends the fits of a trial

    fitted = sent(baseline).fit(X, y, None, None, baseline.settings[-1], 0)
    for a, b in zip(sent(fitted).predict(X), fitted.predict(X), strict=True):
        np.testing.assert_array_equal(a, b)
