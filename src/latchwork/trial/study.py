"""The whole way from data to a model to ship: the trial, its verdict, and the chosen cell fitted once more."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latchwork.language.cell import Cell
from latchwork.tasks.classifier import SequenceClassifier
from latchwork.tasks.labels import class_labels
from latchwork.tasks.sequences import rows_of
from latchwork.trial.baselines import baselines_for
from latchwork.trial.cells import SETTINGS, CellCandidate, cell_candidates
from latchwork.trial.results import TrialResult
from latchwork.trial.runner import MIN_REPEATS, TEST_FRACTION, VALIDATION_FRACTION, Chosen, Progress, run_trial, take
from latchwork.trial.splits import make_splits
from latchwork.trial.verdict import Verdict, judge


@dataclass(frozen=True)
class Study:
    """What a study found.

    Attributes:
        result: every run of the trial.
        verdict: what it means.
        model: the verdict's cell, with the settings it chose most often in the trial, fitted on all rows but the
            validation rows of a split, which told when to stop.
        n_train: how many rows that were.
        sizes: cell → its units H.
        side_by_side: cell → the model that the trial fitted on its first split, with the settings it chose there.
        test: (n,) the test rows of that split, which none of these models has seen.
    """

    result: TrialResult
    verdict: Verdict
    model: SequenceClassifier
    n_train: int
    sizes: Mapping[str, int]
    side_by_side: Mapping[str, SequenceClassifier]
    test: np.ndarray


def run_study(
    X: Any,
    y: Any,
    cells: Sequence[str | Cell] = ("rnn", "lstm", "gru"),
    *,
    groups: Any = None,
    repeats: int = 10,
    time_budget: float | None = None,
    metric: str = "accuracy",
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Study:
    """Compare cells and baselines on X and y by a fair trial, and fit the cell it chooses.

    Args:
        X, y: sequences and their classes, as :meth:`SequenceClassifier.fit` takes them.
        cells: names from the zoo, or ``@cell`` functions.
        groups: (N,) rows of one group are never split over training and test.
        repeats: splits at most.
        time_budget: seconds for the trial; it makes do with fewer splits, and each cell's fits with fewer epochs if
            even the fewest splits would take longer.
        metric: "accuracy", "macro_f1" or "balanced_accuracy".
        jobs: fits that run side by side, each in a process of its own.
        progress: is told of every run.
        options: arguments of :class:`SequenceClassifier`, the same for every cell.

    Raises:
        DataError, ConfigError: as :func:`run_trial` and :meth:`SequenceClassifier.fit`.
    """
    X, labels = rows_of(X), class_labels(y)
    if time_budget is not None:
        fits = MIN_REPEATS * len(cells) * len(SETTINGS) / (jobs or os.cpu_count() or 1)
        options.setdefault("time_budget", time_budget / fits)
    contestants = cell_candidates(cells, X, len(np.unique(labels)), **options)
    side_by_side: dict[str, Chosen] = {}

    def keep(fit: Chosen) -> None:
        if isinstance(fit.fitted.model, SequenceClassifier):
            side_by_side.setdefault(fit.candidate, fit)  # the first split comes first

    result = run_trial(
        [*contestants, *baselines_for(X)],
        X,
        labels,
        groups=groups,
        repeats=repeats,
        time_budget=time_budget,
        metric=metric,
        seed=seed,
        jobs=jobs,
        progress=progress,
        chosen=keep,
    )
    verdict = judge(result)
    chosen = next(c for c in contestants if c.name == verdict.cell)
    # Groups stay whole here too: rows that say when to stop must not belong to those that are learned from.
    split = make_splits(
        labels,
        repeats=1,
        test_fraction=TEST_FRACTION,
        validation_fraction=VALIDATION_FRACTION,
        seed=seed,
        groups=groups,
    )[0]
    rows = np.sort(np.concatenate([split.train, split.test]))
    learned, held = (take(X, rows), labels[rows]), (take(X, split.validation), labels[split.validation])
    model = chosen.estimator(_most_chosen(result, chosen), seed).fit(*learned, *held)
    first = [side_by_side[c.name] for c in contestants]
    return Study(
        result,
        verdict,
        model,
        n_train=len(rows),
        sizes={c.name: c.hidden_size for c in contestants},
        side_by_side={fit.candidate: fit.fitted.model for fit in first},
        test=first[0].split.test,
    )


def _most_chosen(result: TrialResult, candidate: CellCandidate) -> Mapping[str, Any]:
    picks = [dict(run.settings) for run in result.runs if run.candidate == candidate.name]
    counts = Counter(str(sorted(pick.items())) for pick in picks)
    most = counts.most_common(1)[0][0]
    return next(pick for pick in picks if str(sorted(pick.items())) == most)
