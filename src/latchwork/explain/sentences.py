"""What was measured of a memory, in one plain sentence each; nothing is said beyond what was measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latchwork.explain.memory import Flow, Influence


def half_life_sentence(cell: str, lives: NDArray[np.float64] | None, keeper: str | None) -> str:
    """Of half-lives (H,), or None for a cell without a keep gate; ``keeper``: what keeps, in words."""
    if lives is None or keeper is None:
        return f"{cell} has no gate that keeps its memory unit by unit, so there is no half-life to tell."
    middle, longest = float(np.median(lives)), float(lives.max())
    typical = f"half of what it holds within {_steps(middle)}" if np.isfinite(middle) else "nothing"
    slowest = f"takes {_steps(longest)}" if np.isfinite(longest) else "never forgot anything"
    return f"By its {keeper}, the typical unit of {cell} forgets {typical}; the slowest {slowest}."


def flow_sentence(cell: str, fitted: Flow, start: Flow | None = None) -> str:
    """Of the gradient's way back, and before training where that was measured too."""
    said = f"{cell}: the gradient {_falls(fitted, 'falls', 'is')}"
    return f"{said}." if start is None else f"{said}; before training it {_falls(start, 'fell', 'was')}."


def influence_sentence(cell: str, found: Influence, step: str) -> str:
    """Of what replacing an input does; ``step``: "word" or "step"."""
    if found.replaced is None:
        return f"The data has one {step} alone, so none could be put in its place."
    near, far = float(found.replaced[0]), float(found.replaced[-1])
    said = f"{cell}: another last {step} moves the score by {near:.2g} on average"
    if len(found.distance) == 1:
        return f"{said}; nothing further back was measured."
    return f"{said}, another {step} {found.distance[-1]} back, the furthest that was measured, by {far:.2g}."


def _falls(flow: Flow, falls: str, stays: str) -> str:
    furthest = int(flow.distance[-1])
    if flow.reach is not None:
        return f"{falls} to 1 % within {_steps(flow.reach)}"
    if furthest == 0:
        return f"{stays} known at the end alone: no row has more than one step"
    share = 100 * float(flow.together[-1])
    return f"{stays} still {share:.0f} % of its value {_steps(furthest)} back, the furthest that was measured"


def _steps(number: float) -> str:
    shown = f"{number:.1f}" if number < 9.95 and number != round(number) else f"{number:,.0f}"
    return f"{shown} step" if shown == "1" else f"{shown} steps"
