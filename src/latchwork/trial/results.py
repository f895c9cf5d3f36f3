"""What a trial measured: one row for each fit, and what the splits were. Plain data, written to JSON and read back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from latchwork.errors import ConfigError, DataError
from latchwork.trial.metric import Metric
from latchwork.trial.statistics import PairedTest, blocks_t_test, corrected_t_test, fixed_test_t_test, share_variance

Kind = Literal["cell", "baseline"]
KINDS: tuple[Kind, ...] = ("cell", "baseline")

FORMAT = 2
"""Version of the JSON written by :meth:`TrialResult.to_json`."""


@dataclass(frozen=True)
class Run:
    """One candidate, tuned and fitted on one split with one seed, and scored on the split's test rows."""

    candidate: str
    split: int  #: 0 … J − 1
    seed: int  #: what the candidate's fit was given; the same for all candidates
    scores: Mapping[str, float]  #: on the test rows, as they were measured
    settings: Mapping[str, Any]  #: those chosen on the validation rows of this split
    parameters: int | None = None  #: learned numbers
    seconds: float | None = None  #: the whole of tuning and fitting
    seconds_per_epoch: float | None = None
    #: of predict over the test rows; of whatever is ``asked``: a sequence, a sentence, a document or a forecast
    milliseconds_per_sequence: float | None = None
    learning_curve: tuple[Mapping[str, float], ...] | None = None  #: one mapping an epoch

    def __post_init__(self) -> None:
        # plain dicts, lists and numbers, so that what is read back from JSON equals what was written
        for name in ("scores", "settings"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        if self.learning_curve is not None:
            object.__setattr__(self, "learning_curve", tuple(plain(epoch) for epoch in self.learning_curve))


@dataclass(frozen=True)
class Contestant:
    """A candidate as it took part."""

    name: str
    kind: Kind
    budget: int  #: settings tried in each split


@dataclass(frozen=True)
class SplitSizes:
    """Rows of one split: sequences, sentences, documents, or steps of series."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class SummaryRow:
    """A candidate's figures over all splits. Scores as they were measured; medians for sizes and times."""

    candidate: str
    kind: Kind
    mean: float
    sd: float  #: of the splits' scores
    low: float  #: 95 % interval of the mean, with the variance corrected for shared rows
    high: float
    parameters: int | None
    seconds_per_epoch: float | None
    milliseconds_per_sequence: float | None


@dataclass(frozen=True)
class TrialResult:
    """Everything a trial measured."""

    candidates: tuple[Contestant, ...]  #: in the order given
    runs: tuple[Run, ...]  #: in the order run
    task: str  #: "classify", "tag", "generate" or "forecast"
    metrics: tuple[Metric, ...]  #: what was scored; the first of the task comes first
    metric: str  #: the score by which settings were chosen and the verdict is given
    rows: str  #: what the splits divide, in words: "rows", "sentences", "documents", "steps"
    asked: str  #: what is predicted, in words, one of them: "sequence", "sentence", "document", "forecast"
    facts: Mapping[str, Any]  #: what the data are: how many rows, how many of each class …
    sizes: tuple[SplitSizes, ...]  #: one for each split
    seed: int
    repeats_planned: int
    seeds_per_split: int = 1
    rolling: bool = False  #: whether the splits are blocks in time, not random
    groups: int | None = None  #: how many groups, if groups were kept together
    #: Only if the user gave the test rows, which are then the same in every split: for each score the covariance
    #: (C, C) of the candidates' mean scores over test sets of this size.
    test_covariance: Mapping[str, Sequence[Sequence[float]]] | None = None
    seconds: float | None = None  #: wall clock of the whole trial
    notes: tuple[str, ...] = ()  #: sentences on anything done differently from what was asked

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", plain(self.facts))

    @property
    def repeats(self) -> int:
        """How many splits were completed."""
        return len(self.sizes)

    @property
    def fixed_test(self) -> bool:
        """Whether the user gave the test rows, so that they are the same in every split."""
        return self.test_covariance is not None

    def scored(self, name: str | None = None) -> Metric:
        """The metric of that name, or the trial's own.

        Raises:
            ConfigError: it was not scored.
        """
        name = name or self.metric
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise ConfigError(f"no score {name!r}; this trial has {', '.join(metric.name for metric in self.metrics)}")

    @property
    def second(self) -> Metric | None:
        """What is shown beside the trial's own metric, if anything else was scored."""
        return next((metric for metric in (*self.metrics[1::-1], *self.metrics) if metric.name != self.metric), None)

    def names(self, kind: Kind) -> list[str]:
        """Candidates of one kind, in order."""
        return [c.name for c in self.candidates if c.kind == kind]

    def split_scores(self, candidate: str, metric: str | None = None) -> np.ndarray:
        """(J,) test score of a candidate in each split, averaged over the seeds of that split.

        Raises:
            ConfigError: no such candidate or score, or a split in which it was not run.
        """
        metric = self.scored(metric).name
        seeds: list[list[float]] = [[] for _ in self.sizes]
        for run in self.runs:
            if run.candidate == candidate:
                if metric not in run.scores:
                    raise ConfigError(f"no score {metric!r} in split {run.split}; it has {', '.join(run.scores)}")
                seeds[run.split].append(run.scores[metric])
        if any(not scores for scores in seeds):
            known = ", ".join(c.name for c in self.candidates)
            raise ConfigError(f"candidate {candidate!r} has not run in every split; the candidates are {known}")
        return np.array([np.mean(scores) for scores in seeds])

    def compare(self, first: str, second: str, metric: str | None = None) -> PairedTest:
        """Paired test of the gain of ``first`` over ``second``, right for how this trial was split.

        The gain is ``first`` minus ``second``, turned if less is better: a positive one always speaks for ``first``.

        Raises:
            ConfigError: fewer than 2 splits, an unknown candidate or score, or one that cannot be better or worse.
        """
        by = self.scored(metric)
        if by.better == "none":
            raise ConfigError(f"{by.name} is told but cannot decide: neither more nor less of it is better")
        turn = by.gain(1.0)
        differences = turn * (self.split_scores(first, metric) - self.split_scores(second, metric))
        return self._test(differences, {first: 1, second: -1}, metric)

    def summary(self, metric: str | None = None) -> list[SummaryRow]:
        """One row for each candidate, in order.

        Raises:
            ConfigError: fewer than 2 splits, or an unknown score.
        """
        rows = []
        highest = 1.0 if self.scored(metric).unit == "share" else math.inf
        for contestant in self.candidates:
            scores = self.split_scores(contestant.name, metric)
            interval = self._test(scores, {contestant.name: 1}, metric)
            runs = [run for run in self.runs if run.candidate == contestant.name]
            parameters = _median([run.parameters for run in runs])
            rows.append(
                SummaryRow(
                    candidate=contestant.name,
                    kind=contestant.kind,
                    mean=float(scores.mean()),
                    sd=float(scores.std(ddof=1)),
                    low=max(0.0, interval.low),  # no score is below 0: they are shares, errors and bits
                    high=min(highest, interval.high),
                    parameters=None if parameters is None else round(parameters),
                    seconds_per_epoch=_median([run.seconds_per_epoch for run in runs]),
                    milliseconds_per_sequence=_median([run.milliseconds_per_sequence for run in runs]),
                )
            )
        return rows

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers, for ``json.dump``."""
        return {"format": FORMAT, **plain(asdict(self))}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrialResult:
        """The inverse of :meth:`to_json`.

        Raises:
            DataError: another format, or a field that is missing, unknown or of the wrong kind.
        """
        fields = dict(data)
        found = fields.pop("format", None)
        if found != FORMAT:
            raise DataError(f"a trial result of format {FORMAT} is needed, this is format {found!r}")
        try:
            fields["metrics"] = tuple(Metric(**m) for m in fields["metrics"])
            fields["candidates"] = tuple(Contestant(**c) for c in fields["candidates"])
            fields["runs"] = tuple(Run(**r) for r in fields["runs"])
            fields["sizes"] = tuple(SplitSizes(**s) for s in fields["sizes"])
            fields["notes"] = tuple(fields["notes"])
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise DataError(f"not a trial result: {error}") from error

    def _test(self, values: np.ndarray, signs: Mapping[str, int], metric: str | None) -> PairedTest:
        if self.repeats < 2:
            raise ConfigError(f"a test needs at least 2 splits, this trial has {self.repeats}; use more repeats")
        n_test = float(np.mean([size.test for size in self.sizes]))
        # A floor is known for shares of rows that are right or wrong each for itself. Tokens of one sentence or
        # forecasts of one week are not, and of plain numbers, as bits or errors, nothing bounds the spread from below.
        floor = 0.0
        if self.scored(metric).independent:
            floor = share_variance(float(np.clip(values.mean(), -1, 1)), n_test)
        if self.test_covariance is not None:
            sign = np.array([signs.get(c.name, 0) for c in self.candidates])
            test_variance = float(sign @ np.asarray(self.test_covariance[metric or self.metric]) @ sign)
            return fixed_test_t_test(values.tolist(), test_variance=max(test_variance, floor))
        # n_train leaves the validation rows out, although candidates see them: n_test/n_train is then a little larger
        # than Nadeau & Bengio's. Simulated trials of learners that are equally good, but not on the sample at hand,
        # are why: their rule declares 5 to 6 % of them different, with 5 splits; with this and the floor it is < 3 %.
        n_train = float(np.mean([size.train for size in self.sizes]))
        test = blocks_t_test if self.rolling else corrected_t_test  # neighbouring blocks in time are alike
        return test(values.tolist(), n_train=n_train, n_test=n_test, least_variance=floor)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def plain(value: Any) -> Any:
    """``value`` as JSON has it: a number that is not finite becomes None. Raises ConfigError for anything else."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no NaN; a diverged loss is a gap in the curve
    if value is None or isinstance(value, str | int | float):
        return value
    raise ConfigError(f"settings and scores must be plain values (numbers, strings, lists), got {value!r}")
