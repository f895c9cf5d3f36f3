"""What every data set tells about itself, and what loading one gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from latchwork.errors import DataError

Series: TypeAlias = npt.NDArray[np.float64]
"""One series, shape (T, C): time steps by channels."""
Integers: TypeAlias = npt.NDArray[np.int64]
Times: TypeAlias = npt.NDArray[np.datetime64]
Task: TypeAlias = Literal["classify", "tag", "generate", "forecast"]


@dataclass(frozen=True)
class Dataset:
    """A data set's card. Nothing is fetched until ``load`` is called."""

    name: str
    title: str
    task: Task
    inputs: Literal["text", "tokens", "series"]
    source: str
    """Who made the data, and which package it is read from."""
    licence: str
    """The licence of the data as far as its makers state one; says so where they do not."""
    citation: str
    load: Callable[..., Loaded] = field(repr=False)


class Split(NamedTuple):
    """The makers' own split: row numbers, shape (rows,) each."""

    train: Integers
    test: Integers


@dataclass(frozen=True, eq=False)
class Loaded(ABC):
    """A data set in memory: what all kinds of it share.

    Attributes:
        description: the data set's card.
    """

    description: Dataset

    @abstractmethod
    def __len__(self) -> int:
        """How many rows there are."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """How much there is, in a few words."""

    def _refuse(self, why: str) -> NoReturn:
        raise DataError(f"data set '{self.description.name}': {why}")

    def _check_rows(self, parts: Mapping[str, Sized | None]) -> None:
        """Refuse parts that do not have an entry for each row."""
        counts = {name: len(part) for name, part in parts.items() if part is not None}
        if wrong := {name: count for name, count in counts.items() if count != len(self)}:
            self._refuse(f"X has {len(self)} rows, but {wrong}")


@dataclass(frozen=True, eq=False)
class LoadedDataset(Loaded):
    """Sequences to classify. Every field has one entry per row, in the same order.

    Attributes:
        description: the data set's card.
        X: the inputs: a text per row, or a float64 array (T, C) per row, T differing from row to row.
        y: the class of each row, (rows,) of str.
        groups: (rows,) of int, or None. Rows of one group (the sentences of one review) belong together: a split that
            sends some to training and some to test makes the test too easy.
        split: the makers' own training and test rows, or None.
        columns: whatever else is known of each row, by name, (rows,) each.
    """

    X: list[str] | list[Series]
    y: npt.NDArray[np.str_]
    groups: Integers | None = None
    split: Split | None = None
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_rows({"y": self.y, **self.columns, "groups": self.groups})

    def __len__(self) -> int:
        return len(self.X)

    @property
    def classes(self) -> list[str]:
        """The classes, sorted."""
        return sorted(set(self.y.tolist()))

    @property
    def summary(self) -> str:
        return f"{_count(len(self), 'sequence')}, {_count(len(self.classes), 'class', 'classes')}"


@dataclass(frozen=True, eq=False)
class TaggedSentences(Loaded):
    """Sentences with a tag for every token. Every field has one entry per sentence, in the same order.

    Attributes:
        description: the data set's card.
        X: the tokens of each sentence; none is without any.
        y: the tag of each of those tokens.
        groups: (sentences,) of int, or None: the document that each sentence comes from. A split should keep the
            sentences of one document together.
        columns: whatever else is known of each sentence, by name, (sentences,) each.
    """

    X: list[list[str]]
    y: list[list[str]]
    groups: Integers | None = None
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_rows({"y": self.y, **self.columns, "groups": self.groups})
        for row, (tokens, tags) in enumerate(zip(self.X, self.y, strict=True)):
            if not tokens or len(tokens) != len(tags):
                self._refuse(
                    f"sentence {row} has {_count(len(tokens), 'token')} and {_count(len(tags), 'tag')}; every token "
                    "needs one tag, and every sentence a token"
                )

    def __len__(self) -> int:
        return len(self.X)

    @property
    def tags(self) -> list[str]:
        """The tags, sorted."""
        return sorted({tag for tags in self.y for tag in tags})

    @property
    def summary(self) -> str:
        tokens = sum(map(len, self.X))
        return f"{_count(len(self), 'sentence')}, {_count(tokens, 'token')}, {_count(len(self.tags), 'tag')}"


@dataclass(frozen=True, eq=False)
class Documents(Loaded):
    """Texts to learn to write. Every field has one entry per document, in the same order.

    Attributes:
        description: the data set's card.
        X: the documents; none is blank.
        groups: (documents,) of int, or None. Documents of one group (two transcriptions of one tune) are alike, and a
            split should keep them together.
        columns: whatever else is known of each document, by name, (documents,) each.
    """

    X: list[str]
    groups: Integers | None = None
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_rows({**self.columns, "groups": self.groups})
        if blank := [row for row, text in enumerate(self.X) if not text.strip()]:
            self._refuse(f"document {blank[0]} is blank; leave it out")

    def __len__(self) -> int:
        return len(self.X)

    @property
    def summary(self) -> str:
        characters = _count(sum(map(len, self.X)), "character")
        return f"{_count(len(self), 'document')}, {characters}, {len(set().union(*self.X)):,} of them different"


@dataclass(frozen=True, eq=False)
class TimeSeriesData(Loaded):
    """One series, of one or more channels, to forecast.

    Attributes:
        description: the data set's card.
        values: what was measured, (T, C) float64; NaN where a value is missing. Infinite values are refused.
        names: the channels' names, (C,).
        times: when, (T,) of datetime64, strictly increasing.
        step: what lies between one row and the next, for words: "hour", "week", "year".
        season: how many steps the main season has: 24 for hours that follow the day.
        targets: the channels to forecast, by name; at least one. The others are measured alongside, and are as
            unknown as the targets when a forecast is made.
        known: covariates whose future is known when a forecast is made, such as holidays: (T, K) float64, without
            gaps, or None. Weather is none: at that time there is only a forecast of it. Neither is what follows from
            ``times`` repeated here.
        known_names: their names, (K,).
    """

    values: Series
    names: tuple[str, ...]
    times: Times
    step: str
    season: int
    targets: tuple[str, ...]
    known: Series | None = None
    known_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_table("values", self.values, self.names)
        if np.isinf(self.values).any():
            self._refuse(f"values has an infinite value in row {_first(np.isinf(self.values))}")
        if self.known is None:
            self._check_names("known_names", self.known_names, 0)
        else:
            self._check_table("known", self.known, self.known_names)
            if not np.isfinite(self.known).all():
                row = _first(~np.isfinite(self.known))
                self._refuse(f"known has a missing or infinite value in row {row}; what is known ahead has no gaps")
        if self.times.dtype.kind != "M" or self.times.shape != (len(self.values),):
            self._refuse(
                f"times is {self.times.dtype} {self.times.shape}; {len(self.values)} rows need datetime64 "
                f"({len(self.values)},)"
            )
        # Compared so that NaT, which compares false with everything, is refused as well.
        if not (self.times[1:] > self.times[:-1]).all() or np.isnat(self.times).any():
            row = _first(~(self.times[1:] > self.times[:-1])) + 1 if len(self) > 1 else 0
            self._refuse(f"times do not increase at row {row}: {self.times[row]}; sort the rows and drop doubles")
        if self.season < 1:
            self._refuse(f"season counts steps and cannot be {self.season}; 1 means none")
        if not self.targets or (unknown := [name for name in self.targets if name not in self.names]):
            named = f"targets names {unknown[0]!r}" if self.targets else "targets is empty"
            self._refuse(f"{named}; the channels are {', '.join(self.names)}")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def target_columns(self) -> list[int]:
        """The columns of ``values`` that are to be forecast, in the order of ``targets``."""
        return [self.names.index(name) for name in self.targets]

    @property
    def summary(self) -> str:
        told = f"{_count(len(self), self.step)}, {_count(len(self.names), 'channel')}"
        missing = int(np.isnan(self.values).sum())
        return f"{told}, {_count(missing, 'missing value')}" if missing else told

    def _check_table(self, name: str, table: Series, names: Sequence[str]) -> None:
        if table.dtype != np.float64 or table.ndim != 2 or not table.size:
            self._refuse(f"{name} is {table.dtype} {table.shape}; it needs float64 (T, channels), with both above 0")
        if len(table) != len(self.values):
            self._refuse(f"values has {len(self.values)} rows, but {name} has {len(table)}")
        self._check_names("names" if name == "values" else f"{name}_names", names, table.shape[1])

    def _check_names(self, name: str, names: Sequence[str], columns: int) -> None:
        if len(names) != columns or len(set(names)) != columns:
            self._refuse(f"{name} is {tuple(names)}; {columns} columns need as many different names")


def _first(where: npt.NDArray[np.bool_]) -> int:
    """The first row, (T,) or (T, C), in which something is true."""
    return int(np.argwhere(where)[0][0])


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
