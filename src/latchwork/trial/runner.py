"""Runs a fair trial of any task: every candidate on the same splits, with the same seeds, budget and rows.

What makes it fair, and why it is done this way:

- *Tuning is part of what is tried.* In every split each candidate picks its settings anew, by the validation rows of
  that split, which its test rows never enter. Settings tuned once and used in all splits would be cheaper, and wrong
  twice over: rows tuned on in one split are test rows in another; and one lucky pick, repeated J times, would look
  like a steady difference between cells.
- *Seeds change with the split*, and are the same for all candidates. One seed for all splits would measure one lucky
  start J times and call it the cell's merit.
- All cells try the same number of settings, and where only some can be tried, those at the same places of the lists.
- Candidates take turns within a split, and a different one begins each time, so that a busy machine slows all alike.
- Too little time means fewer splits for all, never a candidate less. How many depends on cost alone, not on scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from joblib import Parallel, delayed, parallel_config

from latchwork.errors import ConfigError
from latchwork.trial.metric import Metric
from latchwork.trial.problem import Problem
from latchwork.trial.results import KINDS, Contestant, Kind, Run, SplitSizes, TrialResult
from latchwork.trial.splits import Split

MIN_REPEATS = 3
"""Fewer splits can show next to nothing."""

_TIMED_PREDICTIONS = 3
_TIMED_SECONDS = 0.5


@dataclass(frozen=True)
class Fitted:
    """What a candidate's fit returns: how to predict, and what is known of the model."""

    #: X to what the task is scored by: classes (n,) as in y, a list of labels for each sentence, the bits of each
    #: document (n,), or quantiles (n, h, C, 3) of forecasts
    predict: Callable[[Any], Any]
    parameters: int | None = None
    seconds_per_epoch: float | None = None
    learning_curve: Sequence[Mapping[str, float]] | None = None
    model: Any = None  #: what was fitted, for whoever wants to look into it


class Candidate(Protocol):
    """A learner on trial. X and y are what the problem's parts hold: of classes for instance a list or an array as the
    user gave it, and the user's own labels, as an array."""

    @property
    def name(self) -> str:
        """Shown in tables and sentences."""

    @property
    def kind(self) -> Kind:
        """A "cell" is what the trial chooses from; a "baseline" is what a cell should beat."""

    @property
    def settings(self) -> Sequence[Mapping[str, Any]]:
        """The configurations to choose from, plain values; as many for every cell."""

    def fit(
        self,
        X_train: Any,
        y_train: Any,
        X_valid: Any,
        y_valid: Any,
        settings: Mapping[str, Any],
        seed: int,
    ) -> Fitted:
        """Learns from the training rows; the validation rows may decide when to stop."""


@dataclass(frozen=True)
class Progress:
    """What has just been done."""

    done: int  #: runs completed
    total: int  #: runs expected; falls when the time budget allows fewer splits
    split: int  #: 0 … J − 1
    candidate: str
    metric: Metric  #: the trial's
    score: float  #: on the split's test rows
    seconds: float  #: since the start


@dataclass(frozen=True)
class Chosen:
    """A fit that was best on its split's validation rows, with that split."""

    candidate: str
    split: Split
    fitted: Fitted


def run_trial(
    candidates: Sequence[Candidate],
    problem: Problem,
    *,
    repeats: int = 10,
    seeds_per_split: int = 1,
    seed: int = 0,
    tuning_budget: int | None = None,
    time_budget: float | None = None,
    metric: str | None = None,
    jobs: int = 1,
    progress: Callable[[Progress], None] | None = None,
    chosen: Callable[[Chosen], None] | None = None,
) -> TrialResult:
    """Tunes, fits and scores every candidate on every split.

    Args:
        candidates: cells and baselines, names all different.
        problem: the data and the task, which say how they are split and scored.
        repeats: J, how many splits; at least 3.
        seeds_per_split: fits of each candidate on each split; they are averaged. More splits tell more than more seeds.
        seed: decides splits, seeds and which settings are tried.
        tuning_budget: settings tried in each split, drawn anew for each; None tries all.
        time_budget: seconds. After each complete round the number of splits is set to what the cost so far allows, no
            more than ``repeats`` and no fewer than 3; the verdict says so.
        metric: the name of one of the problem's metrics; None for the first.
        jobs: fits that run side by side, each in a process of its own with one thread; 0 for one per processor. What
            predict costs is measured while nothing runs beside it.
        progress: called after every run.
        chosen: called with every fit that was scored on test rows; the trial itself keeps none of them.

    Raises:
        ConfigError: options that cannot be; cells with unequal budgets; a candidate whose predictions are unusable.
        DataError: data that cannot be split, as the problem's ``splits`` says.
    """
    judged = _metric(problem, metric)
    _check_options(candidates, repeats, seeds_per_split, tuning_budget, time_budget, jobs)
    splits = problem.splits(repeats, seed)
    budgets = {c.name: min(tuning_budget or len(c.settings), len(c.settings)) for c in candidates}
    start = perf_counter()
    runs: list[Run] = []
    predictions: dict[str, list[Any]] = {c.name: [] for c in candidates}
    fit_all = _in_turn if jobs == 1 else partial(_side_by_side, jobs or -1)
    planned = repeats
    number = 0
    while number < planned:
        split = splits[number]
        turn = number % len(candidates)
        fits = [
            _Fit(candidate, settings, split, number, fit_seed)
            for candidate in (*candidates[turn:], *candidates[:turn])
            for fit_seed in (_seed(seed, number, repeat) for repeat in range(seeds_per_split))
            for settings in _tried(candidate.settings, budgets[candidate.name], fit_seed)
        ]
        done = zip(fits, fit_all(fits, problem, judged), strict=True)
        for _, tried in groupby(done, key=lambda pair: (pair[0].candidate.name, pair[0].seed)):
            run, fitted, predicted = _run(list(tried), problem, judged)
            runs.append(run)
            if chosen is not None:
                chosen(Chosen(run.candidate, split, fitted))
            predictions[run.candidate].append(predicted)
            if progress is not None:
                total = planned * len(candidates) * seeds_per_split
                seconds = perf_counter() - start
                score = run.scores[judged.name]
                progress(Progress(len(runs), total, number, run.candidate, judged, score, seconds))
        number += 1
        if time_budget is not None:
            affordable = int(time_budget * number / max(perf_counter() - start, 1e-9))
            planned = max(number, min(repeats, max(MIN_REPEATS, affordable)))
    notes = []
    taken = perf_counter() - start
    if time_budget is not None and taken > 1.2 * time_budget:
        notes.append(f"{number} splits, the fewest that tell anything, took {taken:.0f} seconds, over the time budget.")
    return TrialResult(
        candidates=tuple(Contestant(c.name, c.kind, budgets[c.name]) for c in candidates),
        runs=tuple(runs),
        task=problem.task,
        metrics=problem.metrics,
        metric=judged.name,
        rows=problem.rows,
        asked=problem.asked,
        rolling=problem.rolling,
        facts=problem.facts(),
        sizes=tuple(SplitSizes(len(s.train), len(s.validation), len(s.test)) for s in splits[:number]),
        seed=seed,
        repeats_planned=repeats,
        seeds_per_split=seeds_per_split,
        groups=None if problem.groups is None else len(np.unique(problem.groups)),
        test_covariance=problem.test_covariance(splits[:number], predictions),
        seconds=perf_counter() - start,
        notes=tuple(notes),
    )


def _check_options(
    candidates: Sequence[Candidate],
    repeats: int,
    seeds_per_split: int,
    tuning_budget: int | None,
    time_budget: float | None,
    jobs: int,
) -> None:
    names = [candidate.name for candidate in candidates]
    if not names:
        raise ConfigError("a trial needs candidates, got none")
    if len(set(names)) < len(names):
        raise ConfigError(f"candidates' names must differ, got {', '.join(names)}")
    for candidate in candidates:
        if candidate.kind not in KINDS:
            raise ConfigError(f"candidate {candidate.name!r} is of kind {candidate.kind!r}; use one of {KINDS}")
        if len(candidate.settings) == 0:
            raise ConfigError(
                f"candidate {candidate.name!r} has no settings; give at least one (it may be empty: {{}})"
            )
    sizes = {candidate.name: len(candidate.settings) for candidate in candidates if candidate.kind == "cell"}
    if len(set(sizes.values())) > 1:
        counts = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ConfigError(f"every cell must have as many settings to choose from, or tuning favours one; got {counts}")
    if repeats < MIN_REPEATS:
        raise ConfigError(f"repeats must be at least {MIN_REPEATS}, got {repeats}")
    if seeds_per_split < 1:
        raise ConfigError(f"seeds_per_split must be at least 1, got {seeds_per_split}")
    if tuning_budget is not None and tuning_budget < 1:
        raise ConfigError(f"tuning_budget must be at least 1 (1 tries one setting in each split), got {tuning_budget}")
    if time_budget is not None and not time_budget > 0:
        raise ConfigError(f"time_budget must be positive seconds, got {time_budget}")
    if jobs < 0:
        raise ConfigError(f"jobs must be at least 0 (0 is one for each processor), got {jobs}")


def _metric(problem: Problem, name: str | None) -> Metric:
    """The metric of that name; the problem's first if there is none."""
    deciding = {metric.name: metric for metric in problem.metrics if metric.better != "none"}
    name = problem.metrics[0].name if name is None else name
    if name not in deciding:
        raise ConfigError(f"metric must be one of {', '.join(deciding)}, got {name!r}")
    return deciding[name]


def _seed(seed: int, split: int, repeat: int) -> int:
    # 31 bits, which every library takes; domain 1, apart from the splits' own draws
    return int(np.random.SeedSequence(seed, spawn_key=(1, split, repeat)).generate_state(1)[0] >> 1)


@dataclass(frozen=True)
class _Fit:
    """One fit that a split asks for."""

    candidate: Candidate
    settings: Mapping[str, Any]
    split: Split
    number: int
    seed: int


@dataclass(frozen=True)
class _Done:
    """A fit that was made; ``score`` is the trial's metric on the validation rows."""

    fitted: Fitted
    score: float
    seconds: float


def _fit(fit: _Fit, problem: Problem, metric: Metric) -> _Done:
    split = fit.split
    train, validation = problem.part(split, "train"), problem.part(split, "validation")
    start = perf_counter()
    try:
        fitted = fit.candidate.fit(train.X, train.y, validation.X, validation.y, fit.settings, fit.seed)
        score = problem.scores(split, "validation", fitted.predict(validation.X), metric.name)[metric.name]
    except Exception as error:
        error.add_note(f"in candidate {fit.candidate.name!r}, split {fit.number} of the trial")
        raise
    return _Done(fitted, score, perf_counter() - start)


def _in_turn(fits: Sequence[_Fit], problem: Problem, metric: Metric) -> Iterator[_Done]:
    return (_fit(fit, problem, metric) for fit in fits)


def _side_by_side(jobs: int, fits: Sequence[_Fit], problem: Problem, metric: Metric) -> Iterator[_Done]:
    # One thread each: threads of several processes that spin beside each other cost more than they give.
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        done = Parallel()(delayed(_fit)(fit, problem, metric) for fit in fits)
    return iter(done)


def _run(tried: Sequence[tuple[_Fit, _Done]], problem: Problem, metric: Metric) -> tuple[Run, Fitted, Any]:
    """The fit best on the validation rows, of equals the first, scored on the test rows."""
    fit, done = max(tried, key=lambda pair: metric.gain(pair[1].score))
    fitted, split = done.fitted, fit.split
    try:
        predicted, milliseconds = _timed(fitted, problem.part(split, "test").X)
        scores = problem.scores(split, "test", predicted)
    except Exception as error:
        error.add_note(f"in candidate {fit.candidate.name!r}, split {fit.number} of the trial")
        raise
    run = Run(
        candidate=fit.candidate.name,
        split=fit.number,
        seed=fit.seed,
        scores=scores,
        settings=fit.settings,
        parameters=None if fitted.parameters is None else int(fitted.parameters),
        seconds=sum(each.seconds for _, each in tried),
        seconds_per_epoch=None if fitted.seconds_per_epoch is None else float(fitted.seconds_per_epoch),
        milliseconds_per_sequence=milliseconds,
        learning_curve=None if fitted.learning_curve is None else tuple(fitted.learning_curve),
    )
    return run, fitted, predicted


def _tried(settings: Sequence[Mapping[str, Any]], budget: int, seed: int) -> list[Mapping[str, Any]]:
    # the run's seed alone decides, so candidates with lists of one length try the same places
    places = np.random.default_rng(seed).permutation(len(settings))[:budget]
    return [settings[place] for place in sorted(places.tolist())]


def _timed(fitted: Fitted, X: Any) -> tuple[Any, float]:
    """What predict returns, and the median milliseconds for one of X; slow models are timed once."""
    costs: list[float] = []
    while len(costs) < _TIMED_PREDICTIONS and sum(costs) < _TIMED_SECONDS:
        start = perf_counter()
        predicted = fitted.predict(X)
        costs.append(perf_counter() - start)
    return predicted, 1000 * float(np.median(costs)) / len(X)
