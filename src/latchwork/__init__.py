"""Latchwork: recurrent networks.

Write a cell as it is written on paper, run it fast, see what every gate keeps and forgets, and learn by a fair trial
which cell suits your data. Importing it leaves torch alone; ``latchwork.nn`` and the estimators load it when used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from latchwork.errors import LatchworkError, LatchworkWarning
from latchwork.language import (
    Cell,
    affine,
    cell,
    exp,
    layer_norm,
    linear,
    log,
    maximum,
    minimum,
    project,
    relu,
    sigmoid,
    softplus,
    sqrt,
    tanh,
    vector,
    where,
)

if TYPE_CHECKING:
    from latchwork import cells as cells
    from latchwork import datasets as datasets
    from latchwork import explain as explain
    from latchwork import nn as nn
    from latchwork import tasks as tasks
    from latchwork import trial as trial
    from latchwork.tasks import SequenceClassifier as SequenceClassifier
    from latchwork.tasks import SequenceForecaster as SequenceForecaster
    from latchwork.tasks import SequenceGenerator as SequenceGenerator
    from latchwork.tasks import SequenceTagger as SequenceTagger

__version__ = "0.1.0"

# Loaded at first use, so that `import latchwork` stays light.
_MODULES = ("cells", "datasets", "explain", "nn", "reference", "tasks", "trial")
_ELSEWHERE = dict.fromkeys(
    ("SequenceClassifier", "SequenceForecaster", "SequenceGenerator", "SequenceTagger"), "latchwork.tasks"
)

# What is loaded at first use is left out, or `from latchwork import *` would load it all.
__all__ = [
    "Cell",
    "LatchworkError",
    "LatchworkWarning",
    "affine",
    "cell",
    "exp",
    "layer_norm",
    "linear",
    "log",
    "maximum",
    "minimum",
    "project",
    "relu",
    "sigmoid",
    "softplus",
    "sqrt",
    "tanh",
    "vector",
    "where",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"latchwork.{name}")
    if name in _ELSEWHERE:
        return getattr(import_module(_ELSEWHERE[name]), name)
    raise AttributeError(f"module 'latchwork' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_ELSEWHERE})
