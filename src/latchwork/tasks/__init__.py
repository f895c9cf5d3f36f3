"""Estimators in scikit-learn's manner, on the cells and layers of Latchwork."""

try:
    import sklearn as _sklearn  # noqa: F401
    import tokenizers as _tokenizers  # noqa: F401
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    from latchwork.errors import MissingExtraError

    raise MissingExtraError(f'latchwork.tasks needs {error.name}: pip install "latchwork[train]"') from error

from collections.abc import Mapping
from types import MappingProxyType

from latchwork.tasks.classifier import SequenceClassifier
from latchwork.tasks.estimator import SequenceEstimator
from latchwork.tasks.forecaster import SequenceForecaster
from latchwork.tasks.generator import SequenceGenerator
from latchwork.tasks.loading import load_model
from latchwork.tasks.streaming import Rows, TableRows
from latchwork.tasks.tagger import SequenceTagger

ESTIMATORS: Mapping[str, type[SequenceEstimator]] = MappingProxyType(
    {
        estimator.task: estimator
        for estimator in (SequenceClassifier, SequenceTagger, SequenceGenerator, SequenceForecaster)
    }
)
"""Task → its estimator."""

__all__ = [
    "ESTIMATORS",
    "Rows",
    "SequenceClassifier",
    "SequenceEstimator",
    "SequenceForecaster",
    "SequenceGenerator",
    "SequenceTagger",
    "TableRows",
    "load_model",
]
