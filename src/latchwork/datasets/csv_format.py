"""The plain comma-separated tables that packages ship."""

from __future__ import annotations

import csv

_MISSING = frozenset({"", "NA"})


def columns(contents: bytes) -> dict[str, list[str]]:
    """The columns of a table by the names of its first line; "nan", which numpy reads, for a cell without a value.

    This reads files whose contents are pinned. :mod:`latchwork.datasets.tables` reads a user's own, and says what is
    wrong with them.
    """
    names, *rows = csv.reader(contents.decode("utf-8").splitlines())
    cells = zip(*rows, strict=True)
    return {
        name: ["nan" if cell in _MISSING else cell for cell in column]
        for name, column in zip(names, cells, strict=True)
    }
