"""One sequence explained: what the model says of it, what decided it, and what the memory kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latchwork.errors import ConfigError, DataError
from latchwork.explain.attribution import integrated_gradients
from latchwork.explain.occlusion import occlusion
from latchwork.explain.outcomes.forecast import forecasted
from latchwork.explain.outcomes.generate import foretold
from latchwork.explain.outcomes.shares import features_of, on_cpu, shares
from latchwork.explain.outcomes.tag import tagged
from latchwork.tasks.classifier import SequenceClassifier
from latchwork.tasks.encoders import TextEncoder
from latchwork.tasks.estimator import SequenceEstimator
from latchwork.tasks.forecaster import SequenceForecaster
from latchwork.tasks.generator import SequenceGenerator
from latchwork.tasks.tagger import SequenceTagger


@dataclass(frozen=True)
class Explanation:
    """What a classifier made of one sequence.

    Attributes:
        text: the text, or None for a series.
        steps: (T,) the words of a text as they stand in it, or "step 1" ….
        spans: (T,) where each word stands in the text; empty for a series.
        probabilities: class → probability.
        predicted: the most probable class.
        moved: (T,) what each step added to the log-odds of ``predicted`` (integrated gradients).
        score, baseline: the log-odds of ``predicted``, and those of as many steps that say nothing (zero vectors).
        completeness_error: how far ``moved`` misses adding up to ``score - baseline``, as a share of it.
        kept: (T,) the part of the memory that each step kept, mean over the units of the last layer; None for a cell
            without a keep gate.
        gate: the name of what keeps it.
        unseen: (T,) whether the word is unknown to the model.
        occluded: (T,) log-odds of ``predicted`` that are lost when the step alone is taken out.
        written: (T,) the part of the new content that each step let into the memory, likewise; None for a cell without
            a gate for it.
        writer: the name of what lets it in.
    """

    text: str | None
    steps: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    probabilities: dict[Any, float]
    predicted: Any
    moved: NDArray[np.float64]
    score: float
    baseline: float
    completeness_error: float
    kept: NDArray[np.float64] | None
    gate: str | None
    unseen: tuple[bool, ...]
    occluded: NDArray[np.float64]
    written: NDArray[np.float64] | None = None
    writer: str | None = None


def explain(model: SequenceEstimator, sequence: Any) -> Any:
    """Explain what ``model`` makes of one sequence.

    Args:
        model: a fitted estimator of any task.
        sequence: what it reads: a text or series, a list of tokens, a document, or a series to forecast.

    Returns:
        Of a classifier an :class:`Explanation`, of a tagger ``Tagged``, of a generator ``Foretold``, of a forecaster
        ``Forecasted``.

    Raises:
        DataError: the sequence is empty, or not what the model reads.
        ConfigError: a model of a task that cannot be explained.
    """
    if isinstance(model, SequenceTagger):
        return tagged(model, sequence)
    if isinstance(model, SequenceGenerator):
        if isinstance(sequence, str) and not sequence:
            raise DataError("there is nothing to explain: the text has no characters")
        return foretold(model, sequence)
    if isinstance(model, SequenceForecaster):
        return forecasted(model, sequence)
    if isinstance(model, SequenceClassifier):
        return _decided(model, sequence)
    raise ConfigError(f"a {type(model).__name__} cannot be explained; give a model of one of Latchwork's tasks")


def _decided(model: SequenceClassifier, sequence: Any) -> Explanation:
    probabilities = model.predict_proba([sequence])[0]
    (encoded,) = model.encode([sequence])
    if not len(encoded):
        raise DataError("there is nothing to explain: the text has no words")
    target = int(probabilities.argmax())
    network = on_cpu(model.network_)
    found = integrated_gradients(network, torch.from_numpy(encoded), target)
    gated = shares(network, features_of(network, encoded))
    spans: tuple[tuple[int, int], ...] = ()
    if isinstance(model.encoder_, TextEncoder):
        spans = tuple(model.encoder_.spans(sequence))
        steps = tuple(sequence[a:b] for a, b in spans)
        unseen = tuple(bool(token == 1) for token in encoded)
    else:
        steps = tuple(f"step {t + 1}" for t in range(len(encoded)))
        unseen = (False,) * len(encoded)
    classes = model.classes_.tolist()
    return Explanation(
        text=sequence if spans else None,
        steps=steps,
        spans=spans,
        probabilities=dict(zip(classes, probabilities.tolist(), strict=True)),
        predicted=classes[target],
        moved=found.steps,
        score=found.score,
        baseline=found.baseline,
        completeness_error=found.completeness_error,
        kept=gated.kept,
        gate=gated.gate,
        unseen=unseen,
        occluded=occlusion(network, encoded, target),
        written=gated.written,
        writer=gated.writer,
    )
