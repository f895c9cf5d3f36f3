"""What the columns of a table look like, from its first rows.

One bad value in a column does not hide what the column is: the reading then refuses the value, with its row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.datasets.tables import Table, labels, parse, readable_times, stream
from latchwork.errors import LatchworkError

_FEW = 50  # different values at most, for a column of classes that nobody named
_LOOKED_AT = 2000  # rows


class Columns:
    """The first rows of a table, and what its columns look like."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.table: Table = next(islice(stream(path, _LOOKED_AT), 1))

    def like(self, test: Callable[[str], bool]) -> list[str]:
        """The columns that a test holds for."""
        return [name for name in self.table.names if test(name)]

    def texts(self) -> list[str]:
        """Columns of texts, most of them with several words; times are none, though they may have a blank."""
        return self.like(lambda name: self.table.kind(name) == "text" and self._wordy(name))

    def classes(self) -> list[str]:
        """Columns with few values that come again and again."""

        def few(name: str) -> bool:
            if self.table.kind(name) not in ("text", "number", "boolean"):
                return False
            try:
                found = labels(self.table, name)
            except LatchworkError:
                return False
            return 2 <= len(set(found)) <= min(_FEW, max(2, len(found) // 5))

        return self.like(few)

    def numbers(self) -> list[str]:
        """Columns of numbers, most of which can be read as such."""
        return self.like(lambda name: self.table.kind(name) == "number" or self._mostly_numbers(name))

    def lists(self) -> list[str]:
        """Columns with a list of numbers a row."""
        return self.like(lambda name: self.table.kind(name) == "list" and self._words(name) is None)

    def times(self, rising: bool = True) -> list[str]:
        """Columns of times, most of which can be read as such and go up; plain numbers are not taken for times."""

        def found(name: str) -> bool:
            times = self._times(name)
            if times is None:
                return False
            return len(times) > 1 and (not rising or bool((times[1:] >= times[:-1]).mean() > 0.5))

        return self.like(found)

    def counted_times(self, group: str | None) -> list[str]:
        """Columns of whole numbers that are all years or unix seconds and go up, in each group if there are groups."""

        def found(name: str) -> bool:
            if name == group or self.table.kind(name) != "number":
                return False
            times = readable_times(self.table, name)
            if np.isnat(times).any():
                return False
            differences = self._differences(times.astype(np.int64), group)
            return len(differences) > 0 and bool((differences > 0).all())

        return self.like(found)

    def counts(self, name: str, group: str | None) -> bool:
        """Whether a column of numbers goes on by the same number at each step, as one that counts the steps does."""
        if self.table.kind(name) != "number":
            return False
        differences = self._differences(self.table.numbers(name), group)
        if not len(differences) or not differences[0]:
            return False
        return bool(np.allclose(differences, differences[0], rtol=1e-6, atol=0))

    def tagged(self) -> list[tuple[str, str]]:
        """Pairs of columns of lists of words, equally long in most rows; the tags are those with fewer kinds."""
        columns = {name: words for name in self.table.names if (words := self._words(name)) is not None}
        pairs = []
        for one, tokens in columns.items():
            for other, marks in columns.items():
                rows = [(t, m) for t, m in zip(tokens, marks, strict=True) if t is not None and m is not None]
                alike = sum(len(t) == len(m) for t, m in rows) >= max(len(rows) / 2, 1)
                kinds = ({v for row in side for v in row} for side in zip(*rows, strict=True))
                if alike and len(next(kinds)) > len(next(kinds)):
                    pairs.append((one, other))
        return pairs

    def _differences(self, values: NDArray[Any], group: str | None) -> NDArray[Any]:
        """From each step to the next of its group."""
        if group is None:
            return np.diff(values)
        names = np.array(labels(self.table, group))
        return np.concatenate([np.diff(values[names == name]) for name in np.unique(names)])

    def _times(self, name: str) -> NDArray[np.datetime64] | None:
        """The times in a column that holds times, in text or as such, but for those that cannot be read."""
        if self.table.kind(name) in ("number", "boolean", "list", "object", "empty") or self._mostly_numbers(name):
            return None
        times = readable_times(self.table, name)
        there = times[~np.isnat(times)]
        return there if len(there) > len(times) / 2 else None

    def _mostly_numbers(self, name: str) -> bool:
        """Whether a column has a number in most of its rows that have something, where a file has nothing but text."""
        if self.table.typed or self.table.kind(name) != "text":
            return False
        there = [value for value in self.table.values(name) if not parse.is_missing(value)]
        numbers = sum(value in ("nan", "NaN") or parse.reads_as(parse.number, value) for value in there)
        return numbers > len(there) / 2

    def _words(self, name: str) -> list[list[str] | None] | None:
        """The lists of a column of lists of words; None for another column."""
        values = self.table.values(name)
        there = [value is not None for value in values]
        if not self.table.typed or self.table.kind(name) == "text":
            values = [_json(value) for value in values]
        present = [value for value, given in zip(values, there, strict=True) if given]
        words = all(isinstance(value, list) and all(isinstance(v, str) for v in value) for value in present)
        return values if present and words else None

    def _wordy(self, name: str) -> bool:
        if self._words(name) is not None or self._times(name) is not None:
            return False
        values = [value for value in self.table.values(name) if value]
        return sum(len(value.split()) > 1 for value in values) > len(values) / 2


def _json(text: Any) -> Any:
    """A list that is written as JSON; None for anything else."""
    if not isinstance(text, str) or not text.lstrip().startswith('["'):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
