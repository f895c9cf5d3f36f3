"""A tagger's labels: at each token the most probable ones, and what the gates kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.explain.outcomes.shares import Shares, features_of, on_cpu, shares
from latchwork.tasks.network import SequenceNetwork
from latchwork.tasks.tagger import SequenceTagger
from latchwork.tasks.token_encoder import UNSEEN_WORD, TokenEncoder

MOST = 5
"""Labels of a token that are told."""


@dataclass(frozen=True)
class Tagged:
    """What a tagger made of one sequence.

    Attributes:
        steps: (T,) the tokens, or "step 1" … of a series.
        text: the tokens joined by blanks; None for a series.
        spans: (T,) where each token stands in the text; empty for a series.
        unseen: (T,) whether the token is unknown to the model, which then reads it by its ending and shape.
        classes: (K,) all labels.
        likely: (T, J) the places in ``classes`` of the most probable labels, the best first.
        probabilities: (T, J) how probable they are.
        shares: what the gates did at each step.
    """

    steps: tuple[str, ...]
    text: str | None
    spans: tuple[tuple[int, int], ...]
    unseen: tuple[bool, ...]
    classes: tuple[Any, ...]
    likely: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    shares: Shares

    @property
    def labels(self) -> list[Any]:
        """(T,) the most probable label of each step."""
        return [self.classes[k] for k in self.likely[:, 0].tolist()]


def tagged(model: SequenceTagger, sequence: Any, network: SequenceNetwork | None = None) -> Tagged:
    """What ``model`` makes of one list of tokens, or of one series.

    Args:
        network: the model's own, on the CPU, where the caller has it there.

    Raises:
        DataError: the sequence is empty, or not what the model reads.
    """
    (encoded,) = model.encode([sequence])
    if not len(encoded):
        raise DataError("there is nothing to explain: the sequence has no tokens")
    (odds,) = model.predict_proba([sequence])
    network = network or on_cpu(model.network_)
    most = min(MOST, odds.shape[1])
    likely = np.argsort(-odds, axis=1, kind="stable")[:, :most]
    tokens = isinstance(model.encoder_, TokenEncoder)
    steps = tuple(map(str, sequence)) if tokens else tuple(f"step {t + 1}" for t in range(len(encoded)))
    return Tagged(
        steps=steps,
        text=" ".join(steps) if tokens else None,
        spans=joined(steps) if tokens else (),
        unseen=tuple(tokens and bool(row[0] == UNSEEN_WORD) for row in encoded),
        classes=tuple(model.classes_.tolist()),
        likely=likely,
        probabilities=np.take_along_axis(odds, likely, 1),
        shares=shares(network, features_of(network, encoded)),
    )


def joined(tokens: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Where tokens stand in a text that joins them by blanks."""
    ends = np.cumsum([len(token) + 1 for token in tokens]) - 1
    return tuple((end - len(token), end) for token, end in zip(tokens, ends.tolist(), strict=True))
