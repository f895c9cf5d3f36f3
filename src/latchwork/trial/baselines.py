"""The sceptic's side: plain learners without recurrence. A cell that does not beat them is not worth its cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from latchwork.errors import DataError
from latchwork.tasks.sequences import rows_of, series
from latchwork.trial.results import Kind
from latchwork.trial.runner import Fitted

# From strongly to weakly regularised: a baseline that is not tuned is a straw man.
_STRENGTHS: tuple[Mapping[str, Any], ...] = ({"C": 0.1}, {"C": 1.0}, {"C": 10.0}, {"C": 100.0})


@dataclass(frozen=True)
class Baseline:
    """A scikit-learn classifier as a candidate. It learns from the training rows only, as the cells do."""

    name: str
    build: Callable[..., Any]  #: settings to an unfitted classifier
    settings: Sequence[Mapping[str, Any]] = ({},)
    kind: Kind = "baseline"

    def fit(
        self,
        X_train: Any,
        y_train: np.ndarray,
        X_valid: Any,
        y_valid: np.ndarray,
        settings: Mapping[str, Any],
        seed: int,
    ) -> Fitted:
        """Fits on the training rows; neither the validation rows nor the seed is used, as nothing here is random."""
        model = self.build(**settings).fit(X_train, y_train)
        weights = getattr(model[-1], "coef_", None) if hasattr(model, "steps") else None
        return Fitted(
            predict=model.predict,
            parameters=None if weights is None else int(weights.size + len(weights)),
        )


def majority() -> Baseline:
    """Always the most frequent class of the training rows."""
    return Baseline("majority class", lambda: DummyClassifier(strategy="most_frequent"))


def bag_of_words() -> Baseline:
    """Words and pairs of neighbouring words, TF-IDF with sublinear counts, logistic regression. X holds texts."""
    return Baseline("bag of words", _bag_of_words, _STRENGTHS)


def series_summary() -> Baseline:
    """Mean, spread, extremes, ends and slope of each channel, and the length; logistic regression. X holds series."""
    return Baseline("series summary", _series_summary, _STRENGTHS)


def baselines_for(X: Sequence[Any] | np.ndarray) -> list[Baseline]:
    """The baselines that suit the data: texts if the first row is a string, else numeric series.

    Raises:
        DataError: no rows.
    """
    rows = rows_of(X)
    if len(rows) == 0:
        raise DataError("X has no rows")
    return [majority(), bag_of_words() if isinstance(rows[0], str) else series_summary()]


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


def _bag_of_words(C: float) -> Any:
    # every word counts, one-letter words too; the default pattern would drop those
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", max_features=200_000)
    return make_pipeline(words, LogisticRegression(C=C, max_iter=1000))


def _series_summary(C: float) -> Any:
    features = FunctionTransformer(summarise)
    return make_pipeline(features, StandardScaler(), LogisticRegression(C=C, max_iter=1000))
