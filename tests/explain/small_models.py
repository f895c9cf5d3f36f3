"""Small models of every task, on data made by rules, and what they were fitted on."""

from __future__ import annotations

from functools import cache

import numpy as np

from latchwork.tasks import SequenceForecaster, SequenceGenerator, SequenceTagger
from latchwork.tasks.timeseries import TimeSeries, Windows

TAGS = {"the": "DET", "a": "DET", "dog": "NOUN", "bird": "NOUN", "saw": "VERB", "heard": "VERB", ".": "."}
HORIZON = 6


def sentences(count: int = 60) -> tuple[list[list[str]], list[list[str]]]:
    rng = np.random.default_rng(0)
    X = []
    for _ in range(count):
        det, noun, verb = ["the", "a"], ["dog", "bird"], ["saw", "heard"]
        X.append([str(rng.choice(kind)) for kind in (det, noun, verb, det, noun)] + ["."])
    return X, [[TAGS[word] for word in row] for row in X]


def documents(count: int = 30) -> list[str]:
    rng = np.random.default_rng(0)
    return ["\n".join("ab" * int(rng.integers(1, 5)) + " c" for _ in range(6)) for _ in range(count)]


def waves(steps: int = 220, channels: int = 1) -> np.ndarray:
    t = np.arange(steps)[:, None]
    return (
        10
        + 3 * np.sin(2 * np.pi * t / 12 + np.arange(channels))
        + np.random.default_rng(0).normal(scale=0.3, size=(steps, channels))
    )


@cache
def tagger(cell: str = "lstm", **options: object) -> SequenceTagger:
    sizes = {"hidden_size": 6, "embedding_size": 6, "max_epochs": 3, "batch_size": 8, "learning_rate": 0.02}
    return SequenceTagger(cell, **{**sizes, **options}).fit(*sentences())


@cache
def generator(cell: str = "lstm", unit: str = "characters") -> SequenceGenerator:
    sizes = {"hidden_size": 8, "embedding_size": 4, "max_epochs": 3, "chunk": 16, "batch_size": 4}
    return SequenceGenerator(cell, unit=unit, vocabulary_size=300, **sizes).fit(documents())


@cache
def forecaster(cell: str = "lstm", channels: int = 1) -> SequenceForecaster:
    sizes = {"hidden_size": 6, "max_epochs": 2, "context": 24, "season": 12}
    return SequenceForecaster(cell, horizon=HORIZON, **sizes).fit(waves(160, channels))


def held_out(channels: int = 1) -> Windows:
    """The steps that no forecaster was fitted on."""
    return Windows((TimeSeries(waves(220, channels)),), (np.arange(160, 215),), HORIZON)
