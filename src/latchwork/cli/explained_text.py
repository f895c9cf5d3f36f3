"""A language model's explanation in the terminal: the text by its surprise, then where it was most surprised."""

from __future__ import annotations

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from latchwork.cli.gated import gate_columns, gate_notes, share_cells
from latchwork.cli.readable import readable
from latchwork.explain.outcomes.generate import Foretold

_MOST_SURPRISING = 15
_BEFORE = 16  # characters before a place
_TEXT = 3_000  # characters that are shown
# Bits from which a style holds, such as can be read on black and on white; what is bold is so without colour too.
_STYLES = ((6.0, "bold white on rgb(176,72,0)"), (4.0, "bold rgb(205,95,20)"), (2.0, "rgb(190,120,20)"))
_SEEN = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"})


def explained_text(found: Foretold) -> RenderableType:
    """The explanation as something rich can print."""
    end = " and the end" if found.whole else ", its beginning"
    says = Text.assemble(
        (f"{found.bits_per_character:.2f} bits per character", "bold"),
        f" over {len(found.text):,} character{'s' * (len(found.text) != 1)}{end}",
    )
    return Group(says, Text(), _shaded(found), Text(), _table(found), Text(), *_notes(found))


def _shaded(found: Foretold) -> Text:
    """The text, each character by its surprise, its line breaks to be seen."""
    shown = Text()
    for t in range(1, len(found.steps)):
        start, end = found.spans[t]
        if start >= _TEXT:
            break
        style = next((style for bits, style in _STYLES if found.bits[t - 1] >= bits), "")
        for character in readable(found.text[start:end]):
            shown.append("↵" if character == "\n" else character, style or ("dim" if character == "\n" else ""))
            if character == "\n":
                shown.append("\n")
    if len(found.text) > _TEXT:
        shown.append(f" … and {len(found.text) - _TEXT:,} more", "dim")
    return shown


def _table(found: Foretold) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("at", justify="right", no_wrap=True)
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("came", no_wrap=True)
    table.add_column("bits", justify="right", no_wrap=True)
    table.add_column("expected", no_wrap=True)
    gate_columns(table, found.shares)
    for t in _places(found):
        before = found.text[max(found.spans[t][1] - _BEFORE, 0) : found.spans[t][1]]
        best, p = found.likely[t][0], found.probabilities[t, 0]
        table.add_row(
            f"{found.spans[t][1] + 1:,}",
            Text(seen(before), "dim"),
            Text(seen(found.steps[t + 1]) if t + 1 < len(found.steps) else "end", "bold"),
            f"{found.bits[t]:.1f}",
            Text(f"{seen(best)} {p:.0%}"),
            *share_cells(found.shares, t),
        )
    return table


def _places(found: Foretold) -> list[int]:
    """The steps after which came what was least expected, in their order."""
    known = np.flatnonzero(np.isfinite(found.bits))
    worst = known[np.argsort(-found.bits[known], kind="stable")[:_MOST_SURPRISING]]
    return sorted(worst.tolist())


def seen(symbol: str | None) -> str:
    """A symbol with its blanks and line breaks to be seen; None is the end."""
    return "end" if symbol is None else readable(symbol.translate(_SEEN))


def _notes(found: Foretold) -> list[Text]:
    said = ["A bit is a halving of the probability: what takes 3 bits was expected with 1 in 8."]
    if len(_places(found)) == _MOST_SURPRISING:
        said.append(f"Shown are the {_MOST_SURPRISING} most surprising places, in their order.")
    said += gate_notes(found.shares)
    if any(found.unseen):
        strange = dict.fromkeys(step for step, new in zip(found.steps, found.unseen, strict=True) if new)
        said.append(f"Characters that the model does not know: {' '.join(map(seen, list(strange)[:20]))}.")
    return [Text(sentence, style="dim") for sentence in said]
