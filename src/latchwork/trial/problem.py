"""What a trial is about: data, how they are divided, and what counts as good. One class a task, in ``problems/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from latchwork.trial.metric import Metric
from latchwork.trial.splits import PartName, Split

Task = Literal["classify", "tag", "generate", "forecast"]
TASKS: tuple[Task, ...] = ("classify", "tag", "generate", "forecast")


@dataclass(frozen=True)
class Part:
    """Data as estimators and baselines take them: X, and y or None."""

    X: Any
    y: Any


class Problem(Protocol):
    """Data and a task.

    A split divides *rows*: sequences, sentences, documents, or the steps of series. What a model is asked for may be
    something else: of series it is a forecast from an origin.
    """

    @property
    def task(self) -> Task:
        """Its name."""

    @property
    def X(self) -> Any:  # noqa: N802
        """All data, as given; of forecasts ``Windows``, and the problem has their ``series`` and ``horizon`` too."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is scored. The first decides, unless said otherwise; the second is shown beside it."""

    @property
    def rows(self) -> str:
        """What is divided, in words, many of them: "rows", "sentences", "documents", "steps"."""

    @property
    def asked(self) -> str:
        """What is predicted, in words, one of them: "sequence", "sentence", "document", "forecast"."""

    @property
    def rolling(self) -> bool:
        """Whether the splits are blocks in time, not random."""

    @property
    def groups(self) -> np.ndarray | None:
        """(n,) the group of each row; no group is split between parts."""

    def facts(self) -> Mapping[str, Any]:
        """What the data are, as plain numbers."""

    def splits(self, repeats: int, seed: int) -> Sequence[Split]:
        """``repeats`` divisions into training, validation and test rows; DataError where the data do not suffice."""

    def final(self, seed: int) -> Split:
        """What a model to be used learns from: no test rows, and validation rows that say when to stop."""

    def part(self, split: Split, name: PartName) -> Part:
        """The training, validation or test part of a split."""

    def scores(self, split: Split, name: PartName, predicted: Any, needed: str | None = None) -> dict[str, float]:
        """All scores of predictions for that part, or those that come with the one needed.

        Raises:
            ConfigError: the predictions are not what the task asks for.
        """

    def test_covariance(
        self, splits: Sequence[Split], predictions: Mapping[str, Sequence[Any]]
    ) -> Mapping[str, Sequence[Sequence[float]]] | None:
        """Only where the test rows are the same in every split: for each score the candidates' covariance (C, C).

        Args:
            predictions: candidate → what it predicted of the test rows in each repeat.
        """


def take(X: Any, rows: np.ndarray) -> Any:
    """The rows of a list (as a list) or of an array (as an array)."""
    return X[rows] if isinstance(X, np.ndarray) else [X[row] for row in rows.tolist()]
