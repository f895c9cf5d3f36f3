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
_SPARED = ("params", "units", "s/epoch")  # what a narrow terminal is spared first


def trial_table(study: Study, width: int) -> Table:
    """A row for each candidate, in ``width`` columns of a terminal: where it is narrow, costs are left out."""
    result = study.result
    metric, second = result.scored(), result.second
    rows = result.summary()
    other = {} if second is None else {row.candidate: row for row in result.summary(second.name)}
    chosen = study.verdict.recommended
    columns = {
        "": [f"{'→' if row.candidate == chosen else ' '} {row.candidate}" for row in rows],
        _head(metric): [metric.score(row.mean) for row in rows],
        "95 % interval": [metric.interval(row.low, row.high) for row in rows],
    }
    if second is not None:
        columns[_head(second)] = [second.score(other[row.candidate].mean) for row in rows]
    columns["units"] = [str(study.sizes.get(row.candidate, "–")) for row in rows]
    columns["params"] = ["–" if row.parameters is None else f"{row.parameters:,}" for row in rows]
    columns["s/epoch"] = ["–" if row.seconds_per_epoch is None else f"{row.seconds_per_epoch:.2f}" for row in rows]
    columns[f"ms/{_SHORT.get(result.asked, result.asked)}"] = [
        "–" if row.milliseconds_per_sequence is None else f"{row.milliseconds_per_sequence:.3f}" for row in rows
    ]
    while sum(1 + max(map(len, (title, *cells))) for title, cells in columns.items()) > width and len(columns) > 3:
        del columns[next(title for title in (*_SPARED, *reversed(columns)) if title in columns)]
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for title in columns:
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    for row, cells in zip(rows, zip(*columns.values(), strict=True), strict=True):
        table.add_row(*cells, style="bold" if row.candidate == chosen else "")
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
