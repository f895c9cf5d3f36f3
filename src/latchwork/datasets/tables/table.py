"""A table in memory, whatever file it came from."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latchwork.datasets.tables import parse
from latchwork.errors import DataError

_SHOWN = 20  # column names in a message


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of one length.

    Attributes:
        path: the file it came from, for messages.
        names: the columns, in the file's order.
        rows: how many rows there are, at least 1.
        values: a column's values by its name, ``None`` for a missing one.
        typed: False for CSV and TSV, where every value is a str as it was written.
        lines: the line of the file in which each row begins, or None where a file has no lines.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    values: Callable[[str], list[Any]] = field(repr=False)
    typed: bool = True
    lines: Sequence[int] | None = field(default=None, repr=False)
    _kinds: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return self.rows

    def column(self, name: str) -> list[Any]:
        """The values of a column, (rows,), ``None`` for a missing one.

        CSV and TSV give str, as written, an empty value being a missing one; the other formats give their own types.

        Raises:
            DataError: there is no such column, or its values are of more than one kind.
        """
        self._require(name)
        if self.typed:
            self.kind(name)
        return self.values(name)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """A column of numbers, (rows,), NaN for a missing one.

        Raises:
            DataError: there is no such column, or a value in it is no number.
        """
        found = np.full(self.rows, np.nan)
        for index, value in enumerate(self.column(name)):
            if not parse.is_missing(value) and value == value:  # NaN alone differs from itself
                try:
                    found[index] = parse.number(value)
                except ValueError as error:
                    raise self.error(f"column '{name}': {error}", row=index) from None
        return found

    def kind(self, name: str) -> str:
        """What a column holds: "text", "number", "boolean", "list" (a series a row), "empty" (every value is missing),
        or the name of another type, such as "datetime".

        In CSV and TSV, where all is text, a column is "number" or "list" if every value in it can be read as one.

        Raises:
            DataError: there is no such column, or its values are of more than one kind.
        """
        self._require(name)
        if name not in self._kinds:
            self._kinds[name] = self._typed_kind(name) if self.typed else self._written_kind(name)
        return self._kinds[name]

    def row(self, index: int) -> str:
        """How messages name a row: ``row 3 (line 4)``; ``index`` counts from 0."""
        return f"row {index + 1}" + (f" (line {self.lines[index]})" if self.lines else "")

    def error(self, problem: str, row: int | None = None) -> DataError:
        """The error to raise for a problem with this table, or with one of its rows (``row`` counts from 0)."""
        return DataError(f"{self.path}: " + (f"{self.row(row)}, " if row is not None else "") + problem)

    def _require(self, name: str) -> None:
        if name not in self.names:
            close = difflib.get_close_matches(name, self.names, n=1)
            meant = f" Did you mean '{close[0]}'?" if close else ""
            shown = ", ".join(f"'{column}'" for column in self.names[:_SHOWN])
            more = f" and {len(self.names) - _SHOWN} more" if len(self.names) > _SHOWN else ""
            raise self.error(f"there is no column '{name}'.{meant} The columns are: {shown}{more}")

    def _typed_kind(self, name: str) -> str:
        first: dict[str, int] = {}  # where each kind is first met
        for index, value in enumerate(self.values(name)):
            if value is not None:
                first.setdefault(_kind_of(value), index)
        if len(first) > 1:
            met = " and ".join(f"{kind} in {self.row(index)}" for kind, index in list(first.items())[:2])
            raise self.error(f"column '{name}' holds values of mixed kinds: {met}; make them all one kind")
        return next(iter(first), "empty")

    def _written_kind(self, name: str) -> str:
        present = [value for value in self.values(name) if not parse.is_missing(value)]
        if not present:
            return "empty"
        if all(parse.reads_as(parse.number, value) for value in present):
            return "number"
        return "list" if all(parse.reads_as(parse.numbers, value) for value in present) else "text"


def _kind_of(value: Any) -> str:
    match value:
        case str():
            return "text"
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case list():
            return "list"
        case dict():
            return "object"
        case _:
            return type(value).__name__
