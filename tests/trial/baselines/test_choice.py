"""The baselines that suit a task and its data."""

from __future__ import annotations

import numpy as np
import pytest

from latchwork.errors import DataError
from latchwork.tasks.timeseries import TimeSeries, every_origin
from latchwork.trial.baselines import baselines_for
from latchwork.trial.problem import Problem
from latchwork.trial.problems.classify import ClassifyProblem
from latchwork.trial.problems.forecast import ForecastProblem
from latchwork.trial.problems.generate import GenerateProblem
from latchwork.trial.problems.tag import TagProblem

OF_SERIES = ["majority class", "series summary", "random convolutions"]


def names(problem: Problem) -> list[str]:
    baselines = baselines_for(problem)
    assert all(baseline.kind == "baseline" for baseline in baselines)
    assert all(len(baseline.settings) for baseline in baselines)
    return [baseline.name for baseline in baselines]


def forecast(channels: int, season: int) -> ForecastProblem:
    return ForecastProblem(every_origin([TimeSeries(np.zeros((9, channels)))], 2), season=season)


def test_the_baselines_that_suit_a_problem() -> None:
    assert names(ClassifyProblem(["good", "bad"], [0, 1])) == ["majority class", "bag of words"]
    assert names(ClassifyProblem(np.zeros((2, 5)), [0, 1])) == OF_SERIES
    assert names(TagProblem([[], ["a", "word"]], [[], ["X", "Y"]])) == ["most frequent tag of the word"]
    assert names(TagProblem([np.zeros((3, 2))], [["X", "Y", "X"]])) == ["majority tag"]
    assert names(GenerateProblem(["a text"])) == ["Kneser–Ney", "xz"]
    assert names(forecast(1, season=4)) == ["naive", "seasonal naive", "linear autoregression"]
    assert names(forecast(1, season=1)) == ["naive", "linear autoregression"]


def test_the_settings_of_an_autoregression_follow_the_season_and_the_channels() -> None:
    def lags(season: int, channels: int) -> list[tuple[int, bool]]:
        settings = baselines_for(forecast(channels, season))[-1].settings
        return list(dict.fromkeys((s["lags"], s["all_channels"]) for s in settings))

    assert lags(1, 1) == [(8, False), (16, False), (64, False)]
    assert lags(24, 2) == [(p, every) for every in (False, True) for p in (24, 48, 192)]
    # no table of more than 1,000 lags
    assert lags(24, 9) == [(24, False), (48, False), (192, False), (24, True), (48, True)]
    assert lags(600, 1) == [(600, False), (1000, False)]


def test_no_rows() -> None:
    for problem in (TagProblem([], []), GenerateProblem([])):
        with pytest.raises(DataError, match="no rows"):
            baselines_for(problem)
