"""The score that explanations are about: the log-odds of a class, for many sequences at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latchwork.errors import DataError
from latchwork.tasks.batches import collate, plan
from latchwork.tasks.network import SequenceNetwork

STEPS_AT_ONCE = 16_384  # steps of all rows of a batch, padding included: bounds the memory that a batch takes
_ROWS_AT_ONCE = 256


def log_odds(scores: Tensor, classes: Tensor) -> Tensor:
    """Scores (B, K) and class numbers (B,) → the log-odds (B,) of each row's class against all the others."""
    chosen = scores.gather(1, classes[:, None])
    others = scores.scatter(1, classes[:, None], -torch.inf).logsumexp(1)
    return chosen[:, 0] - others


def batches(rows: Sequence[NDArray[Any]], steps: int = STEPS_AT_ONCE) -> Iterator[NDArray[np.intp]]:
    """The numbers of the rows (T,) or (T, I) of each batch: of like length, and no more than ``steps`` together."""
    lengths = [len(row) for row in rows]
    for chosen in plan(lengths, _ROWS_AT_ONCE):
        size = max(1, steps // max(1, lengths[chosen[-1]]))
        yield from (chosen[i : i + size] for i in range(0, len(chosen), size))


def scores_of(network: SequenceNetwork, rows: Sequence[NDArray[Any]]) -> Tensor:
    """The scores (N, K) of encoded rows, in the order given; the network in evaluation mode."""
    weight = network.head.weight
    found = torch.empty(len(rows), network.head.out_features, dtype=weight.dtype)
    with torch.no_grad():
        for chosen in batches(rows):
            batch = collate(rows, chosen, weight.device)
            found[torch.from_numpy(chosen)] = network(batch.inputs, batch.lengths).cpu()
    return found


def checked(rows: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """The rows that have steps. Raises DataError where none has."""
    found = [row for row in rows if len(row)]
    if not found:
        raise DataError("there is nothing to measure: no row has a step; give sequences that are not empty")
    return found
