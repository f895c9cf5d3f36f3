"""What a reading of a data file offers, whatever the task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from latchwork.errors import ConfigError


@dataclass(frozen=True)
class Given:
    """Data to train on.

    Attributes:
        X, y: as the task's estimator takes them.
        groups: what rows belong together, or None.
        options: of the study: ``season``, and arguments of the estimator, such as ``horizon``.
        notes: sentences on what was found in the file.
        everything: all of the data, as ``fit`` streams it, where X and y are a sample; else None.
        reading: the reading with what was found in the file and is to be remembered; None if that is nothing.
    """

    X: Any
    y: Any = None
    groups: Sequence[Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    everything: Any = None
    reading: Reading | None = None


def no_columns(path: Path, **options: str | None) -> None:
    """Refuse names of columns for a file that has none. Raises ConfigError, naming the options."""
    if given := [f"--{option}" for option, name in options.items() if name is not None]:
        raise ConfigError(f"{path.name} has no columns to name; leave out {', '.join(given)}")


class Reading(Protocol):
    """Which columns of a file are read, and as what."""

    task: ClassVar[str]

    def training(self, path: Path) -> Given:
        """The data to train on. Raises DataError, naming the place."""

    def sequences(self, path: Path) -> Any:
        """New data for a model. Raises DataError, naming the place."""

    def sheet(self, model: Any, X: Any) -> Iterator[Sequence[Any]]:
        """A model's predictions as the rows of a table, its header first."""

    def to_data(self) -> dict[str, Any]:
        """The columns as plain data."""

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Reading:
        """What :meth:`to_data` gave. Raises KeyError or TypeError for anything else."""
