"""A class for each sequence: shares of rows, stratified random splits or a test set of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from latchwork.errors import ConfigError, DataError
from latchwork.tasks.labels import class_labels
from latchwork.tasks.sequences import rows_of
from latchwork.trial.metric import Metric
from latchwork.trial.problem import Part, Task, take
from latchwork.trial.splits import TEST_FRACTION, VALIDATION_FRACTION, PartName, Split, group_array, make_splits
from latchwork.trial.statistics import row_pulls

METRICS = (
    Metric("accuracy", "accuracy", independent=True),
    Metric("macro_f1", "macro-F1", independent=True),
    Metric("balanced_accuracy", "balanced accuracy", independent=True),
)
"""The share of rows that are right, the mean F1 of the classes, and the mean recall of the classes."""


@dataclass(frozen=True, eq=False)
class ClassifyProblem:
    """Sequences and their classes.

    Attributes:
        X: (n,) texts, arrays (T,) or (T, I) of any length; a list, or an array with n rows.
        y: (n,) classes.
        groups: (n,) rows of one group stay together.
        test_rows: use these test rows in every repeat; then only seeds and validation rows vary.
        test_fraction, validation_fraction: shares of all rows.

    Raises:
        DataError: X and y are not as many, or y is unusable.
    """

    X: Any
    y: Any
    groups: Any = None
    test_rows: Sequence[int] | np.ndarray | None = None
    test_fraction: float = TEST_FRACTION
    validation_fraction: float = VALIDATION_FRACTION

    task: Task = field(default="classify", init=False)
    metrics: tuple[Metric, ...] = field(default=METRICS, init=False)
    rows: str = field(default="rows", init=False)
    asked: str = field(default="sequence", init=False)
    rolling: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "X", rows_of(self.X))
        object.__setattr__(self, "y", class_labels(self.y))
        object.__setattr__(self, "groups", group_array(self.groups, len(self.y)))
        if len(self.X) != len(self.y):
            raise DataError(f"X has {len(self.X)} rows and y has {len(self.y)}; they must be as many")

    def facts(self) -> Mapping[str, Any]:
        """Rows, and rows of each class."""
        classes, counts = np.unique(self.y, return_counts=True)
        return {
            "rows": len(self.y),
            "classes": {str(label): int(count) for label, count in zip(classes, counts, strict=True)},
        }

    def splits(self, repeats: int, seed: int) -> list[Split]:
        """See :func:`make_splits`."""
        return make_splits(
            self.y,
            repeats=repeats,
            test_fraction=self.test_fraction,
            validation_fraction=self.validation_fraction,
            seed=seed,
            groups=self.groups,
            test_rows=self.test_rows,
        )

    def final(self, seed: int) -> Split:
        """All rows, but for the validation rows of a split. Groups stay whole here too: rows that say when to stop
        must not belong to those that are learned from."""
        return self.splits(1, seed)[0].without_test()

    def part(self, split: Split, name: PartName) -> Part:
        """Sequences and classes (n,)."""
        rows = split.rows(name)
        return Part(take(self.X, rows), self.y[rows])

    def scores(self, split: Split, name: PartName, predicted: Any, needed: str | None = None) -> dict[str, float]:
        """Accuracy, macro-F1 and balanced accuracy of predicted classes (n,)."""
        y, classes = self.y[split.rows(name)], np.unique(self.y)
        predicted = np.asarray(predicted)
        if predicted.shape != y.shape:
            raise ConfigError(
                f"predict must return one class for each of {len(y)} sequences, got shape {predicted.shape}"
            )
        unknown = np.setdiff1d(predicted, classes)
        if len(unknown):  # class numbers instead of labels, most likely: every score would silently be 0
            raise ConfigError(
                f"predict returned {unknown.tolist()[0]!r}, which is none of the classes {classes.tolist()}"
            )
        accuracy = {"accuracy": float(np.mean(predicted == y))}
        if needed == "accuracy":
            return accuracy
        present = np.unique(y)  # a class without test rows has no recall
        _, recall, f1, _ = precision_recall_fscore_support(
            y, predicted, labels=present, average="macro", zero_division=0
        )
        return accuracy | {"macro_f1": float(f1), "balanced_accuracy": float(recall)}

    def test_covariance(
        self, splits: Sequence[Split], predictions: Mapping[str, Sequence[Any]]
    ) -> dict[str, list[list[float]]] | None:
        """How the candidates' mean scores vary together over test sets of this size, if the test rows were given."""
        if self.test_rows is None:
            return None
        test = splits[0].test
        y = self.y[test]
        # rows of one group come and go together
        units = np.arange(len(y)) if self.groups is None else np.unique(self.groups[test], return_inverse=True)[1]
        found = {}
        for metric in self.metrics:
            pulls = np.zeros((units.max() + 1, len(predictions)))
            for column, repeats in enumerate(predictions.values()):
                mean = np.mean([row_pulls(y, np.asarray(p), metric.name) for p in repeats], axis=0)
                np.add.at(pulls[:, column], units, mean)
            found[metric.name] = (pulls.T @ pulls / len(y) ** 2).tolist()
        return found
