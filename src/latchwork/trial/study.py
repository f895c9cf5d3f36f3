"""The whole way from data to a model to ship: the trial, its verdict, and the chosen cell fitted on all rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latchwork.language.cell import Cell
from latchwork.tasks.classifier import SequenceClassifier
from latchwork.trial.baselines import baselines_for
from latchwork.trial.cells import CellCandidate, cell_candidates
from latchwork.trial.results import TrialResult
from latchwork.trial.runner import Progress, run_trial
from latchwork.trial.verdict import Verdict, judge


@dataclass(frozen=True)
class Study:
    """What a study found.

    Attributes:
        result: every run of the trial.
        verdict: what it means.
        model: the verdict's cell, fitted on all rows with the settings it chose most often in the trial.
        sizes: cell → its units H.
    """

    result: TrialResult
    verdict: Verdict
    model: SequenceClassifier
    sizes: Mapping[str, int]


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
        time_budget: seconds for the trial; it makes do with fewer splits.
        metric: "accuracy", "macro_f1" or "balanced_accuracy".
        jobs: fits that run side by side, each in a process of its own.
        progress: is told of every run.
        options: arguments of :class:`SequenceClassifier`, the same for every cell.

    Raises:
        DataError, ConfigError: as :func:`run_trial` and :meth:`SequenceClassifier.fit`.
    """
    contestants = cell_candidates(cells, X, len(np.unique(np.asarray(y))), **options)
    result = run_trial(
        [*contestants, *baselines_for(X)],
        X,
        y,
        groups=groups,
        repeats=repeats,
        time_budget=time_budget,
        metric=metric,
        seed=seed,
        jobs=jobs,
        progress=progress,
    )
    verdict = judge(result)
    chosen = next(c for c in contestants if c.name == verdict.cell)
    model = chosen.estimator(_most_chosen(result, chosen), seed).fit(X, y)
    return Study(result, verdict, model, {c.name: c.hidden_size for c in contestants})


def _most_chosen(result: TrialResult, candidate: CellCandidate) -> Mapping[str, Any]:
    picks = [dict(run.settings) for run in result.runs if run.candidate == candidate.name]
    counts = Counter(str(sorted(pick.items())) for pick in picks)
    most = counts.most_common(1)[0][0]
    return next(pick for pick in picks if str(sorted(pick.items())) == most)
