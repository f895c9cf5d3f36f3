"""Batches of sequences of like length, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

IGNORED = -100
"""Pads whole-number targets of steps; torch's losses skip it. Targets that are floats are padded with NaN."""

Targets = NDArray[Any] | Sequence[NDArray[Any]]
"""What is to be learned: (N,) a number a sequence, or for each sequence an array (T, …) with a row a step."""

SPAN = 50
"""Batches that are sorted together: long enough for like lengths, short enough for random company."""


@dataclass(frozen=True)
class Batch:
    """inputs: (T, B) token numbers or (T, B, I); lengths: (B,); rows: (B,), where they stand in the data; targets: (B,)
    or (T, B, …), where there are some."""

    inputs: Tensor
    lengths: Tensor
    rows: NDArray[np.intp]
    targets: Tensor | None = None


class Source(Protocol):
    """Where the batches of a fit come from: data in memory, or a file that is larger."""

    def batches(self, size: int, device: torch.device, generator: np.random.Generator | None) -> Iterator[Batch]:
        """Every sequence once, in batches of ``size``: in random order, or without a generator by length."""

    def steps(self, size: int) -> int:
        """How many batches of ``size`` that makes, at least about."""

    def contents(self) -> Iterator[NDArray[Any]]:
        """Arrays by which two sources with the same data can be known to be so."""


@dataclass(frozen=True)
class Examples:
    """Encoded sequences in memory, and what is to be learned of each."""

    sequences: Sequence[NDArray[Any]]
    targets: Targets

    def batches(self, size: int, device: torch.device, generator: np.random.Generator | None) -> Iterator[Batch]:
        """Every sequence once, in batches of ``size``: in random order, or without a generator by length."""
        for rows in plan([len(sequence) for sequence in self.sequences], size, generator):
            yield collate(self.sequences, rows, device, self.targets)

    def steps(self, size: int) -> int:
        """How many batches of ``size`` that makes."""
        return -(-len(self.sequences) // size)

    def contents(self) -> Iterator[NDArray[Any]]:
        """Arrays by which two sources with the same data can be known to be so."""
        yield from self.sequences
        yield from [self.targets] if isinstance(self.targets, np.ndarray) else self.targets


def plan(lengths: Sequence[int], size: int, generator: np.random.Generator | None = None) -> list[NDArray[np.intp]]:
    """The rows of each batch: by length, or with a generator shuffled, by length within each span of batches."""
    length = np.asarray(lengths)
    if generator is None:
        order = np.argsort(length, kind="stable")
        return [order[i : i + size] for i in range(0, len(order), size)]
    order = generator.permutation(len(length))
    found = []
    for start in range(0, len(order), size * SPAN):
        span = order[start : start + size * SPAN]
        span = span[np.argsort(length[span], kind="stable")]
        found += [span[i : i + size] for i in range(0, len(span), size)]
    return [found[i] for i in generator.permutation(len(found))]


def collate(
    sequences: Sequence[NDArray[Any]], rows: NDArray[np.intp], device: torch.device, targets: Targets | None = None
) -> Batch:
    """The given rows as one padded batch."""
    chosen = [sequences[i] for i in rows]
    lengths = torch.tensor([len(s) for s in chosen])
    inputs = _padded(chosen, 0)
    if targets is None:
        wanted = None
    elif isinstance(targets, np.ndarray):
        wanted = torch.from_numpy(targets[rows])
    else:
        steps = [targets[i] for i in rows]
        wanted = _padded(steps, np.nan if steps[0].dtype.kind == "f" else IGNORED)
    return Batch(inputs.to(device), lengths, rows, None if wanted is None else wanted.to(device))


def _padded(rows: Sequence[NDArray[Any]], padding: float) -> Tensor:
    """(T, B, …) with T steps at least 1."""
    steps = max(1, *map(len, rows))
    values = np.full((steps, len(rows), *rows[0].shape[1:]), padding, dtype=rows[0].dtype)
    for column, row in enumerate(rows):
        values[: len(row), column] = row
    return torch.from_numpy(values)
