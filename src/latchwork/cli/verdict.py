"""A trial in the terminal: its table and its verdict."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from latchwork.trial.metric import Metric
from latchwork.trial.study import Study
from latchwork.trial.verdict import Verdict

# A terminal's lines are short.
_SHORT = {"sequence": "seq", "sentence": "sent", "document": "doc"}


def trial_table(study: Study) -> Table:
    """A row for each candidate."""
    result = study.result
    metric, second = result.scored(), result.second
    other = {} if second is None else {row.candidate: row for row in result.summary(second.name)}
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column(_head(metric), justify="right")
    table.add_column("95 % interval", justify="right", no_wrap=True)
    if second is not None:
        table.add_column(_head(second), justify="right")
    for title in ("units", "params", "s/epoch", f"ms/{_SHORT.get(result.asked, result.asked)}"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in result.summary():
        chosen = row.candidate == study.verdict.recommended
        table.add_row(
            f"{'→' if chosen else ' '} {row.candidate}",
            metric.score(row.mean),
            metric.interval(row.low, row.high),
            *([] if second is None else [second.score(other[row.candidate].mean)]),
            str(study.sizes.get(row.candidate, "–")),
            "–" if row.parameters is None else f"{row.parameters:,}",
            "–" if row.seconds_per_epoch is None else f"{row.seconds_per_epoch:.2f}",
            "–" if row.milliseconds_per_sequence is None else f"{row.milliseconds_per_sequence:.3f}",
            style="bold" if chosen else "",
        )
    return table


def _head(metric: Metric) -> str:
    """A number without a word on which way is better says little; a terminal has room for an arrow."""
    return f"{metric.words} ↓" if metric.better == "less" else metric.words


def verdict_text(verdict: Verdict) -> RenderableType:
    """The verdict in words."""
    points = Table.grid(padding=(0, 1))
    for sentence in verdict.sentences:
        points.add_row("•", Text(sentence))
    headline = Text(verdict.headline, style="bold")
    return Group(headline, Text(f"How sure: {verdict.confidence}."), Text(), points)
