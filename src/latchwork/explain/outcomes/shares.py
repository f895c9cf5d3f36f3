"""How much of the memory each step kept, and how much of the new it let in: means over a layer's units."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latchwork.explain.gates import Gate, gates
from latchwork.language.graph import Graph
from latchwork.nn.trace import Trace
from latchwork.tasks.network import SequenceNetwork


@dataclass(frozen=True)
class Shares:
    """What the gates of the last layer did at each step.

    Attributes:
        kept: (T,) the part of the memory that each step kept, mean over the units; None for a cell without a keep gate.
        gate: the name of what keeps it.
        written: (T,) the part of the new content that each step let into the memory, likewise.
        writer: the name of what lets it in.
    """

    kept: NDArray[np.float64] | None
    gate: str | None
    written: NDArray[np.float64] | None
    writer: str | None

    def last(self, count: int) -> Shares:
        """Those of the last ``count`` steps."""
        kept, written = (None if s is None else s[len(s) - count :] for s in (self.kept, self.written))
        return Shares(kept, self.gate, written, self.writer)


def shares(network: SequenceNetwork, features: Tensor) -> Shares:
    """The shares on one sequence of features (T, 1, I)."""
    with torch.no_grad():
        _, _, trace = network.recurrent(features, return_trace=True)
    parts, last = gates(network.recurrent.cell.graph), trace[-network.recurrent.directions :]
    return Shares(
        kept=None if parts.keep is None else _mean(parts.keep, last, parts.graph),
        gate=None if parts.keep is None else parts.keep.label,
        written=None if parts.write is None else _mean(parts.write, last, parts.graph),
        writer=None if parts.write is None else parts.write.label,
    )


def features_of(network: SequenceNetwork, row: NDArray[Any]) -> Tensor:
    """What the recurrent layers read of one encoded sequence: (T, 1, I)."""
    with torch.no_grad():
        return network.features(torch.from_numpy(row).unsqueeze(1))


def on_cpu(network: SequenceNetwork) -> SequenceNetwork:
    """The network on the CPU and in evaluation mode; the caller's stays where it is."""
    if network.head.weight.device.type != "cpu":
        network = copy.deepcopy(network).cpu()
    return network.eval()


def _mean(gate: Gate, layers: Trace, graph: Graph) -> NDArray[np.float64]:
    """A gate's share at each step (T,): the mean over units, and over directions, each of which has its own way."""
    means = [gate.shares(layer, graph)[:, 0].double().mean(-1).numpy() for layer in layers]
    found: NDArray[np.float64] = np.mean(means, axis=0)
    return found
