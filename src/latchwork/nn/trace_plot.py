"""Stills of a trace: a heat map of each value, units by steps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Both can be told apart by the colour-blind, and in grey.
_GATES, _STATES = "viridis", "PuOr_r"
_WORD = 0.2  # inches a step, with its name slanted under it
_NARROWEST, _WIDEST = 4.5, 14.0
_PANEL = 1.05  # inches
_LONGEST = 16  # characters of a step's name
_NAMES = 70  # steps whose names can be read side by side


def heat_maps(values: Mapping[str, NDArray[np.float32]], gates: Collection[str], steps: Sequence[str] | None) -> Figure:
    """One panel a value.

    Args:
        values: name → (T, H).
        gates: the names that share the scale from 0 to 1; each other has its own, about 0.
        steps: (T,) names, or None for numbers.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError('Trace.plot needs matplotlib: pip install "latchwork[train]"') from error

    count = len(next(iter(values.values())))
    width = min(max(_WORD * count + 2, _NARROWEST), _WIDEST)
    figure = Figure(figsize=(width, _PANEL * len(values) + 0.9), layout="constrained", dpi=150)
    figure.get_layout_engine().set(h_pad=0.03, hspace=0)  # type: ignore[union-attr, call-arg]
    panels: NDArray[Any] = figure.subplots(len(values), 1, sharex=True, squeeze=False)[:, 0]
    shared = []
    for axes, (name, numbers) in zip(panels, values.items(), strict=True):
        is_gate = name in gates
        most = _limit(numbers)
        low, high = (0.0, 1.0) if is_gate else (-most, most)
        colours = _GATES if is_gate else _STATES
        image = axes.imshow(
            numbers.T, cmap=colours, vmin=low, vmax=high, aspect="auto", interpolation="nearest", rasterized=True
        )
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10, labelpad=6)
        units = numbers.shape[1]
        axes.set_yticks([0, units - 1][:units], ["unit 0", f"{units - 1}"][:units])
        axes.spines[:].set_linewidth(0.4)
        axes.tick_params(labelsize=7, length=2)
        if is_gate:
            shared.append((axes, image))
        else:
            _bar(figure, image, [axes], [-most, 0, most])
    if shared:
        bar = _bar(figure, shared[0][1], [axes for axes, _ in shared], [0, 0.5, 1])
        bar.ax.set_yticklabels(["0 closed", "0.5", "1 open"])
    _name_steps(panels[-1], count, steps, width)
    return figure


def _bar(figure: Figure, image: Any, panels: list[Any], ticks: list[float]) -> Any:
    bar = figure.colorbar(image, ax=panels, aspect=9 * len(panels), pad=0.01, ticks=ticks)
    bar.ax.tick_params(labelsize=7, length=2)
    bar.outline.set_linewidth(0.4)
    bar.ax.set_yticklabels([f"{tick:.2g}".replace("-", "−") for tick in ticks])
    return bar


def _name_steps(axes: Any, count: int, steps: Sequence[str] | None, width: float) -> None:
    if steps is None or count > _NAMES:
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.xaxis.set_major_formatter(lambda place, _: f"{place + 1:.0f}")
        axes.set_xlabel("step", fontsize=9)
        return
    names = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in steps]
    slanted = max(len(name) for name in names) * 0.075 > (width - 2) / count  # inches that a letter takes
    how = {"rotation": 55, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks(range(count), names, fontsize=8, parse_math=False, **how)


def _limit(numbers: NDArray[np.float32]) -> float:
    """The number that gets the full colour: 1 for what lies within ±1 and comes near, else the largest size."""
    most = float(np.abs(numbers).max(initial=0))
    return 1.0 if most == 0 or 0.6 < most < 1 else most
