"""CSV and TSV.

Read by Python's own csv module, strictly: it knows the line of every record, so errors can name it, and it leaves
values as they were written ("01" is not 1, "NA" is not missing).
"""

from __future__ import annotations

import csv
import io
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from latchwork.datasets.tables import utf8
from latchwork.datasets.tables.table import Block, Table
from latchwork.errors import DataError

_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_LOOKED_AT = 50  # records that the choice of a delimiter rests on
_LINES = 10_000  # lines that these may take up: with a wrong delimiter a quote may open and never close
_LONGEST = 2**31 - 1  # characters of a value; csv's own limit of 131,072 is short for a long series
_limit = threading.Lock()

Lines = Callable[[], Iterable[str]]
"""Gives the lines of a file, with their ends, from its beginning."""


def read(path: Path) -> Table:
    """The table in a CSV or TSV file; every value is a str, ``None`` where nothing is written."""
    text = utf8.read(path)
    (table,) = _blocks(path, lambda: io.StringIO(text, newline=""), sys.maxsize)
    return replace(table, block=None)


def stream(path: Path, rows: int) -> Iterator[Table]:
    """The same, ``rows`` rows at a time."""
    return _blocks(path, lambda: utf8.lines(path, ""), rows)


def count(path: Path) -> int:
    """How many rows there are, of whatever length."""
    with _long_values():
        records = _records(path, utf8.lines(path, ""), _delimiter(path, lambda: utf8.lines(path, "")))
        return sum(1 for _ in records) - 1


def _blocks(path: Path, lines: Lines, rows: int) -> Iterator[Table]:
    with _long_values():
        delimiter = _delimiter(path, lines)
        records = _records(path, lines(), delimiter)
        _, names = next(records)
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{path}: two columns are called '{twice[0]}'; give each column a name of its own")
    place = Block(0, met={})
    while True:
        with _long_values():  # for one block: between two, the process's limit is its own
            found = list(islice(records, rows))
        if not found:
            break
        yield _table(path, names, found, delimiter, place)
        place = replace(place, offset=place.offset + len(found))
    if not place.offset:
        raise DataError(f"{path} has a header ({', '.join(names)}) but no rows")


def _table(path: Path, names: list[str], found: list[tuple[int, list[str]]], delimiter: str, place: Block) -> Table:
    for row, (line, record) in enumerate(found, start=place.offset + 1):
        if len(record) != len(names):
            raise DataError(
                f"{path}: row {row} (line {line}) has {len(record)} values where the header has {len(names)} "
                f"columns; a value with {_NAMES[delimiter]} in it must stand in double quotes"
            )
    values = zip(*(record for _, record in found), strict=True)
    columns = {name: [value or None for value in column] for name, column in zip(names, values, strict=True)}
    lines = [line for line, _ in found]
    return Table(path, tuple(names), len(found), lambda name: list(columns[name]), False, lines, place)


@contextmanager
def _long_values() -> Iterator[None]:
    with _limit:  # the limit is the whole process's
        before = csv.field_size_limit(_LONGEST)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _records(path: Path, lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record, the header first, with the line it begins in; blank lines are passed over."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
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


def _delimiter(path: Path, lines: Lines) -> str:
    """The tab in a TSV; else the comma, unless the header is parted by something else or the rows fit that better."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    heads = {delimiter: _head(lines(), delimiter) for delimiter in _NAMES}
    parting = [delimiter for delimiter, head in heads.items() if head and len(head[0]) > 1]
    fitting = [delimiter for delimiter in parting if len({len(record) for record in heads[delimiter]}) == 1]
    return next(iter(fitting + parting), ",")


def _head(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    head = []
    try:
        for record in islice(csv.reader(islice(lines, _LINES), delimiter=delimiter, strict=True), _LOOKED_AT):
            if record:
                head.append(record)
    except csv.Error:
        pass  # the reading proper names the line
    return head
