"""Characters as numbers, for models of how likely a text is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latchwork.tasks.symbols import CharacterEncoder, code_points

START, END, UNSEEN = 0, 1, 2
"""A document's first symbol, which is given; its last, which is not; and any character that training has not."""

_SHIFT = 1  # the encoder has the end and the unseen one too, but no start


@dataclass(frozen=True)
class Alphabet:
    """The characters of the training documents.

    Attributes:
        encoder: knows all of them.
    """

    encoder: CharacterEncoder

    @classmethod
    def of(cls, documents: Sequence[str]) -> Alphabet:
        """Of all characters that occur."""
        return cls(CharacterEncoder(np.unique(code_points("".join(documents)))))

    def __len__(self) -> int:
        """How many symbols there are, with the three that are no characters."""
        return self.encoder.symbols + _SHIFT

    def symbols(self, documents: Sequence[str]) -> NDArray[np.int64]:
        """(N,) ``START``, its characters and ``END`` of each document, one after the other."""
        # a character is never more than one code point, so lengths are those of the documents
        ends = np.cumsum([len(document) + 2 for document in documents])
        found = np.empty(ends[-1] if len(ends) else 0, np.int64)
        inner = np.ones(len(found), bool)
        for places, symbol in ((np.concatenate([[0], ends[:-1]]).astype(np.intp), START), (ends - 1, END)):
            if len(ends):
                found[places], inner[places] = symbol, False
        found[inner] = self.encoder.numbers("".join(documents)).astype(np.int64) + _SHIFT
        return found
