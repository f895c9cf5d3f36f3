"""Which steps moved a decision: integrated gradients, with the error of their completeness.

Sundararajan, Taly & Yan 2017, "Axiomatic attribution for deep networks" (arXiv 1703.01365): the gradient of the score
is averaged along the straight way from as many steps that say nothing, zero vectors, to the real ones. The parts add up
to the change of the score; how far they miss it is measured and shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latchwork.tasks.network import SequenceNetwork

_POINTS = 8  # gradients to a piece of the way
_MOST = 4_096  # gradients at most
_MOST_STEPS = 1_000_000  # steps that gradients are taken over at most, which for a long sequence is fewer gradients
_FEWEST = 256  # though as many as these
_STEPS_AT_ONCE = 65_536  # bounds the memory: the graph of autograd holds every value of so many steps at once
_SHORTEST = 1e-30
_GOOD_ENOUGH = 0.0005  # what a piece may miss, as a share of the whole change

TRUSTED = 0.05
"""The completeness error above which the parts say little, and those who show them say so."""


@dataclass(frozen=True)
class Attribution:
    """What each step of one sequence added to the score of a class.

    Attributes:
        steps: (T,) in log-odds of the class against the others; they add up to about ``score - baseline``.
        score: the log-odds that the network gives.
        baseline: the log-odds of as many steps that say nothing: zero vectors.
        points: how many gradients were averaged.
    """

    steps: NDArray[np.float64]
    score: float
    baseline: float
    points: int

    @property
    def completeness_error(self) -> float:
        """How far the steps' sum misses the change of the score, as a share of that change."""
        change = self.score - self.baseline
        missed = abs(float(self.steps.sum()) - change)
        return missed / abs(change) if change else missed


def integrated_gradients(network: SequenceNetwork, inputs: Tensor, target: int) -> Attribution:
    """Attribute the log-odds of class ``target`` to the steps of one sequence.

    Args:
        network: in evaluation mode.
        inputs: (T,) token numbers, or (T, I).
        target: the class's number.

    The memory taken is that of 65,536 steps at once, or of one gradient where the sequence is longer. There are at most
    4,096 gradients; of a sequence of more than 244 steps fewer, a million over its length, but 256 in any case. Where
    they run out, the completeness error says what that cost.

    The way is halved wherever a piece's parts do not add up to what the score changes over it, so that most of the
    gradients are taken where the score turns. A cell with layer norm turns over within a tiny part of the way, as its
    norms blow up whatever little comes after nothing.

    Before any training they do so at every step anew, some hundredfold: the biases are 0, so that nothing stays
    nothing, and over twenty steps the least number grows to full size. The score then jumps at the baseline itself, no
    number of gradients makes the parts add up, and the completeness error is large. One epoch gives the biases values,
    and with them the error is as small as of other cells.
    """
    with torch.no_grad():
        features = network.features(inputs.unsqueeze(1))[:, 0].double()
    steps = len(features)
    # In float64, so that the error that is shown is that of the method and not of rounding.
    weights = {name: p.detach().double() for name, p in network.named_parameters()}

    def score(batch: Tensor) -> Tensor:
        """(T, N, I) → log-odds (N,)."""
        lengths = torch.full((batch.shape[1],), steps)
        scores = torch.func.functional_call(network, weights, (batch, lengths, True))
        others = torch.cat([scores[:, :target], scores[:, target + 1 :]], 1)
        odds: Tensor = scores[:, target] - others.logsumexp(1)
        return odds

    def scores_along(points: Tensor) -> Tensor:
        """Points (N,) of the way → log-odds (N,)."""
        with torch.no_grad():
            return torch.cat([score(some[None, :, None] * features[:, None]) for some in torch.split(points, at_once)])

    def shares_along(points: Tensor) -> Tensor:
        """Points (N,) of the way → what each step adds to the slope there, (T, N)."""
        found = []
        for some in torch.split(points, at_once):
            path = (some[None, :, None] * features[:, None]).requires_grad_()
            (gradient,) = torch.autograd.grad(score(path).sum(), path)
            found.append((gradient * features[:, None]).sum(-1))
        return torch.cat(found, 1)

    at_once = max(1, _STEPS_AT_ONCE // max(1, steps))
    most = min(_MOST, max(_FEWEST, _MOST_STEPS // max(1, steps)))
    with torch.no_grad():
        ends = score(torch.stack([torch.zeros_like(features), features], 1))
    baseline, real = float(ends[0]), float(ends[1])
    place, weight = np.polynomial.legendre.leggauss(_POINTS)
    tolerance = _GOOD_ENOUGH * abs(real - baseline)
    moved = torch.zeros(steps, dtype=torch.float64)
    pieces = [(0.0, 1.0, baseline, real)]
    points = 0
    while True:
        starts, ends_at, low, high = (torch.tensor(column, dtype=torch.float64) for column in zip(*pieces, strict=True))
        length = ends_at - starts
        along = (starts[:, None] + length[:, None] * torch.from_numpy((place + 1) / 2)).reshape(-1)
        share = shares_along(along).reshape(steps, -1, _POINTS) @ torch.from_numpy(weight / 2)
        parts = share * length
        points += len(along)
        fits = ((parts.sum(0) - (high - low)).abs() <= tolerance) | (length < _SHORTEST)
        if points + 2 * _POINTS * int((~fits).sum()) > most:
            fits[:] = True
        moved += parts[:, fits].sum(1)
        if bool(fits.all()):
            break
        middle = (starts + ends_at) / 2
        between = scores_along(middle)
        pieces = [
            half
            for i in (~fits).nonzero()[:, 0].tolist()
            for half in (
                (float(starts[i]), float(middle[i]), float(low[i]), float(between[i])),
                (float(middle[i]), float(ends_at[i]), float(between[i]), float(high[i])),
            )
        ]
    return Attribution(moved.numpy(), real, baseline, points)
