"""Characters as numbers, for models of how likely a text is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

START, END, UNSEEN = 0, 1, 2
"""A document's first symbol, which is given; its last, which is not; and any character that training has not."""

FIRST = 3
"""The number of the first character."""

UNSEEN_BITS = 21
"""To say which character it is that training has not: a Unicode code point, the same for every model."""


@dataclass(frozen=True)
class Alphabet:
    """The characters of the training documents.

    Attributes:
        points: (V,) their code points, sorted.
    """

    points: NDArray[np.uint32]

    @classmethod
    def of(cls, documents: Sequence[str]) -> Alphabet:
        """Of all characters that occur."""
        return cls(np.unique(_points("".join(documents))))

    def __len__(self) -> int:
        """How many symbols there are, with the three that are no characters."""
        return FIRST + len(self.points)

    def symbols(self, documents: Sequence[str]) -> NDArray[np.int64]:
        """(N,) ``START``, its characters and ``END`` of each document, one after the other."""
        # a character is never more than one code point, so lengths are those of the documents
        ends = np.cumsum([len(document) + 2 for document in documents])
        found = np.empty(ends[-1] if len(ends) else 0, np.int64)
        inner = np.ones(len(found), bool)
        for places, symbol in ((np.concatenate([[0], ends[:-1]]).astype(np.intp), START), (ends - 1, END)):
            if len(ends):
                found[places], inner[places] = symbol, False
        points = _points("".join(documents))
        place = np.minimum(np.searchsorted(self.points, points), max(0, len(self.points) - 1))
        known = self.points[place] == points if len(self.points) else np.zeros(len(points), bool)
        found[inner] = np.where(known, place + FIRST, UNSEEN)
        return found


def _points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.dtype("<u4"))
