"""Figures as SVG that take the page's own text colour, so that they read in light and in dark."""

from __future__ import annotations

import io
from statistics import median
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from latchwork.trial.results import TrialResult
from latchwork.trial.verdict import Verdict

_INK = "#123456"  # stands for the page's text colour until the SVG is written
_COLOURS = ("#2a78b8", "#d1603d", "#3d8b5f", "#8a5cab", "#b08a1e", "#4a8f9c")


def intervals(result: TrialResult, verdict: Verdict) -> str:
    """Each candidate's mean score with its 95 % interval, and each split as a dot."""
    rows = result.summary()
    figure, axes = _axes(0.42 * len(rows) + 0.7)
    for place, row in enumerate(reversed(rows)):
        colour = _INK if row.kind == "baseline" else _colour(result, row.candidate)
        scores = result.split_scores(row.candidate)
        axes.plot(scores, [place] * len(scores), "o", color=colour, alpha=0.3, markersize=5, markeredgewidth=0)
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2)
        axes.plot(row.mean, place, "o", color=colour, markersize=8)
    names = [f"{row.candidate} ←" if row.candidate == verdict.recommended else row.candidate for row in reversed(rows)]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    metric = result.scored()
    axes.set_xlabel(metric.title)
    if metric.unit == "share":
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    return _svg(figure)


def learning_curves(result: TrialResult) -> str:
    """Validation loss by epoch: each run thin, each cell's median bold."""
    figure, axes = _axes(2.6)
    for name in result.names("cell"):
        curves = [
            [epoch["valid_loss"] for epoch in run.learning_curve]
            for run in result.runs
            if run.candidate == name and run.learning_curve
        ]
        for curve in curves:
            axes.plot(range(1, len(curve) + 1), curve, color=_colour(result, name), alpha=0.25, linewidth=1)
        longest = max((len(curve) for curve in curves), default=0)
        middle = [median([c[e] for c in curves if len(c) > e]) for e in range(longest)]
        dot = "o" if longest == 1 else None  # of a single epoch there is no line
        axes.plot(range(1, longest + 1), middle, color=_colour(result, name), linewidth=2, marker=dot, label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation loss")
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.legend(frameon=False, labelcolor=_INK)
    return _svg(figure)


def _axes(height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.2, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.tick_params(colors=_INK, length=0)
    axes.grid(axis="x", color=_INK, alpha=0.12)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(_INK)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    return figure, axes


def _svg(figure: Figure) -> str:
    target = io.StringIO()
    # Text stays text: it can be read aloud and searched. A fixed salt keeps the file the same from run to run.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "latchwork", "font.family": "sans-serif"}):
        figure.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = target.getvalue()
    return svg[svg.index("<svg") :].replace(_INK, "currentColor")


def _colour(result: TrialResult, name: str) -> str:
    return _COLOURS[result.names("cell").index(name) % len(_COLOURS)]
