"""Reads what a person gives as X: texts, or series in any of the usual shapes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError


def rows_of(X: Any) -> Any:
    """X with its rows at hand: an array as it is, texts and whatever else can be gone through as a list.

    Raises:
        DataError: X is one text, or cannot be gone through.
    """
    if isinstance(X, str):
        raise DataError("X is one text; give a list of texts, [text] for a single one")
    if getattr(X, "ndim", 1) != 1:
        if X.ndim == 2 and X.shape[1] == 1 and not hasattr(X, "nnz"):
            column = np.asarray(X)[:, 0].tolist()
            return column if any(isinstance(row, str) for row in column) else X
        return np.asarray(X) if X.ndim == 3 else X
    if isinstance(X, np.ndarray) and X.dtype.kind not in "USO":
        return X
    if not isinstance(X, Iterable):
        return X  # scikit-learn's own words for it are good
    rows = list(X)
    for row, given in enumerate(rows):
        if isinstance(given, (list, tuple)) and any(isinstance(word, str) for word in given):
            raise DataError(f"row {row} of X is a list of words; give each text as one string, ' '.join(words)")
    return rows


def is_text(rows: Any) -> bool:
    """Whether rows, as :func:`rows_of` gives them, are texts."""
    return isinstance(rows, list) and any(isinstance(row, str) for row in rows)


def is_table(rows: Any) -> bool:
    """Whether rows are what scikit-learn takes as a table of numbers: (N, T), a row being a series of one channel."""
    if isinstance(rows, list):
        of_numbers = all(isinstance(row, (list, tuple)) and all(np.isscalar(v) for v in row) for row in rows)
        return bool(rows) and of_numbers and len({len(row) for row in rows}) == 1
    return getattr(rows, "ndim", 2) <= 2


def texts(X: Iterable[Any]) -> list[str]:
    """X as a list of texts. Raises DataError for a row that is none."""
    rows = list(X)
    for row, text in enumerate(rows):
        if not isinstance(text, str):
            raise DataError(f"row {row} of X is {type(text).__name__}, but others are texts; give texts only")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"row {row} of X is no valid text: {error}") from error
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
