"""What a person gives a language model to read: documents, one text, or a text file larger than memory."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.tasks.sequences import rows_of, texts
from latchwork.tasks.streaming import Rows

BLOCK = 1 << 20
"""Characters, or bytes of a file, that are gone through at a time."""

VALIDATION_MOST = 1_000_000
"""Characters, or bytes of a file, that are held out at most: more would tell little, and take time each epoch."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Corpus(Protocol):
    """Documents, whatever they are kept in."""

    def documents(self) -> Iterator[Iterator[str]]:
        """The blocks of each document."""


@dataclass(frozen=True)
class Documents:
    """Documents in memory."""

    texts: list[str]

    def documents(self) -> Iterator[Iterator[str]]:
        """The blocks of each document."""
        return ((text[i : i + BLOCK] for i in range(0, len(text), BLOCK)) for text in self.texts)


@dataclass(frozen=True)
class TextFile:
    """One document: the bytes of a file from ``start`` to before ``stop``.

    Attributes:
        strict: whether they must be UTF-8; a model of bytes reads anything.
    """

    path: Path
    start: int
    stop: int
    strict: bool = True

    @classmethod
    def of(cls, path: Path, strict: bool) -> TextFile:
        """The whole file, without a byte order mark. Raises DataError if it is none, cannot be read or is empty."""
        try:
            with path.open("rb") as file:
                head = file.read(3)
            size = path.stat().st_size
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}; give a text file") from error
        if strict and head.startswith(_UTF16):
            raise DataError(f"{path} is not UTF-8 text, but UTF-16; save it as UTF-8")
        start = len(codecs.BOM_UTF8) if head == codecs.BOM_UTF8 else 0
        if size == start:
            raise DataError(f"{path} is empty; give a text file to learn from")
        return cls(path, start, size, strict)

    def documents(self) -> Iterator[Iterator[str]]:
        """The blocks of the file, as one document."""
        yield self._blocks()

    def cut(self, place: int) -> int:
        """The first byte at ``place`` or after it with which a character begins."""
        with self.path.open("rb") as file:
            file.seek(place)
            following = file.read(4)
        return place + next((i for i, byte in enumerate(following) if byte & 0xC0 != 0x80), 0)

    def _blocks(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("strict" if self.strict else "surrogateescape")
        with self.path.open("rb") as file:
            file.seek(self.start)
            place = self.start
            while place < self.stop:
                block = file.read(min(BLOCK, self.stop - place))
                if not block:
                    raise DataError(f"{self.path} became shorter while it was read; read it again")
                if self.strict and (found := block.find(b"\0")) >= 0:
                    raise DataError(f"{self.path} is no text: it has a zero byte at {place + found}; give a text file")
                begun = len(decoder.getstate()[0])
                try:
                    yield decoder.decode(block, final=place + len(block) == self.stop)
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"{self.path} is not UTF-8: byte 0x{error.object[error.start]:02x} at offset "
                        f"{place - begun + error.start}; save it as UTF-8, or read it as bytes (unit='bytes')"
                    ) from error
                place += len(block)


def read_corpus(X: Any, strict: bool) -> Documents | TextFile:
    """X as documents: one text, a list of them, or the path of a text file.

    Args:
        strict: whether a file must be UTF-8.

    Raises:
        DataError: X is none of these, or empty.
    """
    if isinstance(X, Path):
        return TextFile.of(X, strict)
    if isinstance(X, Rows):
        raise DataError(
            f"X is {type(X).__name__}, and texts to go on with are not streamed by rows; give the Path of a plain text "
            "file, which is read as it is needed, or a list of texts"
        )
    found = Documents(texts([X] if isinstance(X, str) else rows_of(X)))
    if not any(found.texts):
        raise DataError("the text is empty; give some to learn from" if found.texts else "X is empty; give documents")
    return found


def hold_out(
    corpus: Documents | TextFile, fraction: float, rows: Callable[[int], tuple[NDArray[np.intp], NDArray[np.intp]]]
) -> tuple[Documents | TextFile, Documents]:
    """What is learned from, and what is validated on: some of the documents, or the last part of a single one.

    Args:
        rows: how many documents → those to learn from, and those to hold out.
    """
    if isinstance(corpus, TextFile):
        held = min(fraction * (corpus.stop - corpus.start), VALIDATION_MOST)
        cut = corpus.cut(corpus.stop - max(round(held), 1))
        last = TextFile(corpus.path, cut, corpus.stop, corpus.strict)
        return TextFile(corpus.path, corpus.start, cut, corpus.strict), in_memory(last)
    if len(corpus.texts) == 1:
        text = corpus.texts[0]
        cut = len(text) - max(round(min(fraction * len(text), VALIDATION_MOST)), 1)
        return Documents([text[:cut]]), Documents([text[cut:]])
    chosen, kept = rows(len(corpus.texts))
    sizes = np.cumsum([len(corpus.texts[i]) for i in kept])
    enough = max(int(np.searchsorted(sizes, VALIDATION_MOST, side="right")), 1)
    chosen = np.sort(np.concatenate([chosen, kept[enough:]]))
    return Documents([corpus.texts[i] for i in chosen]), Documents([corpus.texts[i] for i in kept[:enough]])


def in_memory(corpus: Documents | TextFile) -> Documents:
    """Documents as they are; of a file no more than validation needs, from its start."""
    if isinstance(corpus, Documents):
        return corpus
    blocks = -(-VALIDATION_MOST // BLOCK)
    return Documents(["".join(islice(document, blocks)) for document in corpus.documents()])
