"""Forecasts on trial: scores by hand, windows within their part, and nothing later at hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latchwork.errors import ConfigError, DataError
from latchwork.tasks.timeseries import QUANTILES, TimeSeries, Windows, every_origin
from latchwork.trial.problems import ForecastProblem, problem_for
from latchwork.trial.results import Kind, TrialResult
from latchwork.trial.runner import Fitted, run_trial
from latchwork.trial.verdict import judge


def windows(*values: Any, horizon: int = 2) -> Windows:
    return every_origin([TimeSeries(np.asarray(v, dtype=float)) for v in values], horizon)


def walk(T: int = 200, C: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(T, C)).cumsum(0)


@dataclass
class Last:
    """The last value known, and a little beside it; the interval is ± ``wide``."""

    name: str
    off: float = 0.0
    wide: float = 1.0
    kind: Kind = "cell"
    settings: tuple[dict[str, float], ...] = ({"more": 1.0}, {"more": 0.0})

    def fit(self, X_train: Windows, y_train: Any, X_valid: Windows, y_valid: Any, settings: Any, seed: int) -> Fitted:
        assert y_train.shape == X_train.targets().shape

        def predict(X: Windows) -> np.ndarray:
            last = np.array(
                [s.values[o - 1] for s, origins in zip(X.series, X.origins, strict=True) for o in origins.tolist()]
            )
            median = np.repeat(last[:, None], X.horizon, axis=1) + self.off + settings["more"]
            return np.stack([median - self.wide, median, median + self.wide], axis=-1)

        return Fitted(predict)


def test_smaller_errors_win() -> None:
    problem = ForecastProblem(windows(walk()), season=1)
    candidates = [Last("lstm"), Last("gru", off=2.0), Last("naive", off=6.0, kind="baseline")]
    result = run_trial(candidates, problem, repeats=5)
    assert all(run.settings == {"more": 0.0} for run in result.runs)
    assert result.rolling
    assert result.second is not None
    assert result.second.name == "coverage"
    verdict = judge(result)
    assert verdict.recommended == "lstm"
    assert "lstm scored a MASE of 1." in verdict.sentences[0]
    assert " less, a real difference; on a new test block of the same kind of data" in verdict.sentences[0]
    assert "5 splits in order of time were run" in verdict.text
    assert TrialResult.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False))) == result
    with pytest.raises(ConfigError, match="coverage is told but cannot decide"):
        judge(result, "coverage")
    with pytest.raises(ConfigError, match="one of mase, wql, rmse, got 'coverage'"):
        run_trial(candidates, problem, metric="coverage")


def test_scores_by_hand() -> None:
    values = np.arange(100.0) ** 1.5
    problem = ForecastProblem(windows(values), season=4)
    split = problem.splits(3, 0)[0]
    part = problem.part(split, "test")
    y = part.y
    answer = np.stack([y - 1, y + 1, y + 2], axis=-1)  # the median is 1 too high, the interval holds all
    scores = problem.scores(split, "test", answer)
    train = values[: len(split.train)]
    assert scores["mase"] == pytest.approx(1 / np.abs(train[4:] - train[:-4]).mean())
    assert scores["rmse"] == pytest.approx(1)
    assert scores["coverage"] == 1
    pinball = (0.1 * 1 + 0.5 * 1 + 0.1 * 2) / 3  # 0.1 of too low by 1, half of too high by 1, 0.1 of too high by 2
    assert scores["wql"] == pytest.approx(2 * pinball * y.size / y.sum())
    assert problem.scores(split, "test", answer + 10)["coverage"] == 0


def test_channels_count_alike_and_missing_values_not_at_all() -> None:
    values = np.c_[walk(100), 1000 * walk(100, seed=1)]
    values[::7] = np.nan
    problem = ForecastProblem(windows(values), season=1)
    split = problem.splits(3, 0)[0]
    y = problem.part(split, "test").y
    naive = problem._naive_errors(split)[0]
    answer = np.repeat((np.nan_to_num(y) + naive)[..., None], 3, axis=-1)  # each wrong by its channel's naive error
    assert np.isnan(y).any()
    assert problem.scores(split, "test", answer)["mase"] == pytest.approx(1)
    assert problem.facts()["missing values"] == 2 * 15


def test_the_weighted_loss_of_nothing_is_left_out() -> None:
    values = np.r_[walk(150)[:, 0], np.zeros(50)]
    problem = ForecastProblem(windows(values), season=1)
    split = problem.splits(5, 0)[0]
    answer = np.zeros((*problem.part(split, "test").y.shape, len(QUANTILES)))
    assert "wql" not in problem.scores(split, "test", answer)


@given(
    lengths=st.lists(st.integers(70, 300), min_size=1, max_size=3),
    horizon=st.integers(1, 6),
    season=st.integers(1, 5),
    repeats=st.integers(1, 5),
    stride=st.none() | st.integers(1, 5),
)
@settings(deadline=None, max_examples=40)
def test_every_target_lies_within_its_part_and_nothing_later_is_at_hand(
    lengths: list[int], horizon: int, season: int, repeats: int, stride: int | None
) -> None:
    series = [walk(T, 2, seed) for seed, T in enumerate(lengths)]
    problem = ForecastProblem(windows(*series, horizon=horizon), season=season, stride=stride)
    for split in problem.splits(repeats, 0):
        first = 0
        for row, T in enumerate(lengths):
            ends = []
            for name in ("train", "validation", "test"):
                rows = split.rows(name)
                steps = rows[(rows >= first) & (rows < first + T)] - first
                part = problem.part(split, name)
                origins = part.X.origins[row]
                assert len(part.X.series[row]) == steps[-1] + 1  # cut there
                if name == "train":
                    assert origins.tolist() == list(range(1, len(steps) - horizon + 1))
                else:
                    assert origins[0] == steps[0] == ends[-1]
                    assert set(np.diff(origins)) <= {stride or 1}
                assert origins[-1] + horizon <= steps[-1] + 1
                ends.append(steps[-1] + 1)
            first += T
        assert not np.isnan(problem.part(split, "test").y).any()


def test_at_most_some_hundreds_of_forecasts_a_block() -> None:
    problem = ForecastProblem(windows(walk(20_000), horizon=24), season=24)
    split = problem.splits(5, 0)[0]
    assert 200 <= len(problem.part(split, "test").X) <= 300
    assert 200 <= len(problem.part(split, "validation").X) <= 300
    final = problem.final(0)
    assert len(final.train) == 18_000
    assert problem.part(final, "validation").X.origins[0][0] == 18_000


def test_data_that_cannot_be_forecast_are_refused() -> None:
    with pytest.raises(DataError, match="needs Windows, not list"):
        ForecastProblem([1.0, 2.0], season=1)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="channel 0 of series 0 repeats itself after 1 steps"):
        ForecastProblem(windows(np.ones(100)), season=1).splits(3, 0)
    gone = walk(100)
    gone[-20:] = np.nan
    with pytest.raises(DataError, match="validation block from step 82 to 91 are missing"):
        ForecastProblem(windows(gone), season=1).splits(3, 0)
    with pytest.raises(ConfigError, match="season must be at least 1"):
        ForecastProblem(windows(walk()), season=0)
    with pytest.raises(ConfigError, match="stride must be at least 1"):
        ForecastProblem(windows(walk()), season=1, stride=0)


def test_unusable_forecasts_are_refused() -> None:
    problem = ForecastProblem(windows(walk()), season=1)
    split = problem.splits(3, 0)[0]
    y = problem.part(split, "test").y
    with pytest.raises(ConfigError, match="quantiles of shape"):
        problem.scores(split, "test", y)
    with pytest.raises(ConfigError, match="not a finite number"):
        problem.scores(split, "test", np.full((*y.shape, 3), np.nan))


def test_problems_by_their_task() -> None:
    assert problem_for("forecast", windows(walk()), season=1, groups=None).task == "forecast"
    with pytest.raises(ConfigError, match="needs season"):
        problem_for("forecast", windows(walk()))
    with pytest.raises(ConfigError, match="no option groups"):
        problem_for("forecast", windows(walk()), season=1, groups=[1])
    with pytest.raises(ConfigError, match="task must be one of classify, tag, generate, forecast, not 'sing'"):
        problem_for("sing", [])
