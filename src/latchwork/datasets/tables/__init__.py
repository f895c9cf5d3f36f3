"""A user's own table: CSV, TSV, JSON lines or Parquet, and the texts, labels and series in its columns.

    table = read("machines.csv")
    X, y = series(table, ["vibration", "current"]), labels(table, "state")

Nothing is guessed away: what cannot be used is refused with the file, the row and the column. Rows are counted from 1,
the header not counted; a text file's line, counted as an editor does, stands beside the row.
"""

from latchwork.datasets.tables.columns import labels, series, texts
from latchwork.datasets.tables.formats import EXTENSIONS, read
from latchwork.datasets.tables.table import Table

__all__ = ["EXTENSIONS", "Table", "labels", "read", "series", "texts"]
