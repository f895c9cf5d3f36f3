"""The page of classifiers: what moved a decision on the whole sequence, and how far back its end remembers."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

from latchwork.errors import DataError
from latchwork.explain.attribution import integrated_gradients
from latchwork.explain.inside import inside
from latchwork.explain.layers import BYTES
from latchwork.explain.memory import gradient_flow, influence
from latchwork.explain.occlusion import deletion
from latchwork.explain.odds import scores_of
from latchwork.explain.pages.page import (
    ENOUGH,
    READABLE,
    SHARE_OF_UNITS,
    check_first,
    half_lives_data,
    network_of,
    number,
    plain,
    series_data,
    short,
    survey_sentences,
    surveyed,
    taking_turns,
    units_data,
    where_measured,
    words_data,
)
from latchwork.explain.report_format import layers_data, packed, size_of
from latchwork.explain.sentences import flow_sentence, influence_sentence
from latchwork.explain.survey import survey
from latchwork.tasks.classifier import SequenceClassifier
from latchwork.tasks.encoders import UNSEEN, TextEncoder
from latchwork.tasks.network import SequenceNetwork
from latchwork.tasks.sequences import rows_of

_FOLLOWED, _DELETED = 200, 40  # rows at most: of the gradient flow, the deletion curves
_RUN = 1_000  # bytes of a run that do not grow with its steps


class ClassifyPage:
    """Classifiers side by side on texts or series."""

    def __init__(self, models: Mapping[str, SequenceClassifier], rows: Any, labels: Any, held_out: bool) -> None:
        self._held_out = held_out
        self._rows = list(rows_of(rows))
        self._models = {name: _Model(name, model, self._rows) for name, model in models.items()}
        self._leader = next(iter(self._models.values()))
        _check_alike(list(self._models.values()))
        self._truth = _truth(self._leader, labels, len(self._rows))
        self._full = [i for i, row in enumerate(self._leader.encoded) if len(row)]
        if not self._full:
            raise DataError("there is nothing to show: no row has a step")
        self.recurrents = {name: model.network.recurrent for name, model in self._models.items()}
        self.classes = [str(c) for c in self._leader.model.classes_.tolist()]

    def places(self, shown: int, first: Sequence[int], limit: int) -> list[int]:
        """The places of the rows to look into."""
        encoded = self._leader.encoded
        check_first(first, self._full, len(encoded))
        predicted = np.stack([model.scores.argmax(1).numpy() for model in self._models.values()])
        # Those that can be read at a glance come first.
        order = sorted(self._full, key=lambda place: len(encoded[place]) > READABLE)
        agreed = [place for place in order if len(set(predicted[:, place].tolist())) == 1]
        torn = [place for place in order if place not in set(agreed)]
        return taking_turns(first, agreed, torn, shown)

    def sequence(self, place: int, room: float) -> dict[str, Any]:
        """SEQUENCE, without its runs; its text or series is cut or left out for the room."""
        row, leader, label = self._rows[place], self._leader, self._truth[place]
        encoder = leader.model.encoder_
        text, spans, series = None, [], None
        unseen = None
        if isinstance(encoder, TextEncoder):
            unseen = encoder.tokenizer.token_to_id(UNSEEN)
            spans = [list(span) for span in encoder.spans(row)]
            text = row[: spans[-1][1]]  # what the model did not read is not shown
            if size_of(text) > room:
                text, spans = None, []
        else:
            series = series_data(row, room)
        return {
            "text": text,
            "steps": leader.steps(place),
            "spans": spans,
            "unseen": [unseen is not None and bool(token == unseen) for token in leader.encoded[place]],
            "series": series,
            "label": None if label is None else str(leader.model.classes_[label]),
        }

    def beside(self, frame: Mapping[str, Any]) -> float:
        """The bytes of what is not a layer's."""
        return len(frame["steps"]) * (len(self.classes) + 2) * BYTES + _RUN

    def run(self, name: str, place: int, budget: float) -> dict[str, Any]:
        """RUN."""
        return self._models[name].run(place, budget)

    def memory(self, limit: int) -> dict[str, Any] | None:
        """MEMORY, on the rows that have steps."""
        if len(self._full) < ENOUGH:
            return None
        places = surveyed(self._full)
        room = SHARE_OF_UNITS * limit / len(self._models)
        return {
            "sequences": len(places),
            "held_out": self._held_out,
            "cells": {name: model.memory(places, self._truth, room) for name, model in self._models.items()},
            "deletion": {name: model.deletion(places[:_DELETED]) for name, model in self._models.items()},
        }


class _Model:
    """A model with the rows as it reads them, on the CPU."""

    def __init__(self, name: str, model: SequenceClassifier, rows: list[Any]) -> None:
        self.name = name
        self.model = model
        self.encoded = model.encode(rows) if rows else []
        self.network = network_of(model)
        self.scores = scores_of(self.network, self.encoded)
        self.words: list[str] | None = None
        if isinstance(model.encoder_, TextEncoder):
            numbered = model.encoder_.tokenizer.get_vocab()
            self.words = [short(word) for word in sorted(numbered, key=lambda word: numbered[word])]
        self.rows = rows

    def steps(self, place: int) -> list[str]:
        """The words of a row, or the names of its steps."""
        if isinstance(self.model.encoder_, TextEncoder):
            text = self.rows[place]
            return [short(text[a:b]) for a, b in self.model.encoder_.spans(text)]
        return [f"step {t + 1}" for t in range(len(self.encoded[place]))]

    def run(self, place: int, budget: float) -> dict[str, Any]:
        """RUN, its layers within ``budget`` bytes."""
        found = inside(self.network, self.encoded[place], budget=budget)
        return {
            "probabilities": plain(found.probabilities),
            "predicted": found.predicted,
            "grows": packed(found.grows),
            "moved": packed(found.moved),
            "occluded": packed(found.occluded),
            "completeness_error": number(found.completeness_error),
            "score": number(found.score),
            "baseline": number(found.baseline),
            "layers": layers_data(found.layers),
        }

    def memory(self, places: Sequence[int], truth: Sequence[int | None], room: float) -> dict[str, Any]:
        """One cell of MEMORY; ``room``: bytes for its units."""
        targets = self.scores.argmax(1).tolist()
        targets = [targets[i] if truth[i] is None else truth[i] for i in range(len(targets))]
        followed = places[:_FOLLOWED]
        rows, classes = [self.encoded[i] for i in followed], [targets[i] for i in followed]
        where = where_measured(self.name, self.network.recurrent)
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
                "fitted": plain(fitted.together),
                "start": plain(start.together),
                "reach": number(fitted.reach),
                "start_reach": number(start.reach),
                "rows": len(rows),
            }
        moved_by = [self.encoded[i] for i in places]
        moves = influence(self.network, moved_by)
        found = survey(self.network, moved_by, lambda row: self.steps(places[row]), self.words)
        said = survey_sentences(where, self.network, found)
        return {
            "half_life": half_lives_data(found),
            "flow": flow,
            "influence": {
                "distance": moves.distance.tolist(),
                "gradient": plain(moves.gradient),
                "replaced": None if moves.replaced is None else plain(moves.replaced),
                "rows": len(moved_by),
                "replaced_rows": moves.probed,
            },
            "words": words_data(found),
            "sentences": {
                "half_life": said["half_life"],
                "flow": flow_said,
                "influence": influence_sentence(self.name, moves, "step" if self.words is None else "word"),
                "words": said["words"],
            },
            "units": units_data(found.units, room),
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
            "share": plain(found.share),
            "by_attribution": plain(found.by_attribution),
            "random": plain(found.random),
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
    given = np.asarray(labels).tolist()
    strange = [label for label in given if label is not None and label not in numbers]
    if strange:
        raise DataError(f"the label {strange[0]!r} is no class of the models: {', '.join(map(str, numbers))}")
    return [None if label is None else numbers[label] for label in given]
