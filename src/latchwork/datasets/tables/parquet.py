"""Parquet, through pyarrow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from latchwork.datasets.tables.table import Table
from latchwork.errors import DataError, MissingExtraError


def read(path: Path) -> Table:
    """The table in a Parquet file. A column becomes Python values when it is asked for."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(f'{path}: reading Parquet needs pyarrow: pip install "latchwork[train]"') from error
    try:
        with path.open("rb") as file:
            table = pyarrow.parquet.ParquetFile(file).read()
    except pyarrow.ArrowException as error:
        raise DataError(f"{path} is no Parquet file that can be read: {error}") from error
    names = tuple(table.column_names)
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{path}: two columns are called '{twice[0]}'; give each column a name of its own")
    if not names or not table.num_rows:
        raise DataError(f"{path} has columns ({', '.join(names)}) but no rows" if names else f"{path} has no columns")

    def values(name: str) -> list[Any]:
        try:
            return list(table.column(name).to_pylist())
        except (ValueError, OverflowError, ImportError) as error:  # such as a date that Python's calendar lacks
            raise DataError(f"{path}: column '{name}' cannot be read: {error}") from error

    return Table(path, names, table.num_rows, values)
