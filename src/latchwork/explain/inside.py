"""All that goes on inside a network on one sequence: what the illustrated cell shows, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.explain.attribution import integrated_gradients
from latchwork.explain.layers import Layer, layers
from latchwork.explain.occlusion import occlusion
from latchwork.explain.odds import scores_of
from latchwork.tasks.network import SequenceNetwork


@dataclass(frozen=True)
class Inside:
    """One sequence through a network.

    Attributes:
        probabilities: (K,).
        predicted: the most probable class's number.
        grows: (T, K) the probabilities had the sequence ended at each step.
        moved: (T,) what each step added to the log-odds of the predicted class, by integrated gradients.
        occluded: (T,) log-odds lost when the step alone is taken out.
        completeness_error: how far ``moved`` misses adding up to ``score - baseline``, as a share of it.
        score, baseline: the log-odds, and those of as many steps that say nothing (zero vectors).
        layers: as torch numbers ``h_n``.
    """

    probabilities: NDArray[np.float64]
    predicted: int
    grows: NDArray[np.float64]
    moved: NDArray[np.float64]
    occluded: NDArray[np.float64]
    completeness_error: float
    score: float
    baseline: float
    layers: tuple[Layer, ...]


def inside(network: SequenceNetwork, row: NDArray[Any], *, budget: float | None = None) -> Inside:
    """Look inside a network on one sequence.

    Args:
        network: on the CPU, in evaluation mode.
        row: the encoded sequence: (T,) token numbers, or (T, I).
        budget: bytes that the layers' values may take in a page; where all units would take more, the most telling
            are kept: those whose output moves most.

    Raises:
        DataError: the sequence is empty.
    """
    if not len(row):
        raise DataError("there is nothing to look into: the sequence has no steps")
    scores = _scores_as_it_grows(network, row).double()
    grows = scores.softmax(1).numpy()
    target = int(scores[-1].argmax())
    found = integrated_gradients(network, torch.from_numpy(row), target)
    with torch.no_grad():
        features = network.features(torch.from_numpy(row).unsqueeze(1))
        _, _, trace = network.recurrent(features, return_trace=True)
    return Inside(
        probabilities=grows[-1],
        predicted=target,
        grows=grows,
        moved=found.steps,
        occluded=occlusion(network, row, target),
        completeness_error=found.completeness_error,
        score=found.score,
        baseline=found.baseline,
        layers=layers(network.recurrent, features, trace, budget=budget),
    )


def _scores_as_it_grows(network: SequenceNetwork, row: NDArray[Any]) -> torch.Tensor:
    """The scores (T, K) of every prefix."""
    if network.recurrent.directions > 1:  # the backward direction reads each prefix anew
        return scores_of(network, [row[: t + 1] for t in range(len(row))])
    with torch.no_grad():
        output, _ = network.recurrent(network.features(torch.from_numpy(row).unsqueeze(1)))
        output = output[:, 0]
        if network.shape.pooling == "mean":
            output = output.cumsum(0) / torch.arange(1, len(row) + 1)[:, None]
        elif network.shape.pooling == "max":
            output = output.cummax(0).values
        scores: torch.Tensor = network.head(output)
    return scores
