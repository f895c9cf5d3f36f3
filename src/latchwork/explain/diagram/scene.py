"""A cell's picture as plain data: section DIAGRAM of the report's format."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

from latchwork.explain.diagram.layout import lay_out
from latchwork.explain.diagram.parts import Kind, Part
from latchwork.explain.diagram.place import place
from latchwork.explain.diagram.rails import rails
from latchwork.explain.diagram.simplify import simplify
from latchwork.explain.diagram.sizes import label_of, size_of
from latchwork.language.graph import Graph
from latchwork.language.value import Value


@dataclass(frozen=True)
class Node:
    """A box, circle or word of the picture; ``x`` and ``y`` are its centre, ``w`` and ``h`` its size."""

    id: str
    kind: Kind
    x: int
    y: int
    w: int
    h: int
    symbol: str
    label: str | None
    value: str | None
    opens: str | None
    reads: str | None = None


@dataclass(frozen=True)
class Wire:
    """A line of horizontal and vertical pieces from the border of one node to that of another."""

    source: str
    target: str
    value: str | None
    previous: bool
    highway: bool
    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Scene:
    """A cell's picture, laid out.

    Attributes:
        recorded: key → the value of the graph that is meant by it where it is not one of the step before.
    """

    width: int
    height: int
    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]
    recorded: dict[str, Value] = field(compare=False)

    def to_data(self) -> dict[str, Any]:
        """The picture as the report's format has it."""
        wires = [
            {
                "from": wire.source,
                "to": wire.target,
                "value": wire.value,
                "previous": wire.previous,
                "highway": wire.highway,
                "points": [list(point) for point in wire.points],
            }
            for wire in self.wires
        ]
        return {"width": self.width, "height": self.height, "nodes": [asdict(n) for n in self.nodes], "wires": wires}


def scene(graph: Graph) -> Scene:
    """Lay out the picture of a cell."""
    drawing = simplify(graph)
    found = rails(graph, drawing)
    layout = lay_out(drawing, found, place(drawing, found))
    keys, recorded = _keys(graph, drawing.parts)
    ids = {part: f"n{i}" for i, part in enumerate(drawing.parts, 1)}
    highway = {pair for rail in found if rail.highway for pair in zip(rail.parts, rail.parts[1:], strict=False)}
    nodes = []
    for part in drawing.parts:
        width, height = size_of(part)
        x, y = layout.centres[part]
        opens = keys[part.opens] if part.opens else None
        label, reads = label_of(part), part.reads or None
        nodes.append(Node(ids[part], part.kind, x, y, width, height, part.symbol, label, keys[part], opens, reads))
    wires = [
        Wire(
            ids[source],
            ids[part],
            keys[source],
            source.kind == "state",
            (source, part) in highway,
            tuple(points),
        )
        for (source, part), points in layout.lines.items()
    ]
    order = {i: number for number, i in enumerate(ids.values())}
    wires.sort(key=lambda w: (order[w.target], order[w.source]))
    return Scene(layout.width, layout.height, tuple(nodes), tuple(wires), recorded)


def _keys(graph: Graph, parts: list[Part]) -> tuple[dict[Part, str | None], dict[str, Value]]:
    """The key of what each part yields, and what the keys mean."""
    names = {value: name for name, value in reversed(graph.traced.items())}
    recorded = {state.name or "": result for state, result in zip(graph.states, graph.results, strict=True)}
    keys: dict[Part, str | None] = {}
    numbers = count(1)
    for part in parts:
        value = part.value
        if value is None or value.is_comparison or part.kind == "input":
            keys[part] = None
        elif part.kind in ("state", "result"):
            keys[part] = part.label
        else:
            key = keys[part] = names.get(value) or f"#{next(numbers)}"
            recorded[key] = value
    return keys, recorded
