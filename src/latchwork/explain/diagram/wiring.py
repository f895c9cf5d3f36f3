"""How wires are drawn: rounded corners, arrow heads, dots where they part, gaps where they pass under another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from latchwork.explain.diagram.scene import Wire

Points = Sequence[tuple[int, int]]
_RADIUS = 8


def rounded(points: Points, short: float, sharp: Collection[tuple[int, int]] = ()) -> str:
    """The path of a line that ends ``short`` of its last point, where the arrow head begins.

    Its corners are rounded but for those in ``sharp``, where it parts from another.
    """
    (x, y), *_ = points
    pieces = [f"M{x} {y}"]
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        room = 0 if at in sharp else min(_RADIUS, _distance(before, at) / 2, _distance(at, after) / 2)
        a, b = _towards(at, before, room), _towards(at, after, room)
        pieces.append(f"L{a[0]:g} {a[1]:g}Q{at[0]} {at[1]} {b[0]:g} {b[1]:g}")
    end = _towards(points[-1], points[-2], short)
    pieces.append(f"L{end[0]:g} {end[1]:g}")
    return "".join(pieces)


def arrow(points: Points, size: float) -> str:
    """The path of the arrow head at a line's end."""
    (x, y), back = points[-1], _towards(points[-1], points[-2], size)
    dx, dy = (back[1] - y) * 0.5, (back[0] - x) * 0.5
    return f"M{x} {y}L{back[0] + dx:g} {back[1] + dy:g}L{back[0] - dx:g} {back[1] - dy:g}Z"


def partings(wires: Iterable[Wire]) -> list[tuple[int, int]]:
    """The points where wires of one value part."""
    pieces = [piece for wire in wires for piece in pairwise(wire.points)]
    found = []
    for x, y in sorted({point for wire in wires for point in wire.points}):
        directions = set()
        for (ax, ay), (bx, by) in pieces:
            if ax == bx == x and min(ay, by) <= y <= max(ay, by):
                directions |= {"up"} if min(ay, by) < y else set()
                directions |= {"down"} if max(ay, by) > y else set()
            if ay == by == y and min(ax, bx) <= x <= max(ax, bx):
                directions |= {"left"} if min(ax, bx) < x else set()
                directions |= {"right"} if max(ax, bx) > x else set()
        if len(directions) > 2:
            found.append((x, y))
    return found


def _distance(a: tuple[int, int], b: tuple[int, int]) -> int:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(a: tuple[int, int], b: tuple[int, int], length: float) -> tuple[float, float]:
    whole = _distance(a, b) or 1
    return a[0] + (b[0] - a[0]) * length / whole, a[1] + (b[1] - a[1]) * length / whole
