"""One long stream of symbols, read as parallel ones a chunk at a time; in memory or in a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latchwork.errors import DataError
from latchwork.tasks.corpus import BLOCK, Corpus, Documents, TextFile
from latchwork.tasks.symbols import END, ByteEncoder, SymbolEncoder


class Numbers(Protocol):
    """Symbols (N,) that are read by pieces; an array is one."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, piece: slice, /) -> NDArray[Any]:
        """Those from ``piece.start`` to before ``piece.stop``."""


class FileNumbers:
    """Numbers in a file. They are read when asked for, not mapped, so that they do not count as memory in use.

    Args:
        file: is closed with this.
        dtype: of a number in the file.
        start: the byte at which they begin.
        count: how many there are.
        shift: is added to each.
    """

    def __init__(self, file: BinaryIO, dtype: np.dtype[Any], start: int, count: int, shift: int = 0) -> None:
        self._file = file
        self._dtype = dtype
        self._start = start
        self._count = count
        self._shift = shift

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, piece: slice, /) -> NDArray[np.int64]:
        start, stop, _ = piece.indices(self._count)
        self._file.seek(self._start + start * self._dtype.itemsize)
        contents = self._file.read(max(stop - start, 0) * self._dtype.itemsize)
        if len(contents) != max(stop - start, 0) * self._dtype.itemsize:
            raise DataError("the text file became shorter while it was read; read it again")
        return np.frombuffer(contents, dtype=self._dtype).astype(np.int64) + self._shift


@dataclass(frozen=True)
class Chunk:
    """inputs, targets: (T, B) symbols, a target being the symbol after its input; fresh: whether the state is zero
    before it."""

    inputs: Tensor
    targets: Tensor
    fresh: bool


class TextStream:
    """Symbols laid out as B parallel streams, each a part of the text, which are read T steps at a time.

    What does not fill the last symbol of every stream is left out: fewer than B symbols.

    Args:
        numbers: documents, an ``END`` between them; the first has one before it and the last one after it.
        streams: B at most; fewer where the text has not a chunk for each.
        chunk: T.

    Raises:
        DataError: the text is shorter than a chunk.
    """

    def __init__(self, numbers: Numbers, streams: int, chunk: int) -> None:
        asked = len(numbers) + 1
        if asked < chunk:
            raise DataError(
                f"the text has {len(numbers):,} symbols, which is less than one chunk={chunk}; give more text or, "
                "in Python, a smaller chunk"
            )
        self._numbers = numbers
        self._chunk = chunk
        self.streams = min(streams, asked // chunk)
        self.length = asked // self.streams

    @property
    def steps(self) -> int:
        """How many chunks there are; the last may be shorter than the others."""
        return -(-self.length // self._chunk)

    def chunk(self, step: int, fresh: bool, device: torch.device) -> Chunk:
        """The chunk of that number."""
        start = step * self._chunk
        stop = min(start + self._chunk, self.length)
        rows = [self._piece(row * self.length + start, row * self.length + stop + 1) for row in range(self.streams)]
        symbols = torch.from_numpy(np.stack(rows, axis=1)).to(device)
        return Chunk(symbols[:-1], symbols[1:], fresh)

    def epoch(self, number: int, limit: int | None, device: torch.device) -> Iterator[Chunk]:
        """The chunks of an epoch: all of them, or ``limit``, from where the epoch before would have ended."""
        if limit is None:
            return (self.chunk(step, step == 0, device) for step in range(self.steps))
        places = ((number * limit + i) % self.steps for i in range(limit))
        return (self.chunk(step, i == 0 or step == 0, device) for i, step in enumerate(places))

    def contents(self) -> Iterator[NDArray[Any]]:
        """Arrays by which two streams of the same text can be known to be so."""
        yield np.array([len(self._numbers), self.streams, self._chunk])
        for start in range(0, len(self._numbers), BLOCK):
            yield self._numbers[start : start + BLOCK].astype(np.uint32)

    def _piece(self, start: int, stop: int) -> NDArray[np.int64]:
        """Symbols of the text with an END before and after it."""
        inner = self._numbers[max(start - 1, 0) : min(stop - 1, len(self._numbers))].astype(np.int64)
        before, after = [END] * (start == 0), [END] * (stop > len(self._numbers) + 1)
        return np.concatenate([before, inner, after]).astype(np.int64) if before or after else inner


def numbers_of(corpus: Documents | TextFile, encoder: SymbolEncoder) -> Numbers:
    """The symbols of all documents, an END between them; of a file in another file, which goes away by itself."""
    if isinstance(corpus, Documents):
        return np.concatenate([np.zeros(0, dtype=np.uint8), *_encoded(corpus, encoder)])
    if isinstance(encoder, ByteEncoder):  # the file holds them already
        return FileNumbers(
            corpus.path.open("rb"), np.dtype(np.uint8), corpus.start, corpus.stop - corpus.start, shift=1
        )
    file = tempfile.TemporaryFile(prefix="latchwork-")  # noqa: SIM115 (lives as long as the numbers)
    count, dtype = 0, np.min_scalar_type(encoder.symbols - 1)
    for numbers in _encoded(corpus, encoder):
        try:
            file.write(numbers.astype(dtype).tobytes())
        except OSError as error:
            raise DataError(
                f"the symbols of {corpus.path} cannot be written to {tempfile.gettempdir()}: {error.strerror}; "
                "make room there, set TMPDIR to a larger place, or read the file as bytes (unit='bytes')"
            ) from error
        count += len(numbers)
    return FileNumbers(file, dtype, 0, count)


def _encoded(corpus: Corpus, encoder: SymbolEncoder) -> Iterator[NDArray[Any]]:
    end = np.array([END], dtype=np.uint8)
    for number, document in enumerate(corpus.documents()):
        yield from chain([end] if number else [], map(encoder.numbers, document))
