"""See inside: which steps moved a decision, and what every gate kept and forgot.

What needs torch is loaded at first use, so that ``latchwork.explain.diagram`` does without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latchwork.explain.attachment import attach as attach
    from latchwork.explain.attachment import convert as convert
    from latchwork.explain.attribution import Attribution as Attribution
    from latchwork.explain.attribution import integrated_gradients as integrated_gradients
    from latchwork.explain.explanation import Explanation as Explanation
    from latchwork.explain.explanation import explain as explain
    from latchwork.explain.gates import Kept as Kept
    from latchwork.explain.gates import kept as kept
    from latchwork.explain.memory import gradient_flow as gradient_flow
    from latchwork.explain.memory import half_lives as half_lives
    from latchwork.explain.memory import influence as influence
    from latchwork.explain.occlusion import deletion as deletion
    from latchwork.explain.outcomes.forecast import Forecasted as Forecasted
    from latchwork.explain.outcomes.generate import Foretold as Foretold
    from latchwork.explain.outcomes.tag import Tagged as Tagged
    from latchwork.explain.report import Page as Page
    from latchwork.explain.report import illustrate as illustrate
    from latchwork.explain.stills import plot_gradient_flow as plot_gradient_flow
    from latchwork.explain.stills import plot_half_lives as plot_half_lives

# name → the module that has it.
_ELSEWHERE = {
    "Attribution": "attribution",
    "Explanation": "explanation",
    "Forecasted": "outcomes.forecast",
    "Foretold": "outcomes.generate",
    "Kept": "gates",
    "Page": "report",
    "Tagged": "outcomes.tag",
    "attach": "attachment",
    "convert": "attachment",
    "deletion": "occlusion",
    "explain": "explanation",
    "gradient_flow": "memory",
    "half_lives": "memory",
    "illustrate": "report",
    "influence": "memory",
    "integrated_gradients": "attribution",
    "kept": "gates",
    "plot_gradient_flow": "stills",
    "plot_half_lives": "stills",
}

__all__ = [
    "Attribution",
    "Explanation",
    "Forecasted",
    "Foretold",
    "Kept",
    "Page",
    "Tagged",
    "attach",
    "convert",
    "deletion",
    "explain",
    "gradient_flow",
    "half_lives",
    "illustrate",
    "influence",
    "integrated_gradients",
    "kept",
    "plot_gradient_flow",
    "plot_half_lives",
]


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ELSEWHERE})
