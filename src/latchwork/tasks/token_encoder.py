"""Tokens as numbers: each by its word, its endings and its shape, so that an unseen word says something too."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError

UNSEEN_WORD = 1
"""The number of every word that is not known."""

_LONGEST = 64  # characters of a token that are looked at for its shape, and of a word that can be known


def shape_of(token: str) -> str:
    """How a token is written: X a capital, x another letter, 0 a digit, other characters themselves; runs are one.

    ``McDonald`` is XxXx, ``1,500`` is 0,0 and ``re-elect`` is x-x.
    """
    found: list[str] = []
    for character in token[:_LONGEST]:
        if character.isalpha():
            kind = "X" if character.isupper() else "x"
        else:
            kind = "0" if character.isdigit() else character
        if found[-1:] != [kind]:
            found.append(kind)
    return "".join(found)


# What is read of a token: one number each, in this order, by its text and its text in lower case.
_READINGS: tuple[Callable[[str, str], str], ...] = (
    lambda token, lower: lower if len(lower) <= _LONGEST else "",
    lambda token, lower: lower[-1:],
    lambda token, lower: lower[-2:],
    lambda token, lower: lower[-3:],
    lambda token, lower: lower[:2],
    lambda token, lower: shape_of(token),
)


class TokenEncoder:
    """Each token as F numbers of one table: its word in lower case, its last 1, 2, 3 letters, its first 2, its shape.

    0 is padding. What was rarer in training than it must be to be known is, in each place, the number of the unseen;
    in the first, of the words, that is :data:`UNSEEN_WORD`.

    Args:
        columns: for each of the F places what is known, in the order of its numbers.
    """

    kind = "tokens"

    def __init__(self, columns: Sequence[Sequence[str]]) -> None:
        if len(columns) != len(_READINGS):
            raise DataError(f"the saved encoder reads {len(columns)} things of a token, and this one {len(_READINGS)}")
        self.columns = [list(column) for column in columns]
        self._numbers: list[dict[str, int]] = []
        self._unseen: list[int] = []
        place = UNSEEN_WORD
        for column in self.columns:
            self._unseen.append(place)
            self._numbers.append({text: number for number, text in enumerate(column, place + 1)})
            place += len(column) + 1
        self._size = place

    @classmethod
    def learn(cls, sentences: Iterable[Sequence[str]], vocabulary_size: int, min_count: int) -> TokenEncoder:
        """The encoder that knows what occurs ``min_count`` times, of words the ``vocabulary_size`` most frequent.

        What is rarer teaches the network what to do with the unseen.
        """
        counts = [Counter[str]() for _ in _READINGS]
        for token, count in Counter(chain.from_iterable(sentences)).items():
            for counted, text in zip(counts, _readings(token), strict=True):
                counted[text] += count
        columns = []
        for counted in counts:
            frequent = [text for text, count in counted.items() if count >= min_count]
            # By name among the equally frequent: the order of the sentences must not matter.
            columns.append(sorted(frequent, key=lambda text: (-counted[text], text)))
        columns[0] = columns[0][:vocabulary_size]
        return cls(columns)

    @property
    def vocabulary_size(self) -> int:
        """How many numbers there are."""
        return self._size

    def encode(self, sequences: Sequence[Sequence[str]]) -> list[NDArray[np.int32]]:
        """One array (T, F) of numbers per list of T tokens. Any text is a token, the empty one too."""
        rows: dict[str, tuple[int, ...]] = {}
        for token in chain.from_iterable(sequences):
            if token not in rows:
                rows[token] = tuple(
                    numbers.get(text, unseen)
                    for numbers, unseen, text in zip(self._numbers, self._unseen, _readings(token), strict=True)
                )
        return [
            np.array([rows[token] for token in sequence], dtype=np.int32).reshape(-1, len(_READINGS))
            for sequence in sequences
        ]

    def to_data(self) -> dict[str, Any]:
        """What is known, as plain data."""
        return {"kind": self.kind, "columns": self.columns}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> TokenEncoder:
        """The encoder that :meth:`to_data` wrote."""
        return cls(data["columns"])


def _readings(token: str) -> list[str]:
    # One letter may be written as two characters, and must be known as the same.
    token = unicodedata.normalize("NFC", token)
    lower = token.lower()
    return [reading(token, lower) for reading in _READINGS]
