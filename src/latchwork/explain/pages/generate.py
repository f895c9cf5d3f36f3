"""The page of language models: texts with how surprising each character was, and what the models write themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from latchwork.errors import DataError
from latchwork.explain.layers import BYTES
from latchwork.explain.outcomes.generate import MOST, START, UNKNOWN, Foretold, foretold, name_of
from latchwork.explain.pages.page import (
    NOTHING_DECIDED,
    check_first,
    layers_of,
    network_of,
    short,
    step_memory,
    surveyed,
)
from latchwork.explain.report_format import packed
from latchwork.tasks.encoders import PADDING, UNSEEN
from latchwork.tasks.generator import SequenceGenerator
from latchwork.tasks.sequences import rows_of, texts
from latchwork.tasks.symbols import END

_SHOWN = 420  # symbols of a text on the page, at most
_DATA = 3  # texts of the data on the page at most, as the models' own come besides
_PROMPT = 60  # characters of a text that a model goes on from, at most
_TEMPERATURE, _SEED = 0.8, 0
_MEASURED = 2_000  # symbols of a text that memory is measured on, at most
_MEASURED_IN_ALL = 150_000
_ENOUGH = 500  # symbols, to measure what the cells remember
_SYMBOL = 7  # bytes of a symbol's name, with its marks


@dataclass(frozen=True)
class _Own:
    """A text that a model wrote itself: which model, what it went on from, what that and its own make together, and
    whether it ended there."""

    by: str
    prompt: str
    text: str
    ended: bool


class GeneratePage:
    """Language models side by side on documents."""

    def __init__(self, models: Mapping[str, SequenceGenerator], rows: Any, labels: Any, held_out: bool) -> None:
        if labels is not None and any(label is not None for label in labels):
            raise DataError("texts to generate have no labels; leave them out")
        self._held_out = held_out
        self._models = dict(models)
        name, leader = next(iter(self._models.items()))
        for other, model in self._models.items():
            if model.encoder_.to_data() != leader.encoder_.to_data():
                raise DataError(f"{name} and {other} read other symbols; show models of the same data together")
        self._encoder = leader.encoder_
        self._rows = texts([rows] if isinstance(rows, str) else rows_of(rows))
        self._full = [i for i, text in enumerate(self._rows) if text]
        if not self._full:
            raise DataError("there is nothing to show: no document has a character")
        self._networks = {name: network_of(model) for name, model in self._models.items()}
        self._read: dict[tuple[str, str], Foretold] = {}
        self.recurrents = {name: network.recurrent for name, network in self._networks.items()}
        self.classes: list[str] = []

    def places(self, shown: int, first: Sequence[int], limit: int) -> list[int | _Own]:
        """A document, what each model makes of its beginning, and further documents."""
        check_first(first, self._full, len(self._rows))
        # Texts that end within what is shown come first: one sees a whole one.
        order = sorted(self._full, key=lambda i: not _SHOWN // 4 <= len(self._rows[i]) <= _SHOWN)
        chosen = list(dict.fromkeys([*first, *order]))[: max(1, min(shown, _DATA), len(first))]
        prompt = beginning(self._rows[chosen[0]])
        own = [_own(name, model, prompt) for name, model in list(self._models.items())[: max(shown - 1, 0)]]
        return [chosen[0], *own, *chosen[1:]]

    def sequence(self, place: int | _Own, room: float) -> dict[str, Any]:
        """SEQUENCE, without its runs."""
        found = self._foretold(next(iter(self._models)), place)
        own = place if isinstance(place, _Own) else None
        return {
            "text": found.text,
            "steps": [short(step) for step in found.steps],
            "spans": [list(span) for span in found.spans],
            "unseen": list(found.unseen),
            "series": None,
            "label": None,
            "whole": found.whole,
            "written": None
            if own is None
            else {"by": own.by, "prompt": len(own.prompt), "temperature": _TEMPERATURE, "seed": _SEED},
        }

    def beside(self, frame: Mapping[str, Any]) -> float:
        """The bytes of what was expected."""
        return len(frame["steps"]) * (min(MOST, self._encoder.symbols) * (BYTES + _SYMBOL) + BYTES + 6) + 500

    def run(self, name: str, place: int | _Own, budget: float) -> dict[str, Any]:
        """RUN."""
        found = self._foretold(name, place)
        read = len(found.steps) - 1
        row = np.concatenate([[END], self._encoder.numbers(self._text(place))[:read]]).astype(np.int64)
        return {
            **NOTHING_DECIDED,
            "next": {
                "bits": packed(found.bits),
                "rank": [None if rank < 0 else rank for rank in found.rank.tolist()],
                "likely": [list(names) for names in found.likely],
                "probabilities": packed(found.probabilities),
            },
            "layers": layers_of(self._networks[name], row, budget),
        }

    def memory(self, limit: int) -> dict[str, Any] | None:
        """MEMORY, on the beginnings of the documents."""
        places, encoded, left = [], [], _MEASURED_IN_ALL
        for place in surveyed(self._full):
            numbers = self._encoder.numbers(self._rows[place])[:_MEASURED].astype(np.int64)
            if left >= len(numbers):
                places.append(place)
                encoded.append(np.concatenate([[END], numbers]))
                left -= len(numbers)
        if sum(map(len, encoded)) < _ENOUGH:
            return None

        def steps(row: int) -> list[str]:
            return [START, *(self._names[symbol] for symbol in encoded[row][1:].tolist())]

        rows = dict.fromkeys(self._models, encoded)
        vocabulary = [PADDING if n is None else UNSEEN if n == UNKNOWN else n for n in self._symbols]
        return step_memory(self._networks, rows, steps, dict.fromkeys(self._models, vocabulary), limit, self._held_out)

    @cached_property
    def _symbols(self) -> list[str | None]:
        return [name_of(self._encoder, symbol) for symbol in range(self._encoder.symbols)]

    @cached_property
    def _names(self) -> list[str]:
        return [short(name) if name else UNKNOWN for name in self._symbols]

    def _text(self, place: int | _Own) -> str:
        return place.text if isinstance(place, _Own) else self._rows[place]

    def _foretold(self, name: str, place: int | _Own) -> Foretold:
        key = name, self._text(place)
        if key not in self._read:
            ended = place.ended if isinstance(place, _Own) else True
            self._read[key] = foretold(self._models[name], key[1], _SHOWN, self._networks[name], ended)
        return self._read[key]


def _own(name: str, model: SequenceGenerator, prompt: str) -> _Own:
    most = _SHOWN - len(prompt)
    written = model.generate(prompt, most, _TEMPERATURE, seed=_SEED)
    return _Own(name, prompt, prompt + written, len(written) < most)


def beginning(text: str) -> str:
    """The first words or lines of a text, which a model can go on from."""
    if len(text) <= 8:
        return text[: len(text) // 2]
    part = text[: min(_PROMPT, len(text) // 2)]
    cut = max(part.rfind("\n"), part.rfind(" "))
    return part[: cut + 1] if cut > 8 else part
