"""What a model takes, out of a table's columns: texts, labels and series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from latchwork.datasets.tables import parse
from latchwork.datasets.tables.table import Table


def texts(table: Table, column: str) -> list[str]:
    """A column of texts, one a row, as they were written.

    In a whole CSV, a column of numbers or of lists of them is refused; one block of it cannot tell.

    Raises:
        DataError: there is no such column, it holds something else than text, or a row has none.
    """
    kind = table.kind(column) if table.typed or not table.block else "text"
    if kind not in ("text", "empty"):
        holds = {"number": "numbers", "list": "lists of numbers"}.get(kind, f"values of the kind '{kind}'")
        raise table.error(f"column '{column}' holds {holds}, not text; numbers over time are read as a series")
    values = table.column(column)
    for row, value in enumerate(values):
        if parse.is_missing(value):
            raise table.error(f"column '{column}': the text is missing; fill it in or leave the row out", row=row)
        if not _encodable(value):
            raise table.error(
                f"column '{column}': the text holds half a surrogate pair, which is no character", row=row
            )
    return values


def labels(table: Table, column: str) -> list[str]:
    """A column of classes, one a row, as str.

    Text stays as it was written; a number becomes ``"3"`` (3 and 3.0 are one class), a boolean ``"true"`` or
    ``"false"``.

    Raises:
        DataError: there is no such column, it holds lists or the like, or a row has no label.
    """
    kind = table.kind(column)
    if kind not in ("text", "number", "boolean", "empty") and table.typed:
        raise table.error(
            f"column '{column}' holds values of the kind '{kind}'; a label is text, a number or a boolean"
        )
    found = []
    for row, value in enumerate(table.column(column)):
        if parse.is_missing(value) or value != value:  # NaN alone differs from itself
            raise table.error(f"column '{column}': the label is missing; fill it in or leave the row out", row=row)
        found.append(_label(value))
    return found


def series(table: Table, columns: Sequence[str]) -> list[npt.NDArray[np.float64]]:
    """One series a row, float64 (T, C), C-contiguous.

    Columns of lists are channels, in the order given: C of them, T the length of the row's lists, which may differ from
    row to row. A list is a list of numbers (JSON lines, Parquet) or text: ``[1, 2]``, ``1 2`` or ``1;2``.
    Columns of single numbers are time steps, in the order given: T of them, of one channel. In CSV, where ``5`` may be
    a list of one, a column is one of lists if any of its values is; of a streamed file, where the blocks must agree in
    it, if any value of the block is (``[5]`` always is one).

    Raises:
        DataError: no column is given or there is no such column; a value is missing, no number, NaN or infinite; the
            lists of a row differ in length; or columns of lists and of numbers are mixed.
    """
    if isinstance(columns, str):
        columns = [columns]
    if not columns:
        raise table.error("a series needs at least one column")
    given = {name: table.column(name) for name in columns}
    lists = [name for name, values in given.items() if any(map(parse.is_list, values))]
    if not lists:
        steps = np.array([_scalars(table, name, given[name]) for name in columns])  # (T, rows)
        for name in columns:
            table.agree(name, ["number"], "series")
        return list(np.ascontiguousarray(steps.T)[:, :, np.newaxis])

    channels = {name: _lists(table, name, given[name]) for name in lists}
    for name, values in given.items():
        table.agree(name, ["list" if parse.is_list(value) else None for value in values], "series")
    if singles := [name for name in columns if name not in lists]:
        _scalars(table, singles[0], given[singles[0]])  # if it holds nothing usable, that is the better thing to say
        raise table.error(
            f"column '{lists[0]}' holds lists and column '{singles[0]}' single values; take columns of lists, each one "
            "channel, or columns of numbers, each one time step"
        )
    found = []
    for row in range(table.rows):
        parts = [channels[name][row] for name in columns]
        for name, part in zip(columns, parts, strict=True):
            if len(part) != len(parts[0]):
                raise table.error(
                    f"column '{columns[0]}' has {len(parts[0])} values and column '{name}' has {len(part)}; the "
                    "channels of one row must be equally long",
                    row=row,
                )
        found.append(np.column_stack(parts))
    return found


def _scalars(table: Table, name: str, values: list[Any]) -> list[float]:
    found = []
    for row, value in enumerate(values):
        try:
            found.append(parse.number(value))
        except ValueError as error:
            raise table.error(f"column '{name}': {error}", row=row) from None
    return found


def _lists(table: Table, name: str, values: list[Any]) -> list[npt.NDArray[np.float64]]:
    found = []
    for row, value in enumerate(values):
        try:
            found.append(parse.numbers(value))
        except ValueError as error:
            raise table.error(f"column '{name}': {error}", row=row) from None
    return found


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if not isinstance(value, str) and value % 1 == 0 else str(value)


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
