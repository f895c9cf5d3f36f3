"""All that goes on inside a network on one sequence: what the illustrated cell shows, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage

from latchwork.errors import DataError
from latchwork.explain.attribution import integrated_gradients
from latchwork.explain.drawn import drawn
from latchwork.explain.gates import gates
from latchwork.explain.occlusion import occlusion
from latchwork.explain.odds import scores_of
from latchwork.explain.passes import layer_input, passes
from latchwork.explain.values import values
from latchwork.tasks.network import SequenceNetwork

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
    """

    layer: int
    direction: int
    units: tuple[int, ...]
    values: Mapping[str, NDArray[np.float32]]


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
        score, baseline: the log-odds, and those of a sequence that says nothing.
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
    return Inside(
        probabilities=grows[-1],
        predicted=target,
        grows=grows,
        moved=found.steps,
        occluded=occlusion(network, row, target),
        completeness_error=found.completeness_error,
        score=found.score,
        baseline=found.baseline,
        layers=_layers(network, row, budget),
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


def _layers(network: SequenceNetwork, row: NDArray[Any], budget: float | None) -> tuple[Layer, ...]:
    recurrent = network.recurrent
    graph = recurrent.cell.graph
    wanted = drawn(graph).values
    parts = gates(graph)
    computed = {gate.value: gate for gate in parts.parts.values() if gate is not None and gate.value not in wanted}
    letters = {key: graph.sizes[value] for key, value in wanted.items()} | dict.fromkeys(computed, "H")
    all_passes = passes(recurrent)
    with torch.no_grad():
        features = network.features(torch.from_numpy(row).unsqueeze(1))
        _, _, trace = recurrent(features, return_trace=True)
        recorded = []
        for which, named in zip(all_passes, trace, strict=True):
            x = layer_input(recurrent, features, trace, which.layer)
            tensors = values(graph, which, x, named, wanted)
            tensors |= {key: gate.shares(named, parts.graph) for key, gate in computed.items()}
            recorded.append({key: tensor[:, 0].float().numpy() for key, tensor in tensors.items()})
    widths = [array.shape[1] for found in recorded for array in found.values()]
    most = _most(len(row), widths, budget)
    # By the output first: units are chosen by what they show, then by what they remember.
    leaders = [key for key in (*(state.name or "" for state in graph.states), *wanted) if key in letters]
    layers = []
    for which, found in zip(all_passes, recorded, strict=True):
        chosen: dict[str, list[int]] = {}
        for letter in dict.fromkeys(letters.values()):
            alike = {key: found[key] for key in found if letters[key] == letter}
            leader = next(key for key in leaders if letters[key] == letter)
            chosen[letter] = _ordered(alike, _telling(found[leader], most))
        units = chosen["H"] if "H" in chosen else chosen[letters[leaders[0]]]
        kept = {key: np.ascontiguousarray(array[:, chosen[letters[key]]]) for key, array in found.items()}
        layers.append(Layer(which.layer, which.direction, tuple(units), kept))
    return tuple(layers)


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
