"""An explanation in the terminal: the text with its words marked, then a row for each step that matters.

It reads well at 80 columns and without colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from latchwork.cli.gated import gate_columns, gate_notes, share_cells
from latchwork.cli.readable import readable, readable_word
from latchwork.explain.attribution import TRUSTED
from latchwork.explain.explanation import Explanation
from latchwork.explain.outcomes.shares import Shares

_SIDE = 8  # columns of a bar to either side
_WORD = 20
_LEAST = 0.25  # log-odds that fill a bar at least: a decision that nothing moved should not look torn
_ALL = 40  # steps that all get a row; of more, the strongest do
_STRONGEST = 20
_TEXT = 200  # words that are shown as they stand
# Blue and orange, which the colour-blind can tell apart; such as can be read on black and on white, and under white.
_TOWARDS, _AWAY = "rgb(50,130,195)", "rgb(205,95,20)"
_UNDER_TOWARDS, _UNDER_AWAY = "rgb(0,96,160)", "rgb(176,72,0)"


def explained(explanation: Explanation) -> RenderableType:
    """The explanation as something rich can print."""
    says = Text.assemble(
        (readable(str(explanation.predicted)), "bold"),
        f" {explanation.probabilities[explanation.predicted]:.1%}",
        ("   " + "   ".join(f"{readable(str(c))} {p:.1%}" for c, p in _others(explanation)), "dim"),
    )
    parts: list[RenderableType] = [says, Text()]
    if explanation.text and len(explanation.steps) <= _TEXT:
        parts += [_words(explanation), Text()]
    return Group(*parts, _table(explanation), Text(), *_notes(explanation))


def _words(explanation: Explanation) -> Text:
    """The text, its words marked by what they moved."""
    strongest = _strongest(explanation)
    words = Text(readable(explanation.text or ""))
    for (start, end), moved in zip(explanation.spans, explanation.moved, strict=True):
        words.stylize(_style(float(moved) / strongest), start, end)
    return words


def _table(explanation: Explanation) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("step" if explanation.text is None else "word", no_wrap=True)
    table.add_column("moved", justify="right", no_wrap=True, min_width=5)
    table.add_column(f"{'away':>{_SIDE}}│towards", no_wrap=True, min_width=2 * _SIDE + 1)
    shares = _shares(explanation)
    gate_columns(table, shares)
    strongest = _strongest(explanation)
    for rows in _rows(explanation.moved):
        moved = float(explanation.moved[rows].sum())
        if len(rows) > 1:
            table.add_row(Text(f"… {len(rows):,} others", "dim"), Text(_signed(moved), "dim"))
            continue
        (t,) = rows
        word = readable_word(explanation.steps[t], _WORD)
        if explanation.unseen[t]:
            word.append(" ?", style="dim")
        colour = _TOWARDS if moved >= 0 else _AWAY
        table.add_row(
            word,
            Text(_signed(moved), colour),
            Text(_bar(moved / strongest), colour),
            *share_cells(shares, t),
        )
    return table


def _rows(moved: np.ndarray) -> list[range]:
    """The steps of each row: one, or a stretch of those that moved little, where there are too many for a row each."""
    count = len(moved)
    if count <= _ALL:
        return [range(t, t + 1) for t in range(count)]
    rows: list[range] = []
    start = 0
    for t in (*sorted(np.argsort(-np.abs(moved), kind="stable")[:_STRONGEST].tolist()), count):
        if t - start:
            rows.append(range(start, t))
        if t < count:
            rows.append(range(t, t + 1))
        start = t + 1
    return rows


def _bar(share: float) -> str:
    """To the right of the axis for towards, to the left for away."""
    halves = min(2 * _SIDE, round(2 * _SIDE * abs(share)))
    if share < 0:
        return ("▐" * (halves % 2) + "█" * (halves // 2)).rjust(_SIDE) + "│"
    return " " * _SIDE + "│" + "█" * (halves // 2) + "▌" * (halves % 2)


def _notes(explanation: Explanation) -> list[Text]:
    change = explanation.score - explanation.baseline
    score, moved_by, nothing = (_signed(v) for v in (explanation.score, change, explanation.baseline))
    target = readable(str(explanation.predicted))
    kind = "step" if explanation.text is None else "word"
    said = [
        f"log-odds of {target}: {score}, of which the {kind}s moved {moved_by}; as many steps that say nothing "
        f"(zero vectors) give {nothing}. Integrated gradients; "
        f"completeness error {explanation.completeness_error:.2%}."
    ]
    if explanation.completeness_error > TRUSTED:
        said.append(f"The {kind}s' parts do not add up to the change: do not rely on them.")
    if len(explanation.steps) > _ALL:
        said.append(
            f"Shown are the {_STRONGEST} of {len(explanation.steps):,} {kind}s that moved it most, in their order, and "
            "what those between moved together."
        )
    said += gate_notes(_shares(explanation))
    if any(explanation.unseen):
        said.append("? marks words that the model does not know.")
    return [Text(sentence, style="dim") for sentence in said]


def _shares(explanation: Explanation) -> Shares:
    return Shares(explanation.kept, explanation.gate, explanation.written, explanation.writer)


def _strongest(explanation: Explanation) -> float:
    return max(_LEAST, *(abs(float(m)) for m in explanation.moved))


def _others(explanation: Explanation) -> Sequence[tuple[str, float]]:
    others = [(str(c), p) for c, p in explanation.probabilities.items() if c != explanation.predicted]
    return sorted(others, key=lambda pair: -pair[1])[:3]


def _style(share: float) -> str:
    """Blue for towards, orange for away; what moved much is bold too, which is left where there is no colour."""
    if abs(share) < 0.15:
        return ""
    weight = "bold " if abs(share) > 0.6 else ""
    if abs(share) > 0.35:
        return f"{weight}white on {_UNDER_TOWARDS if share > 0 else _UNDER_AWAY}"
    return _TOWARDS if share > 0 else _AWAY


def _signed(value: float) -> str:
    """Two decimals with a true minus sign, and no sign on nothing."""
    shown = f"{value:+.2f}"
    return "0.00" if shown in ("+0.00", "-0.00") else shown.replace("-", "−")
