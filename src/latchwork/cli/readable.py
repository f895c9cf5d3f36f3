"""Texts of anyone made fit for a terminal: nothing in them moves the cursor, hides, or turns the line around."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len
from rich.text import Text

_ISOLATED = "\u2068{}\u2069"


def readable(text: str) -> str:
    """The text, as long as before, with a mark for each control character but the ends of lines."""
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" else c for c in text)


def readable_word(word: str, width: int) -> Text:
    """A word in at most ``width`` columns of one line; what cannot be seen is named, as U+200D."""
    if not cell_len(readable(word).strip()):
        word = " ".join(f"U+{ord(c):04X}" for c in word)
    shown = Text(" ".join(readable(word).split()))
    shown.truncate(width, overflow="ellipsis")
    if any(unicodedata.bidirectional(c) in ("R", "AL") for c in shown.plain):
        return Text(_ISOLATED.format(shown.plain))  # so that the numbers after it stay in their places
    return shown
