"""One sequence explained: what the model says of it, which steps moved it, and what the memory kept."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.explain.attribution import integrated_gradients
from latchwork.explain.gates import Gate, gates
from latchwork.explain.occlusion import occlusion
from latchwork.language.graph import Graph
from latchwork.nn.trace import Trace
from latchwork.tasks.classifier import SequenceClassifier
from latchwork.tasks.encoders import TextEncoder


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


def explain(model: SequenceClassifier, sequence: Any) -> Explanation:
    """Explain what ``model`` makes of one text or series.

    Raises:
        DataError: the sequence is empty, or not what the model reads.
    """
    probabilities = model.predict_proba([sequence])[0]
    (encoded,) = model.encode([sequence])
    if not len(encoded):
        raise DataError("there is nothing to explain: the text has no words")
    target = int(probabilities.argmax())
    # The caller's model stays where it is; one sequence is explained on the CPU.
    network = model.network_ if _on_cpu(model) else copy.deepcopy(model.network_).cpu()
    network.eval()
    inputs = torch.from_numpy(encoded)
    found = integrated_gradients(network, inputs, target)

    with torch.no_grad():
        _, _, trace = network.recurrent(network.features(inputs.unsqueeze(1)), return_trace=True)
    parts, last = gates(network.recurrent.cell.graph), trace[-network.recurrent.directions :]
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
        kept=None if parts.keep is None else _mean(parts.keep, last, parts.graph),
        gate=None if parts.keep is None else parts.keep.label,
        unseen=unseen,
        occluded=occlusion(network, encoded, target),
        written=None if parts.write is None else _mean(parts.write, last, parts.graph),
        writer=None if parts.write is None else parts.write.label,
    )


def _mean(gate: Gate, layers: Trace, graph: Graph) -> NDArray[np.float64]:
    """A gate's share at each step (T,): the mean over units, and over directions, each of which has its own way."""
    means = [gate.shares(layer, graph)[:, 0].double().mean(-1).numpy() for layer in layers]
    found: NDArray[np.float64] = np.mean(means, axis=0)
    return found


def _on_cpu(model: SequenceClassifier) -> bool:
    return bool(model.network_.head.weight.device.type == "cpu")
