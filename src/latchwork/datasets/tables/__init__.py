"""A user's own table: CSV, TSV, JSON lines or Parquet, and the texts, labels, series, times and tags in its columns.

    table = read("machines.csv")
    X, y = series(table, ["vibration", "current"]), labels(table, "state")

    for block in stream("reviews.jsonl"):  # larger than memory
        X, y = texts(block, "text"), labels(block, "stars")

    tagged = read_tagged("train.conll")
    X, y = tagged.tokens, tagged.tags

Nothing is guessed away: what cannot be used is refused with the file, the row and the column. Rows are counted from 1,
the header not counted; a text file's line, counted as an editor does, stands beside the row.
"""

from latchwork.datasets.tables.columns import labels, series, texts
from latchwork.datasets.tables.conll import TaggedFile, read_tagged, read_tokens
from latchwork.datasets.tables.formats import EXTENSIONS, read
from latchwork.datasets.tables.stream import count_rows, stream
from latchwork.datasets.tables.table import Table
from latchwork.datasets.tables.tagged import tags, tokens
from latchwork.datasets.tables.times import readable_times, times

__all__ = [
    "EXTENSIONS",
    "Table",
    "TaggedFile",
    "count_rows",
    "labels",
    "read",
    "read_tagged",
    "read_tokens",
    "readable_times",
    "series",
    "stream",
    "tags",
    "texts",
    "times",
    "tokens",
]
