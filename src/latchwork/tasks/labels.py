"""Reads what a person gives as y: one class for each sequence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError


def class_labels(y: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    """(N,) classes as an array of one type.

    Raises:
        DataError: not one label for each row, a missing label or one of another type (the message names the row), or
            fewer than 2 classes.
    """
    given = np.asarray(y, dtype=object) if isinstance(y, (list, tuple)) else np.asarray(y)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim != 1:
        raise DataError(f"y must hold one label for each row, got an array of shape {given.shape}")
    labels = given.tolist()
    for row, label in enumerate(labels):
        if label is None or (isinstance(label, float) and math.isnan(label)):
            raise DataError(f"row {row} has no label; remove such rows")
        if isinstance(label, str) != isinstance(labels[0], str):
            raise DataError(
                f"row {row} has the label {label!r} and row 0 has {labels[0]!r}; give labels of one type, all text or "
                "all numbers"
            )
    found = given if given.dtype != object else np.asarray(labels)
    classes = np.unique(found)
    if len(classes) < 2:
        only = f"1 class, only class {classes[0].item()!r}" if len(classes) else "no rows"
        raise DataError(f"two classes or more are needed, but y has {only}; give rows of another class as well")
    return found
