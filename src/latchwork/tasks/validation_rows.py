"""Rows held out of data that are gone through once: spread over all of them, never more than fit into memory."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

Row = tuple[Any, Any]
"""A sequence and its label."""


@dataclass
class ValidationRows:
    """The rows whose number, drawn uniformly from 0 to 1, is the smallest: below ``fraction``, and ``most`` at most.

    As the numbers of the rows are independent of their places, so are the rows held out (bottom-k sampling: Cohen &
    Kaplan 2007). Rows of one group have one number, and are held out together. At least one number is held out, however
    small the fraction; of a single group larger than ``most`` the further rows are neither kept nor learned from.

    Attributes:
        fraction: of the numbers to hold out.
        most: rows that are kept.
    """

    fraction: float
    most: int
    _limit: float = field(init=False)  # numbers from here on are not held out
    _rows: dict[float, list[tuple[int, Row]]] = field(default_factory=dict)
    _counts: dict[float, int] = field(default_factory=dict)
    _largest: list[float] = field(default_factory=list)  # numbers held, negative, as a heap
    _kept: int = 0
    _offered: int = 0

    def __post_init__(self) -> None:
        self._limit = self.fraction

    def offer(self, number: float, row: Row) -> list[Row]:
        """Hold the row out or not. Returns those to learn from: the row itself, or others that it drove out."""
        self._offered += 1
        free: list[Row] = []
        if number not in self._rows:
            if not self._wanted(number):
                return [row]
            if self._stands_in:
                free = self._drop()
            self._rows[number], self._counts[number] = [], 0
            heapq.heappush(self._largest, -number)
        self._counts[number] += 1
        if self._kept < self.most or len(self._rows) > 1:
            self._rows[number].append((self._offered, row))
            self._kept += 1
        while self._kept > self.most and len(self._rows) > 1:
            self._limit = self.threshold
            free += self._drop()
        return free

    @property
    def threshold(self) -> float:
        """Rows up to this number are held out; −1 where none is."""
        return -self._largest[0] if self._largest else -1.0

    @property
    def learned(self) -> int:
        """How many of the rows offered so far are not held out."""
        return self._offered - sum(self._counts.values())

    def rows(self) -> list[Row]:
        """Those held out and kept, in the order of the data."""
        found = sorted((place, row) for kept in self._rows.values() for place, row in kept)
        return [row for _, row in found]

    @property
    def _stands_in(self) -> bool:
        """Whether what is held out is the smallest number so far alone, as none was below the fraction."""
        return self.threshold >= self.fraction

    def _wanted(self, number: float) -> bool:
        if number < self._limit:
            return True
        return self.fraction > 0 and (not self._rows or (self._stands_in and number < self.threshold))

    def _drop(self) -> list[Row]:
        """Those of the largest number, which are held out no more."""
        number = -heapq.heappop(self._largest)
        rows = [row for _, row in self._rows.pop(number)]
        self._kept -= len(rows)
        del self._counts[number]
        return rows
