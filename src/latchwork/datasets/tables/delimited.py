"""CSV and TSV.

Read by Python's own csv module, strictly: it knows the line of every record, so errors can name it, and it leaves
values as they were written ("01" is not 1, "NA" is not missing).
"""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from latchwork.datasets.tables import utf8
from latchwork.datasets.tables.table import Table
from latchwork.errors import DataError

_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_LOOKED_AT = 50  # records that the choice of a delimiter rests on
_LONGEST = 2**31 - 1  # characters of a value; csv's own limit of 131,072 is short for a long series
_limit = threading.Lock()


def read(path: Path) -> Table:
    """The table in a CSV or TSV file; every value is a str, ``None`` where nothing is written."""
    text = utf8.read(path)
    with _limit:  # the limit is the whole process's
        before = csv.field_size_limit(_LONGEST)
        try:
            delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(text)
            return _table(path, text, delimiter)
        finally:
            csv.field_size_limit(before)


def _table(path: Path, text: str, delimiter: str) -> Table:
    records = _records(path, text, delimiter)
    _, names = next(records)
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{path}: two columns are called '{twice[0]}'; give each column a name of its own")
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, record in records:
        if len(record) != len(names):
            raise DataError(
                f"{path}: row {len(rows) + 1} (line {line}) has {len(record)} values where the header has {len(names)} "
                f"columns; a value with {_NAMES[delimiter]} in it must stand in double quotes"
            )
        rows.append(record)
        lines.append(line)
    if not rows:
        raise DataError(f"{path} has a header ({', '.join(names)}) but no rows")
    columns = {
        name: [value or None for value in values] for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    return Table(path, tuple(names), len(rows), lambda name: list(columns[name]), typed=False, lines=lines)


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record, the header first, with the line it begins in; blank lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            reason = str(error)
            if "unexpected end" in reason:
                reason = "a double quote opens a value and none closes it"
            elif "expected after" in reason:
                reason = (
                    'text goes on behind the closing quote; a double quote inside a quoted value is written twice: ""'
                )
            raise DataError(f"{path}: the record that begins in line {line} is malformed: {reason}") from None
        if record is None:
            return
        if record:
            yield line, record


def _delimiter(text: str) -> str:
    """The comma, unless the header is parted by something else or the rows fit something else better."""
    heads = {delimiter: _head(text, delimiter) for delimiter in _NAMES}
    parting = [delimiter for delimiter, head in heads.items() if head and len(head[0]) > 1]
    fitting = [delimiter for delimiter in parting if len({len(record) for record in heads[delimiter]}) == 1]
    return next(iter(fitting + parting), ",")


def _head(text: str, delimiter: str) -> list[list[str]]:
    head = []
    try:
        for record in islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), _LOOKED_AT):
            if record:
                head.append(record)
    except csv.Error:
        pass  # the reading proper names the line
    return head
