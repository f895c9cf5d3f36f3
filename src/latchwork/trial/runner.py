"""Runs a fair trial: every candidate on the same splits, with the same seeds, budget and rows.

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
from sklearn.metrics import precision_recall_fscore_support

from latchwork.errors import ConfigError, DataError
from latchwork.tasks.labels import class_labels
from latchwork.tasks.sequences import rows_of
from latchwork.trial.results import KINDS, Contestant, Kind, Run, SplitSizes, TrialResult
from latchwork.trial.splits import Split, make_splits
from latchwork.trial.statistics import row_pulls

METRICS = ("accuracy", "macro_f1", "balanced_accuracy")
"""What is scored: each a share in [0, 1], more is better."""

TEST_FRACTION, VALIDATION_FRACTION = 0.2, 0.15
"""Shares of all rows, unless said otherwise."""

MIN_REPEATS = 3
"""Fewer splits can show next to nothing."""

_TIMED_PREDICTIONS = 3
_TIMED_SECONDS = 0.5


@dataclass(frozen=True)
class Fitted:
    """What a candidate's fit returns: how to predict, and what is known of the model."""

    predict: Callable[[Any], Any]  #: (n,) sequences, as in X, to (n,) classes, as in y
    parameters: int | None = None
    seconds_per_epoch: float | None = None
    learning_curve: Sequence[Mapping[str, float]] | None = None
    model: Any = None  #: what was fitted, for whoever wants to look into it


class Candidate(Protocol):
    """A learner on trial. X is a list or an array, as the user gave it; y are the user's own labels, as an array."""

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
        y_train: np.ndarray,
        X_valid: Any,
        y_valid: np.ndarray,
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
    score: float  #: the trial's metric on the split's test rows
    seconds: float  #: since the start


@dataclass(frozen=True)
class Chosen:
    """A fit that was best on its split's validation rows, with that split."""

    candidate: str
    split: Split
    fitted: Fitted


def run_trial(
    candidates: Sequence[Candidate],
    X: Sequence[Any] | np.ndarray,
    y: Sequence[Any] | np.ndarray,
    *,
    groups: Sequence[Any] | np.ndarray | None = None,
    test_rows: Sequence[int] | np.ndarray | None = None,
    repeats: int = 10,
    seeds_per_split: int = 1,
    test_fraction: float = TEST_FRACTION,
    validation_fraction: float = VALIDATION_FRACTION,
    seed: int = 0,
    tuning_budget: int | None = None,
    time_budget: float | None = None,
    metric: str = "accuracy",
    jobs: int = 1,
    progress: Callable[[Progress], None] | None = None,
    chosen: Callable[[Chosen], None] | None = None,
) -> TrialResult:
    """Tunes, fits and scores every candidate on every split.

    Args:
        candidates: cells and baselines, names all different.
        X: (n,) sequences: texts, arrays (T,) or (T, I) of any length; a list, or an array with n rows.
        y: (n,) classes.
        groups: (n,) rows of one group stay together.
        test_rows: use these test rows in every repeat; then only seeds and validation rows vary.
        repeats: J, how many splits; at least 3.
        seeds_per_split: fits of each candidate on each split; they are averaged. More splits tell more than more seeds.
        test_fraction, validation_fraction: shares of all rows.
        seed: decides splits, seeds and which settings are tried.
        tuning_budget: settings tried in each split, drawn anew for each; None tries all.
        time_budget: seconds. After each complete round the number of splits is set to what the cost so far allows, no
            more than ``repeats`` and no fewer than 3; the result's ``notes`` say so.
        metric: "accuracy", "macro_f1" (mean F1 of the classes) or "balanced_accuracy" (mean recall of the classes).
        jobs: fits that run side by side, each in a process of its own with one thread; 0 for one per processor. What
            predict costs is measured while nothing runs beside it.
        progress: called after every run.
        chosen: called with every fit that was scored on test rows; the trial itself keeps none of them.

    Raises:
        ConfigError: options that cannot be; cells with unequal budgets; a candidate whose predictions are unusable.
        DataError: data that cannot be split, see :func:`make_splits`.
    """
    _check_options(candidates, repeats, seeds_per_split, tuning_budget, time_budget, metric, jobs)
    labels = class_labels(y)
    X = rows_of(X)
    if len(X) != len(labels):
        raise DataError(f"X has {len(X)} rows and y has {len(labels)}; they must be as many")
    splits = make_splits(
        labels,
        repeats=repeats,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        seed=seed,
        groups=groups,
        test_rows=test_rows,
    )
    budgets = {c.name: min(tuning_budget or len(c.settings), len(c.settings)) for c in candidates}
    start = perf_counter()
    runs: list[Run] = []
    predictions: dict[str, list[np.ndarray]] = {c.name: [] for c in candidates}
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
        done = zip(fits, fit_all(fits, X, labels, metric), strict=True)
        for _, tried in groupby(done, key=lambda pair: (pair[0].candidate.name, pair[0].seed)):
            run, fitted, predicted = _run(list(tried), X, labels)
            runs.append(run)
            if chosen is not None:
                chosen(Chosen(run.candidate, split, fitted))
            predictions[run.candidate].append(predicted)
            if progress is not None:
                total = planned * len(candidates) * seeds_per_split
                seconds = perf_counter() - start
                progress(Progress(len(runs), total, number, run.candidate, run.scores[metric], seconds))
        number += 1
        if time_budget is not None:
            affordable = int(time_budget * number / max(perf_counter() - start, 1e-9))
            planned = max(number, min(repeats, max(MIN_REPEATS, affordable)))
    notes = []
    taken = perf_counter() - start
    if time_budget is not None and taken > 1.2 * time_budget:
        notes.append(f"{number} splits, the fewest that tell anything, took {taken:.0f} seconds, over the time budget.")
    if number < repeats:
        notes.append(
            f"To keep to the time budget of {time_budget:g} seconds, {number} of the {repeats} planned splits "
            "were run, for every candidate."
        )
    classes, counts = np.unique(labels, return_counts=True)
    test = splits[0].test
    test_groups = None if groups is None else np.asarray(groups)[test]
    return TrialResult(
        candidates=tuple(Contestant(c.name, c.kind, budgets[c.name]) for c in candidates),
        runs=tuple(runs),
        metric=metric,
        sizes=tuple(SplitSizes(len(s.train), len(s.validation), len(s.test)) for s in splits[:number]),
        class_counts={str(label): int(count) for label, count in zip(classes, counts, strict=True)},
        seed=seed,
        repeats_planned=repeats,
        seeds_per_split=seeds_per_split,
        groups=None if groups is None else len(np.unique(groups)),
        test_covariance=None if test_rows is None else _covariances(labels[test], predictions, test_groups),
        seconds=perf_counter() - start,
        notes=tuple(notes),
    )


def _check_options(
    candidates: Sequence[Candidate],
    repeats: int,
    seeds_per_split: int,
    tuning_budget: int | None,
    time_budget: float | None,
    metric: str,
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
    if metric not in METRICS:
        raise ConfigError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")


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


def _fit(fit: _Fit, X: Any, labels: np.ndarray, metric: str) -> _Done:
    split = fit.split
    validation = take(X, split.validation), labels[split.validation]
    start = perf_counter()
    try:
        fitted = fit.candidate.fit(take(X, split.train), labels[split.train], *validation, fit.settings, fit.seed)
        score = _scores(validation[1], fitted.predict(validation[0]), np.unique(labels), metric)[metric]
    except Exception as error:
        error.add_note(f"in candidate {fit.candidate.name!r}, split {fit.number} of the trial")
        raise
    return _Done(fitted, score, perf_counter() - start)


def _in_turn(fits: Sequence[_Fit], X: Any, labels: np.ndarray, metric: str) -> Iterator[_Done]:
    return (_fit(fit, X, labels, metric) for fit in fits)


def _side_by_side(jobs: int, fits: Sequence[_Fit], X: Any, labels: np.ndarray, metric: str) -> Iterator[_Done]:
    # One thread each: threads of several processes that spin beside each other cost more than they give.
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        done = Parallel()(delayed(_fit)(fit, X, labels, metric) for fit in fits)
    return iter(done)


def _run(tried: Sequence[tuple[_Fit, _Done]], X: Any, labels: np.ndarray) -> tuple[Run, Fitted, np.ndarray]:
    """The fit best on the validation rows, of equals the first, scored on the test rows."""
    fit, done = max(tried, key=lambda pair: pair[1].score)
    fitted, split = done.fitted, fit.split
    try:
        predicted, milliseconds = _timed(fitted, take(X, split.test))
        scores = _scores(labels[split.test], predicted, np.unique(labels))
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
    return run, fitted, np.asarray(predicted)


def take(X: Any, rows: np.ndarray) -> Any:
    """The rows of a list (as a list) or of an array (as an array)."""
    return X[rows] if isinstance(X, np.ndarray) else [X[row] for row in rows.tolist()]


def _tried(settings: Sequence[Mapping[str, Any]], budget: int, seed: int) -> list[Mapping[str, Any]]:
    # the run's seed alone decides, so candidates with lists of one length try the same places
    places = np.random.default_rng(seed).permutation(len(settings))[:budget]
    return [settings[place] for place in sorted(places.tolist())]


def _timed(fitted: Fitted, X: Any) -> tuple[Any, float]:
    """What predict returns, and the median milliseconds a sequence; slow models are timed once."""
    costs: list[float] = []
    while len(costs) < _TIMED_PREDICTIONS and sum(costs) < _TIMED_SECONDS:
        start = perf_counter()
        predicted = fitted.predict(X)
        costs.append(perf_counter() - start)
    return predicted, 1000 * float(np.median(costs)) / len(X)


def _scores(y: np.ndarray, predicted: Any, classes: np.ndarray, needed: str | None = None) -> dict[str, float]:
    """All scores, or those that come with the one needed."""
    predicted = np.asarray(predicted)
    if predicted.shape != y.shape:
        raise ConfigError(f"predict must return one class for each of {len(y)} sequences, got shape {predicted.shape}")
    unknown = np.setdiff1d(predicted, classes)
    if len(unknown):  # class numbers instead of labels, most likely: every score would silently be 0
        raise ConfigError(f"predict returned {unknown.tolist()[0]!r}, which is none of the classes {classes.tolist()}")
    accuracy = {"accuracy": float(np.mean(predicted == y))}
    if needed == "accuracy":
        return accuracy
    present = np.unique(y)  # a class without test rows has no recall
    _, recall, f1, _ = precision_recall_fscore_support(y, predicted, labels=present, average="macro", zero_division=0)
    return accuracy | {"macro_f1": float(f1), "balanced_accuracy": float(recall)}


def _covariances(
    y: np.ndarray, predictions: Mapping[str, Sequence[np.ndarray]], groups: np.ndarray | None
) -> dict[str, list[list[float]]]:
    """For each score, how the candidates' mean scores vary together over test sets of this size: (C, C)."""
    # rows of one group come and go together
    units = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    found = {}
    for metric in METRICS:
        pulls = np.zeros((units.max() + 1, len(predictions)))
        for column, repeats in enumerate(predictions.values()):
            np.add.at(pulls[:, column], units, np.mean([row_pulls(y, p, metric) for p in repeats], axis=0))
        found[metric] = (pulls.T @ pulls / len(y) ** 2).tolist()
    return found
