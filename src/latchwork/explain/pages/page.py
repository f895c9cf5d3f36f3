"""What a task says of its models and rows for the page, and what all tasks have in common."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.explain.gates import gates
from latchwork.explain.layers import layers
from latchwork.explain.outcomes.shares import features_of
from latchwork.explain.report_format import layers_data, packed, size_of
from latchwork.explain.sentences import half_life_sentence, words_sentence
from latchwork.explain.survey import Survey, Unit, Word, survey
from latchwork.nn.recurrent import Recurrent
from latchwork.tasks.network import SequenceNetwork

ENOUGH = 20
"""Rows, to measure what the cells remember."""

SHARE_OF_UNITS = 0.35
"""Of all bytes, for what is known of each unit."""

CHANNELS = 8
"""Of a series, at most."""

READABLE = 60
"""Steps that can be taken in at a glance."""

_SURVEYED = 1_000  # rows at most
_LONGEST_STEP = 80  # characters of a step's name; more are cut

NOTHING_DECIDED: Mapping[str, None] = {
    "probabilities": None,
    "predicted": None,
    "grows": None,
    "moved": None,
    "occluded": None,
    "completeness_error": None,
    "score": None,
    "baseline": None,
}
"""RUN's keys that are of a decision on the whole sequence, for tasks that have none."""


class TaskPage(Protocol):
    """Models side by side on some rows."""

    def __init__(self, models: Mapping[str, Any], rows: Any, labels: Any, held_out: bool) -> None:
        """Read the rows. Raises DataError where there is none with a step, or the models do not fit each other."""

    @property
    def recurrents(self) -> Mapping[str, Recurrent]:
        """Name → the recurrent layers."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of classes or labels; none for other tasks."""

    def places(self, shown: int, first: Sequence[int], limit: int) -> Sequence[Any]:
        """What to look into, at most so many, the best first; those of the rows ``first`` come before all others."""

    def sequence(self, place: Any, room: float) -> dict[str, Any]:
        """SEQUENCE without its runs; ``room``: bytes for its text or series."""

    def beside(self, frame: Mapping[str, Any]) -> float:
        """Bytes of a model's run on such a sequence, without its layers."""

    def run(self, name: str, place: Any, budget: float) -> dict[str, Any]:
        """RUN of a model, its layers within ``budget`` bytes."""

    def memory(self, limit: int) -> dict[str, Any] | None:
        """MEMORY; None of too few rows."""


def network_of(model: Any) -> SequenceNetwork:
    """The model's network, on the CPU: the caller's stays where it is."""
    network: SequenceNetwork = copy.deepcopy(model.network_).cpu().eval()
    return network


def layers_of(network: SequenceNetwork, row: NDArray[Any], budget: float) -> list[dict[str, Any]]:
    """RUN's layers on one encoded sequence."""
    features = features_of(network, row)
    with torch.no_grad():
        _, _, trace = network.recurrent(features, return_trace=True)
    return layers_data(layers(network.recurrent, features, trace, budget=budget))


def surveyed(full: Sequence[int]) -> list[int]:
    """The rows that memory is measured on: all, or of many some at random."""
    return [full[i] for i in np.random.default_rng(0).permutation(len(full))[:_SURVEYED]]


def step_memory(
    networks: Mapping[str, SequenceNetwork],
    rows: Mapping[str, Sequence[NDArray[Any]]],
    steps: Callable[[int], Sequence[str]],
    vocabulary: Mapping[str, Sequence[str] | None],
    limit: int,
    held_out: bool,
) -> dict[str, Any]:
    """MEMORY of models that score every step: what their gates and units did; how far back the end of a sequence
    remembers has no meaning for them."""
    room = SHARE_OF_UNITS * limit / len(networks)
    return {
        "sequences": len(next(iter(rows.values()))),
        "held_out": held_out,
        "cells": {
            name: _cell_memory(name, network, survey(network, rows[name], steps, vocabulary[name]), room)
            for name, network in networks.items()
        },
        "deletion": None,
    }


def _cell_memory(name: str, network: SequenceNetwork, found: Survey, room: float) -> dict[str, Any]:
    where = where_measured(name, network.recurrent)
    return {
        "half_life": half_lives_data(found),
        "flow": None,
        "influence": None,
        "words": words_data(found),
        "sentences": {"flow": None, "influence": None, **survey_sentences(where, network, found)},
        "units": units_data(found.units, room),
    }


def survey_sentences(where: str, network: SequenceNetwork, found: Survey) -> dict[str, str | None]:
    """The sentences on half-lives and on words."""
    keep = gates(network.recurrent.cell.graph).keep
    known = keep is not None and found.keeps is not None and found.lets_go is not None and found.kept is not None
    return {
        "half_life": half_life_sentence(where, found.half_life, None if keep is None else keep.label),
        "words": words_sentence(where, keep, found.keeps, found.lets_go, found.kept)  # type: ignore[arg-type]
        if known
        else None,
    }


def half_lives_data(found: Survey) -> list[float | None] | None:
    """Half-lives as plain numbers; None is never."""
    return None if found.half_life is None else plain(found.half_life)


def words_data(found: Survey) -> dict[str, Any] | None:
    """The words at which the memory stays and goes."""
    if found.keeps is None or found.lets_go is None:
        return None
    return {"keeps": _words(found.keeps), "lets_go": _words(found.lets_go)}


def units_data(units: Sequence[Unit], room: float) -> list[dict[str, Any]]:
    """What is known of each unit; where it would not fit, of those that fire most."""
    found = [
        {
            "unit": unit.unit,
            "histograms": {name: list(bins) for name, bins in unit.histograms.items()},
            "opens": None if unit.opens is None else [[word, number(mean)] for word, mean in unit.opens],
            "closes": None if unit.closes is None else [[word, number(mean)] for word, mean in unit.closes],
            "fires": [{"words": list(f.words), "at": f.at, "value": number(f.value)} for f in unit.fires],
        }
        for unit in units
    ]
    strength = [max((abs(f.value) for f in unit.fires), default=0.0) for unit in units]
    kept: list[int] = []
    for place in sorted(range(len(found)), key=lambda i: -strength[i]):
        room -= size_of(found[place])
        if room < 0 and kept:
            break
        kept.append(place)
    return [found[place] for place in sorted(kept)]


def where_measured(name: str, recurrent: Recurrent) -> str:
    """The cell's name, and which of its layers and directions was measured where there are several."""
    layer = ["last layer"] * (recurrent.num_layers > 1)
    direction = ["forward direction"] * (recurrent.directions > 1)
    return f"{name} ({', '.join([*layer, *direction])})" if layer or direction else name


def series_data(values: Any, room: float) -> dict[str, Any] | None:
    """A series (T, C) as far as it fits into so many bytes: fewer channels, or None."""
    numbers = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    channels = min(CHANNELS, int(room / packed_size(len(numbers), 1)))
    return packed(numbers[:, :channels]) if channels else None


def packed_size(steps: int, columns: int) -> float:
    """Bytes of so many numbers."""
    return steps * columns * 4 * 4 / 3


def check_first(first: Sequence[int], full: Sequence[int], rows: int) -> None:
    """Raises DataError where ``first`` names a row that is not there or has no step."""
    there = set(full)
    wrong = [place for place in first if place not in there]
    if wrong:
        raise DataError(f"first must name rows that have steps, 0 to {rows - 1}, not {wrong}")


def taking_turns(first: Sequence[int], one: Sequence[int], other: Sequence[int], most: int) -> list[int]:
    """``first``, then the others by turns, until there are ``most``."""
    turns = [place for pair in zip(one, other, strict=False) for place in pair]
    longer = max(one, other, key=len)
    return list(dict.fromkeys([*first, *turns, *longer[len(turns) // 2 :]]))[: max(1, most, len(first))]


def short(step: str) -> str:
    """A step's name, cut where it is long."""
    return step if len(step) <= _LONGEST_STEP else f"{step[: _LONGEST_STEP - 1]}…"


def _words(words: Sequence[Word]) -> list[list[Any]]:
    return [[word.word, number(word.kept), word.count] for word in words]


def plain(numbers: NDArray[np.float64]) -> list[float | None]:
    """Numbers as JSON has them."""
    return [number(value) for value in numbers.tolist()]


def number(value: float | None) -> float | None:
    """Five digits, which is more than anyone reads; None for what is no number or has no end."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.5g}")
