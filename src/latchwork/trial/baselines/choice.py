"""Which baselines suit a problem."""

from __future__ import annotations

from latchwork.errors import DataError
from latchwork.trial.baselines.autoregression import linear_autoregression
from latchwork.trial.baselines.classifiers import bag_of_words, majority, series_summary
from latchwork.trial.baselines.convolutions import random_convolutions
from latchwork.trial.baselines.kneser_ney import kneser_ney
from latchwork.trial.baselines.naive import naive, seasonal_naive
from latchwork.trial.baselines.tags import majority_tag, word_tags
from latchwork.trial.baselines.xz import xz
from latchwork.trial.problem import Problem
from latchwork.trial.problems.forecast import ForecastProblem
from latchwork.trial.runner import Candidate


def baselines_for(problem: Problem) -> list[Candidate]:
    """The baselines that suit a problem's task and data.

    - classify: the majority class; of texts a bag of words, of series a summary and random convolutions.
    - tag: of words the most frequent tag of each, of series the most frequent tag.
    - generate: Kneser–Ney smoothing, and a compressor.
    - forecast: the last value, the last season, linear autoregression.

    Raises:
        DataError: no rows.
    """
    if isinstance(problem, ForecastProblem):
        season, channels = problem.season, problem.series[0].values.shape[1]
        repeats = [naive(), seasonal_naive(season)] if season > 1 else [naive()]  # with a season of 1 they are the same
        return [*repeats, linear_autoregression(season, channels)]
    rows = problem.X
    if len(rows) == 0:
        raise DataError("X has no rows")
    if problem.task == "generate":
        return [kneser_ney(), xz()]
    if problem.task == "tag":
        return [word_tags() if any(isinstance(token, str) for row in rows for token in row) else majority_tag()]
    if isinstance(rows[0], str):
        return [majority(), bag_of_words()]
    return [majority(), series_summary(), random_convolutions()]
