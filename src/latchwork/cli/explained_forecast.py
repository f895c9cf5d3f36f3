"""A forecaster's explanation in the terminal: the forecast from the end with its interval, and the last steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from latchwork.cli.gated import gate_columns, gate_notes, share_cells
from latchwork.cli.readable import readable
from latchwork.explain.outcomes.forecast import Forecasted

_PLOT = 32  # columns
_AHEAD = 24  # steps ahead that all get a row; of more, as many
_LAST = 8  # steps before the end
_CHANNELS = 3
_COLOUR = "rgb(50,130,195)"


def explained_forecast(found: Forecasted, ahead: Sequence[Any] = (), names: Sequence[str] = ()) -> RenderableType:
    """The explanation as something rich can print.

    Args:
        ahead: the times of the steps ahead; their numbers by default.
        names: of the channels; their numbers by default.
    """
    horizon, channels = found.forecast.shape[:2]
    low, _, high = found.levels
    says = Text.assemble(
        (f"{horizon} step{'s' * (horizon != 1)} after {found.steps[-1]}", "bold"),
        f": the median, and the interval that should hold {high - low:.0%}",
    )
    times = [str(time) for time in ahead] or [f"+{i + 1}" for i in range(horizon)]
    parts: list[RenderableType] = [says]
    for channel in range(min(channels, _CHANNELS)):
        if channels > 1:
            name = names[channel] if channel < len(names) else f"channel {channel + 1}"
            parts += [Text(), Text(readable(name), "bold")]
        parts += [Text(), _plotted(found.forecast[:, channel], found.history[:, channel], times)]
    return Group(*parts, Text(), _last(found), Text(), *_notes(found, channels))


def _plotted(quantiles: NDArray[np.float64], history: NDArray[np.float64], times: Sequence[str]) -> Table:
    """A row a step ahead: its quantiles (3,), and where they lie."""
    recent = history[-2 * len(quantiles) :]
    recent = recent[~np.isnan(recent)]
    least, most = (float(f([*quantiles.ravel(), *recent])) for f in (min, max))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("ahead", no_wrap=True)
    for name in ("low", "median", "high"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(_scale(least, most), no_wrap=True)
    for step in _steps(len(quantiles)):
        low, middle, high = quantiles[step].tolist()
        numbers = (f"{low:.5g}", Text(f"{middle:.5g}", "bold"), f"{high:.5g}")
        table.add_row(times[step], *numbers, _interval(low, middle, high, least, most))
    return table


def _scale(least: float, most: float) -> str:
    left, right = f"{least:.4g}", f"{most:.4g}"
    return f"{left}{right:>{max(_PLOT - len(left), len(right) + 1)}}"


def _interval(low: float, middle: float, high: float, least: float, most: float) -> Text:
    span = (most - least) or 1.0
    a, m, b = (min(round((value - least) / span * (_PLOT - 1)), _PLOT - 1) for value in (low, middle, high))
    drawn = [" "] * _PLOT
    drawn[a : b + 1] = "─" * (b + 1 - a)
    drawn[a], drawn[b] = "├", "┤"
    drawn[m] = "●"
    return Text("".join(drawn).rstrip(), _COLOUR)


def _steps(horizon: int) -> Iterator[int]:
    """All steps ahead, or some that are spread evenly, the last among them."""
    count = min(horizon, _AHEAD)
    yield from dict.fromkeys(np.linspace(0, horizon - 1, count).round().astype(int).tolist())


def _last(found: Forecasted) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("read last", no_wrap=True)
    channels = min(found.history.shape[1], _CHANNELS)
    for channel in range(channels):
        table.add_column("value" if channels == 1 else f"channel {channel + 1}", justify="right", no_wrap=True)
    gate_columns(table, found.shares)
    for t in range(max(len(found.steps) - _LAST, 0), len(found.steps)):
        values = ["missing" if np.isnan(v) else f"{v:.5g}" for v in found.history[t, :channels].tolist()]
        table.add_row(found.steps[t], *values, *share_cells(found.shares, t))
    return table


def _notes(found: Forecasted, channels: int) -> list[Text]:
    horizon = len(found.forecast)
    said = []
    if horizon > _AHEAD:
        said.append(f"Shown are {_AHEAD} of the {horizon} steps ahead.")
    if channels > _CHANNELS:
        said.append(f"Shown are {_CHANNELS} of {channels} channels.")
    shares = [("kept", found.shares.kept), ("wrote", found.shares.written)]
    means = [f"{verb} {share.mean():.0%}" for verb, share in shares if share is not None]
    if means:
        said.append(f"Over the last {len(found.steps):,} steps the gates {' and '.join(means)} on average.")
    said += gate_notes(found.shares)
    return [Text(sentence, style="dim") for sentence in said]
