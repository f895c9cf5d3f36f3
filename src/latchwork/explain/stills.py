"""Figures for papers of what was measured of a memory; matplotlib's, so that they save as PDF, SVG or PNG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import DataError, MissingExtraError
from latchwork.explain.memory import REACH, Flow

try:
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter
except ModuleNotFoundError as error:
    raise MissingExtraError('figures need matplotlib: pip install "latchwork[train]"') from error

# Okabe & Ito's, which the colour-blind can tell apart; the marks tell them apart in grey.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKS = ("o", "s", "^", "D", "v", "P")
_FAINTEST = 1e-8  # of a gradient; below it nothing is learned anyway


def plot_half_lives(lives: Mapping[str, NDArray[np.float64]] | NDArray[np.float64]) -> Figure:
    """How many units of each cell hold how long: the share of units by their half-life, on a logarithmic axis.

        plot_half_lives({"lstm": half_lives(kept(...).values)}).savefig("half-lives.pdf")

    Args:
        lives: cell → (H,) half-lives in steps, as :func:`half_lives` gives them; or those of one cell alone. Units
            that never forget are counted in the legend.

    Raises:
        DataError: there are none.
    """
    cells = lives if isinstance(lives, Mapping) else {"": lives}
    if not cells or not all(len(found) for found in cells.values()):
        raise DataError("there is nothing to plot; give the half-lives of one unit at least")
    figure, axes = _axes()
    for i, (name, found) in enumerate(cells.items()):
        ends = np.sort(found[np.isfinite(found)])
        never = len(found) - len(ends)
        shares = np.arange(len(found), 0, -1)[: len(ends)] / len(found)
        note = f" ({never} of {len(found)} never)" if never else ""
        axes.plot(ends, shares, label=f"{name or 'units'}{note}", **_line(i, len(ends)))
    _steps_axis(axes, np.concatenate([found[np.isfinite(found)] for found in cells.values()]))
    axes.set_ylabel("units that hold for h or longer")
    axes.set_ylim(0, 1.04)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    _legend(axes, len(cells) > 1 or any(not np.isfinite(found).all() for found in cells.values()))
    return figure


def plot_gradient_flow(flows: Mapping[str, Flow] | Flow, start: Mapping[str, Flow] | Flow | None = None) -> Figure:
    """How the gradient fades by the distance from the end, on logarithmic axes, with the 1 % where it counts as gone.

    Args:
        flows: cell → what :func:`gradient_flow` measured; or that of one cell alone.
        start: the same before training, drawn dashed.

    Raises:
        DataError: there are none.
    """
    cells = flows if isinstance(flows, Mapping) else {"": flows}
    before = start if isinstance(start, Mapping) else {} if start is None else {"": start}
    if not cells:
        raise DataError("there is nothing to plot; give the gradient flow of one cell at least")
    figure, axes = _axes()
    axes.axhline(REACH, color="0.35", linewidth=0.8, linestyle=(0, (1, 2)))
    for i, (name, flow) in enumerate(cells.items()):
        reach = "" if flow.reach is None else f"1 % at {flow.reach:.3g} steps"
        label = ": ".join(filter(None, (name, reach))) or "fitted"
        axes.plot(flow.distance, _seen(flow), label=label, **_line(i, len(flow.distance)))
        if name in before:
            first = before[name]
            dashed = {**_line(i, len(first.distance)), "linestyle": "--", "marker": "", "alpha": 0.75}
            axes.plot(first.distance, _seen(first), **dashed)
    if before:
        axes.plot([], [], color="0.35", linestyle="--", label="before training")
    axes.set_xscale("symlog", linthresh=1, linscale=0.3)  # a logarithm that has a 0
    axes.set_xlim(left=0)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(lambda steps, _: f"{steps:g}")
    axes.set_xlabel("steps before the end")
    axes.set_ylabel("‖∂loss/∂state‖, share of that at the end")
    axes.annotate(
        "1 %", (1, REACH), (-2, 2), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
        fontsize=8, color="0.35",
    )  # fmt: skip
    _legend(axes, True)
    return figure


def _seen(flow: Flow) -> NDArray[np.float64]:
    """What falls below the plot ends the line."""
    return np.where(flow.together >= _FAINTEST, flow.together, np.nan)


def _axes() -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.8, 3.2), layout="constrained", dpi=150)
    axes = figure.add_subplot()
    axes.grid(True, color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes


def _steps_axis(axes: Any, lives: NDArray[np.float64]) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("half-life h, steps")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda steps, _: f"{steps:,g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    if len(lives):  # room for a few numbers on the axis, however alike the units are
        middle = float(np.median(lives))
        axes.set_xlim(min(lives.min() / 1.2, middle / 2.5), max(lives.max() * 1.2, middle * 2.5))


def _line(place: int, points: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[place % len(_COLOURS)],
        "marker": _MARKS[place % len(_MARKS)],
        "markersize": 4,
        "markevery": max(1, points // 8),
        "linewidth": 1.6,
    }


def _legend(axes: Any, wanted: bool) -> None:
    if wanted:
        axes.legend(frameon=False, fontsize=8)
