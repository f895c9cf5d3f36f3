"""A tagger's explanation in the terminal: each word over its tag, then a row for each word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from latchwork.cli.gated import gate_columns, gate_notes, share_cells
from latchwork.cli.readable import readable, readable_word
from latchwork.explain.outcomes.tag import Tagged

_WORD, _TAG = 20, 14
_ALL = 60  # words that all get a row; of more, the least sure do
_LEAST_SURE = 25
_TEXT = 400  # words that are shown over their tags
# Such as can be read on black and on white, and told apart by the colour-blind; the tag's name stands by in any case.
_COLOURS = (
    "rgb(40,130,205)", "rgb(205,125,0)", "rgb(0,150,110)", "rgb(200,100,155)",
    "rgb(120,90,215)", "rgb(210,85,20)", "rgb(60,160,200)", "rgb(150,140,20)",
)  # fmt: skip


def explained_tags(found: Tagged) -> RenderableType:
    """The explanation as something rich can print."""
    colours = _colours(found.labels)
    says = Text(f"{len(found.steps):,} {'tokens' if found.text is not None else 'steps'}, each with its tag")
    return Group(says, Text(), _Interlinear(found, colours), Text(), _table(found, colours), Text(), *_notes(found))


@dataclass(frozen=True)
class _Interlinear:
    """Words in lines as wide as the terminal, the tag of each below it."""

    found: Tagged
    colours: dict[Any, str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        above, below, used = Text(no_wrap=True), Text(no_wrap=True), 0
        most = options.max_width
        for word, label in list(zip(self.found.steps, self.found.labels, strict=True))[:_TEXT]:
            shown, tag = readable_word(word, min(_WORD, most)), readable_word(str(label), min(_TAG, most))
            width = max(shown.cell_len, tag.cell_len) + 1
            if used and used + width - 1 > most:
                yield above
                yield below
                above, below, used = Text(no_wrap=True), Text(no_wrap=True), 0
            style = self.colours.get(label, "")
            above.append_text(Text(shown.plain, f"bold {style}")).append(" " * (width - shown.cell_len))
            below.append_text(Text(tag.plain, style)).append(" " * (width - tag.cell_len))
            used += width
        for line in (above, below):
            line.rstrip()
            yield line
        if len(self.found.steps) > _TEXT:
            yield Text(f"… and {len(self.found.steps) - _TEXT:,} more", "dim")


def _table(found: Tagged, colours: dict[Any, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("word" if found.text is not None else "step", no_wrap=True)
    table.add_column("tag", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("or else", no_wrap=True)
    gate_columns(table, found.shares)
    for t in _rows(found):
        label, odds = found.labels[t], found.probabilities[t]
        word = readable_word(found.steps[t], _WORD)
        if found.unseen[t]:
            word.append(" ?", style="dim")
        other = Text()
        if len(odds) > 1:
            name = readable_word(str(found.classes[found.likely[t, 1]]), _TAG)
            other = Text.assemble((f"{name.plain} {odds[1]:.1%}", "dim"))
        tag = Text(readable_word(str(label), _TAG).plain, colours.get(label, ""))
        table.add_row(word, tag, f"{odds[0]:.1%}", other, *share_cells(found.shares, t))
    return table


def _rows(found: Tagged) -> Sequence[int]:
    if len(found.steps) <= _ALL:
        return range(len(found.steps))
    least: list[int] = np.sort(np.argsort(found.probabilities[:, 0], kind="stable")[:_LEAST_SURE]).tolist()
    return least


def _notes(found: Tagged) -> list[Text]:
    said = []
    if len(found.steps) > _ALL:
        said.append(f"Shown are the {_LEAST_SURE} of {len(found.steps):,} whose tag is least sure, in their order.")
    said += gate_notes(found.shares)
    if any(found.unseen):
        said.append("? marks words that the model does not know: it goes by their endings, shapes and neighbours.")
    return [Text(sentence, style="dim") for sentence in said]


def _colours(labels: Sequence[Any]) -> dict[Any, str]:
    """The most frequent tags have a colour each; B- and I- of a span the same, O none."""
    kinds = [_kind(label) for label in labels]
    order = sorted(set(kinds) - {"O"}, key=lambda kind: (-kinds.count(kind), readable(kind)))
    given = dict(zip(order, _COLOURS, strict=False))
    return {label: given[_kind(label)] for label in set(labels) if _kind(label) in given}


def _kind(label: Any) -> str:
    text = str(label)
    return text[2:] if text[:2] in ("B-", "I-") else text
