"""The next character of a text: how many bits a model needs for text that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latchwork.errors import ConfigError, DataError
from latchwork.trial.metric import Metric
from latchwork.trial.problem import Part, Task, take
from latchwork.trial.splits import TEST_FRACTION, VALIDATION_FRACTION, PartName, Split, group_array, random_splits

METRICS = (Metric("bits_per_character", "bits per character", "number", "less"),)
"""Σ bits / Σ (characters + 1): the end of a document has to be told as well."""


@dataclass(frozen=True, eq=False)
class GenerateProblem:
    """Documents.

    Attributes:
        X: n texts.
        y: nothing; it is there as with the other tasks.
        groups: (n,) documents of one group, as of one author, stay together.
        test_fraction, validation_fraction: shares of all documents.

    Raises:
        DataError: a document that is no text; the message names it.
    """

    X: Any
    y: None = None
    groups: Any = None
    test_fraction: float = TEST_FRACTION
    validation_fraction: float = VALIDATION_FRACTION

    task: Task = field(default="generate", init=False)
    metrics: tuple[Metric, ...] = field(default=METRICS, init=False)
    rows: str = field(default="documents", init=False)
    asked: str = field(default="document", init=False)
    rolling: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if isinstance(self.X, str):
            raise DataError("X is one text; give a list of documents, for instance the text's chapters or paragraphs")
        object.__setattr__(self, "X", list(self.X))
        object.__setattr__(self, "groups", group_array(self.groups, len(self.X)))
        for row, text in enumerate(self.X):
            if not isinstance(text, str):
                raise DataError(f"document {row} is {text!r}, not a text")

    def facts(self) -> Mapping[str, Any]:
        """Documents, characters, and how many different ones."""
        return {
            "documents": len(self.X),
            "characters": sum(map(len, self.X)),
            "different characters": len(set().union(*self.X)),
        }

    def splits(self, repeats: int, seed: int) -> list[Split]:
        """Random ones, of whole documents."""
        return random_splits(
            len(self.X),
            repeats=repeats,
            test_fraction=self.test_fraction,
            validation_fraction=self.validation_fraction,
            seed=seed,
            groups=self.groups,
            rows=self.rows,
        )

    def final(self, seed: int) -> Split:
        """All documents, but for the validation documents of a split."""
        return self.splits(1, seed)[0].without_test()

    def part(self, split: Split, name: PartName) -> Part:
        """Documents; y is None."""
        return Part(take(self.X, split.rows(name)), None)

    def scores(self, split: Split, name: PartName, predicted: Any, needed: str | None = None) -> dict[str, float]:
        """Bits per character, from the bits (n,) of each document."""
        documents, bits = take(self.X, split.rows(name)), np.asarray(predicted, dtype=np.float64)
        if bits.shape != (len(documents),):
            raise ConfigError(f"the code lengths must be one for each of {len(documents)} documents, got {bits.shape}")
        wrong = ~np.isfinite(bits) | (bits < 0)
        if wrong.any():
            raise ConfigError(f"a document cannot take {bits[wrong][0]} bits; give 0 or more")
        return {"bits_per_character": float(bits.sum() / sum(len(text) + 1 for text in documents))}

    def test_covariance(self, splits: Sequence[Split], predictions: Mapping[str, Sequence[Any]]) -> None:
        """None: the test documents change with the split."""
