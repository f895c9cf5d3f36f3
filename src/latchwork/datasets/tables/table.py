"""A table in memory, whatever file it came from."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
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
class Block:
    """What a table that is a block of a file's rows knows of the rest of the file.

    Attributes:
        offset: how many rows of the file come before it.
        met: by column, and by what is compared, each kind met so far and the row of its first; the blocks share it.
        names: finds every column of the file, where a later block may bring new ones.
    """

    offset: int
    met: dict[tuple[str, str], dict[str, str]]
    names: Callable[[], tuple[str, ...]] | None = None


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
        block: of a table that is only a block of a file's rows (:func:`~latchwork.datasets.tables.stream`), its place
            in the file; messages count rows over the whole file. The columns are those met so far, but one that comes
            later in the file may be asked for too: here it is missing. None for a whole file.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    values: Callable[[str], list[Any]] = field(repr=False)
    typed: bool = True
    lines: Sequence[int] | None = field(default=None, repr=False)
    block: Block | None = field(default=None, repr=False)
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
        """A column of numbers, (rows,), NaN for a missing one: an empty value, a NaN, or text that says "nan".

        Raises:
            DataError: there is no such column, or a value in it is no number.
        """
        found = np.full(self.rows, np.nan)
        for index, value in enumerate(self.column(name)):
            # NaN alone differs from itself; pandas and others write it as text into a CSV.
            if not parse.is_missing(value) and value == value and value not in ("nan", "NaN"):
                try:
                    found[index] = parse.number(value)
                except ValueError as error:
                    missing = "a missing value is left empty, or written NaN"
                    raise self.error(f"column '{name}': {error}; {missing}", row=index) from None
        return found

    def kind(self, name: str) -> str:
        """What a column holds: "text", "number", "boolean", "list" (a series a row), "empty" (every value is missing),
        or the name of another type, such as "datetime".

        In CSV and TSV, where all is text, a column is "number" or "list" if every value in it can be read as one; in a
        block of a file, every value of that block. Elsewhere the blocks of a file must agree.

        Raises:
            DataError: there is no such column, or its values are of more than one kind.
        """
        self._require(name)
        if name not in self._kinds:
            if self.typed:
                kinds = (None if value is None else _kind_of(value) for value in self.values(name))
                self._kinds[name] = self.agree(name, kinds)
            else:
                self._kinds[name] = self._written_kind(name)
        return self._kinds[name]

    def agree(self, name: str, kinds: Iterable[str | None], what: str = "kind") -> str:
        """The one kind that the values of a column have, in this block of a file and in those asked before it.

        Args:
            name: the column.
            kinds: the kind of each row's value; None says nothing.
            what: tells apart several things that a column's blocks may have to agree in.

        Returns:
            The kind; "empty" if none was met.

        Raises:
            DataError: there is more than one; the message names a row of each.
        """
        first = self.block.met.setdefault((name, what), {}) if self.block else {}  # where each kind is first met
        for index, kind in enumerate(kinds):
            if kind is not None and kind not in first:
                first[kind] = self.row(index)
        if len(first) > 1:
            met = " and ".join(f"{kind} in {row}" for kind, row in list(first.items())[:2])
            raise self.error(f"column '{name}' holds values of mixed kinds: {met}; make them all one kind")
        return next(iter(first), "empty")

    def row(self, index: int) -> str:
        """How messages name a row: ``row 3 (line 4)``; ``index`` counts from 0, within this table."""
        number = index + 1 + (self.block.offset if self.block else 0)
        return f"row {number}" + (f" (line {self.lines[index]})" if self.lines else "")

    def error(self, problem: str, row: int | None = None) -> DataError:
        """The error to raise for a problem with this table, or with one of its rows (``row`` counts from 0)."""
        return DataError(f"{self.path}: " + (f"{self.row(row)}, " if row is not None else "") + problem)

    def _require(self, name: str) -> None:
        if name in self.names:
            return
        names = self.block.names() if self.block and self.block.names else self.names
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            meant = f" Did you mean '{close[0]}'?" if close else ""
            shown = ", ".join(f"'{column}'" for column in names[:_SHOWN])
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            raise self.error(f"there is no column '{name}'.{meant} The columns are: {shown}{more}")

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
