"""Every task on real data, each with its fair trial: the table of the README.

python benchmarks/tasks.py                                # all, about twenty minutes on two cores
python benchmarks/tasks.py --only tunes,electricity --longer 5 --json folder

Every trial has the same splits, settings and time for all cells, and its baselines; see docs/trial.md. With ``--json``
each result is written to a file of that folder, whole.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latchwork import datasets
from latchwork.files import write_whole
from latchwork.tasks.calendar_features import calendar_features
from latchwork.tasks.timeseries import TimeSeries, every_origin
from latchwork.trial.baselines import baselines_for
from latchwork.trial.cells import RATES, cell_candidates
from latchwork.trial.problem import Problem
from latchwork.trial.problems import problem_for
from latchwork.trial.results import TrialResult
from latchwork.trial.runner import MIN_REPEATS, run_trial
from latchwork.trial.verdict import judge

CELLS = ("rnn", "lstm", "gru")


@dataclass(frozen=True)
class Row:
    """A data set as a trial takes it.

    Attributes:
        read: its name → X, y and groups.
        seconds: that its trial should take.
        season: of forecasts.
        options: arguments of the task's estimator.
    """

    title: str
    task: str
    read: Callable[[str], tuple[Any, Any, Any]]
    seconds: float
    season: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def _labelled(name: str) -> tuple[Any, Any, Any]:
    data: Any = datasets.load(name)
    return data.X, data.y, data.groups


def _tagged(name: str) -> tuple[Any, Any, Any]:
    """A quarter of the documents: whole ones, so that the trial can keep them together."""
    data: Any = datasets.load(name)
    rows = np.flatnonzero(np.isin(data.groups, np.unique(data.groups)[::4]))
    return [data.X[i] for i in rows], [data.y[i] for i in rows], data.groups[rows]


def _documents(name: str) -> tuple[Any, Any, Any]:
    data: Any = datasets.load(name)
    return data.X, None, data.groups


def _series(horizon: int, calendar: bool) -> Callable[[str], tuple[Any, Any, Any]]:
    def read(name: str) -> tuple[Any, Any, Any]:
        data: Any = datasets.load(name)
        known = calendar_features(data.times) if calendar else None
        return every_origin([TimeSeries(data.values[:, data.target_columns], known)], horizon), None, None

    return read


ROWS: Mapping[str, Row] = {
    "reviews": Row(
        "13,057 review sentences, 2 classes", "classify", _labelled, 65, options={"max_epochs": 6, "batch_size": 128}
    ),
    "japanese_vowels": Row("Japanese vowels, 640 series, 9 speakers", "classify", _labelled, 40),
    "spoken_digits": Row("3,000 spoken digits, MFCC", "classify", _labelled, 80),
    "italy_power_demand": Row("Italy's power demand, 1,096 days", "classify", _labelled, 25),
    "basic_motions": Row("basic motions, 80 series, 4 classes", "classify", _labelled, 30),
    "brown": Row("a quarter of the Brown corpus, 12 tags", "tag", _tagged, 130),
    "tunes": Row("2,009 folk tunes in ABC", "generate", _documents, 280),
    "hamlet": Row("Hamlet, 20 scenes", "generate", _documents, 100, options={"max_epochs": 30, "dropout": 0.4}),
    "electricity": Row("electricity, 26,304 hours, 24 ahead", "forecast", _series(24, True), 120, 24),
    "beijing_air": Row("Beijing's PM2.5, 43,824 hours, 24 ahead", "forecast", _series(24, True), 120, 24),
    "co2": Row("CO₂, 2,284 weeks, 13 ahead", "forecast", _series(13, False), 45, 52),
    "sunspots": Row("sunspots, 309 years, 5 ahead", "forecast", _series(5, False), 25, 11),
}


def main() -> None:
    """Run the trials and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(ROWS), help="data sets, a,b,c")
    parser.add_argument("--longer", type=float, default=1.0, help="a factor of each trial's time")
    parser.add_argument("--repeats", type=int, default=5, help="splits at most")
    parser.add_argument("--json", type=Path, help="a folder for the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| task | data | decided by | best baseline | RNN | LSTM | GRU | best cell against it | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    verdicts = []
    for name in options.only.split(","):
        row = ROWS[name]
        X, y, groups = row.read(name)
        problem = problem_for(row.task, X, y, groups=groups, season=row.season)
        result = _trial(row, problem, row.seconds * options.longer, options.repeats)
        print(_line(row, result), flush=True)
        verdict = judge(result)
        verdicts.append(f"- {row.title}: {verdict.headline} How sure: {verdict.confidence}; {result.repeats} splits.")
        if options.json is not None:
            write_whole(options.json / f"{name}.json", json.dumps(result.to_json()))
    print("", *verdicts, sep="\n")


def _trial(row: Row, problem: Problem, seconds: float, repeats: int) -> TrialResult:
    jobs = os.cpu_count() or 1
    chosen = dict(row.options) | {"time_budget": seconds * jobs / (MIN_REPEATS * len(CELLS) * len(RATES))}
    if row.season is not None:
        chosen |= {"season": row.season, "horizon": problem.X.horizon}
    candidates = [*cell_candidates(CELLS, problem, **chosen), *baselines_for(problem)]
    return run_trial(candidates, problem, repeats=repeats, time_budget=seconds, jobs=jobs)


def _line(row: Row, result: TrialResult) -> str:
    metric, rows = result.scored(), {r.candidate: r for r in result.summary()}
    baselines, cells = result.names("baseline"), result.names("cell")

    def best(names: list[str]) -> str:
        return max(names, key=lambda name: metric.gain(rows[name].mean))

    cell, baseline = best(cells), best(baselines)
    test = result.compare(cell, baseline)
    gain, (low, high) = metric.shown(test.difference), metric.ends(metric.shown(test.low), metric.shown(test.high))
    decimals = metric.decimals(gain, low, high)
    apart = [metric.signed(value, decimals) for value in (gain, low, high)]
    against = f"{cell} {apart[0]} ({apart[1]} … {apart[2]})"
    scores = [f"{baseline} {metric.score(rows[baseline].mean)}", *(metric.score(rows[name].mean) for name in CELLS)]
    return f"| {row.task} | {row.title} | {metric.words} | {' | '.join(scores)} | {against} | {result.seconds:.0f} |"


if __name__ == "__main__":
    main()
