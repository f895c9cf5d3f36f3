"""JSON lines: one object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from latchwork.datasets.tables import parse, utf8
from latchwork.datasets.tables.table import Table
from latchwork.errors import DataError


def read(path: Path) -> Table:
    """The table in a file of JSON lines. Its columns are all the keys there are; a key that a row lacks is missing."""
    rows, lines = [], []
    # JSON allows U+2028 and its like inside a string, so only the line feed parts lines here.
    for line, text in enumerate(utf8.read(path).split("\n"), start=1):
        if text.strip():
            rows.append(_object(path, line, text))
            lines.append(line)
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    if not names:
        raise DataError(f"{path} has no columns: its objects are empty")
    return Table(path, names, len(rows), lambda name: [row.get(name) for row in rows], lines=lines)


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
