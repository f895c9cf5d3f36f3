"""Batches of sequences of like length, so that little is padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_SPAN = 50  # batches that are sorted together: long enough for like lengths, short enough for random company


@dataclass(frozen=True)
class Batch:
    """inputs: (T, B) token numbers or (T, B, I); lengths: (B,); rows: (B,), where they stand in the data."""

    inputs: Tensor
    lengths: Tensor
    rows: NDArray[np.intp]


def plan(lengths: Sequence[int], size: int, generator: np.random.Generator | None = None) -> list[NDArray[np.intp]]:
    """The rows of each batch: by length, or with a generator shuffled, by length within each span of batches."""
    length = np.asarray(lengths)
    if generator is None:
        order = np.argsort(length, kind="stable")
        return [order[i : i + size] for i in range(0, len(order), size)]
    order = generator.permutation(len(length))
    found = []
    for start in range(0, len(order), size * _SPAN):
        span = order[start : start + size * _SPAN]
        span = span[np.argsort(length[span], kind="stable")]
        found += [span[i : i + size] for i in range(0, len(span), size)]
    return [found[i] for i in generator.permutation(len(found))]


def collate(sequences: Sequence[NDArray[Any]], rows: NDArray[np.intp], device: torch.device) -> Batch:
    """The given rows as one padded batch."""
    chosen = [sequences[i] for i in rows]
    lengths = torch.tensor([len(s) for s in chosen])
    steps = max(1, int(lengths.max()))
    inputs = np.zeros((steps, len(chosen), *chosen[0].shape[1:]), dtype=chosen[0].dtype)
    for column, sequence in enumerate(chosen):
        inputs[: len(sequence), column] = sequence
    return Batch(torch.from_numpy(inputs).to(device), lengths, rows)
