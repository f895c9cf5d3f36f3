"""How large things are drawn, in SVG units, and how much room a text takes."""

from __future__ import annotations

from latchwork.explain.diagram.parts import Part

JOINT, BUS = 26, 10  # diameters
TRACK = 14  # between neighbouring wires
CLEAR = 17  # between a wire and the box beside it, where an arrow head may be
PORTS = 14  # between neighbouring wires into one box
GAP_X, GAP_Y = 26, 24  # the least room between columns and between rows
MARGIN = 18
SYMBOL_TEXT, LABEL_TEXT = 15, 12  # sizes of the type
END_TEXT, TIME_TEXT = 17, 11  # of a state's name, which is bold, and of the t below it
BOLD = 1.15  # how much wider bold type is
_WIDEST = 118  # of a box
_NARROW, _WIDE = set("fijlrt.,:;'|I()[] _"), set("mwMW@%")


def width_of(text: str, size: float) -> float:
    """About how wide a text is in a sans-serif face of that size."""
    return sum(0.34 if c in _NARROW else 0.86 if c in _WIDE else 0.58 for c in text) * size


def fitted(text: str, size: float, room: float) -> str:
    """``text``, shortened with an ellipsis if it is wider than ``room``."""
    if width_of(text, size) <= room:
        return text
    while text and width_of(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip("_ ") + "…"


def label_of(part: Part) -> str | None:
    """The part's name as it is shown."""
    if not part.label:
        return None
    if part.kind in ("input", "state", "result"):
        return fitted(part.label, END_TEXT * BOLD, _WIDEST)
    return fitted(part.label, LABEL_TEXT, _WIDEST - 16)


def size_of(part: Part) -> tuple[int, int]:
    """Width and height of a part."""
    if part.is_bus:
        return BUS, BUS
    label = label_of(part) or ""
    if part.kind in ("joint", "valve"):
        return JOINT, JOINT
    if part.kind in ("input", "state", "result"):
        return max(40, _even(width_of(label, END_TEXT * BOLD) + width_of("t−1", TIME_TEXT) + 12)), 30
    symbol = _even(width_of(part.symbol, SYMBOL_TEXT) + 20)
    if part.kind == "function":
        return max(46, symbol), 26
    return max(58, symbol, _even(width_of(label, LABEL_TEXT) + 18)), 44 if label else 32


def _even(number: float) -> int:
    return 2 * int(number / 2 + 0.999)
