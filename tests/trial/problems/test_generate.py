"""Generating on trial: bits per character by hand, fewer are better, and what cannot be is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from latchwork.errors import ConfigError, DataError
from latchwork.trial.problems import GenerateProblem
from latchwork.trial.results import Kind
from latchwork.trial.runner import Fitted, run_trial
from latchwork.trial.verdict import judge

DOCUMENTS = ["a" * (3 + i % 5) for i in range(50)]


@dataclass
class Coder:
    """So many bits for a character, and a little more or less with the seed."""

    name: str
    bits: float
    kind: Kind = "cell"
    settings: tuple[dict[str, float], ...] = ({"times": 2.0}, {"times": 1.0})

    def fit(self, X_train: Any, y_train: Any, X_valid: Any, y_valid: Any, settings: Any, seed: int) -> Fitted:
        assert y_train is None
        assert y_valid is None
        bits = self.bits * settings["times"] * (1 + 0.01 * np.random.default_rng([seed, len(self.name)]).normal())
        return Fitted(lambda X: np.array([bits * (len(text) + 1) for text in X]))


def test_fewer_bits_win() -> None:
    candidates = [Coder("lstm", 1.5), Coder("gru", 1.9), Coder("kneser", 2.5, "baseline")]
    result = run_trial(candidates, GenerateProblem(DOCUMENTS), repeats=5)
    assert all(run.settings == {"times": 1.0} for run in result.runs)  # fewer bits on the validation documents
    assert result.facts == {"documents": 50, "characters": sum(map(len, DOCUMENTS)), "different characters": 1}
    assert result.second is None
    verdict = judge(result)
    assert verdict.recommended == "lstm"
    assert verdict.headline == "Use lstm: it is better than gru."
    assert "bits per character, gru 1." in verdict.sentences[0]
    assert " less, a real difference; on a new split" in verdict.sentences[0]


def test_bits_per_character_by_hand() -> None:
    problem = GenerateProblem(["ab", "c"] * 20)
    split = problem.splits(1, 0)[0]
    documents = problem.part(split, "test").X
    scores = problem.scores(split, "test", np.full(len(documents), 6.0))
    assert scores == {"bits_per_character": pytest.approx(6.0 * len(documents) / sum(len(d) + 1 for d in documents))}


def test_groups_stay_whole() -> None:
    groups = np.arange(50) // 5
    for split in GenerateProblem(DOCUMENTS, groups=groups).splits(4, 1):
        seen = [set(groups[part]) for part in (split.train, split.validation, split.test)]
        assert sum(map(len, seen)) == 10


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="X is one text"):
        GenerateProblem("a text")
    with pytest.raises(DataError, match="document 1 is 3, not a text"):
        GenerateProblem(["a", 3])
    with pytest.raises(DataError, match="there are 2 documents, too few"):
        GenerateProblem(["a", "b"]).splits(3, 0)
    problem = GenerateProblem(DOCUMENTS)
    split = problem.splits(1, 0)[0]
    with pytest.raises(ConfigError, match="one for each of 10 documents"):
        problem.scores(split, "test", [1.0])
    with pytest.raises(ConfigError, match="cannot take -1.0 bits"):
        problem.scores(split, "test", [-1.0] * 10)
    with pytest.raises(ConfigError, match="cannot take nan bits"):
        problem.scores(split, "test", [float("nan")] * 10)
