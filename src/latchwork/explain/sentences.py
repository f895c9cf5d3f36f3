"""What was measured of a memory, in one plain sentence each; nothing is said beyond what was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latchwork.explain.gates import Gate
from latchwork.explain.memory import Flow, Influence
from latchwork.explain.survey import Word

_REAL = 4  # standard errors that a word's mean must differ by: the words are the extremes of many
_NOTABLE = 0.02  # and by so much of the memory


def half_life_sentence(cell: str, lives: NDArray[np.float64] | None, keeper: str | None) -> str:
    """Of half-lives (H,), or None for a cell without a keep gate; ``keeper``: what keeps, in words."""
    if lives is None or keeper is None:
        return f"{cell}: no gate keeps its memory unit by unit, so there is no half-life to tell."
    middle, longest = float(np.median(lives)), float(lives.max())
    typical = f"half of what it holds within {_steps(middle)}" if np.isfinite(middle) else "nothing"
    slowest = f"takes {_steps(longest)}" if np.isfinite(longest) else "never forgets anything"
    return f"{cell}: by its {keeper} alone, the typical unit forgets {typical}; the slowest {slowest}."


def flow_sentence(cell: str, fitted: Flow, start: Flow | None = None) -> str:
    """Of the gradient's way back, and before training where that was measured too."""
    said = f"{cell}: {_falls(fitted, 'the gradient falls', 'is left', 'the gradient is known')}"
    if start is not None:
        said += f"; before training, {_falls(start, 'it fell', 'was left', 'it was known')}"
    pooling = " It is followed from what the last step puts out alone, without the pooling over steps."
    return f"{said}." + pooling * fitted.pooled


def influence_sentence(cell: str, found: Influence, step: str) -> str:
    """Of what replacing an input does; ``step``: "word" or "step"."""
    if found.replaced is None:
        return f"All {step}s of the data are the same, so none could be put in its place."
    near, far = float(found.replaced[0]), float(found.replaced[-1])
    said = f"{cell}: putting another {step} in the place of the last moves the score by {near:.2g} on average"
    if len(found.distance) == 1:
        return f"{said}; nothing further back was measured."
    return f"{said}; in the place of the one {found.distance[-1]} before it, the furthest measured, by {far:.2g}."


def words_sentence(cell: str, gate: Gate, keeps: Sequence[Word], lets_go: Sequence[Word], mean: float) -> str | None:
    """At which words the memory goes and stays; None where no word is frequent enough.

    Args:
        cell: its name.
        gate: what keeps the memory.
        keeps, lets_go: the words, the extreme first.
        mean: what is kept over all steps.
    """
    if not keeps or not lets_go:
        return None

    def stands(kept: float) -> str:
        return f"{100 * (1 - kept if gate.complement else kept):.0f} %"

    least, most = lets_go[0], keeps[0]
    said = [
        f"lets {how} go at “{word.word}”, where it stands at {stands(word.kept)}"
        for how, word in (("most", least), ("least", most))
        if abs(word.kept - mean) > max(_REAL * word.error, _NOTABLE)
    ]
    average = f"{stands(mean)} on average"
    if not said:
        return f"{cell}: where the {gate.label} stands hardly differs from word to word; it is {average}."
    return f"{cell}: the {gate.label} {' and '.join(said)}; it stands at {average}."


def _falls(flow: Flow, falls: str, stays: str, known: str) -> str:
    furthest = int(flow.distance[-1])
    if flow.reach is not None:
        return f"{falls} to 1 % within {_steps(flow.reach)}"
    if furthest == 0:
        return f"{known} at the end alone, as no row has more than one step"
    share = 100 * float(flow.together[-1])
    return f"{share:.0f} % of the gradient {stays} {_steps(furthest)} back, the furthest measured"


def _steps(number: float) -> str:
    shown = f"{number:.1f}" if number < 9.95 else f"{number:,.0f}"
    shown = shown.removesuffix(".0")
    return f"{shown} step" if shown == "1" else f"{shown} steps"
