"""How far a network's memory reaches: by its keep gates, by the gradient through time, and by what inputs still do.

The gradient through time is what Hochreiter (1991) and Bengio, Simard & Frasconi (1994, "Learning long-term
dependencies with gradient descent is difficult") found to vanish: where it is gone, nothing can be learned.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from latchwork.errors import DataError
from latchwork.explain.odds import batches, checked, log_odds, scores_of
from latchwork.explain.passes import layer_input, passes
from latchwork.reference.torch import scan
from latchwork.tasks.batches import Batch, collate
from latchwork.tasks.network import SequenceNetwork

REACH = 0.01  # the share at which a gradient counts as gone
_LEAST_KEPT = 1e-6  # a gate that closed fully would make any mean of logarithms minus infinity
_FEWEST = 1 / 20  # of the rows must reach a distance for it to be reported
_FLOW_STEPS = 8_192  # the graph of autograd holds every value of so many steps at once
_PROBED_STEPS = 1_000_000  # steps run at most to learn what replacing an input does
_PROBED_ROWS = 150  # rows at most, likewise


def half_lives(keep: Tensor, lengths: Tensor | None = None) -> NDArray[np.float64]:
    """Steps until each unit has let half of its memory go: ln ½ over the mean logarithm of its keep gate.

    Args:
        keep: (T, B, H) the share that each step keeps.
        lengths: (B,) valid steps of each row; all by default.

    Returns:
        (H,); infinite for a unit that never lets anything go.
    """
    valid = torch.ones(keep.shape[:2], dtype=torch.bool, device=keep.device)
    if lengths is not None:
        valid = torch.arange(len(keep), device=keep.device)[:, None] < lengths.to(keep.device)
    if not bool(valid.any()):
        raise DataError("there is no step to measure a half-life over; give rows that are not empty")
    return half_life(log_kept(keep[valid]).mean(0).numpy())


def log_kept(keep: Tensor) -> Tensor:
    """The logarithm of shares kept, in float64; a share of nothing counts as one in a million."""
    return keep.detach().double().clamp(_LEAST_KEPT, 1.0).log().cpu()


def half_life(mean_log: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean logarithms of what a step keeps → steps until half is gone."""
    with np.errstate(divide="ignore"):
        lives: NDArray[np.float64] = math.log(0.5) / -np.abs(mean_log)
    return lives


@dataclass(frozen=True)
class Flow:
    """How the gradient fades on its way back from the end of a row.

    Attributes:
        distance: (D,) steps before the end.
        together: (D,) ‖∂loss/∂state‖ so far back, over the rows that are long enough, as a share of its value at the
            end of those rows.
        states: each state's part in the same measure: the squares of the parts of one row add up to that of the whole.
        reach: steps until ``together`` is 1 %; None if it was not within the data.
        pooled: whether the network reads the mean or maximum over the steps, which this measure leaves out.
    """

    distance: NDArray[np.int64]
    together: NDArray[np.float64]
    states: dict[str, NDArray[np.float64]]
    reach: float | None
    pooled: bool = False


def gradient_flow(network: SequenceNetwork, rows: Sequence[NDArray[Any]], targets: Sequence[int]) -> Flow:
    """The gradient of the loss by the states of the last layer, forward direction, at every distance from the end.

    A state is what a step hands to the next. The loss is that of what the last step puts out alone, also where the
    network reads the mean or maximum over all steps: what pooling reads of a step directly is no memory.

    Args:
        network: any network, fitted or not; it is left as it is.
        rows: encoded sequences, (T,) token numbers or (T, I) each; empty ones are left out.
        targets: each row's class number, which the loss is the cross-entropy of.

    Raises:
        DataError: no row has a step, or no state moves the loss.
    """
    if len(targets) != len(rows):
        raise DataError(f"there are {len(rows)} rows and {len(targets)} targets; give one class number each")
    classes = torch.tensor([int(c) for row, c in zip(rows, targets, strict=True) if len(row)])
    rows = checked(rows)
    # In float64: of a confident network's loss little is left to differentiate.
    network = copy.deepcopy(network).cpu().double().eval()
    names = [state.name or "" for state in network.recurrent.cell.graph.states]
    longest = max(len(row) for row in rows)
    sums = {name: np.zeros(longest) for name in ("", *names)}
    ends, reached = np.zeros(longest), np.zeros(longest, dtype=np.int64)
    for chosen in batches(rows, _FLOW_STEPS):
        batch = collate(rows, chosen, torch.device("cpu"))
        squares = _squared_gradients(network, batch, classes[torch.from_numpy(chosen)])
        whole = squares.sum(0)
        for column, length in enumerate(batch.lengths.tolist()):
            back = slice(None, length)
            backwards = whole[:length, column].flip(0).sqrt().numpy()
            sums[""][back] += backwards
            for name, square in zip(names, squares, strict=True):
                sums[name][back] += square[:length, column].flip(0).sqrt().numpy()
            ends[back] += backwards[0]
            reached[back] += 1
    far = _far_enough(reached, len(rows))
    if not (ends[:far] > 0).all():
        raise DataError("the loss does not depend on the memory at all, so there is no gradient to follow")
    shares = {name: values[:far] / ends[:far] for name, values in sums.items()}
    together = shares.pop("")
    return Flow(np.arange(far), together, shares, reach(together), network.shape.pooling != "last")


def reach(shares: NDArray[np.float64]) -> float | None:
    """Steps until ``shares``, one a step from distance 0 on, first fall to 1 %, by interpolation; None if never."""
    low = np.flatnonzero(shares <= REACH)
    if not len(low):
        return None
    after = int(low[0])
    if after == 0:
        return 0.0
    above, below = float(shares[after - 1]), float(shares[after])
    if below > 0:  # gradients fade by factors, so between two steps too
        return after - 1 + math.log(above / REACH) / math.log(above / below)
    return after - 1 + (above - REACH) / above


def _squared_gradients(network: SequenceNetwork, batch: Batch, classes: Tensor) -> Tensor:
    """(S, T, B): the squared norm of ∂loss/∂state of each of S states after each step, each row's own loss."""
    recurrent = network.recurrent
    graph = recurrent.cell.graph
    with torch.no_grad():
        features = network.features(batch.inputs).double()
        _, state, trace = recurrent(features, lengths=batch.lengths, return_trace=True)
        x = layer_input(recurrent, features, trace, recurrent.num_layers - 1)
    final = state[0] if isinstance(state, tuple) else state
    last = passes(recurrent)[-recurrent.directions]
    steps, size = x.shape[:2]
    valid = torch.arange(steps)[:, None] < batch.lengths
    parameters = {name: p.detach() for name, p in last.parameters.items()}
    states: Sequence[Tensor] = [x.new_zeros((size, width), requires_grad=True) for width in last.widths]
    # A trace's values do not lead to the later steps in autograd's graph; what one call hands to the next does.
    handed: list[Sequence[Tensor]] = []
    with torch.enable_grad():
        for t in range(steps):
            new = scan(graph, parameters, x[t : t + 1], states, sizes=last.sizes, lengths=valid[t].long()).final
            states = [s if s.requires_grad else s.detach().requires_grad_() for s in new]
            handed.append(states)
        summary = torch.cat([states[0], *final[len(final) - recurrent.directions + 1 :]], -1)
        loss = cross_entropy(network.head(summary), classes, reduction="sum")
        flat = [s for states in handed for s in states]
        found = torch.autograd.grad(loss, flat, allow_unused=True)
    squares = [torch.zeros(size, dtype=x.dtype) if g is None else g.square().sum(-1) for g in found]
    return torch.stack(squares).reshape(steps, len(last.widths), size).transpose(0, 1)


@dataclass(frozen=True)
class Influence:
    """What an input that many steps before the end does to the score: the log-odds of the predicted class.

    Attributes:
        distance: (D,) steps before the end: all the near ones, and fewer of the far.
        gradient: (D,) mean over rows of ‖∂score/∂input‖.
        replaced: (D,) mean over rows of |Δ score| when a random other step of the data stands there instead, one that
            differs; None where all steps of the data are the same.
        probed: how many rows inputs were replaced in.
    """

    distance: NDArray[np.int64]
    gradient: NDArray[np.float64]
    replaced: NDArray[np.float64] | None
    probed: int


def influence(network: SequenceNetwork, rows: Sequence[NDArray[Any]], seed: int = 0) -> Influence:
    """How much inputs move the score, by their distance from the end.

    Args:
        network: in evaluation mode.
        rows: encoded sequences, (T,) token numbers or (T, I) each; empty ones are left out.
        seed: decides which rows are probed, and by what steps.

    Raises:
        DataError: no row has a step.
    """
    rows = checked(rows)
    longest = max(len(row) for row in rows)
    sums, reached = np.zeros(longest), np.zeros(longest, dtype=np.int64)
    device = network.head.weight.device
    for chosen in batches(rows):
        batch = collate(rows, chosen, device)
        norms = _input_gradients(network, batch)
        for column, length in enumerate(batch.lengths.tolist()):
            sums[:length] += norms[:length, column].flip(0).numpy()
            reached[:length] += 1
    far = _far_enough(reached, len(rows))
    distance = _thinned(far)
    replaced, probed = _replaced(network, rows, distance, np.random.default_rng(seed))
    return Influence(distance, (sums[:far] / reached[:far])[distance], replaced, probed)


def _input_gradients(network: SequenceNetwork, batch: Batch) -> Tensor:
    """(T, B): ‖∂score/∂input‖ of the features that the recurrent layers read."""
    with torch.no_grad():
        features = network.features(batch.inputs)
    with torch.enable_grad():
        features = features.detach().requires_grad_()
        scores = network(features, batch.lengths, True)
        (found,) = torch.autograd.grad(log_odds(scores, scores.argmax(1)).sum(), features)
    norms: Tensor = found.norm(dim=-1).double().cpu()
    return norms


def _replaced(
    network: SequenceNetwork, rows: Sequence[NDArray[Any]], distance: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64] | None, int]:
    pool = np.concatenate(rows)
    if (pool == pool[0]).all():
        return None, 0
    variants: list[NDArray[Any]] = []
    probed: list[int] = []  # how many of the distances each row reaches
    spent = 0
    for number in _far_rows_first(rows, int(distance[-1]), rng):
        row = rows[number]
        near = int(np.searchsorted(distance, len(row)))
        places = len(row) - 1 - distance[:near]
        spent += (near + 1) * len(row)
        if len(probed) == _PROBED_ROWS or (probed and spent > _PROBED_STEPS):
            break
        others = _others(pool, row[places], rng)
        variants.append(row)
        for place, other in zip(places, others, strict=True):
            variant = row.copy()
            variant[place] = pool[other]
            variants.append(variant)
        probed.append(near)
    changes: NDArray[np.float64] = np.zeros(len(distance))
    counts = np.zeros(len(distance), dtype=np.int64)
    ends = np.cumsum([near + 1 for near in probed]).tolist()
    everything = scores_of(network, variants)
    for near, end in zip(probed, ends, strict=True):
        scores = everything[end - near - 1 : end]
        odds = log_odds(scores, scores[:1].argmax(1).expand(len(scores))).double().numpy()
        changes[:near] += np.abs(odds[1:] - odds[0])
        counts[:near] += 1
    return changes / counts, len(probed)


def _others(pool: NDArray[Any], steps: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each of ``steps`` the place in ``pool`` of one that is another."""
    others = rng.integers(0, len(pool), len(steps))
    for _ in range(10):
        (same,) = np.nonzero(_same(pool[others], steps))
        if not len(same):
            return others
        others[same] = rng.integers(0, len(pool), len(same))
    for place in np.flatnonzero(_same(pool[others], steps)):  # nearly all of the pool is this step
        others[place] = rng.choice(np.flatnonzero(~_same(pool, steps[place][None])))
    return others


def _same(steps: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = (steps == others).reshape(len(steps), -1).all(1)
    return equal


def _far_rows_first(rows: Sequence[NDArray[Any]], far: int, rng: np.random.Generator) -> list[int]:
    """All rows in random order, but a row that reaches the furthest distance first, so that none is without a row."""
    order: list[int] = rng.permutation(len(rows)).tolist()
    first = next(i for i in order if len(rows[i]) > far)
    return [first, *(i for i in order if i != first)]


def _far_enough(reached: NDArray[np.int64], rows: int) -> int:
    """How many distances enough of the rows are long enough for."""
    return int(np.count_nonzero(reached >= max(1.0, _FEWEST * rows)))


def _thinned(far: int) -> NDArray[np.int64]:
    """Distances 0 … ``far`` − 1: all near ones, then ever fewer."""
    found = np.unique(np.concatenate([np.arange(min(far, 10)), np.geomspace(10, max(far - 1, 10), 20).astype(int)]))
    return np.append(found[found < far - 1], far - 1)
