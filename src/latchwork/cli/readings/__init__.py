"""How data files are read for each task: one file a task, and one that infers which task a file is for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latchwork.cli.options import names
from latchwork.cli.readings.classify import ClassifyReading
from latchwork.cli.readings.forecast import ForecastReading
from latchwork.cli.readings.generate import GenerateReading
from latchwork.cli.readings.reading import Reading
from latchwork.cli.readings.tag import TagReading
from latchwork.errors import ConfigError
from latchwork.files import write_whole

__all__ = ["READINGS", "Reading", "reading_of", "remember"]

READINGS: Mapping[str, type[Any]] = {
    reading.task: reading for reading in (ClassifyReading, TagReading, GenerateReading, ForecastReading)
}
"""Task → how its data is read."""

_FILE = "columns.json"


def remember(reading: Reading, folder: Path) -> None:
    """Write beside a model how its data was read, so that predict needs not be told."""
    write_whole(folder / _FILE, json.dumps({"task": reading.task, **reading.to_data()}, ensure_ascii=False) + "\n")


def reading_of(
    folder: Path, task: str, text: str | None, series: Sequence[str] | None, tokens: str | None = None
) -> Reading:
    """How new data is read for the model in ``folder``: as the options say, else as the data it was fitted on.

    Raises:
        ConfigError: options that do not fit the task or each other; or none, where nothing was kept.
    """
    columns = names(series)
    if text is not None and columns:
        raise ConfigError("give --text for a column of texts or --series for columns of numbers, not both")
    if (
        (columns and task != "classify")
        or (text and task not in ("classify", "generate"))
        or (tokens and task != "tag")
    ):
        raise ConfigError(f"the model in {folder} is for the task {task}, which has no such columns")
    if tokens is not None:
        return TagReading(tokens)
    if text is not None and task == "generate":
        return GenerateReading(text)
    if text is not None or columns:
        return ClassifyReading(text, columns)
    try:
        kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        # Models of Latchwork's first days classified, and did not say so.
        reading: Reading = READINGS[kept.pop("task", "classify")].from_data(kept)
        return reading
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{folder} does not say which columns to read; name them, as with --text COL or --series COL"
        ) from error
