"""From places to coordinates: wires find their ways on a grid, then rows and columns get the room that they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from latchwork.explain.diagram.parts import Drawing, Part
from latchwork.explain.diagram.place import Places
from latchwork.explain.diagram.rails import Rail
from latchwork.explain.diagram.route import Net, Point, Port, Router, Side, Way
from latchwork.explain.diagram.sizes import CLEAR, GAP_X, GAP_Y, MARGIN, PORTS, TRACK, size_of

Ends: TypeAlias = tuple[Part, Part]  # a wire's source and target

_NOMINAL_COLUMN, _NOMINAL_ROW, _NOMINAL_TRACK = 60, 40, 12


@dataclass(frozen=True, eq=False)
class Layout:
    """Where everything is, in SVG units.

    Attributes:
        centres: of each part.
        lines: (from, to) → the corners of the wire between them.
    """

    width: int
    height: int
    centres: dict[Part, tuple[int, int]]
    lines: dict[Ends, list[tuple[int, int]]]


def lay_out(drawing: Drawing, rails: list[Rail], places: Places) -> Layout:
    """Route every wire and give everything its coordinates."""
    urgent: list[Ends] = []  # wires that others have shut in, and so go first when all is done again
    for tracks in (4, 6, 9, 14):
        grid = _Grid(drawing, rails, places, tracks)
        for _ in range(8):
            found = grid.ways(urgent)
            if isinstance(found, dict):
                return grid.measured(found)
            urgent = [found, *(wire for wire in urgent if wire != found)]
    raise AssertionError("a wire found no way, though there was room for all of them")


class _Grid:
    def __init__(self, drawing: Drawing, rails: list[Rail], places: Places, tracks: int) -> None:
        self.drawing = drawing
        self.places = places
        self.tracks = tracks
        self.sizes = {part: size_of(part) for part in drawing.parts}
        self.pairs = [pair for rail in rails for pair in pairwise(rail.parts)]
        self.rail_in = {b for _, b in self.pairs}
        self.rail_out = {a for a, _ in self.pairs}
        self.by_rail = {p: rail for rail in rails for p in rail.parts}
        self.number = {part: i for i, part in enumerate(drawing.parts)}
        self._lines()
        self._ports()

    def _lines(self) -> None:
        """The grid's lines: tracks before each column and row, and the lines that lead into the boxes."""
        places = self.places
        half = [0] * places.columns  # lines on either side of a column's middle
        for part in self.drawing.parts:
            if part.low:
                column = places.at[part][0]
                half[column] = max(half[column], (len(part.inputs)) // 2)
        self.half = half
        self.xs: list[int] = []
        self.ys: list[int] = []
        self.centre_x: list[int] = []
        self.centre_y: list[int] = []
        at = 0
        for side in half:
            for _ in range(self.tracks):
                self.xs.append(at := at + _NOMINAL_TRACK)
            at += _NOMINAL_COLUMN // 2
            self.centre_x.append(len(self.xs) + side)
            self.xs.extend(at + PORTS * i for i in range(-side, side + 1))
            at += _NOMINAL_COLUMN // 2
        at = 0
        for _ in range(places.rows):
            for _ in range(self.tracks):
                self.ys.append(at := at + _NOMINAL_TRACK)
            at += _NOMINAL_ROW // 2
            self.centre_y.append(len(self.ys))
            self.ys.append(at)
            at += _NOMINAL_ROW // 2
        for _ in range(self.tracks):
            self.ys.append(at := at + _NOMINAL_TRACK)

    def _ports(self) -> None:
        self.out: dict[Part, list[Port]] = {}
        self.into: dict[Part, list[Port]] = {}
        self.blocked: set[Point] = set()
        for part in self.drawing.parts:
            column, row = self.places.at[part]
            x, y = self.centre_x[column], self.centre_y[row]
            side = self.half[column]
            self.blocked |= {(x + i, y) for i in range(-side, side + 1)}

            self.out[part], self.into[part] = self._faces(part)

    def _port(self, part: Part, face: Side, cost: int = 0, shift: int = 0) -> Port:
        column, row = self.places.at[part]
        x, y, side = self.centre_x[column], self.centre_y[row], self.half[column]
        points = {"N": (x + shift, y - 1), "S": (x + shift, y + 1), "W": (x - side - 1, y), "E": (x + side + 1, y)}
        return Port(self.number[part], face, points[face], cost)

    def _faces(self, part: Part) -> tuple[list[Port], list[Port]]:
        """Where wires may leave a part and where they may enter it, the best first."""

        def port(face: Side, cost: int = 0, shift: int = 0) -> Port:
            return self._port(part, face, cost, shift)

        if part.kind == "state":
            return [port("E")], []
        if part.kind == "input":
            return [port("N")], []
        if part.kind == "result":
            return [], [port("W")]
        west = port("W") if part in self.rail_in else None
        east = port("E") if part in self.rail_out else None
        if part.low:
            count = len(part.inputs) - (west is not None)
            middle = count // 2
            below = [port("S", 20 * abs(s), s) for s in range(-middle, middle + 1)]
            return ([east] if east else [port("N"), port("E", 60)]), below + ([west] if west else [port("W", 60)])
        if part.is_bus:
            return [east or port("E")], [port("S"), west or port("W"), port("N", 10)]
        rest = [port("N"), port("S"), *([] if east else [port("E")]), *([] if west else [port("W")])]
        into = [port("S"), port("N"), *([] if east else [port("E", 40)]), *([] if west else [port("W")])]
        return ([east] if east else []) + rest, ([west] if west else []) + into

    def ways(self, urgent: Sequence[Ends]) -> dict[Ends, Way] | Ends:
        """Every wire's way: rails first, then what is urgent, then from short to long. Or a wire that found none."""
        ports = [p for faces in (self.out, self.into) for found in faces.values() for p in found]
        router = Router(self.xs, self.ys, self.blocked, ports)
        nets = {part: Net(self.number[part]) for part in self.drawing.parts}
        left: dict[Part, set[Side]] = {part: set() for part in self.drawing.parts}
        found: dict[Ends, Way] = {}
        wires = [(source, part) for part in self.drawing.parts for source in part.inputs]
        on_rail = set(self.pairs)

        def turn(wire: Ends) -> tuple[bool, bool, bool, int, int]:
            (a, b), (c, d) = (self.places.at[p] for p in wire)
            far = abs(a - c) + abs(b - d)
            # A bus goes to its last gate first, so that the others' wires leave a straight line.
            return (
                wire not in on_rail,
                wire not in urgent,
                not wire[0].is_bus,
                -far if wire[0].is_bus else far,
                self.number[wire[1]],
            )

        for source, part in sorted(wires, key=turn):
            leave, enter = self.out[source], self.into[part]
            if (source, part) in on_rail:
                leave, enter = [p for p in leave if p.side == "E"], [p for p in enter if p.side == "W"]
            else:
                leave = [p for p in leave if p.side != "E" or source not in self.rail_out]
                enter = [p for p in enter if p.side != "W" or part not in self.rail_in]
            if nets[source].before and len(left[source]) >= 4 - len(source.inputs):
                leave = []  # the other sides are for what comes in; there is a wire to branch off from
            if part.low and source not in part.mapped and (source, part) not in on_rail:
                # What is added to a gate's maps comes in at its side, unlike what the bus brings.
                enter = [replace(p, cost=10 if p.side == "W" else p.cost + 40) for p in enter]
            way = router.connect(nets[source], leave, enter)
            if way is None:
                return source, part
            left[source].add(way.leaves.side)
            found[source, part] = way
        return found

    def _gap_before(self, column: int) -> int:
        """The least room before a column; more before the last one, which is outside of the cell's frame."""
        return 0 if column == 0 else GAP_X if column < self.places.columns - 1 else GAP_X + 14

    def measured(self, ways: dict[Ends, Way]) -> Layout:
        """Coordinates: each column and row as large as what stands in it, each gap as wide as its wires need."""
        corners = {wire: _corners(way) for wire, way in ways.items()}
        turns = [point for found in corners.values() for point in found]
        widths, heights = [0] * self.places.columns, [0] * self.places.rows
        for part, (column, row) in self.places.at.items():
            widths[column] = max(widths[column], self.sizes[part][0], 2 * PORTS * (self.half[column] + 1))
            heights[row] = max(heights[row], self.sizes[part][1])
        x_of: dict[int, int] = {}
        y_of: dict[int, int] = {}
        used_x, used_y = sorted({x for x, _ in turns}), sorted({y for _, y in turns})
        right = MARGIN
        for column, width in enumerate(widths):
            middle, side = self.centre_x[column], self.half[column]
            gap = range(middle - side - self.tracks, middle - side)
            right = _spread(x_of, [x for x in used_x if x in gap], right, self._gap_before(column))
            for i in range(-side, side + 1):
                x_of[middle + i] = right + width // 2 + PORTS * i
            right += width
        bottom = MARGIN
        for row, height in enumerate(heights):
            middle = self.centre_y[row]
            gap = range(middle - self.tracks, middle)
            bottom = _spread(y_of, [y for y in used_y if y in gap], bottom, GAP_Y if row else 0)
            y_of[middle] = bottom + height // 2
            bottom += height
        bottom = _spread(y_of, [y for y in used_y if y > self.centre_y[-1]], bottom, 0)
        centres = {p: (x_of[self.centre_x[c]], y_of[self.centre_y[r]]) for p, (c, r) in self.places.at.items()}

        def border(part: Part, port: Port) -> tuple[int, int]:
            (x, y), (width, height) = centres[part], self.sizes[part]
            if port.side in "NS":
                return x_of[port.point[0]], y + (height if port.side == "S" else -height) // 2
            return x + (width if port.side == "E" else -width) // 2, y

        lines = {
            (source, part): [
                border(source, ways[source, part].leaves),
                *((x_of[x], y_of[y]) for x, y in found),
                border(part, ways[source, part].enters),
            ]
            for (source, part), found in corners.items()
        }
        return Layout(right + MARGIN, bottom + MARGIN, centres, lines)


def _corners(way: Way) -> list[Point]:
    """The grid points where the way turns."""
    axes = [0 if a[1] == b[1] else 1 for a, b in pairwise(way.points)]
    axes = [0 if way.leaves.side in "EW" else 1, *axes, 0 if way.enters.side in "EW" else 1]
    return [point for point, (before, after) in zip(way.points, pairwise(axes), strict=True) if before != after]


def _spread(at: dict[int, int], tracks: list[int], start: int, least: int) -> int:
    """Lay ``tracks`` out in a gap that begins at ``start``; where it ends."""
    room = max(least, TRACK * (len(tracks) - 1) + 2 * CLEAR if tracks else 0)
    first = start + (room - TRACK * (len(tracks) - 1)) // 2
    for i, track in enumerate(tracks):
        at[track] = first + TRACK * i
    return start + room
