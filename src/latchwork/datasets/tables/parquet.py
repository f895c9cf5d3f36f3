"""Parquet, through pyarrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from latchwork.datasets.tables.table import Block, Table
from latchwork.errors import DataError, MissingExtraError

_BUFFER = 1 << 20  # bytes of a column read at a time when streaming


def read(path: Path) -> Table:
    """The table in a Parquet file. A column becomes Python values when it is asked for."""
    with _opened(path) as file:
        return _table(path, file.read())


def stream(path: Path, rows: int) -> Iterator[Table]:
    """The same, at most ``rows`` rows at a time."""
    place = Block(0, met={})
    # By itself pyarrow would read a row group's column at once, and all that follows ahead: the whole file.
    with _opened(path, buffer_size=_BUFFER, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=rows):
            if batch.num_rows:
                yield _table(path, batch, place)
                place = replace(place, offset=place.offset + batch.num_rows)


def count(path: Path) -> int:
    """How many rows there are; the file's footer says so."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


@contextmanager
def _opened(path: Path, **options: Any) -> Iterator[Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(f'{path}: reading Parquet needs pyarrow: pip install "latchwork[train]"') from error
    try:
        with path.open("rb") as file:
            parquet = pyarrow.parquet.ParquetFile(file, **options)
            names = tuple(parquet.schema_arrow.names)
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise DataError(f"{path}: two columns are called '{twice[0]}'; give each column a name of its own")
            if not names:
                raise DataError(f"{path} has no columns")
            if not parquet.metadata.num_rows:
                raise DataError(f"{path} has columns ({', '.join(names)}) but no rows")
            yield parquet
    except pyarrow.ArrowException as error:
        raise DataError(f"{path} is no Parquet file that can be read: {error}") from error


def _table(path: Path, held: Any, place: Block | None = None) -> Table:
    def values(name: str) -> list[Any]:
        try:
            return list(held.column(name).to_pylist())
        except (ValueError, OverflowError, ImportError) as error:  # such as a date that Python's calendar lacks
            raise DataError(f"{path}: column '{name}' cannot be read: {error}") from error

    return Table(path, tuple(held.schema.names), held.num_rows, values, block=place)
