"""What trials are about, one file a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from latchwork.errors import ConfigError
from latchwork.trial.problem import Problem, Task
from latchwork.trial.problems.classify import ClassifyProblem
from latchwork.trial.problems.forecast import ForecastProblem
from latchwork.trial.problems.generate import GenerateProblem
from latchwork.trial.problems.tag import TagProblem

PROBLEMS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "classify": ClassifyProblem,
        "tag": TagProblem,
        "generate": GenerateProblem,
        "forecast": ForecastProblem,
    }
)
"""Task → its problem."""

__all__ = ["PROBLEMS", "ClassifyProblem", "ForecastProblem", "GenerateProblem", "TagProblem", "problem_for"]


def problem_for(task: Task | str, X: Any, y: Any = None, **options: Any) -> Problem:
    """The problem of a task; options that are None are left out.

    Raises:
        ConfigError: an unknown task, an option that it does not have, or a forecast without a season.
        DataError: as the problem raises it.
    """
    if task not in PROBLEMS:
        raise ConfigError(f"task must be one of {', '.join(PROBLEMS)}, not {task!r}")
    given = {name: value for name, value in options.items() if value is not None}
    known = {field.name for field in fields(PROBLEMS[task]) if field.init} - {"X", "y"}
    for name in given:
        if name not in known:
            raise ConfigError(f"the task {task} has no option {name}; it has {', '.join(sorted(known))}")
    if task == "forecast" and "season" not in given:
        raise ConfigError("a forecast needs season, the steps after which the series repeats itself; 1 for none")
    problem: Problem = PROBLEMS[task](X, y, **given)
    return problem
