"""Which extension is read by what."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from latchwork.datasets.tables import delimited, jsonl, parquet
from latchwork.datasets.tables.table import Table
from latchwork.errors import DataError


class Format(Protocol):
    """What a file of this folder does for its format."""

    def read(self, path: Path) -> Table: ...
    def stream(self, path: Path, rows: int) -> Iterator[Table]: ...
    def count(self, path: Path) -> int: ...


_FORMATS: dict[str, Format] = {
    ".csv": delimited,
    ".tsv": delimited,
    ".jsonl": jsonl,
    ".ndjson": jsonl,
    ".parquet": parquet,
}
EXTENSIONS = tuple(_FORMATS)


def read(path: str | os.PathLike[str]) -> Table:
    """The table in a file; its extension says the format.

    ``.csv`` (commas, or semicolons or tabs if the header is parted by those), ``.tsv``, ``.jsonl`` or ``.ndjson`` (one
    object a line), ``.parquet`` (needs pyarrow). Text must be UTF-8, with or without a byte order mark. A file larger
    than memory is read by :func:`~latchwork.datasets.tables.stream`.

    Raises:
        DataError: there is no such file, its format is unknown, it is empty or malformed; the message says where.
        MissingExtraError: the file is Parquet and pyarrow is not installed.
    """
    path = checked(path)
    found = format_of(path)
    with reading(path):
        return found.read(path)


def format_of(path: Path) -> Format:
    """What reads this file. Raises DataError for an unknown extension."""
    if (found := _FORMATS.get(path.suffix.lower())) is None:
        raise DataError(f"{path}: cannot tell the format from '{path.suffix}'; known are {', '.join(EXTENSIONS)}")
    return found


def checked(path: str | os.PathLike[str]) -> Path:
    """The path, if there is a file of at least one byte. Raises DataError where there is none."""
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give a file")
    if not path.exists():
        raise DataError(f"there is no file {path} (looked from {Path.cwd()})")
    with reading(path):
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty (0 bytes)")
    return path


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what the system says of a file that cannot be read into a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
