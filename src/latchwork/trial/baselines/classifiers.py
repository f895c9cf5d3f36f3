"""Classifiers of whole sequences: the majority, and linear models of features made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from latchwork.tasks.sequences import series
from latchwork.trial.baselines.baseline import Baseline
from latchwork.trial.runner import Fitted

# From strongly to weakly regularised: a baseline that is not tuned is a straw man.
_STRENGTHS: tuple[Mapping[str, Any], ...] = ({"C": 0.1}, {"C": 1.0}, {"C": 10.0}, {"C": 100.0})


def majority() -> Baseline:
    """Always the most frequent class of the training rows."""
    return Baseline("majority class", _majority)


def bag_of_words() -> Baseline:
    """Words and pairs of neighbouring words, TF-IDF with sublinear counts, logistic regression. X holds texts."""
    return Baseline("bag of words", _bag_of_words, _STRENGTHS)


def series_summary() -> Baseline:
    """Mean, spread, extremes, ends and slope of each channel, and the length; logistic regression. X holds series."""
    return Baseline("series summary", _series_summary, _STRENGTHS)


def summarise(X: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Fixed-size features of series of any length: (n, 7 I + 1) float64.

    For each channel mean, standard deviation, minimum, maximum, first, last and least-squares slope per step; then the
    length. An empty series is all zeros.

    Args:
        X: n series, each (T,) or (T, I) with its own T and one I for all.

    Raises:
        DataError: no series of finite numbers, or another number of channels; the message names the row.
    """
    return np.array([_summary(values) for values in series(X)])


def _summary(values: np.ndarray) -> np.ndarray:
    T, channels = values.shape
    if T == 0:
        return np.zeros(7 * channels + 1)
    time = np.arange(T) - (T - 1) / 2
    slope = time @ values / max(float(time @ time), 1.0)  # a series of one step has no slope: 0
    parts = (values.mean(0), values.std(0), values.min(0), values.max(0), values[0], values[-1], slope)
    return np.concatenate([*parts, [T]])


def _majority(X: Any, y: np.ndarray, seed: int) -> Fitted:
    return Fitted(predict=DummyClassifier(strategy="most_frequent").fit(X, y).predict)


def _bag_of_words(X: Any, y: np.ndarray, seed: int, C: float) -> Fitted:
    # every word counts, one-letter words too; the default pattern would drop those
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", max_features=200_000)
    return _linear(X, y, words, LogisticRegression(C=C, max_iter=1000))


def _series_summary(X: Any, y: np.ndarray, seed: int, C: float) -> Fitted:
    return _linear(X, y, FunctionTransformer(summarise), StandardScaler(), LogisticRegression(C=C, max_iter=1000))


def _linear(X: Any, y: np.ndarray, *steps: Any) -> Fitted:
    """The steps, the last of which is linear, fitted one after the other."""
    model = make_pipeline(*steps).fit(X, y)
    weights = model[-1].coef_
    return Fitted(predict=model.predict, parameters=int(weights.size + len(weights)))
