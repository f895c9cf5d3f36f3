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
from latchwork.tasks.validation_rows import ValidationRows

_MOST_HELD = 10_000  # rows to validate on, which are kept in memory; more would hardly make it surer
_HELD, _THINNED = 5, 6  # tell the draws of the rows held out, and of those learned from, from all others of a seed
_LEARNED = 300_000  # rows that an encoder learns from all of; of those that follow, fewer and fewer


@runtime_checkable
class Rows(Protocol):
    """Rows that need not fit into memory. They can be gone through again and again, always in the same order."""

    def blocks(self) -> Iterator[tuple[list[Any], ...]]:
        """Some sequences, and what is to be learned of each; the next ones; and so on to the end.

        A third list, if there is one, has the group of each: those of one group are held out together.
        """


@dataclass(frozen=True)
class TableRows:
    """The rows of a CSV, TSV, JSONL or Parquet file, read anew at each pass.

    They are for ``fit`` of a classifier or a tagger, which holds some out to validate on. scikit-learn cannot
    cross-validate them (``GridSearchCV``, ``cross_val_score``), as it divides rows by their number: compare settings on
    a sample in memory.

    Args:
        path: the file.
        text: the column of texts; or
        series: the columns of numeric series, as :func:`latchwork.datasets.tables.series` reads them; or
        tokens: the column of tokens.
        label: the column of classes, or of tags where there are tokens.
        group: the column of what belongs together, as a speaker or a document: it is held out as a whole or not at all.

    Raises:
        ConfigError: not exactly one of text, series and tokens.
    """

    path: str | Path
    label: str
    text: str | None = None
    series: Sequence[str] = ()
    tokens: str | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.text, self.series, self.tokens))) != 1:
            raise ConfigError("give one of text=, series= and tokens=: the columns that hold the sequences")

    def blocks(self) -> Iterator[tuple[list[Any], ...]]:
        """Some thousand rows at a time. Raises DataError, naming row and column, at a row that cannot be used."""
        for table in tables.stream(self.path):
            groups = [] if self.group is None else [list(tables.labels(table, self.group))]
            yield (*self._sequences_and_labels(table), *groups)

    def _sequences_and_labels(self, table: tables.Table) -> tuple[list[Any], list[Any]]:
        if self.tokens is not None:
            return tables.tokens(table, self.tokens), tables.tags(table, self.tokens, self.label)
        if self.text is not None:
            return list(tables.texts(table, self.text)), list(tables.labels(table, self.label))
        return list(tables.series(table, list(self.series))), list(tables.labels(table, self.label))


@dataclass
class FirstPass:
    """Goes through all rows once: what the encoder learns from, what is held out, which labels there are.

    Of more than 300,000 rows the encoder sees each next one more rarely, the n-th with probability 300,000 / n: a
    vocabulary hardly changes any more, and to count the words of all would take most of the time.

    Attributes:
        held: sequences to validate on, and their labels, once it is done.
        threshold: rows drawn with a number up to this one are held out, once it is done.
        count: how many training rows there are, once it is done.
        labels: the labels met so far.
    """

    rows: Rows
    fraction: float
    seed: int
    held: tuple[list[Any], list[Any]] = field(default_factory=lambda: ([], []))
    labels: set[Any] = field(default_factory=set)
    threshold: float = -1.0
    count: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def training(self) -> Iterator[Any]:
        """Training sequences for the encoder; the rest is collected on the way."""
        draw = np.random.default_rng((self.seed, _THINNED)).random
        valid, met, learned = ValidationRows(self.fraction, _MOST_HELD), 0, 0
        for sequence, label, number in numbered(self.rows, self.seed):
            met += 1
            self.labels.update([label] if isinstance(label, (str, int, float)) else label)
            self._digest.update(repr(label).encode())
            self._digest.update(sequence.tobytes() if isinstance(sequence, np.ndarray) else repr(sequence).encode())
            for free, _ in valid.offer(number, (sequence, label)):
                learned += 1
                if learned <= _LEARNED or draw() * learned < _LEARNED:
                    yield free
        self.count, self.threshold = valid.learned, valid.threshold
        if not self.count and met > 1:
            raise DataError(f"all {met} rows are of one group, so that none is left to learn from; give X_valid")
        if not self.count:
            raise DataError("there are no rows to learn from; give at least 2, better 100")
        for sequence, label in valid.rows():
            self.held[0].append(sequence)
            self.held[1].append(label)

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
            for sequence, label, number in numbered(self.first.rows, self.first.seed)
            if number > self.first.threshold
        )
        for block in _blocks(training, 1024):
            sequences, labels = [s for s, _ in block], [label for _, label in block]
            yield from zip(*self.encode(sequences, labels), strict=True)


def no_labels(y: Any) -> None:
    """Raises DataError where labels were given beside rows, which have their own."""
    if y is not None:
        raise DataError("y was given beside rows that are streamed, which hold their labels themselves; leave y out")


def numbered(rows: Rows, seed: int) -> Iterator[tuple[Any, Any, float]]:
    """Sequence, label, and a number from 0 to 1 drawn by the row's place, or its group, and the seed: alike at each
    pass."""
    for block, (sequences, labels, *groups) in enumerate(rows.blocks()):
        if groups:
            drawn = [_drawn(group, seed) for group in groups[0]]
        else:
            drawn = np.random.default_rng((seed, _HELD, block)).random(len(sequences)).tolist()
        yield from zip(sequences, labels, drawn, strict=True)


def _drawn(group: Any, seed: int) -> float:
    """Of a group, wherever its rows are."""
    digest = hashlib.blake2b(repr((seed, _HELD, group)).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64


def _blocks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while block := list(itertools.islice(iterator, size)):
        yield block
