"""A trial in the terminal: its table and its verdict."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from latchwork.trial.study import Study
from latchwork.trial.verdict import Verdict


def trial_table(study: Study) -> Table:
    """A row for each candidate."""
    result = study.result
    main = {row.candidate: row for row in result.summary()}
    second = "macro_f1" if result.metric != "macro_f1" else "accuracy"
    other = {row.candidate: row for row in result.summary(second)}
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column(result.metric.replace("_", " "), justify="right")
    for title in ("95 % interval", second.replace("_", " "), "units", "params", "s/epoch", "ms/seq"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in main.items():
        style = "bold" if name == study.verdict.recommended else ""
        table.add_row(
            f"{'→' if name == study.verdict.recommended else ' '} {name}",
            f"{row.mean:.1%}",
            f"{row.low:.1%} … {row.high:.1%}",
            f"{other[name].mean:.1%}",
            str(study.sizes.get(name, "–")),
            "–" if row.parameters is None else f"{row.parameters:,}",
            "–" if row.seconds_per_epoch is None else f"{row.seconds_per_epoch:.2f}",
            "–" if row.milliseconds_per_sequence is None else f"{row.milliseconds_per_sequence:.3f}",
            style=style,
        )
    return table


def verdict_text(verdict: Verdict) -> RenderableType:
    """The verdict in words."""
    points = Table.grid(padding=(0, 1))
    for sentence in verdict.sentences:
        points.add_row("•", Text(sentence))
    headline = Text(verdict.headline, style="bold")
    return Group(headline, Text(f"How sure: {verdict.confidence}."), Text(), points)
