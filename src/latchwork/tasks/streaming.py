"""Data larger than memory: gone through block by block, shuffled in a buffer, batched by like lengths."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from latchwork.datasets import tables
from latchwork.datasets.shuffle import shuffled
from latchwork.errors import ConfigError, DataError
from latchwork.tasks.batches import SPAN, Batch, Targets, collate, plan

_MOST_HELD = 10_000  # rows to validate on, which are kept in memory; more would hardly make it surer
_HELD, _THINNED = 5, 6  # tell the draws of the rows held out, and of those learned from, from all others of a seed
_LEARNED = 300_000  # rows that an encoder learns from all of; of those that follow, fewer and fewer


@runtime_checkable
class Rows(Protocol):
    """Rows that need not fit into memory. They can be gone through again and again, always in the same order."""

    def blocks(self) -> Iterator[tuple[list[Any], list[Any]]]:
        """Some sequences, and what is to be learned of each; the next ones; and so on to the end."""


@dataclass(frozen=True)
class TableRows:
    """The rows of a CSV, TSV, JSONL or Parquet file, read anew at each pass.

    Args:
        path: the file.
        text: the column of texts; or
        series: the columns of numeric series, as :func:`latchwork.datasets.tables.series` reads them; or
        tokens: the column of tokens.
        label: the column of classes, or of tags where there are tokens.

    Raises:
        ConfigError: not exactly one of text, series and tokens.
    """

    path: str | Path
    label: str
    text: str | None = None
    series: Sequence[str] = ()
    tokens: str | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.text, self.series, self.tokens))) != 1:
            raise ConfigError("give one of text=, series= and tokens=: the columns that hold the sequences")

    def blocks(self) -> Iterator[tuple[list[Any], list[Any]]]:
        """Some thousand rows at a time. Raises DataError, naming row and column, at a row that cannot be used."""
        for table in tables.stream(self.path):
            if self.tokens is not None:
                yield tables.tokens(table, self.tokens), tables.tags(table, self.tokens, self.label)
            elif self.text is not None:
                yield list(tables.texts(table, self.text)), tables.labels(table, self.label)
            else:
                yield list(tables.series(table, list(self.series))), tables.labels(table, self.label)


@dataclass
class FirstPass:
    """Goes through all rows once: what the encoder learns from, what is held out, which labels there are.

    Of more than 300,000 rows the encoder sees each next one more rarely, the n-th with probability 300,000 / n: a
    vocabulary hardly changes any more, and to count the words of all would take most of the time.

    Attributes:
        held: sequences to validate on, and their labels.
        labels: the labels met so far.
        count: training rows met so far.
    """

    rows: Rows
    fraction: float
    seed: int
    held: tuple[list[Any], list[Any]] = field(default_factory=lambda: ([], []))
    labels: set[Any] = field(default_factory=set)
    count: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def training(self) -> Iterator[Any]:
        """Training sequences for the encoder; the rest is collected on the way."""
        draw = np.random.default_rng((self.seed, _THINNED)).random
        for sequence, label, held in parted(self.rows, self.fraction, self.seed):
            self.labels.update([label] if isinstance(label, (str, int, float)) else label)
            self._digest.update(repr(label).encode())
            self._digest.update(sequence.tobytes() if isinstance(sequence, np.ndarray) else repr(sequence).encode())
            if held:
                self.held[0].append(sequence)
                self.held[1].append(label)
            else:
                self.count += 1
                if self.count <= _LEARNED or draw() * self.count < _LEARNED:
                    yield sequence
        if not self.count:
            raise DataError("there are no rows to learn from; give at least 2, better 100")
        if self.fraction and not self.held[0]:
            raise DataError(f"of {self.count} rows none was held out to validate on; give more rows, or X_valid")

    def digest(self) -> NDArray[np.uint8]:
        """By which the same rows can be known again."""
        return np.frombuffer(self._digest.digest(), np.uint8)


@dataclass(frozen=True)
class StreamedExamples:
    """Training rows, encoded as they are read; a :class:`latchwork.tasks.batches.Source`.

    Attributes:
        first: the first pass, done.
        encode: sequences and labels to arrays and targets.
        buffer: rows among which the next one is drawn. The larger, the more random is the order.
    """

    first: FirstPass
    encode: Callable[[list[Any], list[Any]], tuple[Sequence[NDArray[Any]], Targets]]
    buffer: int

    def batches(self, size: int, device: torch.device, generator: np.random.Generator | None) -> Iterator[Batch]:
        """Every training row once; with a generator shuffled within the buffer."""
        rows: Iterator[tuple[NDArray[Any], Any]] = self._encoded()
        if generator is not None:
            rows = shuffled(rows, self.buffer, generator)
        # As many rows are sorted by length together as of data in memory, so that as little is padding.
        while span := list(itertools.islice(rows, size * SPAN)):
            sequences = [sequence for sequence, _ in span]
            targets = [target for _, target in span]
            wanted = targets if isinstance(targets[0], np.ndarray) else np.asarray(targets)
            for chosen in plan([len(s) for s in sequences], size, generator):
                yield collate(sequences, chosen, device, wanted)

    def steps(self, size: int) -> int:
        """How many batches of ``size`` that makes, about."""
        return -(-self.first.count // size)

    def contents(self) -> Iterator[NDArray[Any]]:
        """What the rows can be known by."""
        yield self.first.digest()

    def _encoded(self) -> Iterator[tuple[NDArray[Any], Any]]:
        training = (
            (sequence, label)
            for sequence, label, held in parted(self.first.rows, self.first.fraction, self.first.seed)
            if not held
        )
        for block in _blocks(training, 1024):
            sequences, labels = [s for s, _ in block], [label for _, label in block]
            yield from zip(*self.encode(sequences, labels), strict=True)


def parted(rows: Rows, fraction: float, seed: int) -> Iterator[tuple[Any, Any, bool]]:
    """Sequence, label, and whether the row is held out: drawn by its place and the seed, alike at each pass."""
    held = 0
    for number, (sequences, labels) in enumerate(rows.blocks()):
        drawn = np.random.default_rng((seed, _HELD, number)).random(len(sequences)) < fraction
        for sequence, label, chosen in zip(sequences, labels, drawn.tolist(), strict=True):
            out = chosen and held < _MOST_HELD
            held += out
            yield sequence, label, out


def _blocks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while block := list(itertools.islice(iterator, size)):
        yield block
