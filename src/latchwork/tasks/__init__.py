"""Estimators in scikit-learn's manner, on the cells and layers of Latchwork."""

try:
    import sklearn as _sklearn  # noqa: F401
    import tokenizers as _tokenizers  # noqa: F401
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    from latchwork.errors import MissingExtraError

    raise MissingExtraError(f'latchwork.tasks needs {error.name}: pip install "latchwork[train]"') from error

from latchwork.tasks.classifier import SequenceClassifier

__all__ = ["SequenceClassifier"]
