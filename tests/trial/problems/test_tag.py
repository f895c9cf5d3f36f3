"""Tagging on trial: scores by hand, spans, groups whole, and no validation label that training lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from latchwork.errors import ConfigError, DataError
from latchwork.trial.problems import TagProblem
from latchwork.trial.runner import Fitted, run_trial

X = [["a", "b"][: 1 + i % 2] for i in range(60)]
Y = [["N", "V"][: 1 + i % 2] for i in range(60)]


class Tagger:
    """Says N of every token; noun only if told so."""

    kind = "cell"
    settings = ({"label": "V"}, {"label": "N"})

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(self, X_train: Any, y_train: Any, X_valid: Any, y_valid: Any, settings: Any, seed: int) -> Fitted:
        assert [len(x) for x in X_train] == [len(y) for y in y_train]
        return Fitted(lambda X: [[settings["label"]] * len(tokens) for tokens in X])


def test_a_trial_of_taggers() -> None:
    result = run_trial([Tagger("lstm"), Tagger("gru")], TagProblem(X, Y), repeats=3)
    assert (result.task, result.metric, result.rows, result.asked) == ("tag", "accuracy", "sentences", "sentence")
    for run in result.runs:
        assert run.settings == {"label": "N"}  # most tokens are
        assert run.scores["accuracy"] > 0.5
        assert set(run.scores) == {"accuracy", "macro_f1"}
    assert result.facts == {"sentences": 60, "tokens": 90, "labels": {"N": 60, "V": 30}}
    assert result.compare("lstm", "gru").p == 1


def test_scores_by_hand() -> None:
    problem = TagProblem(X, Y)
    split = problem.splits(1, 0)[0]
    truth = problem.part(split, "test").y
    nouns, verbs = len(truth), sum(len(labels) == 2 for labels in truth)
    scores = problem.scores(split, "test", [["N"] * len(labels) for labels in truth])
    assert scores["accuracy"] == pytest.approx(nouns / (nouns + verbs))
    assert scores["macro_f1"] == pytest.approx(2 * nouns / (2 * nouns + verbs) / 2)  # the verbs' is 0
    # labels that no token has count as mistakes, and have no part of their own in the mean
    strange = problem.scores(split, "test", [["?"] * len(labels) for labels in truth])
    assert strange == {"accuracy": 0.0, "macro_f1": 0.0}
    assert problem.scores(split, "test", truth) == {"accuracy": 1.0, "macro_f1": 1.0}


def test_bio_labels_are_scored_by_spans_as_well() -> None:
    labels = [["B-x", "I-x"], ["O", "O"]] * 30
    problem = TagProblem([["a", "b"]] * 60, labels)
    assert [metric.name for metric in problem.metrics] == ["accuracy", "macro_f1", "span_f1"]
    split = problem.splits(1, 0)[0]
    assert problem.scores(split, "test", problem.part(split, "test").y)["span_f1"] == 1


@given(data=st.data(), seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.filter_too_much])
def test_groups_are_whole_and_labels_learnable(data: st.DataObject, seed: int) -> None:
    n = data.draw(st.integers(12, 40))
    groups = data.draw(
        st.none() | st.lists(st.integers(0, 9), min_size=n, max_size=n).filter(lambda g: len(set(g)) > 5)
    )
    labels = data.draw(st.lists(st.lists(st.integers(0, 8), max_size=3), min_size=n, max_size=n))
    problem = TagProblem([list(map(str, row)) for row in labels], labels, groups=groups)
    try:
        splits = problem.splits(2, seed)
    except DataError:  # every validation sentence has a label of its own
        assume(False)
    for split in splits:
        parts = (split.train, split.validation, split.test)
        assert sorted(np.concatenate(parts).tolist()) == list(range(n))
        known = {label for row in split.train for label in labels[row]}
        assert all(known.issuperset(labels[row]) for row in split.validation)
        if groups is not None:
            seen = [{groups[row] for row in part} for part in parts]
            assert sum(map(len, seen)) == len(set(groups))
    final = problem.final(seed)
    assert len(final.test) == 0
    assert len(final.train) + len(final.validation) == n


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([["a"]], None, "needs y"),
        ([["a"]], [["N"], ["V"]], "X has 1 sentences and y has 2"),
        ([["a"], ["a", "b"]], [["N"], ["N"]], "sentence 1 has 2 tokens and 1 labels"),
    ],
)
def test_unusable_data_are_refused(X: Any, y: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TagProblem(X, y)


def test_too_few_sentences_and_other_groups_are_refused() -> None:
    with pytest.raises(DataError, match="there are 2 sentences, too few"):
        TagProblem(X[:2], Y[:2]).splits(3, 0)
    with pytest.raises(DataError, match="one entry for each of the 60 rows"):
        TagProblem(X, Y, groups=[1, 2])


def test_unusable_predictions_are_refused() -> None:
    problem = TagProblem(X, Y)
    split = problem.splits(1, 0)[0]
    with pytest.raises(ConfigError, match="one list of labels for each of 12 sentences, got 1"):
        problem.scores(split, "test", [["N"]])
    with pytest.raises(ConfigError, match="returned 3 labels for sentence 0"):
        problem.scores(split, "test", [["N"] * 3] * 12)


def test_sentences_that_cannot_be_validated_on_are_refused() -> None:
    with pytest.raises(DataError, match="every validation sentence has a label that no training sentence has"):
        TagProblem([["a"]] * 40, [[i] for i in range(40)]).splits(3, 0)
