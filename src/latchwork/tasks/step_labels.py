"""Reads what a person gives a tagger: lists of tokens or series as X, and a label for each of their steps as y."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.tasks.sequences import series

Steps = list[list[str]] | list[NDArray[np.float64]]
"""Sequences to be tagged: lists of tokens, or series (T, I)."""


def steps_of(X: Any) -> Steps:
    """X as lists of tokens, or as series (T, I).

    Raises:
        DataError: X holds texts that are not split into tokens, or anything else that is neither; names the row.
    """
    if isinstance(X, str):
        raise DataError("X is one text; split it into tokens and give a list of such lists, [text.split()]")
    if not isinstance(X, Iterable) or getattr(X, "ndim", 1) == 0:
        raise DataError(f"X is {type(X).__name__}; give a list of token lists, or of series (T, channels)")
    rows = list(np.asarray(X) if getattr(X, "ndim", 1) > 1 else X)
    for row, given in enumerate(rows):
        if isinstance(given, str):
            raise DataError(
                f"row {row} of X is a text, and a tagger labels tokens: split each text into them, as text.split() does"
            )
        if not isinstance(given, (list, tuple)) and np.ndim(given) == 0:
            raise DataError(f"row {row} of X is {type(given).__name__}; give a list of tokens or a series")
    if any(_has_text(given) for given in rows) or not any(len(given) for given in rows):
        return [_tokens(given, row) for row, given in enumerate(rows)]
    return series(rows)


def step_labels(y: Any, steps: Sequence[Sized], name: str = "y") -> list[list[Any]]:
    """y as a list of labels for each sequence: all text, or all whole numbers.

    Raises:
        DataError: a sequence and its labels are not as long, or a label is missing or of another type; names the row.
    """
    if y is None:
        raise DataError(f"requires {name} to be passed, but the target {name} is None: give a label for each token")
    if isinstance(y, str) or not isinstance(y, Iterable):
        raise DataError(f"{name} is {type(y).__name__}; give a list of labels for each row of X")
    rows = list(y)
    if len(rows) != len(steps):
        raise DataError(f"X has {len(steps)} rows and {name} has {len(rows)}; give a list of labels for each row")
    found: list[list[Any]] = []
    first: tuple[int, Any] | None = None
    for row, (given, sequence) in enumerate(zip(rows, steps, strict=True)):
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise DataError(f"row {row} of {name} is {given!r}; give a list of labels, one for each token")
        labels = given.tolist() if isinstance(given, np.ndarray) else list(given)
        if len(labels) != len(sequence):
            raise DataError(
                f"row {row} has {len(sequence)} tokens, but {len(labels)} labels in {name}; each token needs one"
            )
        labels = [_label(label, row, place, name) for place, label in enumerate(labels)]
        for place, label in enumerate(labels):
            first = first or (row, label)
            if isinstance(label, str) != isinstance(first[1], str):
                raise DataError(
                    f"row {row} of {name} has the label {label!r} at token {place}, and row {first[0]} has "
                    f"{first[1]!r}; give labels of one type, all text or all whole numbers"
                )
        found.append(labels)
    return found


def _has_text(given: Any) -> bool:
    if isinstance(given, np.ndarray) and given.dtype.kind not in "USO":
        return False
    return any(isinstance(token, str) for token in given)


def _tokens(given: Sequence[Any], row: int) -> list[str]:
    tokens = list(given)
    for place, token in enumerate(tokens):
        if not isinstance(token, str):
            raise DataError(
                f"row {row} of X has {token!r} ({type(token).__name__}) at token {place}, but others are texts; "
                "give tokens as texts only"
            )
        _check_text(token, f"the token {place} of row {row} of X")
    return [str(token) for token in tokens]


def _label(label: Any, row: int, place: int, name: str) -> Any:
    if isinstance(label, str):
        _check_text(label, f"the label at token {place} of row {row} of {name}")
        return str(label)
    if isinstance(label, numbers.Integral):
        return int(label)
    if label is None or (isinstance(label, numbers.Real) and math.isnan(label)):
        raise DataError(f"row {row} of {name} has no label at token {place}; label it, or leave the row out")
    raise DataError(f"row {row} of {name} has the label {label!r} at token {place}; give texts or whole numbers")


def _check_text(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{what} is no valid text: {error}") from error
