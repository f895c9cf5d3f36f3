"""Texts of anyone made fit for a terminal: nothing in them moves the cursor, hides, or turns the line around."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len
from rich.text import Text

_ISOLATED = "\u2068{}\u2069"
_JOINERS = "\u200c\u200d"  # which emoji and many scripts are written with


def readable(text: str) -> str:
    """The text, as long as before, with a mark for each control or format character but ends of lines and joiners."""
    return "".join("�" if _is_hidden(c) and c not in f"\n\t{_JOINERS}" else c for c in text)


def readable_word(word: str, width: int) -> Text:
    """A word in at most ``width`` columns of one line; what cannot be seen is named, as U+200D."""
    if not cell_len("".join(c for c in word if not _is_hidden(c)).strip()):
        word = " ".join(f"U+{ord(c):04X}" for c in word)
    shown = Text(" ".join(readable(word).split()))
    shown.truncate(width, overflow="ellipsis")
    if any(unicodedata.bidirectional(c) in ("R", "AL") for c in shown.plain):
        return Text(_ISOLATED.format(shown.plain))  # so that the numbers after it stay in their places
    return shown


def _is_hidden(character: str) -> bool:
    """Whether it is a control or format character, as those that turn the line around, or half of one."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs")
