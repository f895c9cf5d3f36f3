"""What every picture must keep to."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise

from latchwork.explain.diagram import Node, Scene, scene, svg
from latchwork.language.cell import Cell
from latchwork.language.graph import Graph, ordered

Piece = tuple[int, int, int, int]  # left, top, right, bottom; flat in one direction


def drawn(cell: Cell) -> Scene:
    """The cell's picture, checked."""
    made = scene(cell.graph)
    states_enter_and_leave(made, cell.graph)
    every_value_is_there(made, cell.graph)
    wires_connect(made)
    nothing_overlaps(made)
    keys_are_right(made, cell.graph)
    text = svg(made)
    ElementTree.fromstring(text)
    again = scene(cell.graph)
    assert again.to_data() == made.to_data()
    assert svg(again) == text
    return made


def states_enter_and_leave(made: Scene, graph: Graph) -> None:
    names = [state.name for state in graph.states]
    for kind in ("state", "result"):
        assert [n.value for n in made.nodes if n.kind == kind] == names
    assert len([n for n in made.nodes if n.kind == "input"]) == 1
    assert {w.target for w in made.wires} >= {n.id for n in made.nodes if n.kind == "result"}
    left = {n.x for n in made.nodes if n.kind == "state"}
    right = {n.x for n in made.nodes if n.kind == "result"}
    assert len(left) == len(right) == 1
    for node in made.nodes:
        assert node.kind == "state" or node.x > min(left)
        assert node.kind == "result" or node.x < max(right)


def every_value_is_there(made: Scene, graph: Graph) -> None:
    shown = {made.recorded[n.value] for n in made.nodes if n.value in made.recorded and n.kind != "state"}
    for name, value in graph.traced.items():
        assert value in shown, f"{name} is not drawn"


def keys_are_right(made: Scene, graph: Graph) -> None:
    """Each key means the graph's value of that name, and each wire carries what its node yields."""
    by_id = {n.id: n for n in made.nodes}
    for key, value in made.recorded.items():
        assert key.startswith("#") or graph.names[key] is value
    for wire in made.wires:
        source = by_id[wire.source]
        assert wire.value == source.value
        assert wire.previous == (source.kind == "state")
        if wire.value is not None and not wire.previous:
            assert wire.value in made.recorded
    for node in made.nodes:
        assert (node.opens is not None) == (node.kind == "valve")
        if node.opens is not None:
            # What opens a valve is one of the wires into it, and a factor of the product.
            assert node.opens in {w.value for w in made.wires if w.target == node.id}
            assert made.recorded[node.opens] in made.recorded[node.value].inputs
    yields = {n.id: made.recorded.get(n.value or "") for n in made.nodes if n.kind not in ("input", "state", "result")}
    yields |= {n.id: graph.input for n in made.nodes if n.kind == "input"}
    names = {state.name: state for state in graph.states}
    yields |= {n.id: names[n.value] for n in made.nodes if n.kind == "state"}
    for node in made.nodes:
        sources = {yields[w.source] for w in made.wires if w.target == node.id} - {None}
        value = yields.get(node.id)
        if node.kind == "result":
            assert sources == {made.recorded[node.value]}
        elif node.kind in ("joint", "valve") and value is not None:
            assert sources <= set(value.inputs)
        elif value is not None:
            assert sources <= set(ordered([value])) - {value}
    recorded = [v for v in made.recorded.values() if v in graph.order]
    assert len(recorded) == len(made.recorded)


def wires_connect(made: Scene) -> None:
    by_id = {n.id: n for n in made.nodes}
    assert len(by_id) == len(made.nodes)
    for wire in made.wires:
        assert len(wire.points) >= 2
        assert on_border(wire.points[0], by_id[wire.source])
        assert on_border(wire.points[-1], by_id[wire.target])
        for a, b in pairwise(wire.points):
            assert (a[0] == b[0]) != (a[1] == b[1]), f"a slanting or empty piece {a} {b}"
    for node in made.nodes:
        if node.kind in ("input", "state"):
            assert not [w for w in made.wires if w.target == node.id]
        elif node.kind == "result":
            assert len([w for w in made.wires if w.target == node.id]) == 1


def on_border(point: tuple[int, int], node: Node) -> bool:
    dx, dy = 2 * abs(point[0] - node.x), 2 * abs(point[1] - node.y)
    round_ = node.kind in ("joint", "valve")
    if dy == node.h:
        return dx == 0 if round_ else dx < node.w
    return dx == node.w and dy == 0


def nothing_overlaps(made: Scene) -> None:
    boxes = {n.id: (n.x - n.w / 2, n.y - n.h / 2, n.x + n.w / 2, n.y + n.h / 2) for n in made.nodes}
    for (a, one), (b, other) in combinations(boxes.items(), 2):
        assert not meets(one, other), f"{a} and {b} overlap"
    pieces = [
        (wire, (min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])))
        for wire in made.wires
        for a, b in pairwise(wire.points)
    ]
    for wire, piece in pieces:
        assert 0 <= piece[0] <= piece[2] <= made.width
        assert 0 <= piece[1] <= piece[3] <= made.height
        for identity, box in boxes.items():
            assert not meets(piece, box), f"the wire {wire.source}→{wire.target} runs through {identity}"
    for (wire, one), (other_wire, other) in combinations(pieces, 2):
        if wire.source != other_wire.source:
            both = f"{wire.source}→{wire.target} and {other_wire.source}→{other_wire.target}"
            assert not run_together(one, other), f"{both} run on one track"
    for box in boxes.values():
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[2] <= made.width
        assert box[3] <= made.height


def meets(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether the insides of two boxes meet; a piece of a wire is a box without breadth."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def run_together(a: Piece, b: Piece) -> bool:
    if a[0] == a[2] == b[0] == b[2]:
        return a[1] < b[3] and b[1] < a[3]
    if a[1] == a[3] == b[1] == b[3]:
        return a[0] < b[2] and b[0] < a[2]
    return False
