"""The network of the forecaster: from every step it reads, the quantiles of the next h (Wen et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latchwork.language.cell import Cell
from latchwork.tasks.forecast_windows import WindowBatch
from latchwork.tasks.network import SequenceNetwork, Shape

CONTEXT = 16  # numbers that the head makes of the state for each step ahead


class ForecastNetwork(SequenceNetwork):
    """Stretches of series in, quantiles out.

    The head makes ``CONTEXT`` numbers of the state for each of the h steps ahead, so the shape's outputs are h times
    as many; with what is known of that step they make its quantiles: the middle one, as a difference to the reference,
    and the others by steps from there that cannot be negative, so that quantiles do not cross.

    Args:
        channels: C.
        told: A, numbers that are known of each step ahead.
        quantiles: (Q,) increasing.
        channels: C.
    """

    def __init__(
        self, cell: str | Cell, shape: Shape, horizon: int, told: int, quantiles: Sequence[float], channels: int
    ) -> None:
        super().__init__(cell, shape)
        self.horizon = horizon
        self.channels = channels
        self.middle = min(range(len(quantiles)), key=lambda i: abs(quantiles[i] - 0.5))
        self.told = nn.Linear(told, CONTEXT, bias=False)
        self.quantiles = nn.Linear(CONTEXT, self.channels * len(quantiles))

    def forecast(self, batch: WindowBatch) -> Tensor:
        """(P, h, C, Q) scaled quantiles of the batch's origins, increasing along Q."""
        output, _ = self.read(self.features(batch.inputs), batch.lengths)
        state = output[batch.steps, batch.columns]  # (P, D·H)
        context = self.head(self.dropout(state)).unflatten(-1, (self.horizon, CONTEXT))
        raw = self.quantiles(torch.relu(context + self.told(batch.ahead))).unflatten(-1, (self.channels, -1))
        middle = raw[..., self.middle, None]
        above = F.softplus(raw[..., self.middle + 1 :]).cumsum(-1)
        below = F.softplus(raw[..., : self.middle]).flip(-1).cumsum(-1).flip(-1)
        return batch.reference[..., None] + torch.cat([middle - below, middle, middle + above], -1)


def pinball(forecasts: Tensor, targets: Tensor, quantiles: Tensor, unit: Tensor) -> tuple[Tensor, int]:
    """Twice the mean pinball loss of forecasts (P, h, C, Q) over the targets (P, h, C) that are there, in units (C,);
    and how many are there. Of the median alone that is the mean absolute error."""
    there = ~torch.isnan(targets)
    above = (torch.where(there, targets, 0.0)[..., None] - forecasts) / unit[:, None]
    loss = torch.maximum(quantiles * above, (quantiles - 1) * above)[there]
    count = int(there.sum())
    return 2 * loss.mean() if count else 0.0 * forecasts.sum(), count
