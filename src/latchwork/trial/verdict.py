"""What a trial says in plain words: which cell to use, how sure that is, and whether a cell is needed at all.

Two questions, two families of comparisons, each adjusted by Holm so that at most 5 % of trials make a false claim:

- *Which cell?* All pairs of cells. On its own, so that adding a baseline does not blunt it.
- *Is a cell needed?* Every cell against every baseline. Only the best of each are talked about, but those were picked
  after the scores were known; having all pairs in the family is what pays for the picking.

A cell is chosen among those that no other cell significantly beats. Among those it is the cheapest, not the one with
the highest mean: a lead that may be luck is no reason to pay more. The same goes for baselines: unless some cell
significantly beats the best of them, the baseline is what to take.

All comparisons are of gains: of a score where less is better they are turned, so that nothing here asks which way is
better, but the words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, product
from typing import Any, Literal

from latchwork.errors import ConfigError
from latchwork.trial.metric import Metric
from latchwork.trial.results import SummaryRow, TrialResult, plain
from latchwork.trial.statistics import LEVEL, PairedTest, detectable_difference, holm

Family = Literal["cells", "baselines"]
Outcome = Literal["winner", "tie", "baseline as good", "baseline better", "only cell"]

ALIKE = 1.1
"""Costs and sizes that differ by less than this factor count as equal: timings are not sharper than that."""

WORTH = 1.0
"""Points of shares, per cent of the baseline's score of plain numbers. A baseline that no cell can be expected to beat
by more "does as well"."""

_LONGEST_HEADLINE = 120
_GAINED = 0.01


@dataclass(frozen=True)
class Comparison:
    """Two candidates, and what ``first`` gains over ``second``: percentage points of shares, else the score's numbers.

    Where more is better it is ``first`` minus ``second``, where less is better ``second`` minus ``first``.
    """

    family: Family  #: adjusted together
    first: str  #: of two cells the one with the better mean; against a baseline the cell
    second: str
    difference: float
    low: float  #: 95 % interval of the mean difference, of this comparison alone; unbounded if nothing is known
    high: float
    p: float
    adjusted_p: float  #: Holm, within the family; what the verdict goes by
    new_split: tuple[float, float] | None  #: 95 % prediction for one new split; None if the test set was fixed
    detectable: float  #: the smallest true difference seen with 80 % probability, roughly

    @property
    def significant(self) -> bool:
        """Declared as a difference."""
        return self.adjusted_p <= LEVEL


@dataclass(frozen=True)
class Verdict:
    """Plain words, and the numbers behind them."""

    outcome: Outcome
    headline: str  #: one sentence, about 120 characters at most
    sentences: tuple[str, ...]  #: 2 to 6 more
    recommended: str  #: the candidate to use, which may be a baseline
    cell: str  #: the cell to use if it is to be a cell
    confidence: str  #: in words
    comparisons: tuple[Comparison, ...]

    @property
    def text(self) -> str:
        """Headline and sentences."""
        return " ".join((self.headline, *self.sentences))

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; an end of an interval that is unbounded is None."""
        comparisons = [
            asdict(c) | {"new_split": c.new_split and list(c.new_split), "significant": c.significant}
            for c in self.comparisons
        ]
        found: dict[str, Any] = plain(asdict(self) | {"comparisons": comparisons})
        return found


def judge(result: TrialResult, metric: str | None = None) -> Verdict:
    """The verdict on a trial, by its own metric or another that was scored.

    Settings were tuned for the trial's own metric. Whoever judges by several and keeps the nicest verdict is not
    protected by any adjustment here.

    Raises:
        ConfigError: no cell took part, fewer than 2 splits, an unknown score, or one that cannot be better or worse.
    """
    evidence = _weigh(result, result.scored(metric))
    outcome = _outcome(evidence)
    needless = outcome in ("baseline as good", "baseline better")
    return Verdict(
        outcome=outcome,
        headline=_headline(outcome, evidence),
        sentences=tuple(_sentences(evidence, needless)),
        recommended=evidence.baseline if needless and evidence.baseline is not None else evidence.cell,
        cell=evidence.cell,
        confidence=_confidence(outcome, evidence, needless),
        comparisons=evidence.comparisons,
    )


@dataclass(frozen=True)
class _Evidence:
    result: TrialResult
    metric: Metric
    rows: Mapping[str, SummaryRow]
    comparisons: tuple[Comparison, ...]
    cells: list[str]  #: by mean, the best first
    unbeaten: list[str]  #: cells that no cell is significantly better than; likewise sorted
    baseline: str | None  #: with the best mean
    ahead: list[str]  #: cells significantly better than that baseline
    behind: list[str]  #: cells significantly worse than that baseline
    pool: list[str]  #: cells to choose from
    cell: str  #: the choice

    def pair(self, one: str, other: str) -> Comparison:
        """The comparison of two candidates, whichever comes first in it."""
        return next(c for c in self.comparisons if {c.first, c.second} == {one, other})

    def gain(self, name: str) -> float:
        """A candidate's mean score, turned so that more is better."""
        return self.metric.gain(self.rows[name].mean)

    @property
    def worth(self) -> float:
        """What a cell must gain on the best baseline to be worth it, in the unit of comparisons."""
        if self.metric.unit == "share" or self.baseline is None:
            return WORTH
        return WORTH / 100 * abs(self.rows[self.baseline].mean)

    def family(self, family: Family) -> list[Comparison]:
        return [c for c in self.comparisons if c.family == family]


def _weigh(result: TrialResult, metric: Metric) -> _Evidence:
    rows = {row.candidate: row for row in result.summary(metric.name)}
    gains = {name: metric.gain(row.mean) for name, row in rows.items()}
    cells = sorted(result.names("cell"), key=lambda name: -gains[name])
    baselines = result.names("baseline")
    if not cells:
        raise ConfigError("the trial has no cell to give a verdict on, only baselines")
    between_cells = _compared("cells", list(combinations(cells, 2)), result, metric)
    with_baselines = _compared("baselines", list(product(cells, baselines)), result, metric)
    unbeaten = [cell for cell in cells if not any(c.significant and c.second == cell for c in between_cells)]
    baseline = max(baselines, key=lambda name: gains[name], default=None)
    shown = [c for c in with_baselines if c.second == baseline and c.significant]
    ahead = [c.first for c in shown if c.difference > 0]
    # An unbeaten cell that is also shown to beat the baseline goes before one that is not.
    pool = [cell for cell in unbeaten if cell in ahead] or unbeaten
    return _Evidence(
        result=result,
        metric=metric,
        rows=rows,
        comparisons=(*between_cells, *with_baselines),
        cells=cells,
        unbeaten=unbeaten,
        baseline=baseline,
        ahead=ahead,
        behind=[c.first for c in shown if c.difference < 0],
        pool=pool,
        cell=_cheapest(pool, rows)[0],
    )


def _compared(
    family: Family, pairs: Sequence[tuple[str, str]], result: TrialResult, metric: Metric
) -> tuple[Comparison, ...]:
    tests = [result.compare(first, second, metric.name) for first, second in pairs]
    adjusted = holm([test.p for test in tests])
    return tuple(
        Comparison(
            family=family,
            first=first,
            second=second,
            difference=metric.shown(test.difference),
            low=_possible(test.low, metric),
            high=_possible(test.high, metric),
            p=test.p,
            adjusted_p=p,
            new_split=test.new_split and (_possible(test.new_split[0], metric), _possible(test.new_split[1], metric)),
            detectable=_detectable(test, len(pairs), metric),
        )
        for (first, second), test, p in zip(pairs, tests, adjusted, strict=True)
    )


def _possible(value: float, metric: Metric) -> float:
    """In the unit that is shown; no two shares differ by more than 1."""
    return metric.shown(min(1.0, max(-1.0, value)) if metric.unit == "share" else value)


def _detectable(test: PairedTest, comparisons: int, metric: Metric) -> float:
    if math.isinf(test.low):  # all splits differ alike: the spread is unknown, not zero
        return math.inf
    return metric.shown(detectable_difference(test, comparisons=comparisons))


def _cheapest(pool: list[str], rows: Mapping[str, SummaryRow]) -> list[str]:
    """Those of the pool that cost the least: by milliseconds a prediction, then by seconds an epoch. Order is kept."""
    for cost in (
        {name: rows[name].milliseconds_per_sequence for name in pool},
        {name: rows[name].seconds_per_epoch for name in pool},
    ):
        known = {name: value for name, value in cost.items() if value is not None}
        if len(known) == len(pool):
            pool = [name for name in pool if known[name] <= ALIKE * min(known.values())]
    return pool


def _outcome(evidence: _Evidence) -> Outcome:
    if evidence.baseline is not None and not evidence.ahead:
        return "baseline better" if len(evidence.behind) == len(evidence.cells) else "baseline as good"
    if len(evidence.cells) == 1:
        return "only cell"
    return "winner" if len(evidence.unbeaten) == 1 else "tie"


def _headline(outcome: Outcome, evidence: _Evidence) -> str:
    cell, baseline = evidence.cell, f"“{evidence.baseline}”"
    if outcome == "baseline better":
        return f"The plain baseline {baseline} is better than {'every cell' if evidence.cells[1:] else cell}; use it."
    if outcome == "baseline as good":
        against = [c for c in evidence.family("baselines") if c.second == evidence.baseline]
        unproven = f"No cell is shown to be better than the plain baseline {baseline}; take the baseline."
        if max(c.difference for c in against) <= -evidence.worth:
            cells = "every cell" if evidence.cells[1:] else cell
            better = f"better{' than all' if evidence.behind else ''}"
            lead = f"{baseline} scored {evidence.metric.ahead} than {cells}, though it is not shown to be {better}"
            return _fitting(f"The plain baseline {lead}; take it.", unproven)
        if max(c.high for c in against) <= evidence.worth:
            return f"The plain baseline {baseline} does as well as any cell; take the baseline."
        return unproven
    if outcome == "only cell":
        if evidence.baseline is None:
            return f"{cell} was the only candidate; this trial cannot say whether another is better."
        return f"Use {cell}: it is better than the plain baseline {baseline}."
    return _choice(evidence)


def _choice(evidence: _Evidence) -> str:
    """Which of the cells to take, and why."""
    cell, baseline, pool = evidence.cell, f"“{evidence.baseline}”", evidence.pool
    if len(evidence.unbeaten) == 1:
        others = _listed([name for name in evidence.cells if name != cell])
        return _fitting(f"Use {cell}: it is better than {others}.", f"Use {cell}: it is better than the other cells.")
    if len(pool) == 1:
        reason = f"the other cells are worse, or not shown to beat the plain baseline {baseline}"
        return _fitting(f"Use {cell}: {reason}.", f"Use {cell}.")
    cheapest = _cheapest(pool, evidence.rows)
    reason = "slightly ahead"
    if len(cheapest) < len(pool):
        reason = "the cheaper one" if len(pool) == 2 else "the cheapest" if len(cheapest) == 1 else "among the cheapest"
    elif _costs(evidence):
        reason = "slightly ahead, at about the same cost"
    return _fitting(
        f"No significant difference between {_listed(pool)}; take {cell}, {reason}.",
        f"No significant difference between {len(pool)} cells; take {cell}, {reason}.",
    )


def _sentences(evidence: _Evidence, needless: bool) -> list[str]:
    """2 to 6; the most important first, as the last fall away."""
    cell, deciding = evidence.cell, []
    of_cells = []
    rivals = [name for name in (evidence.unbeaten if evidence.unbeaten[1:] else evidence.cells) if name != cell]
    if rivals:
        deciding.append(evidence.pair(cell, rivals[0]))
        of_cells.append(_expectation(deciding[-1], evidence))
    if len(evidence.pool) > 1:
        of_cells += _costs(evidence)
    if evidence.baseline is None:
        of_baseline = "No plain baseline took part, so this does not show that a recurrent cell is needed."
    else:
        # Where no cell is needed, the best of them is what shows it; else the one chosen has to prove itself.
        deciding.append(evidence.pair(evidence.cells[0] if needless else cell, evidence.baseline))
        of_baseline = _expectation(deciding[-1], evidence)
    if needless and len(evidence.cells) > 1:
        choice = _choice(evidence)
        of_cells.insert(0, f"If it is to be a cell: {choice[0].lower()}{choice[1:]}")
    words = [of_baseline, *of_cells] if needless else [*of_cells, of_baseline]
    return [*words, _sensitivity(deciding, evidence), *_cautions(deciding, evidence)][:6]


def _expectation(comparison: Comparison, evidence: _Evidence) -> str:
    """Both scores, the difference, and what to expect of new data."""
    metric, unit = evidence.metric, evidence.metric.points
    mean, other = evidence.rows[comparison.first].mean, evidence.rows[comparison.second].mean
    decimals = metric.decimals(metric.shown(mean), metric.shown(other))
    judged = "a real difference" if comparison.significant else "which may be luck"
    said = (
        f"{comparison.first} scored {metric.said(mean, decimals)}, {comparison.second} {metric.score(other, decimals)}"
    )
    said = f"{said}: {metric.apart(comparison.difference, decimals)}, {judged}"

    def between(low: float, high: float) -> str:
        first, last = (metric.signed(end, decimals) for end in metric.ends(low, high))
        return f"between {first} and {last}"

    average = between(comparison.low, comparison.high)
    # Without Holm's adjustment, so that it may leave 0 out where the verdict sees luck.
    excludes_zero = comparison.low > 0 or comparison.high < 0
    alone = "; that interval is of this pair alone" if excludes_zero and not comparison.significant else ""
    if evidence.result.fixed_test:
        return f"{said}; on other test rows of the same kind, expect {average}{unit} on average{alone}."
    if comparison.new_split is None:
        return f"{said}, as the splits differ too little among themselves to tell how sure that is."
    split = "test block" if evidence.result.rolling else "split"
    return (
        f"{said}; on a new {split} of the same kind of data, expect {between(*comparison.new_split)}{unit}, "
        f"and {average} on average over many{alone}."
    )


def _costs(evidence: _Evidence) -> list[str]:
    words, asked = [], evidence.result.asked
    for row in (evidence.rows[name] for name in evidence.pool):
        measured = ((row.milliseconds_per_sequence, f"ms a {asked}"), (row.seconds_per_epoch, "s an epoch"))
        figures = [f"{cost:.3g} {unit}" for cost, unit in measured if cost is not None]
        if figures:
            words.append(f"{row.candidate} {', '.join(figures)}")
    return [f"Cost: {'; '.join(words)}."] if words else []


def _sensitivity(deciding: Sequence[Comparison], evidence: _Evidence) -> str:
    """What was run, and the smallest difference that it could have shown."""
    result, metric = evidence.result, evidence.metric
    splits = "splits in order of time" if result.rolling else "random splits"
    run = f"{result.repeats} {'repeats on one fixed test set' if result.fixed_test else splits} were run"
    if result.repeats < result.repeats_planned:
        run = f"{run}, not {result.repeats_planned} as planned, to keep to the time budget"
    seen = max((c.detectable for c in deciding), default=None)
    if not seen:  # nothing was compared, or the scores were the same in every split
        words = run
    elif seen >= metric.shown(1.0) if metric.unit == "share" else math.isinf(seen):
        words = f"{run}: too few to be sure of seeing any difference, however large"
    else:
        least = f"{seen:.{metric.decimals(seen)}f}{metric.points}"
        words = f"{run}: a true difference under about {least} could easily have gone unseen"
    if result.fixed_test:
        words = (
            f"{words}; only the random start and the validation rows varied between them, so how much other training "
            "data would change the result was not measured"
        )
    return f"{words}."


def _cautions(deciding: Sequence[Comparison], evidence: _Evidence) -> list[str]:
    words = []
    rising = [name for name in evidence.cells if _rising(name, evidence.result)]
    if rising:
        was = "was" if len(rising) == 1 else "were"
        words.append(
            f"{_listed(rising)} {was} still getting better when time or epochs were up: more may change the verdict."
        )
    sizes = {name: evidence.rows[name].parameters for name in evidence.cells}
    known = {name: size for name, size in sizes.items() if size is not None}
    if known and max(known.values()) > ALIKE * min(known.values()):
        listed = _listed([f"{name} {size:,}" for name, size in known.items()])
        words.append(f"The cells are not of one size ({listed} parameters), which may explain a difference.")
    worse = [name for name in evidence.cells if name not in evidence.unbeaten]
    if worse and len(evidence.unbeaten) > 1:
        words.append(f"{_listed(worse)} {'is' if len(worse) == 1 else 'are'} significantly worse.")
    for comparison in deciding:
        if comparison.p <= LEVEL and not comparison.significant:
            words.append(
                f"{comparison.first} against {comparison.second} would count as a difference if nothing else had been "
                f"compared; among {len(evidence.family(comparison.family))} comparisons one such is easily luck."
            )
    return words


def _rising(name: str, result: TrialResult) -> bool:
    """Whether most runs of a cell ended while they learned: with their best epoch, that gained 1 % on those before.

    Patience never ends a fit so, only a time budget or the number of epochs. The 1 % is for schedules that let the
    learning rate go to zero, where the last epoch is mostly the best, if by nearly nothing.
    """
    ended = []
    for run in result.runs:
        losses = [epoch.get("valid_loss") for epoch in run.learning_curve or ()] if run.candidate == name else []
        *before, last = [math.inf if loss is None else loss for loss in losses] or [math.inf]
        if math.isfinite(last):
            ended.append(last < (1 - _GAINED) * min(before, default=math.inf))
    return 2 * sum(ended) > len(ended)


def _confidence(outcome: Outcome, evidence: _Evidence, needless: bool) -> str:
    """Words for the weakest of the claims that the outcome rests on, or for what is left undecided."""
    of_cells, of_baselines = evidence.family("cells"), evidence.family("baselines")
    claims: list[float] = []
    if outcome == "winner":
        # every other cell is beaten by some cell; the strongest proof of that counts
        beaten = [name for name in evidence.cells if name != evidence.cell]
        claims = [min(c.adjusted_p for c in of_cells if c.second == name) for name in beaten]
    elif outcome == "baseline better":
        claims = [c.adjusted_p for c in of_baselines if c.second == evidence.baseline]
    elif outcome == "only cell" and evidence.baseline is not None:
        claims = [evidence.pair(evidence.cell, evidence.baseline).adjusted_p]
    words = [_how_sure(claims)] if claims else _undecided(evidence, needless)
    if evidence.result.fixed_test and (claims or words[1:]):
        words[-1] += ", for this one division of the data"
    return "; ".join(words)


def _undecided(evidence: _Evidence, needless: bool) -> list[str]:
    """The candidates that were not told apart, then how sure it is of other cells that they are worse."""
    # a cell shown to be worse than the baseline is told apart from it, whatever the cells are among themselves
    level = [name for name in evidence.cells if not (needless and name in evidence.behind)]
    between = [name for name in level if name in evidence.unbeaten] or level
    chosen = [evidence.cell]
    if needless and evidence.baseline is not None:
        between = [*between, evidence.baseline]
        chosen = [evidence.baseline, evidence.cell]
    if len(between) == 1:
        return [f"undecided, as nothing was compared with {between[0]}"]
    words = [f"undecided between {_listed(between)}"]
    told = {*between}
    for one in chosen:
        worse = {
            name: pair.adjusted_p
            for name in evidence.cells
            if name not in told and name != one
            for pair in [evidence.pair(name, one)]
            if pair.significant and evidence.gain(name) < evidence.gain(one)
        }
        if worse:
            are = "is" if len(worse) == 1 else "are"
            words.append(f"{_how_sure(worse.values())} that {_listed([*worse])} {are} worse than {one}")
        told |= {*worse}
    return words


def _how_sure(claims: Iterable[float]) -> str:
    """By the weakest of the claims, which are adjusted p-values."""
    weakest = max(claims)
    return "very sure" if weakest <= 0.001 else "sure" if weakest <= 0.01 else "fairly sure"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _fitting(headline: str, shorter: str) -> str:
    return headline if len(headline) <= _LONGEST_HEADLINE else shorter
