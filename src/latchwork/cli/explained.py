"""An explanation in the terminal: the text with its words coloured, then a row a word. Reads well without colour."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from latchwork.explain.explanation import Explanation

_BAR = 12
_LEAST = 0.25  # log-odds that fill a bar at least: a decision that nothing moved should not look torn


def explained(explanation: Explanation) -> RenderableType:
    """The explanation as something rich can print."""
    strongest = max(_LEAST, *(abs(float(m)) for m in explanation.moved))
    words = Text(explanation.text or "")
    for (start, end), moved in zip(explanation.spans, explanation.moved, strict=False):
        words.stylize(_style(float(moved) / strongest), start, end)
    says = Text.assemble(
        (str(explanation.predicted), "bold"),
        f" {explanation.probabilities[explanation.predicted]:.1%}",
        ("   " + "   ".join(f"{c} {p:.1%}" for c, p in _others(explanation)), "dim"),
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("word" if explanation.text is not None else "step")
    table.add_column(Text(f"moved towards {explanation.predicted}"), justify="right", min_width=_BAR + 8, no_wrap=True)
    if explanation.kept is not None:
        table.add_column(Text(f"kept by the {explanation.gate}"), no_wrap=True)
    for t, step in enumerate(explanation.steps):
        moved = float(explanation.moved[t])
        shown = Text(step)
        if explanation.unseen[t]:
            shown.append(" (unknown word)", style="dim")
        bar = "█" * round(abs(moved) / strongest * _BAR)
        row: list[RenderableType] = [shown, Text(f"{bar} {_signed(moved):>6}", style="green" if moved >= 0 else "red")]
        if explanation.kept is not None:
            kept = float(explanation.kept[t])
            row.append(Text.assemble(f"{kept:4.0%} ", ("█" * round(kept * _BAR), "cyan")))
        table.add_row(*row)
    change = explanation.score - explanation.baseline
    score, moved_by, empty = (_signed(v) for v in (explanation.score, change, explanation.baseline))
    foot = Text(
        f"log-odds of {explanation.predicted}: {score}, of which the steps moved {moved_by} and an empty input gives "
        f"{empty}. Integrated gradients; completeness error {explanation.completeness_error:.2%}.",
        style="dim",
    )
    parts: list[RenderableType] = [says, Text(), *([words, Text()] if explanation.text else []), table, Text(), foot]
    return Group(*parts)


def _others(explanation: Explanation) -> list[tuple[str, float]]:
    others = [(str(c), p) for c, p in explanation.probabilities.items() if c != explanation.predicted]
    return sorted(others, key=lambda pair: -pair[1])[:3]


def _style(share: float) -> str:
    """Green for towards, red for away, stronger for more."""
    if abs(share) < 0.1:
        return ""
    strength = round(60 + 120 * abs(share))
    colour = f"rgb(0,{strength},0)" if share > 0 else f"rgb({strength},0,0)"
    return f"white on {colour}"


def _signed(value: float) -> str:
    """Two decimals with a true minus sign, and no sign on nothing."""
    shown = f"{value:+.2f}"
    return "0.00" if shown in ("+0.00", "-0.00") else shown.replace("-", "−")
