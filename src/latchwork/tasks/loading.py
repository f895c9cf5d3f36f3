"""Reads a saved model of whatever task."""

from __future__ import annotations

from pathlib import Path

from latchwork.errors import DataError
from latchwork.tasks.estimator import SequenceEstimator
from latchwork.tasks.folder import read_folder


def load_model(folder: str | Path) -> SequenceEstimator:
    """The model that an estimator's ``save`` wrote into ``folder``, as that estimator.

    Raises:
        DataError: the folder holds no model, a damaged one, or one of a task that this Latchwork does not know.
    """
    from latchwork.tasks import ESTIMATORS  # which imports this module

    task = str(read_folder(Path(folder))[1].get("task"))
    if task not in ESTIMATORS:
        raise DataError(
            f"the model in {folder} is for the task {task!r}, which this Latchwork does not know; it knows "
            f"{', '.join(ESTIMATORS)}"
        )
    return ESTIMATORS[task].load(folder)
