"""What each layer of a recurrent module did on one sequence: every value that the illustrated cell shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from torch import Tensor

from latchwork.explain.drawn import drawn
from latchwork.explain.gates import gates
from latchwork.explain.passes import layer_input, passes
from latchwork.explain.values import values
from latchwork.nn.recurrent import Recurrent
from latchwork.nn.trace import Trace

BYTES = 4 * 4 / 3  # of a float32 in base64
_OPTIMAL = 256  # units: the best order of leaves takes time by their cube
_PROFILE = 4_096  # numbers of a unit that its likeness to others is judged by


@dataclass(frozen=True)
class Layer:
    """What one layer and direction did.

    Attributes:
        layer, direction: their numbers; direction 1 reads from the end.
        units: (U,) the units that are here, neighbours alike.
        values: key → (T, U); a value of another width, as the input, has columns of its own.
        before: state → (U,) what it was before the first step; None where that is 0.
    """

    layer: int
    direction: int
    units: tuple[int, ...]
    values: Mapping[str, NDArray[np.float32]]
    before: Mapping[str, NDArray[np.float32]] | None = None


def layers(
    recurrent: Recurrent,
    features: Tensor,
    trace: Trace,
    *,
    start: Sequence[Tensor] | None = None,
    budget: float | None = None,
) -> tuple[Layer, ...]:
    """Every value of every layer and direction on one sequence.

    Args:
        recurrent: on the CPU, in evaluation mode.
        features: what it read, (T, 1, I).
        trace: what it did, (T, 1, ·) each.
        start: the states it began with, (L·D, 1, ·) each; zeros by default.
        budget: bytes that the values may take in a page; where all units would take more, the most telling are kept:
            those whose output moves most.

    Returns:
        Layers and directions as torch numbers ``h_n``.
    """
    graph = recurrent.cell.graph
    wanted = drawn(graph).values
    parts = gates(graph)
    computed = {gate.value: gate for gate in parts.parts.values() if gate is not None and gate.value not in wanted}
    letters = {key: graph.sizes[value] for key, value in wanted.items()} | dict.fromkeys(computed, "H")
    states = [state.name or "" for state in graph.states]
    all_passes = passes(recurrent)
    recorded, began = [], []
    with torch.no_grad():
        for i, (which, named) in enumerate(zip(all_passes, trace, strict=True)):
            x = layer_input(recurrent, features, trace, which.layer)
            before = None if start is None else {name: state[i] for name, state in zip(states, start, strict=True)}
            tensors = values(graph, which, x, named, wanted, before)
            tensors |= {key: named[key] for key in wanted if key in named}
            tensors |= {key: gate.shares(named, parts.graph) for key, gate in computed.items()}
            recorded.append({key: tensor[:, 0].float().numpy() for key, tensor in tensors.items()})
            began.append(None if before is None else {name: s[0].float().numpy() for name, s in before.items()})
    widths = [array.shape[1] for found in recorded for array in found.values()]
    most = _most(len(features), widths, budget)
    # By the output first: units are chosen by what they show, then by what they remember.
    leaders = [key for key in (*states, *wanted) if key in letters]
    made = []
    for which, found, first in zip(all_passes, recorded, began, strict=True):
        chosen: dict[str, list[int]] = {}
        for letter in dict.fromkeys(letters.values()):
            alike = {key: found[key] for key in found if letters[key] == letter}
            leader = next(key for key in leaders if letters[key] == letter)
            chosen[letter] = _ordered(alike, _telling(found[leader], most))
        units = chosen["H"] if "H" in chosen else chosen[letters[leaders[0]]]
        kept = {key: np.ascontiguousarray(array[:, chosen[letters[key]]]) for key, array in found.items()}
        shown = None if first is None else {name: array[chosen[letters[name]]] for name, array in first.items()}
        made.append(Layer(which.layer, which.direction, tuple(units), kept, shown))
    return tuple(made)


def _most(steps: int, widths: list[int], budget: float | None) -> int:
    """How many columns each value may keep so that all of them together stay within the budget."""
    widest = max(widths)
    if budget is None or steps * sum(widths) * BYTES <= budget:
        return widest
    fit = [most for most in range(1, widest + 1) if steps * sum(min(w, most) for w in widths) * BYTES <= budget]
    return max(fit, default=1)


def _telling(output: NDArray[np.float32], most: int) -> list[int]:
    """The ``most`` columns of (T, W) that move most on their way from 0, in their own order."""
    moved = np.abs(np.diff(output, axis=0, prepend=0)).sum(0)
    found: list[int] = np.sort(np.argsort(-moved, kind="stable")[:most]).tolist()
    return found


def _ordered(alike: Mapping[str, NDArray[np.float32]], columns: list[int]) -> list[int]:
    """The columns so that neighbours behave alike, by hierarchical clustering over all values and steps."""
    if len(columns) < 3:
        return columns
    profile = np.concatenate([np.clip(array[:, columns], -1, 1) for array in alike.values()]).T.astype(np.float64)
    profile = profile[:, :: -(-profile.shape[1] // _PROFILE)]
    tree = linkage(profile, "average", optimal_ordering=len(columns) <= _OPTIMAL)
    return [columns[i] for i in leaves_list(tree)]
