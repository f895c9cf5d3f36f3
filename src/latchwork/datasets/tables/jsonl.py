"""JSON lines: one object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from latchwork.datasets.tables import parse, utf8
from latchwork.datasets.tables.table import Block, Table
from latchwork.errors import DataError


def read(path: Path) -> Table:
    """The table in a file of JSON lines. Its columns are all the keys there are; a key that a row lacks is missing."""
    # JSON allows U+2028 and its like inside a string, so only the line feed parts lines here.
    (table,) = _blocks(path, utf8.read(path).split("\n"), sys.maxsize)
    return replace(table, block=None)


def stream(path: Path, rows: int) -> Iterator[Table]:
    """The same, ``rows`` rows at a time. The columns of a block are the keys met so far."""
    return _blocks(path, _lines(path), rows)


def count(path: Path) -> int:
    """How many rows there are: lines that are not blank."""
    return sum(1 for text in _lines(path) if text.strip())


def _lines(path: Path) -> Iterator[str]:
    return (text.removesuffix("\n") for text in utf8.lines(path, "\n"))


def _blocks(path: Path, lines: Iterable[str], rows: int) -> Iterator[Table]:
    objects = _objects(path, lines)
    names: dict[str, None] = {}
    place = Block(0, met={}, names=cache(lambda: _names(path)))
    while found := list(islice(objects, rows)):
        names.update((name, None) for _, row in found for name in row)
        yield _table(path, tuple(names), found, place)
        place = replace(place, offset=place.offset + len(found))
    if not names:
        raise _no_columns(path)


def _table(path: Path, names: tuple[str, ...], found: list[tuple[int, dict[str, Any]]], place: Block) -> Table:
    rows = [row for _, row in found]
    lines = [line for line, _ in found]
    return Table(path, names, len(rows), lambda name: [row.get(name) for row in rows], lines=lines, block=place)


def _names(path: Path) -> tuple[str, ...]:
    """Every key in the file, for a column asked for in a block before the first row that has it."""
    names = tuple(dict.fromkeys(name for _, row in _objects(path, _lines(path)) for name in row))
    if not names:
        raise _no_columns(path)
    return names


def _no_columns(path: Path) -> DataError:
    return DataError(f"{path} has no columns: its objects are empty")


def _objects(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row and its line; blank lines are passed over."""
    for line, text in enumerate(lines, start=1):
        if text.strip():
            yield line, _object(path, line, text)


def _object(path: Path, line: int, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: line {line} is no JSON: {error.msg}, at column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: line {line}: {error}") from None
    if not isinstance(found, dict):
        raise DataError(
            f"{path}: line {line} is no object but {parse.shown(found)}; each line must be one object, such as "
            '{"text": "…", "label": "…"}'
        )
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name '{name}' stands twice in one object; give each column a name of its own")
        found[name] = value
    return found
