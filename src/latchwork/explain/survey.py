"""What every unit does over data: how open its gates stand, which words open and close them, and where it fires.

Running sums alone are kept, so that the memory taken does not grow with the number of sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latchwork.explain.gates import gates
from latchwork.explain.memory import half_life, log_kept
from latchwork.explain.odds import batches, checked
from latchwork.language.graph import Graph
from latchwork.tasks.batches import collate
from latchwork.tasks.encoders import PADDING, UNSEEN
from latchwork.tasks.network import SequenceNetwork

BINS = 20
_TOP = 5
_LEAST_COUNT = 3  # how often a word must occur for the mean of its gate to say something
_COMMON = 20  # and how often for that of all units: differences between words are small there
_AROUND = 4  # words shown on either side
_STEPS = 8_192


@dataclass(frozen=True)
class Fires:
    """A place where a unit's value is far from 0: the steps around it, which of them it is, and the value."""

    words: tuple[str, ...]
    at: int
    value: float


@dataclass(frozen=True)
class Unit:
    """One unit of the last layer, forward direction.

    Attributes:
        unit: its number.
        histograms: name → (20,) how often the value fell in each twentieth, of 0 to 1 for a gate and of −1 to 1 for
            the rest; what lies outside counts in the outermost.
        opens, closes: words with the highest and the lowest mean keep gate, each with that mean; None for a series, or
            for a cell that keeps nothing.
        fires: where its output is furthest from 0, at most once a sequence.
    """

    unit: int
    histograms: dict[str, tuple[int, ...]]
    opens: tuple[tuple[str, float], ...] | None
    closes: tuple[tuple[str, float], ...] | None
    fires: tuple[Fires, ...]


@dataclass(frozen=True)
class Word:
    """A word, the mean of the keep gates of all units at it, how often it occurred, and the mean's standard error."""

    word: str
    kept: float
    count: int
    error: float = 0.0


@dataclass(frozen=True)
class Survey:
    """What was found over the data.

    Attributes:
        half_life: (H,) steps, infinite for a unit that never forgets, or None without a keep gate.
        units: all H.
        keeps, lets_go: of the words that occur 20 times or more, those at which most and least of the memory is kept,
            the extreme first; None for a series, or for a cell that keeps nothing.
        kept: the mean of the keep gates of all units over all steps, None without one.
    """

    half_life: NDArray[np.float64] | None
    units: tuple[Unit, ...]
    keeps: tuple[Word, ...] | None
    lets_go: tuple[Word, ...] | None
    kept: float | None = None


def survey(
    network: SequenceNetwork,
    rows: Sequence[NDArray[Any]],
    steps: Callable[[int], Sequence[str]],
    vocabulary: Sequence[str] | None = None,
) -> Survey:
    """Go through data in batches and tell what each unit does.

    Args:
        network: in evaluation mode.
        rows: encoded sequences, (T,) token numbers or (T, I) each; empty ones are left out.
        steps: the number of a row → the words or names of its steps; asked for a few rows only.
        vocabulary: token number → word, for texts.

    Raises:
        DataError: no row has a step.
    """
    full = [number for number, row in enumerate(rows) if len(row)]
    rows = checked(rows)
    recurrent = network.recurrent
    graph = recurrent.cell.graph
    parts = gates(graph)
    names = [name for name, value in graph.traced.items() if graph.sizes[value] == "H"]
    shown = next((s.name or "" for s in graph.states if graph.sizes[s] == "H"), names[-1])
    units = recurrent.hidden_size
    counts = {name: torch.zeros(units * BINS, dtype=torch.int64) for name in names}
    logs, total, seen = torch.zeros(units, dtype=torch.float64), 0.0, 0
    by_word = None if vocabulary is None or parts.keep is None else _Means(len(vocabulary), units)
    firing = _Firing(units)
    device = network.head.weight.device
    for chosen in batches(rows, _STEPS):
        batch = collate(rows, chosen, device)
        with torch.no_grad():
            _, _, traces = recurrent(network.features(batch.inputs), lengths=batch.lengths, return_trace=True)
        trace = traces[len(traces) - recurrent.directions]
        valid = (torch.arange(len(batch.inputs))[:, None] < batch.lengths).to(device)
        for name in names:
            counts[name] += _histogram(trace[name][valid], graph, name)
        firing.add(trace[shown].masked_fill(~valid[..., None], 0).cpu(), chosen)
        if parts.keep is not None:
            keep = parts.keep.shares(trace, parts.graph)[valid]
            logs += log_kept(keep).sum(0)
            total += float(keep.mean(1).sum())
            seen += len(keep)
            if by_word is not None:
                tokens = batch.inputs[valid].cpu()
                # Of a token that is read as several numbers, the first is its word.
                by_word.add(tokens if tokens.ndim == 1 else tokens[:, 0], keep.cpu())
    opens = closes = keeps = lets_go = None
    if by_word is not None and vocabulary is not None:
        opens, closes = by_word.extremes(vocabulary)
        keeps, lets_go = by_word.common(vocabulary)
    fires = firing.contexts(lambda row: steps(full[row]))
    found = [
        Unit(
            unit,
            {name: tuple(counts[name][unit * BINS : (unit + 1) * BINS].tolist()) for name in names},
            None if opens is None else opens[unit],
            None if closes is None else closes[unit],
            fires[unit],
        )
        for unit in range(units)
    ]
    lives = None if parts.keep is None else half_life((logs / seen).numpy())
    return Survey(lives, tuple(found), keeps, lets_go, total / seen if seen else None)


def _histogram(values: Tensor, graph: Graph, name: str) -> Tensor:
    """(N, H) → (H · 20,) counts."""
    share = values if graph.names[name].op == "sigmoid" else (values + 1) / 2
    bins = (share * BINS).to(torch.int64).clamp_(0, BINS - 1)
    bins += torch.arange(values.shape[1], device=values.device) * BINS
    return torch.bincount(bins.flatten(), minlength=values.shape[1] * BINS).cpu()


class _Means:
    """The mean of each unit's keep gate at each word."""

    def __init__(self, words: int, units: int) -> None:
        self.sums = torch.zeros(words, units)
        self.squares = torch.zeros(words, dtype=torch.float64)  # of the mean over units
        self.counts = torch.zeros(words, dtype=torch.int64)

    def add(self, tokens: Tensor, keep: Tensor) -> None:
        """Token numbers (N,) and what was kept at them (N, H)."""
        self.sums.index_add_(0, tokens, keep.float())
        self.squares.index_add_(0, tokens, keep.double().mean(1).square())
        self.counts += torch.bincount(tokens, minlength=len(self.counts))

    def extremes(self, vocabulary: Sequence[str]) -> tuple[list[Any], list[Any]]:
        """For each unit the words with the highest and with the lowest means."""
        words, names = self._frequent(vocabulary, _LEAST_COUNT)
        means = self.sums[words] / self.counts[words, None]

        def extreme(largest: bool) -> list[Any]:
            found = means.topk(min(_TOP, len(names)), 0, largest=largest)
            pairs = zip(found.indices.T.tolist(), found.values.T.tolist(), strict=True)
            return [tuple((names[i], mean) for i, mean in zip(*unit, strict=True)) for unit in pairs]

        return extreme(True), extreme(False)

    def common(self, vocabulary: Sequence[str]) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
        """The words at which all units together keep most, and least."""
        words, names = self._frequent(vocabulary, _COMMON)
        counts = self.counts[words]
        means = self.sums[words].double().mean(1) / counts
        errors = ((self.squares[words] / counts - means.square()).clamp(min=0) / (counts - 1)).sqrt()
        columns = (column.tolist() for column in (means, counts, errors))
        found = sorted(map(Word, names, *columns), key=lambda word: -word.kept)
        top = min(_TOP, len(found) // 2)  # no word is both
        return tuple(found[:top]), tuple(found[::-1][:top])

    def _frequent(self, vocabulary: Sequence[str], least: int) -> tuple[Tensor, list[str]]:
        """The numbers and names of the words that occurred so often."""
        known = torch.tensor([word not in (PADDING, UNSEEN) for word in vocabulary], dtype=torch.bool)
        words = ((self.counts >= least) & known).nonzero()[:, 0]
        return words, [vocabulary[word] for word in words.tolist()]


class _Firing:
    """The places where each unit's value is furthest from 0."""

    def __init__(self, units: int) -> None:
        self.values = torch.zeros(0, units)
        self.rows = torch.zeros(0, units, dtype=torch.int64)
        self.places = torch.zeros(0, units, dtype=torch.int64)

    def add(self, values: Tensor, rows: NDArray[np.intp]) -> None:
        """Values (T, B, H), 0 past a row's end, of the rows of these numbers."""
        places = values.abs().argmax(0)
        extreme = values.gather(0, places[None])[0]
        numbers = torch.from_numpy(rows)[:, None].expand_as(places)
        self.values = torch.cat([self.values, extreme.float()])
        self.rows = torch.cat([self.rows, numbers])
        self.places = torch.cat([self.places, places])
        best = self.values.abs().topk(min(_TOP, len(self.values)), 0).indices
        self.values, self.rows, self.places = (t.gather(0, best) for t in (self.values, self.rows, self.places))

    def contexts(self, steps: Callable[[int], Sequence[str]]) -> list[tuple[Fires, ...]]:
        """For each unit, its places with the steps around them."""
        names = {row: steps(row) for row in set(self.rows.flatten().tolist())}

        def context(row: int, place: int, value: float) -> Fires:
            start = max(0, place - _AROUND)
            return Fires(tuple(names[row][start : place + _AROUND + 1]), place - start, value)

        columns = (self.rows.T.tolist(), self.places.T.tolist(), self.values.T.tolist())
        return [tuple(map(context, *unit)) for unit in zip(*columns, strict=True)]
