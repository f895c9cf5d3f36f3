"""Times out of a table's column."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from latchwork.datasets.tables import parse
from latchwork.datasets.tables.table import Table

_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
_WHOLE = re.compile(r"(-?\d+)(?:\.0+)?", re.ASCII)
_YEARS = range(1000, 3000)
_SECONDS = range(10**8, 10**11)  # 1973-03-03 to 5138-11-16; milliseconds of 1973 and later are beyond
_FORMS = "write it as 2024-12-31, 2024-12-31 23:59 or 2024-12-31T23:59:59"


def times(table: Table, column: str) -> npt.NDArray[np.datetime64]:
    """A column of times, datetime64[s] (rows,), in the rows' order.

    Read are ISO text (``2024-12-31``, ``2024-12-31 23:59``, with or without seconds, a ``T`` and a zone; a month,
    ``2024-12``), the dates and timestamps of Parquet, and whole numbers that can be but one thing: years from 1000 to
    2999, or unix seconds from 10⁸ (March 1973) up to 10¹¹. Times with a zone become UTC; those without stay as they
    are. A date is its midnight, a month its first day, a year its first of January.

    Raises:
        DataError: there is no such column; a time is missing, cannot be read, or is finer than a second; or the column
            mixes times with a zone, times without, months, years and unix seconds. The message names the row.
    """
    found: list[datetime] = []
    forms: list[str] = []
    for row, value in enumerate(table.column(column)):
        try:
            form, time = _read(value)
        except ValueError as error:
            raise table.error(f"column '{column}': {error}", row=row) from None
        forms.append(form)
        found.append(time)
    table.agree(column, forms, "times")
    return np.array(found, dtype="datetime64[s]")


def readable_times(table: Table, column: str) -> npt.NDArray[np.datetime64]:
    """The same, but NaT for a value that cannot be read: what a column looks like, before it is taken for times.

    Raises:
        DataError: there is no such column.
    """

    def read(value: Any) -> datetime | None:
        try:
            return _read(value)[1]
        except ValueError:
            return None

    return np.array([read(value) for value in table.column(column)], dtype="datetime64[s]")


def _read(value: Any) -> tuple[str, datetime]:
    if parse.is_missing(value) or value != value:  # NaN and NaT alone differ from themselves
        raise ValueError("the time is missing; fill it in or leave the row out")
    if isinstance(value, datetime):
        return _zoned(value)
    if isinstance(value, date):
        return "time", datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        return _written(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value % 1:
        raise ValueError(f"{parse.shown(value)} is no time; {_FORMS}")
    return _number(int(value))


def _written(text: str) -> tuple[str, datetime]:
    if whole := _WHOLE.fullmatch(text):
        return _number(int(whole[1]))
    if _MONTH.fullmatch(text):
        return "month", _parsed(text, f"{text}-01")
    if (found := _TIME.fullmatch(text)) is None:
        raise ValueError(f"{parse.shown(text)} is no time; {_FORMS}")
    day, clock, fraction, zone = found.groups()
    if fraction and fraction.strip("0"):
        raise ValueError(f"{parse.shown(text)} is finer than a second; round the times to seconds")
    return _zoned(_parsed(text, f"{day}T{clock or '00:00'}{zone or ''}"))


def _parsed(text: str, iso: str) -> datetime:
    try:
        return datetime.fromisoformat(iso)
    except ValueError as error:  # such as a thirteenth month
        raise ValueError(f"{parse.shown(text)} is no time: {error}") from None


def _zoned(time: datetime) -> tuple[str, datetime]:
    if time.microsecond or getattr(time, "nanosecond", 0):  # the latter in pandas' own datetime alone
        raise ValueError(f"{time} is finer than a second; round the times to seconds")
    if time.tzinfo is None:
        return "time", time
    try:
        return "time with a zone", time.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(f"{time} is before or after the calendar's years 1 to 9999 in UTC") from None


def _number(value: int) -> tuple[str, datetime]:
    if value in _YEARS:
        return "year", datetime(value, 1, 1)
    if value in _SECONDS:
        return "unix seconds", datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
    what = "looks like milliseconds or finer; divide it" if value >= _SECONDS.stop else "may be several things"
    raise ValueError(
        f"the number {value} {what}: whole numbers are years (1000 to 2999) or unix seconds (10⁸ to 10¹¹); {_FORMS}"
    )
