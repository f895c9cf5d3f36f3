"""Which columns of a table hold the sequences: given as options, or remembered beside a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latchwork.datasets.tables import Table, series, texts
from latchwork.errors import ConfigError
from latchwork.files import write_whole

_FILE = "columns.json"


@dataclass(frozen=True)
class Columns:
    """Either the column of texts, or the columns of series."""

    text: str | None
    series: tuple[str, ...]

    def sequences(self, table: Table) -> list[Any]:
        """The sequences of each row. Raises DataError, naming row and column."""
        return list(texts(table, self.text)) if self.text is not None else list(series(table, list(self.series)))

    def remember(self, folder: Path) -> None:
        """Write the columns beside a model, so that predict needs not be told."""
        write_whole(folder / _FILE, json.dumps({"text": self.text, "series": list(self.series)}) + "\n")


def read_columns(text: str | None, given: Sequence[str] | None) -> Columns | None:
    """The options as columns, None for none. Raises ConfigError for both at once."""
    names = tuple(name.strip() for option in given or () for name in option.split(",") if name.strip())
    if text is not None and names:
        raise ConfigError("give --text for a column of texts or --series for columns of numbers, not both")
    return Columns(text, names) if text is not None or names else None


def remembered_columns(folder: Path) -> Columns:
    """The columns that the model in ``folder`` was fitted on. Raises ConfigError where they were not kept."""
    try:
        kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        columns = Columns(kept["text"], tuple(kept["series"]))
        if not all(isinstance(name, str) for name in (columns.text or "", *columns.series)):
            raise TypeError("a column's name is no text")
        return columns
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder} does not say which columns to read; give --text COL or --series COL") from error
