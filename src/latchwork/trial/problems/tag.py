"""A label for each token: shares of tokens, and of labelled spans where the labels are BIO."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from latchwork.errors import ConfigError, DataError
from latchwork.tasks.spans import is_bio, span_f1
from latchwork.trial.metric import Metric
from latchwork.trial.problem import Part, Task, take
from latchwork.trial.splits import TEST_FRACTION, VALIDATION_FRACTION, PartName, Split, group_array, random_splits

# Tokens of one sentence are not right or wrong each for itself, so no floor is known for how little these vary.
METRICS = (Metric("accuracy", "token accuracy"), Metric("macro_f1", "macro-F1"))
SPAN_F1 = Metric("span_f1", "span-F1")


@dataclass(frozen=True, eq=False)
class TagProblem:
    """Sentences and the labels of their tokens.

    Attributes:
        X: n sentences: lists of tokens, or arrays (T, I).
        y: n lists of labels, one for each token.
        groups: (n,) sentences of one group, as of one document, stay together.
        test_fraction, validation_fraction: shares of all sentences.

    Raises:
        DataError: X and y are not as many, or a sentence and its labels are not as long; the message names the row.
    """

    X: Any
    y: Any
    groups: Any = None
    test_fraction: float = TEST_FRACTION
    validation_fraction: float = VALIDATION_FRACTION

    task: Task = field(default="tag", init=False)
    metrics: tuple[Metric, ...] = field(default=METRICS, init=False)
    rows: str = field(default="sentences", init=False)
    asked: str = field(default="sentence", init=False)
    rolling: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.y is None:
            raise DataError("tagging needs y: a list of labels for each sentence, one for each token")
        object.__setattr__(self, "X", list(self.X))
        object.__setattr__(self, "y", [list(labels) for labels in self.y])
        object.__setattr__(self, "groups", group_array(self.groups, len(self.y)))
        if len(self.X) != len(self.y):
            raise DataError(f"X has {len(self.X)} sentences and y has {len(self.y)}; they must be as many")
        for row, (tokens, labels) in enumerate(zip(self.X, self.y, strict=True)):
            if len(tokens) != len(labels):
                raise DataError(
                    f"sentence {row} has {len(tokens)} tokens and {len(labels)} labels; each token needs one"
                )
        if is_bio(chain.from_iterable(self.y)):
            object.__setattr__(self, "metrics", (*self.metrics, SPAN_F1))

    def facts(self) -> Mapping[str, Any]:
        """Sentences, tokens, and tokens of each label."""
        counts = Counter(chain.from_iterable(self.y))
        return {
            "sentences": len(self.y),
            "tokens": counts.total(),
            "labels": {str(label): count for label, count in counts.most_common()},
        }

    def splits(self, repeats: int, seed: int) -> list[Split]:
        """Random ones. A validation sentence with a label that the training part lacks is moved there, with its
        group: nothing could be said of how well such a label has been learned. The test part is left as drawn."""
        drawn = random_splits(
            len(self.y),
            repeats=repeats,
            test_fraction=self.test_fraction,
            validation_fraction=self.validation_fraction,
            seed=seed,
            groups=self.groups,
            rows=self.rows,
        )
        return [self._learnable(split) for split in drawn]

    def final(self, seed: int) -> Split:
        """All sentences, but for the validation sentences of a split."""
        return self.splits(1, seed)[0].without_test()

    def part(self, split: Split, name: PartName) -> Part:
        """Sentences and lists of labels."""
        rows = split.rows(name)
        return Part(take(self.X, rows), take(self.y, rows))

    def scores(self, split: Split, name: PartName, predicted: Any, needed: str | None = None) -> dict[str, float]:
        """Token accuracy; macro-F1 over the labels of the part's tokens; span-F1 of BIO labels."""
        truth = take(self.y, split.rows(name))
        _check_labels(truth, predicted)
        y, said = list(chain.from_iterable(truth)), list(chain.from_iterable(predicted))
        if not y:
            raise DataError(f"the {name} sentences of a split have no tokens; leave empty sentences out")
        found = {"accuracy": float(np.mean([a == b for a, b in zip(y, said, strict=True)]))}
        if needed == "accuracy":
            return found
        # numbers, as labels need not be of a kind that can be sorted
        number = {label: place for place, label in enumerate(dict.fromkeys(chain(y, said)))}
        present = sorted({number[label] for label in y})
        numbers = ([number[label] for label in y], [number[label] for label in said])
        found["macro_f1"] = float(f1_score(*numbers, labels=present, average="macro", zero_division=0))
        if SPAN_F1 in self.metrics:
            found["span_f1"] = span_f1(truth, predicted)
        return found

    def test_covariance(self, splits: Sequence[Split], predictions: Mapping[str, Sequence[Any]]) -> None:
        """None: the test sentences change with the split."""

    def _learnable(self, split: Split) -> Split:
        train, validation = split.train, split.validation
        while True:  # a group that is moved may bring nothing new, and ends it
            known = set(chain.from_iterable(take(self.y, train)))
            moved = np.array([not known.issuperset(self.y[row]) for row in validation.tolist()], dtype=bool)
            if not moved.any():
                return replace(split, train=train, validation=validation)
            if self.groups is not None:
                moved = np.isin(self.groups[validation], self.groups[validation[moved]])
            train, validation = np.concatenate([train, validation[moved]]), validation[~moved]
            if not len(validation):
                raise DataError(
                    "every validation sentence has a label that no training sentence has: give more sentences, or "
                    "merge the rarest labels"
                )


def _check_labels(truth: Sequence[Sequence[Any]], predicted: Any) -> None:
    if len(predicted) != len(truth):
        raise ConfigError(
            f"predict must return one list of labels for each of {len(truth)} sentences, got {len(predicted)}"
        )
    for row, (labels, answer) in enumerate(zip(truth, predicted, strict=True)):
        if len(labels) != len(answer):
            raise ConfigError(f"predict returned {len(answer)} labels for sentence {row} of {len(labels)} tokens")
