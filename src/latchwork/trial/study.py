"""The whole way from data to a model to ship: the trial, its verdict, and the chosen cell fitted once more."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latchwork.language.cell import Cell
from latchwork.tasks import SequenceEstimator
from latchwork.trial.baselines import baselines_for
from latchwork.trial.cells import RATES, CellCandidate, cell_candidates
from latchwork.trial.problem import Part, Task
from latchwork.trial.problems import ForecastProblem, problem_for
from latchwork.trial.results import TrialResult
from latchwork.trial.runner import MIN_REPEATS, Chosen, Progress, run_trial
from latchwork.trial.verdict import Verdict, judge

FINAL_SHARE = 1 / 3
"""What the fit of the model to ship may take, as a share of the trial's time budget and on top of it."""

_STREAMED_STEPS = 1_000  # batches of an epoch, so that the time budget can end a fit before it is through all data


@dataclass(frozen=True)
class Study:
    """What a study found.

    Attributes:
        result: every run of the trial.
        verdict: what it means.
        model: the verdict's cell, with the settings it chose most often in the trial, fitted on all rows but
            validation rows, which told when to stop; of series those are the last steps.
        n_train: how many rows that were; None where all of the data was streamed.
        sizes: cell → its units H.
        side_by_side: cell → the model that the trial fitted on its first split, with the settings it chose there.
        test: (n,) the test rows of that split, which none of these models has seen; of series the steps.
        unseen: the data of those rows.
    """

    result: TrialResult
    verdict: Verdict
    model: SequenceEstimator
    n_train: int | None
    sizes: Mapping[str, int]
    side_by_side: Mapping[str, SequenceEstimator]
    test: np.ndarray
    unseen: Part


def run_study(
    X: Any,
    y: Any,
    cells: Sequence[str | Cell] = ("rnn", "lstm", "gru"),
    *,
    task: Task = "classify",
    groups: Any = None,
    season: int | None = None,
    everything: Any = None,
    repeats: int = 10,
    time_budget: float | None = None,
    metric: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Study:
    """Compare cells and baselines on X and y by a fair trial, and fit the cell it chooses.

    Args:
        X, y: data as the task's estimator takes them: sequences and their classes, sentences and their labels,
            documents and None, or ``Windows`` and None.
        cells: names from the zoo, or ``@cell`` functions.
        task: "classify", "tag", "generate" or "forecast".
        groups: (n,) rows of one group are never split over training and test; not of forecasts.
        season: steps after which series are expected to repeat themselves; of forecasts, which need it.
        everything: all of the data, as the estimator's ``fit`` streams it, where X and y are a sample for the trial;
            the model is then fitted on it.
        repeats: splits at most.
        time_budget: seconds for the trial; it makes do with fewer splits, and each cell's fits with fewer epochs if
            even the fewest splits would take longer. The fit of the model to ship, after the trial, has a third of
            that for itself: a fit of the trial, one of many, may have been too short for a model to be used.
        metric: the name of one of the task's metrics, as in ``problems/``; None for the first.
        jobs: fits that run side by side, each in a process of its own.
        progress: is told of every run.
        options: arguments of the task's estimator, the same for every cell.

    Raises:
        DataError, ConfigError: as :func:`problem_for`, :func:`run_trial` and the estimator's ``fit``.
    """
    problem = problem_for(task, X, y, groups=groups, season=season)
    if isinstance(problem, ForecastProblem):  # the estimator has to know as well
        options = {"season": season, "horizon": problem.horizon, **options}
    if time_budget is not None:
        fits = MIN_REPEATS * len(cells) * len(RATES) / (jobs or os.cpu_count() or 1)
        options.setdefault("time_budget", time_budget / fits)
    contestants = cell_candidates(cells, problem, **options)
    side_by_side: dict[str, Chosen] = {}

    def keep(fit: Chosen) -> None:
        if isinstance(fit.fitted.model, SequenceEstimator):
            side_by_side.setdefault(fit.candidate, fit)  # the first split comes first

    result = run_trial(
        [*contestants, *baselines_for(problem)],
        problem,
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
    split = problem.final(seed)
    parts = problem.part(split, "train"), problem.part(split, "validation")
    settings = dict(_most_chosen(result, chosen))
    if time_budget is not None:
        settings["time_budget"] = FINAL_SHARE * time_budget
    if everything is None:
        model = chosen.trained(*parts, settings, seed)
    else:
        streamed: Any = chosen.estimator({**settings, "epoch_steps": _STREAMED_STEPS}, seed)
        model = streamed.fit(everything)
    first = [side_by_side[c.name] for c in contestants]
    return Study(
        result,
        verdict,
        model,
        n_train=len(split.train) if everything is None else None,
        sizes={c.name: c.hidden_size for c in contestants},
        side_by_side={fit.candidate: fit.fitted.model for fit in first},
        test=first[0].split.test,
        unseen=problem.part(first[0].split, "test"),
    )


def _most_chosen(result: TrialResult, candidate: CellCandidate) -> Mapping[str, Any]:
    picks = [dict(run.settings) for run in result.runs if run.candidate == candidate.name]
    counts = Counter(str(sorted(pick.items())) for pick in picks)
    most = counts.most_common(1)[0][0]
    return next(pick for pick in picks if str(sorted(pick.items())) == most)
