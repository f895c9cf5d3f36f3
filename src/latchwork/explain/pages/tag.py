"""The page of taggers: each token with its tag, and what else it could have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latchwork.errors import DataError
from latchwork.explain.layers import BYTES
from latchwork.explain.outcomes.tag import MOST, joined, tagged
from latchwork.explain.pages.page import (
    ENOUGH,
    NOTHING_DECIDED,
    READABLE,
    check_first,
    layers_of,
    network_of,
    series_data,
    short,
    step_memory,
    surveyed,
    taking_turns,
)
from latchwork.explain.report_format import packed, size_of
from latchwork.tasks.encoders import PADDING, UNSEEN
from latchwork.tasks.step_labels import step_labels, steps_of
from latchwork.tasks.tagger import SequenceTagger
from latchwork.tasks.token_encoder import UNSEEN_WORD, TokenEncoder

_NUMBERS = 6  # bytes of a label's number, with its comma


class TagPage:
    """Taggers side by side on lists of tokens, or on series."""

    def __init__(self, models: Mapping[str, SequenceTagger], rows: Any, labels: Any, held_out: bool) -> None:
        self._held_out = held_out
        self._models = dict(models)
        name, self._leader = next(iter(self._models.items()))
        for other, model in self._models.items():
            if model.classes_.tolist() != self._leader.classes_.tolist():
                raise DataError(f"{name} and {other} know other labels; show models of the same data together")
        rows = steps_of(rows)
        self._rows = rows
        self._truth = None if labels is None else step_labels(labels, self._rows, "labels")
        self._networks = {name: network_of(model) for name, model in self._models.items()}
        self._encoded = {name: model.encode(self._rows) for name, model in self._models.items()}
        self._full = [i for i, row in enumerate(self._rows) if len(row)]
        if not self._full:
            raise DataError("there is nothing to show: no row has a token")
        self.recurrents = {name: network.recurrent for name, network in self._networks.items()}
        self.classes = [str(c) for c in self._leader.classes_.tolist()]

    def places(self, shown: int, first: Sequence[int], limit: int) -> list[int]:
        """The places of the rows to look into: such as the models tag alike take turns with others."""
        check_first(first, self._full, len(self._rows))
        said = [model.predict(self._rows) for model in self._models.values()]
        # Those that can be read at a glance come first, and of these such as say something.
        order = sorted(self._full, key=lambda i: (len(self._rows[i]) > READABLE, len(self._rows[i]) < 5))
        agreed = [i for i in order if all(tags[i] == said[0][i] for tags in said)]
        torn = [i for i in order if i not in set(agreed)]
        return taking_turns(first, agreed, torn, shown)

    def sequence(self, place: int, room: float) -> dict[str, Any]:
        """SEQUENCE, without its runs."""
        row, tokens = self._rows[place], isinstance(self._leader.encoder_, TokenEncoder)
        encoded = next(iter(self._encoded.values()))[place]
        text = " ".join(row) if tokens else None
        spans = [list(span) for span in joined(tuple(row))] if tokens else []
        if size_of(text) > room:
            text, spans = None, []
        return {
            "text": text,
            "steps": self._steps(place),
            "spans": spans,
            "unseen": [tokens and bool(t[0] == UNSEEN_WORD) for t in encoded],
            "series": None if tokens else series_data(row, room),
            "label": None,
            "truth": None if self._truth is None else [str(label) for label in self._truth[place]],
        }

    def beside(self, frame: Mapping[str, Any]) -> float:
        """The bytes of the labels and their probabilities."""
        return len(frame["steps"]) * min(MOST, len(self.classes)) * (BYTES + _NUMBERS) + 500

    def run(self, name: str, place: int, budget: float) -> dict[str, Any]:
        """RUN."""
        found = tagged(self._models[name], self._rows[place], self._networks[name])
        return {
            **NOTHING_DECIDED,
            "tag": {"likely": found.likely.tolist(), "probabilities": packed(found.probabilities)},
            "layers": layers_of(self._networks[name], self._encoded[name][place], budget),
        }

    def memory(self, limit: int) -> dict[str, Any] | None:
        """MEMORY."""
        if len(self._full) < ENOUGH:
            return None
        places = surveyed(self._full)
        rows = {name: [encoded[i] for i in places] for name, encoded in self._encoded.items()}
        words = {name: _vocabulary(model) for name, model in self._models.items()}
        return step_memory(self._networks, rows, lambda row: self._steps(places[row]), words, limit, self._held_out)

    def _steps(self, place: int) -> list[str]:
        row = self._rows[place]
        if isinstance(row, np.ndarray):
            return [f"step {t + 1}" for t in range(len(row))]
        return [short(token) for token in row]


def _vocabulary(model: SequenceTagger) -> list[str] | None:
    """The words by their numbers."""
    if not isinstance(model.encoder_, TokenEncoder):
        return None
    return [PADDING, UNSEEN, *map(short, model.encoder_.columns[0])]
