"""A table larger than memory, a block of rows at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from latchwork.datasets.tables.formats import Format, checked, format_of, reading
from latchwork.datasets.tables.table import Table
from latchwork.errors import ConfigError


def stream(path: str | os.PathLike[str], rows: int = 4096) -> Iterator[Table]:
    """The rows of a file in order, in tables of at most ``rows`` rows; the formats are those of
    :func:`~latchwork.datasets.tables.read`.

    About two blocks are in memory at a time, never the file (of Parquet, pyarrow keeps some MiB a column besides).
    Messages count rows and lines over the whole file. A column must be of one kind over all the blocks in which it is
    asked for. In CSV, where all is text, no kind is taken from a block: texts, labels or numbers are what is asked for.
    A column that only later rows of JSON lines have is missing before; asked for there, it costs a pass over the file.

    Raises:
        ConfigError: ``rows`` is less than 1.
        DataError: there is no such file, its format is unknown or it is empty, at once; or, once the reading comes to
            the place, it is malformed.
        MissingExtraError: the file is Parquet and pyarrow is not installed.
    """
    if rows < 1:
        raise ConfigError(f"rows={rows}: a block must have at least one row")
    path = checked(path)
    return _blocks(format_of(path), path, rows)


def count_rows(path: str | os.PathLike[str]) -> int:
    """How many rows a file has, without making values of them.

    Parquet says so in its footer. CSV and JSON lines take one pass over the file, in bounded memory; that every row
    is well formed is left to the reading.

    Raises:
        DataError: there is no such file, its format is unknown or it is empty; or its records cannot be told apart.
        MissingExtraError: the file is Parquet and pyarrow is not installed.
    """
    path = checked(path)
    found = format_of(path)
    with reading(path):
        return found.count(path)


def _blocks(found: Format, path: Path, rows: int) -> Iterator[Table]:
    with reading(path):
        yield from found.stream(path, rows)
