"""Which values the estimators' options may have."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from latchwork.errors import ConfigError
from latchwork.tasks.symbols import UNITS
from latchwork.tasks.training import SCHEDULES

# Option → its kind, the least it may be, what it must be below, and whether it may be None.
_OPTIONS: dict[str, tuple[type, float, float, bool]] = {
    "hidden_size": (numbers.Integral, 1, math.inf, False),
    "num_layers": (numbers.Integral, 1, math.inf, False),
    "embedding_size": (numbers.Integral, 1, math.inf, False),
    "max_epochs": (numbers.Integral, 1, math.inf, False),
    "batch_size": (numbers.Integral, 1, math.inf, False),
    "max_length": (numbers.Integral, 1, math.inf, False),
    "chunk": (numbers.Integral, 1, math.inf, False),
    "shuffle_buffer": (numbers.Integral, 1, math.inf, False),
    "vocabulary_size": (numbers.Integral, 3, math.inf, False),
    "min_count": (numbers.Integral, 1, math.inf, False),
    "horizon": (numbers.Integral, 1, math.inf, False),
    "season": (numbers.Integral, 1, math.inf, True),
    "context": (numbers.Integral, 1, math.inf, True),
    "epoch_steps": (numbers.Integral, 1, math.inf, True),
    "patience": (numbers.Integral, 1, math.inf, True),
    "learning_rate": (numbers.Real, 1e-12, math.inf, False),
    "weight_decay": (numbers.Real, 0, math.inf, False),
    "clip": (numbers.Real, 1e-12, math.inf, False),
    "time_budget": (numbers.Real, 0, math.inf, True),
    "validation_fraction": (numbers.Real, 1e-12, 1, False),
    "dropout": (numbers.Real, 0, 1, False),
    "recurrent_dropout": (numbers.Real, 0, 1, False),
    "word_dropout": (numbers.Real, 0, 1, False),
}
_CHOICES: dict[str, tuple[str, ...]] = {"schedule": SCHEDULES, "unit": UNITS}
_CELL_OPTIONS = ("layer_norm", "zoneout", "recurrent_dropout", "peephole", "forget_bias", "proj_size", "bias")


def check_options(estimator: Any) -> None:
    """Look at every option of an estimator before anything is trained. Raises ConfigError for the first wrong one."""
    given = estimator.get_params(deep=False)
    for name, (kind, low, high, optional) in _OPTIONS.items():
        if name not in given:
            continue
        value = given[name]
        if value is None and optional:
            continue
        right = not isinstance(value, bool) and isinstance(value, (numbers.Integral, kind))
        if not right or not low <= value < high:
            what = "a whole number" if kind is numbers.Integral else "a number"
            top = f" and below {high:g}" if high < math.inf else ""
            raise ConfigError(f"{name} must be {what}, at least {low:g}{top}, but is {value!r}")
    unknown = [name for name in estimator.cell_options or {} if name not in _CELL_OPTIONS]
    if unknown:
        raise ConfigError(f"cell_options has {unknown[0]!r}; it may have: {', '.join(_CELL_OPTIONS)}")
    for name, choices in _CHOICES.items():
        if name in given and given[name] not in choices:
            raise ConfigError(f"{name} must be one of {', '.join(map(repr, choices))}, but is {given[name]!r}")
    if isinstance(given.get("class_weight"), Mapping):
        for name, weight in given["class_weight"].items():
            if not isinstance(weight, (int, float, np.number)) or weight < 0:
                raise ConfigError(f"class_weight of {name!r} must be a number of at least 0, but is {weight!r}")
