"""The data of the report's page, as docs/report-format.md has it: version 1."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from latchwork.errors import DataError
from latchwork.explain.attribution import integrated_gradients
from latchwork.explain.gates import gates
from latchwork.explain.inside import inside
from latchwork.explain.layers import BYTES
from latchwork.explain.memory import gradient_flow, influence
from latchwork.explain.occlusion import deletion
from latchwork.explain.odds import scores_of
from latchwork.explain.report_format import LIMIT, cell_data, layers_data, packed, report_data, size_of
from latchwork.explain.sentences import flow_sentence, half_life_sentence, influence_sentence, words_sentence
from latchwork.explain.survey import Unit, Word, survey
from latchwork.nn.recurrent import Recurrent
from latchwork.tasks.classifier import SequenceClassifier
from latchwork.tasks.encoders import UNSEEN, TextEncoder
from latchwork.tasks.network import SequenceNetwork
from latchwork.tasks.sequences import rows_of

ENOUGH = 20
"""Rows, to measure what the cells remember."""

_SURVEYED, _FOLLOWED, _DELETED = 1_000, 200, 40  # rows at most: of the survey, the gradient flow, the deletion curves
_SHARE_OF_UNITS = 0.35  # of all bytes, for what is known of each unit
_FEWEST_COLUMNS = 100  # numbers a step: rather fewer sequences than fewer of these
_READABLE = 60  # steps that can be taken in at a glance
_LONGEST_STEP = 80  # characters of a step's name; more are cut
_CHANNELS = 8  # of a series, at most
_SHARE_OF_INPUT = 0.25  # of all bytes, for one sequence's text or series


def page_data(
    models: Mapping[str, SequenceClassifier],
    rows: Any,
    labels: Sequence[Any] | None = None,
    *,
    shown: int = 8,
    first: Sequence[int] = (),
    title: str = "",
    held_out: bool = False,
    limit: int = LIMIT,
) -> dict[str, Any]:
    """What the page shows of models side by side on some rows, at best such as none was fitted on.

    Args:
        models: name → a fitted model; all of the same classes and data.
        rows: texts or series, as the models take them.
        labels: the true class of each row, where known.
        shown: how many sequences to look into; such as the models disagree on take turns with others.
        first: the places of rows that come before all others.
        title: what the data is called.
        held_out: whether it is known that no model was fitted on the rows; the page says so.
        limit: bytes that the JSON may take; where all would take more, units, then sequences at the end are left out.

    Raises:
        DataError: no models, rows without steps, or models that cannot be shown side by side.
    """
    if not models:
        raise DataError("there is no model to show; give at least one")
    rows = list(rows_of(rows))
    found = [_Model(name, model, rows) for name, model in models.items()]
    leader = found[0]
    _check_alike(found)
    truth = _truth(leader, labels, len(rows))
    full = [i for i, row in enumerate(leader.encoded) if len(row)]
    if not full:
        raise DataError("there is nothing to show: no row has a step")
    places = _chosen(found, full, shown, first)
    data = report_data(
        title,
        [str(c) for c in leader.model.classes_.tolist()],
        [cell_data(model.name, model.network.recurrent) for model in found],
        _memory(found, full, truth, limit, held_out) if len(full) >= ENOUGH else None,
    )
    left = limit - size_of(data)
    frames = [leader.sequence(rows[place], place, truth, _SHARE_OF_INPUT * limit) for place in places]
    while True:
        steps = sum(len(frame["steps"]) for frame in frames)
        runs = steps * (len(data["classes"]) + 2) * BYTES + 1_000 * len(frames)
        columns = ((left - size_of(frames)) / len(found) - runs) / (steps * BYTES)
        if len(frames) == 1 or columns >= _FEWEST_COLUMNS:
            break
        frames.pop()
    for place, frame in zip(places, frames, strict=False):
        budget = 0.97 * columns * len(frame["steps"]) * BYTES  # names and brackets take their part
        frame["runs"] = {model.name: model.run(place, budget) for model in found}
    data["sequences"] = frames
    return data


class _Model:
    """A model with the rows as it reads them, on the CPU."""

    def __init__(self, name: str, model: SequenceClassifier, rows: list[Any]) -> None:
        self.name = name
        self.model = model
        self.encoded = model.encode(rows) if rows else []
        # The caller's model stays where it is.
        self.network = copy.deepcopy(model.network_).cpu().eval()
        self.graph = self.network.recurrent.cell.graph
        self.scores = scores_of(self.network, self.encoded)
        self.words: list[str] | None = None
        if isinstance(model.encoder_, TextEncoder):
            numbered = model.encoder_.tokenizer.get_vocab()
            self.words = [_short(word) for word in sorted(numbered, key=lambda word: numbered[word])]
        self.rows = rows

    def steps(self, place: int) -> list[str]:
        """The words of a row, or the names of its steps."""
        if isinstance(self.model.encoder_, TextEncoder):
            text = self.rows[place]
            return [_short(text[a:b]) for a, b in self.model.encoder_.spans(text)]
        return [f"step {t + 1}" for t in range(len(self.encoded[place]))]

    def sequence(self, row: Any, place: int, truth: Sequence[int | None], room: float) -> dict[str, Any]:
        """SEQUENCE, without its runs; ``room``: bytes for the text or the series, which are cut or left out for it."""
        encoder, label = self.model.encoder_, truth[place]
        text, spans, series = None, [], None
        unseen = None
        if isinstance(encoder, TextEncoder):
            unseen = encoder.tokenizer.token_to_id(UNSEEN)
            spans = [list(span) for span in encoder.spans(row)]
            text = row[: spans[-1][1]]  # what the model did not read is not shown
            if size_of(text) > room:
                text, spans = None, []
        else:
            numbers = np.asarray(row, dtype=np.float64).reshape(len(row), -1)
            channels = min(_CHANNELS, int(room / (len(row) * BYTES)))
            series = packed(numbers[:, :channels]) if channels else None
        return {
            "text": text,
            "steps": self.steps(place),
            "spans": spans,
            "unseen": [unseen is not None and bool(token == unseen) for token in self.encoded[place]],
            "series": series,
            "label": None if label is None else str(self.model.classes_[label]),
        }

    def run(self, place: int, budget: float) -> dict[str, Any]:
        """RUN, its layers within ``budget`` bytes."""
        found = inside(self.network, self.encoded[place], budget=budget)
        return {
            "probabilities": _plain(found.probabilities),
            "predicted": found.predicted,
            "grows": packed(found.grows),
            "moved": packed(found.moved),
            "occluded": packed(found.occluded),
            "completeness_error": _number(found.completeness_error),
            "score": _number(found.score),
            "baseline": _number(found.baseline),
            "layers": layers_data(found.layers),
        }

    def memory(self, places: Sequence[int], truth: Sequence[int | None], room: float) -> dict[str, Any]:
        """One cell of MEMORY; ``room``: bytes for its units."""
        targets = self.scores.argmax(1).tolist()
        targets = [targets[i] if truth[i] is None else truth[i] for i in range(len(targets))]
        followed = places[:_FOLLOWED]
        rows, classes = [self.encoded[i] for i in followed], [targets[i] for i in followed]
        where = _where(self.name, self.network.recurrent)
        flow, flow_said = None, f"{where}: the loss does not depend on the memory, so no gradient flows."
        try:
            fitted = gradient_flow(self.network, rows, classes)
            start = gradient_flow(before_training(self.model), rows, classes)
        except DataError:  # a cell that has died, as rectified units can
            pass
        else:
            flow_said = flow_sentence(where, fitted, start)
            flow = {
                "distance": fitted.distance.tolist(),
                "fitted": _plain(fitted.together),
                "start": _plain(start.together),
                "reach": _number(fitted.reach),
                "start_reach": _number(start.reach),
                "rows": len(rows),
            }
        surveyed = [self.encoded[i] for i in places]
        moves = influence(self.network, surveyed)
        found = survey(self.network, surveyed, lambda row: self.steps(places[row]), self.words)
        keep = gates(self.graph).keep
        lives = found.half_life
        return {
            "half_life": None if lives is None else _plain(lives),
            "flow": flow,
            "influence": {
                "distance": moves.distance.tolist(),
                "gradient": _plain(moves.gradient),
                "replaced": None if moves.replaced is None else _plain(moves.replaced),
                "rows": len(surveyed),
                "replaced_rows": moves.probed,
            },
            "words": None
            if found.keeps is None or found.lets_go is None
            else {"keeps": _words(found.keeps), "lets_go": _words(found.lets_go)},
            "sentences": {
                "half_life": half_life_sentence(where, lives, None if keep is None else keep.label),
                "flow": flow_said,
                "influence": influence_sentence(self.name, moves, "step" if self.words is None else "word"),
                "words": None
                if keep is None or found.keeps is None or found.lets_go is None or found.kept is None
                else words_sentence(where, keep, found.keeps, found.lets_go, found.kept),
            },
            "units": _units(found.units, room),
        }

    def deletion(self, places: Sequence[int]) -> dict[str, Any]:
        """The deletion curves."""
        rows = [self.encoded[i] for i in places]
        predicted = [int(self.scores[i].argmax()) for i in places]
        moved = [
            integrated_gradients(self.network, torch.from_numpy(row), target).steps
            for row, target in zip(rows, predicted, strict=True)
        ]
        found = deletion(self.network, rows, moved)
        return {
            "share": _plain(found.share),
            "by_attribution": _plain(found.by_attribution),
            "random": _plain(found.random),
            "rows": found.rows,
        }


def before_training(model: SequenceClassifier) -> SequenceNetwork:
    """The network as ``model``'s training began with it, or another draw where its seed is not a number."""
    seed = int(check_random_state(copy.deepcopy(model.random_state)).randint(2**31 - 1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SequenceNetwork(model.cell, model.network_.shape).eval()


def _check_alike(models: Sequence[_Model]) -> None:
    first = models[0]
    if len(first.model.classes_) < 2:
        raise DataError("the model knows one class alone, so there is nothing that could move its decision")
    for other in models[1:]:
        if other.model.classes_.tolist() != first.model.classes_.tolist():
            raise DataError(f"{first.name} and {other.name} know other classes; show models of the same data together")
        if [len(row) for row in other.encoded] != [len(row) for row in first.encoded]:
            raise DataError(
                f"{first.name} and {other.name} read the rows in other lengths; fit them with the same max_length"
            )


def _truth(model: _Model, labels: Sequence[Any] | None, rows: int) -> list[int | None]:
    """The class number of each row, None where unknown."""
    if labels is None:
        return [None] * rows
    if len(labels) != rows:
        raise DataError(f"there are {rows} rows and {len(labels)} labels; give one each, or none at all")
    numbers = {c: i for i, c in enumerate(model.model.classes_.tolist())}
    plain = np.asarray(labels).tolist()
    strange = [label for label in plain if label is not None and label not in numbers]
    if strange:
        raise DataError(f"the label {strange[0]!r} is no class of the models: {', '.join(map(str, numbers))}")
    return [None if label is None else numbers[label] for label in plain]


def _chosen(models: Sequence[_Model], full: Sequence[int], shown: int, first: Sequence[int]) -> list[int]:
    """The places of the rows to look into."""
    encoded = models[0].encoded
    wrong = [place for place in first if not 0 <= place < len(encoded) or not len(encoded[place])]
    if wrong:
        raise DataError(f"first must name rows that have steps, 0 to {len(encoded) - 1}, not {wrong}")
    predicted = np.stack([model.scores.argmax(1).numpy() for model in models])
    # Those that can be read at a glance come first.
    order = sorted(full, key=lambda place: len(encoded[place]) > _READABLE)
    agreed = [place for place in order if len(set(predicted[:, place].tolist())) == 1]
    torn = [place for place in order if place not in set(agreed)]
    turns = [place for pair in zip(agreed, torn, strict=False) for place in pair]
    longer = max(agreed, torn, key=len)
    return list(dict.fromkeys([*first, *turns, *longer[len(turns) // 2 :]]))[: max(1, shown, len(first))]


def _memory(
    models: Sequence[_Model], full: Sequence[int], truth: Sequence[int | None], limit: int, held_out: bool
) -> dict[str, Any]:
    drawn_rows = np.random.default_rng(0).permutation(len(full))[:_SURVEYED]
    places = [full[i] for i in drawn_rows]
    room = _SHARE_OF_UNITS * limit / len(models)
    return {
        "sequences": len(places),
        "held_out": held_out,
        "cells": {model.name: model.memory(places, truth, room) for model in models},
        "deletion": {model.name: model.deletion(places[:_DELETED]) for model in models},
    }


def _units(units: Sequence[Unit], room: float) -> list[dict[str, Any]]:
    """What is known of each unit; where it would not fit, of those that fire most."""
    found = [
        {
            "unit": unit.unit,
            "histograms": {name: list(bins) for name, bins in unit.histograms.items()},
            "opens": None if unit.opens is None else [[word, _number(mean)] for word, mean in unit.opens],
            "closes": None if unit.closes is None else [[word, _number(mean)] for word, mean in unit.closes],
            "fires": [{"words": list(f.words), "at": f.at, "value": _number(f.value)} for f in unit.fires],
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


def _where(name: str, recurrent: Recurrent) -> str:
    """The cell's name, and which of its layers and directions was measured where there are several."""
    layer = ["last layer"] * (recurrent.num_layers > 1)
    direction = ["forward direction"] * (recurrent.directions > 1)
    return f"{name} ({', '.join([*layer, *direction])})" if layer or direction else name


def _short(step: str) -> str:
    return step if len(step) <= _LONGEST_STEP else f"{step[: _LONGEST_STEP - 1]}…"


def _words(words: Sequence[Word]) -> list[list[Any]]:
    return [[word.word, _number(word.kept), word.count] for word in words]


def _plain(numbers: NDArray[np.float64]) -> list[float | None]:
    return [_number(number) for number in numbers.tolist()]


def _number(number: float | None) -> float | None:
    """Five digits, which is more than anyone reads; None for what is no number or has no end."""
    return None if number is None or not math.isfinite(number) else float(f"{number:.5g}")
