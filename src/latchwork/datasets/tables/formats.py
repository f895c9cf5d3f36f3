"""Which extension is read by what."""

from __future__ import annotations

import os
from pathlib import Path

from latchwork.datasets.tables import delimited, jsonl, parquet
from latchwork.datasets.tables.table import Table
from latchwork.errors import DataError

_READERS = {
    ".csv": delimited.read,
    ".tsv": delimited.read,
    ".jsonl": jsonl.read,
    ".ndjson": jsonl.read,
    ".parquet": parquet.read,
}
EXTENSIONS = tuple(_READERS)


def read(path: str | os.PathLike[str]) -> Table:
    """The table in a file; its extension says the format.

    ``.csv`` (commas, or semicolons or tabs if the header is parted by those), ``.tsv``, ``.jsonl`` or ``.ndjson`` (one
    object a line), ``.parquet`` (needs pyarrow). Text must be UTF-8, with or without a byte order mark.

    Raises:
        DataError: there is no such file, its format is unknown, it is empty or malformed; the message says where.
        MissingExtraError: the file is Parquet and pyarrow is not installed.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give a file")
    if not path.exists():
        raise DataError(f"there is no file {path} (looked from {Path.cwd()})")
    if (reader := _READERS.get(path.suffix.lower())) is None:
        raise DataError(f"{path}: cannot tell the format from '{path.suffix}'; known are {', '.join(EXTENSIONS)}")
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty (0 bytes)")
        return reader(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
