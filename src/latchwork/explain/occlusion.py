"""What is lost when a step is not there: occlusion, and the deletion curves that hold an attribution to account.

Occlusion: Zeiler & Fergus 2014 (arXiv 1311.2901), one step at a time. Deletion: Samek et al. 2017 (arXiv 1509.06321):
an attribution is worth something if taking out what it names first costs more than taking out steps at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.explain.odds import log_odds, scores_of
from latchwork.tasks.network import SequenceNetwork

SHARES = tuple(round(0.1 * i, 1) for i in range(11))


def occlusion(network: SequenceNetwork, row: NDArray[Any], target: int) -> NDArray[np.float64]:
    """The log-odds of class ``target`` that are lost when each step alone is taken out: (T,).

    Args:
        network: in evaluation mode.
        row: (T,) token numbers, of which one is left out at a time, or a series (T, I), scaled by its encoder, in
            which the mean stands for the step.
        target: the class's number.

    Raises:
        DataError: the row is empty.
    """
    if not len(row):
        raise DataError("there is nothing to take out: the row has no steps")
    return _losses(network, [row], [[np.array([t]) for t in range(len(row))]], [target])[0]


@dataclass(frozen=True)
class Deletion:
    """Mean loss of the log-odds of the predicted class as a growing share of the steps is taken out.

    Attributes:
        share: (S,) of each row's steps.
        by_attribution: (S,) taken out in the order of the attribution, what speaks for the class most first.
        random: (S,) taken out in random order.
        rows: how many rows this is the mean over.
    """

    share: NDArray[np.float64]
    by_attribution: NDArray[np.float64]
    random: NDArray[np.float64]
    rows: int


def deletion(
    network: SequenceNetwork,
    rows: Sequence[NDArray[Any]],
    moved: Sequence[NDArray[np.float64]],
    *,
    shares: Sequence[float] = SHARES,
    orders: int = 3,
    seed: int = 0,
) -> Deletion:
    """Take steps out of rows by their attribution, and at random.

    Args:
        network: in evaluation mode.
        rows: encoded sequences, (T,) or (T, I) each, none empty.
        moved: (T,) for each row: its attribution to the predicted class.
        shares: of the steps to take out; of a row of T steps, share · T of them to the nearest whole number, but one at
            least where the share is above 0.
        orders: random orders a row.
        seed: decides them.

    Raises:
        DataError: there are no rows, or an attribution of another length than its row.
    """
    if not len(rows) or any(len(row) != len(m) or not len(row) for row, m in zip(rows, moved, strict=True)):
        raise DataError("deletion needs rows with steps, and an attribution as long as each row")
    rng = np.random.default_rng(seed)
    predicted = scores_of(network, rows).argmax(1).tolist()
    out: list[list[NDArray[np.intp]]] = []
    for row, attribution in zip(rows, moved, strict=True):
        counts = [_count(share, len(row)) for share in shares]
        first = np.argsort(-attribution, kind="stable")
        drawn = [first, *(rng.permutation(len(row)) for _ in range(orders))]
        out.append([order[:count] for order in drawn for count in counts])
    by_attribution, random = np.zeros(len(shares)), np.zeros(len(shares))
    for found in _losses(network, rows, out, predicted):
        lost = found.reshape(1 + orders, len(shares))
        by_attribution += lost[0]
        random += lost[1:].mean(0)
    return Deletion(np.asarray(shares), by_attribution / len(rows), random / len(rows), len(rows))


def _count(share: float, steps: int) -> int:
    return max(int(share * steps + 0.5), 1 if share > 0 else 0)


def _losses(
    network: SequenceNetwork,
    rows: Sequence[NDArray[Any]],
    out: Sequence[Sequence[NDArray[np.intp]]],
    targets: Sequence[int],
) -> list[NDArray[np.float64]]:
    """For each row the log-odds lost when each of its sets of steps is taken out, all of them run together."""
    variants: list[NDArray[Any]] = []
    starts: list[int] = []
    classes: list[int] = []
    for row, sets, target in zip(rows, out, targets, strict=True):
        starts.append(len(variants))
        variants += [row, *(without(row, places) for places in sets)]
        classes += [target] * (1 + len(sets))
    odds: NDArray[np.float64] = log_odds(scores_of(network, variants), torch.tensor(classes)).double().numpy()
    return [own[0] - own[1:] for own in np.split(odds, starts[1:])]


def without(row: NDArray[Any], places: NDArray[np.intp]) -> NDArray[Any]:
    """The row without these steps: words leave no gap, steps of a series become the mean, which is 0 once scaled."""
    if row.ndim == 1:
        return np.delete(row, places)
    changed = row.copy()
    changed[places] = 0
    return changed
