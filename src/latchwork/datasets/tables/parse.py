"""One value of a table, read as a number or as a list of numbers. What cannot be read raises ValueError saying why."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

_SHOWN = 40  # characters of a value in a message


def is_missing(value: Any) -> bool:
    """Whether a value is none at all, or text with nothing in it."""
    return value is None or (isinstance(value, str) and not value.strip())


def reads_as(reader: Callable[[Any], Any], value: Any) -> bool:
    """Whether ``reader`` can make something of ``value``."""
    try:
        reader(value)
    except ValueError:
        return False
    return True


def number(value: Any) -> float:
    """A finite number, given as one or written as text."""
    if is_missing(value):
        raise ValueError("the value is missing")
    if isinstance(value, list):
        raise ValueError(f"{shown(value)} is a list where a single number is needed")
    # Python alone would also take True for 1 and '1_000' for 1000.
    readable = "_" not in value if isinstance(value, str) else isinstance(value, (int, float, Decimal))
    if isinstance(value, bool) or not readable:
        raise ValueError(f"{shown(value)} is no number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    except ValueError:
        comma = re.fullmatch(r"\s*[+-]?\d+,\d+\s*", str(value))
        hint = " (numbers are written with a point: 1.5)" if comma else ""
        raise ValueError(f"{shown(value)} is no number{hint}") from None
    if math.isnan(found):
        raise ValueError("the value is NaN; fill it in or leave the row out")
    if math.isinf(found):
        raise ValueError("the value is infinite or too large for a float")
    return found


def numbers(value: Any) -> npt.NDArray[np.float64]:
    """A list of finite numbers, (T,), T ≥ 1: a list, or text such as ``[1, 2]``, ``1 2`` or ``1;2``."""
    if is_missing(value):
        raise ValueError("the value is missing")
    items = _split(value) if isinstance(value, str) else value
    if not isinstance(items, list):
        raise ValueError(f"{shown(value)} is no list of numbers")
    if not items:
        raise ValueError("the list is empty")
    # Plain numbers, the usual case, need no look at each of them.
    if set(map(type, items)) <= {int, float}:
        try:
            found = np.array(items, dtype=np.float64)
        except OverflowError:
            pass  # an int too large for a float: the loop below finds which
        else:
            if np.isfinite(found).all():
                return found
    return np.array([_step(index, item) for index, item in enumerate(items)])


def is_list(value: Any) -> bool:
    """Whether a value is a list or, as text, looks like one: ``[…``, or several things with spaces or ``;`` between."""
    if isinstance(value, str):
        return value.lstrip().startswith("[") or len(re.split(r"[;\s]+", value.strip())) > 1
    return isinstance(value, list)


def shown(value: Any) -> str:
    """A value as messages show it, cut if long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _step(index: int, item: Any) -> float:
    if isinstance(item, list):
        raise ValueError(f"{shown(item)} is a list within a list; give each channel a column of its own")
    try:
        return number(item)
    except ValueError as error:
        raise ValueError(f"step {index + 1}: {error}") from None


def _split(text: str) -> list[Any]:
    text = text.strip()
    if text.startswith("["):
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"{shown(text)} is no JSON list") from None
        assert isinstance(items, list)  # JSON that begins with [ is a list
        return items
    return text.split(";") if ";" in text else text.split()
