"""Reads what a person gives as X: texts, or series in any of the usual shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError


def is_text(X: Any) -> bool:
    """Whether X holds texts: its first row is a string."""
    if isinstance(X, str):
        raise DataError("X is one text; give a list of texts, [text] for a single one")
    if not hasattr(X, "__iter__") or getattr(X, "ndim", 1) != 1:
        return False
    return isinstance(next(iter(X), None), str)


def is_table(X: Any) -> bool:
    """Whether X is what scikit-learn takes as a table of numbers: (N, T), a row being a series of one channel."""
    if isinstance(X, np.ndarray):
        return X.ndim == 2 or (X.ndim < 2 and X.dtype != object)
    if isinstance(X, (list, tuple)):
        rows_of_numbers = all(isinstance(row, (list, tuple)) and all(np.isscalar(v) for v in row) for row in X)
        return bool(X) and rows_of_numbers and len({len(row) for row in X}) == 1
    return not isinstance(X, Iterator)


def texts(X: Iterable[Any]) -> list[str]:
    """X as a list of texts. Raises DataError for a row that is none."""
    rows = list(X)
    for row, text in enumerate(rows):
        if not isinstance(text, str):
            raise DataError(f"row {row} of X is {type(text).__name__}, but the first is a text; give texts only")
    return [str(text) for text in rows]


def series(X: Any) -> list[NDArray[np.float64]]:
    """X as a list of series (T, I): from (N, T, I), (N, T), or a list of (T, I) or (T,) of any lengths.

    Raises:
        DataError: a row is no series of finite numbers, or has another number of channels than the first.
    """
    rows: list[NDArray[np.float64]] = []
    for row, given in enumerate(X):
        try:
            values = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"row {row} of X is no series of numbers: {error}") from error
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2:
            raise DataError(f"row {row} of X has {values.ndim} dimensions; give a series as (T,) or (T, channels)")
        if not np.isfinite(values).all():
            step, channel = np.argwhere(~np.isfinite(values))[0]
            kind = "NaN" if np.isnan(values[step, channel]) else "infinite (infinity)"
            raise DataError(
                f"row {row} of X is {kind} at step {step}, channel {channel}; fill or drop missing values first"
            )
        if rows and values.shape[1] != rows[0].shape[1]:
            raise DataError(f"row {row} of X has {values.shape[1]} channels, but row 0 has {rows[0].shape[1]}")
        rows.append(values)
    return rows
