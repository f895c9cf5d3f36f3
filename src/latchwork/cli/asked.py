"""Which sequence a person wants explained: a text as it was typed, or one of a data file's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latchwork.cli.readings import reading_of
from latchwork.cli.readings.generate import PLAIN
from latchwork.cli.readings.tag import CONLL
from latchwork.datasets.tables import EXTENSIONS
from latchwork.errors import ConfigError, DataError
from latchwork.tasks.encoders import TextEncoder
from latchwork.tasks.estimator import SequenceEstimator
from latchwork.tasks.token_encoder import TokenEncoder

_LONGEST_NAME = 255  # longer ones the system will not even look for
_FILES = {"classify": EXTENSIONS, "tag": (*EXTENSIONS, *CONLL), "generate": (*EXTENSIONS, *PLAIN)}
_ROWS = {"classify": "rows", "tag": "sentences", "generate": "documents", "forecast": "series"}
_ROW = {"classify": "row", "tag": "sentence", "generate": "document", "forecast": "series"}


@dataclass(frozen=True)
class Asked:
    """A sequence among others.

    Attributes:
        rows: all of them, as the estimator takes them.
        place: where it stands, from 0.
        title: what they are called.
        ahead: the times of the steps that are forecast, where there are some.
        names: of a series' channels, where they are known.
    """

    rows: Sequence[Any]
    place: int
    title: str
    ahead: Sequence[Any] = ()
    names: Sequence[str] = ()


def asked(
    folder: Path,
    model: SequenceEstimator,
    sequence: str,
    row: int | None,
    *,
    text: str | None,
    series: list[str] | None,
    tokens: str | None,
) -> Asked:
    """The sequence that the command line names.

    Args:
        folder: where the model was saved.
        sequence: a text, or the path of a data file.
        row: which sequence of the file, from 1.
        text, series, tokens: columns; to forecast, ``series`` names the series.

    Raises:
        ConfigError: it is not said which sequence of a file.
        DataError: there is no such file or row, or a text was given to a model that reads something else.
    """
    if model.task == "forecast":
        return _series(folder, model, sequence, row, series)
    files = _FILES[model.task]
    if row is None and len(sequence) < _LONGEST_NAME and sequence.lower().endswith(files):
        if Path(sequence).is_file():
            raise ConfigError(f"{sequence} is a data file; say which of its {_ROWS[model.task]} with --row")
        if len(sequence.split()) == 1:  # more may well be a sentence about a file
            raise DataError(f"there is no file {sequence}")
    if row is None:
        return Asked([_typed(folder, model, sequence)], 0, "Your text")
    path = _file(sequence)
    rows = reading_of(folder, model.task, text, series, tokens).sequences(path)
    return Asked(rows, _place(path, row, len(rows), model.task), path.name)


def _typed(folder: Path, model: SequenceEstimator, sequence: str) -> Any:
    """A text from the command line, as the model takes it."""
    encoder = getattr(model, "encoder_", None)
    if model.task == "generate":
        return sequence
    if model.task == "tag" and isinstance(encoder, TokenEncoder):
        return sequence.split()
    if model.task == "classify" and isinstance(encoder, TextEncoder):
        return sequence
    raise DataError(f"the model in {folder} reads series of numbers, and a text was given; give a data file and --row")


def _series(folder: Path, model: SequenceEstimator, sequence: str, row: int | None, names: list[str] | None) -> Asked:
    if not sequence.lower().endswith(EXTENSIONS) and not Path(sequence).is_file():
        raise DataError(f"the model in {folder} forecasts series; give a data file with one, not {sequence[:80]!r}")
    path = _file(sequence)
    reading = reading_of(folder, "forecast", None, None)
    found = reading.sequences(path)
    if names:
        known = [one.name for one in found]
        if len(names) > 1 or row is not None:
            raise ConfigError("one series is explained at a time; give --series NAME once, or --row N")
        if names[0] not in known:
            there = ", ".join(known[:10]) + ", …" * (len(known) > 10)
            raise DataError(
                f"{path} has no series {names[0]!r}; it has {there if any(known) else 'one without a name'}"
            )
        row = known.index(names[0]) + 1
    if row is None and len(found) > 1:
        raise ConfigError(f"{path} has {len(found)} series; say which with --row, or with --series NAME")
    place = _place(path, row or 1, len(found), "forecast")
    one = found[place]
    ahead = () if one.grid is None else one.ahead(int(model.get_params()["horizon"]))
    return Asked([each.series for each in found], place, path.name, ahead, getattr(reading, "targets", ()))


def _file(sequence: str) -> Path:
    path = Path(sequence)
    if len(sequence) >= _LONGEST_NAME or not path.is_file():
        raise DataError(f"there is no file {sequence[:_LONGEST_NAME]}")
    return path


def _place(path: Path, row: int, count: int, task: str) -> int:
    if row > count:
        raise DataError(f"{path} has {count} {_ROWS[task]}, so there is no {_ROW[task]} {row}")
    return row - 1
