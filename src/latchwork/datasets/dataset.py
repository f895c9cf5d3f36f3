"""What every data set tells about itself, and what loading one gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from latchwork.errors import DataError

Series: TypeAlias = npt.NDArray[np.float64]
"""One series, shape (T, C): time steps by channels."""
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """A data set's card. Nothing is fetched until ``load`` is called."""

    name: str
    title: str
    task: Literal["classify"]
    inputs: Literal["text", "series"]
    source: str
    """Who made the data, and which package it is read from."""
    licence: str
    """The licence of the data as far as its makers state one; says so where they do not."""
    citation: str
    load: Callable[..., LoadedDataset] = field(repr=False)


class Split(NamedTuple):
    """The makers' own split: row numbers, shape (rows,) each."""

    train: Integers
    test: Integers


@dataclass(frozen=True, eq=False)
class LoadedDataset:
    """A data set in memory. Every field has one entry per row, in the same order.

    Attributes:
        description: the data set's card.
        X: the inputs: a text per row, or a float64 array (T, C) per row, T differing from row to row.
        y: the class of each row, (rows,) of str.
        groups: (rows,) of int, or None. Rows of one group (the sentences of one review) belong together: a split that
            sends some to training and some to test makes the test too easy.
        split: the makers' own training and test rows, or None.
        columns: whatever else is known of each row, by name, (rows,) each.
    """

    description: Dataset
    X: list[str] | list[Series]
    y: npt.NDArray[np.str_]
    groups: Integers | None = None
    split: Split | None = None
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = {"y": len(self.y)} | {name: len(column) for name, column in self.columns.items()}
        if self.groups is not None:
            counts["groups"] = len(self.groups)
        if wrong := {name: count for name, count in counts.items() if count != len(self.X)}:
            raise DataError(f"data set '{self.description.name}': X has {len(self.X)} rows, but {wrong}")

    def __len__(self) -> int:
        return len(self.X)

    @property
    def classes(self) -> list[str]:
        """The classes, sorted."""
        return sorted(set(self.y.tolist()))
