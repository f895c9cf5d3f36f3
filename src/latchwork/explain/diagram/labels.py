"""Where the names of circles and functions stand: in the corner that is free of wires, boxes and other names."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from latchwork.explain.diagram.scene import Node, Scene
from latchwork.explain.diagram.sizes import LABEL_TEXT, width_of

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Label:
    """A name beside a node; (x, y) is where its line of type starts."""

    text: str
    x: float
    y: float


def labels(scene: Scene) -> dict[str, Label]:
    """The names that stand beside their nodes, by the nodes' ids."""
    taken: list[Box] = [_box(n) for n in scene.nodes]
    for wire in scene.wires:
        for (ax, ay), (bx, by) in pairwise(wire.points):
            taken.append((min(ax, bx) - 2, min(ay, by) - 2, max(ax, bx) + 2, max(ay, by) + 2))
    shown_anyway = {(w.source, w.value) for w in scene.wires if _kind(scene, w.target) == "result"}
    found: dict[str, Label] = {}
    for node in scene.nodes:
        if node.kind not in ("joint", "valve", "function") or not node.label or (node.id, node.label) in shown_anyway:
            continue
        choices = [(_clashes(box, taken, scene), i, box) for i, box in enumerate(_corners(node, node.label))]
        _, _, box = min(choices)
        found[node.id] = Label(node.label, box[0], box[3] - 3)
        taken.append(box)
    return found


def _kind(scene: Scene, identity: str) -> str:
    return next(n.kind for n in scene.nodes if n.id == identity)


def _box(node: Node) -> Box:
    return node.x - node.w / 2, node.y - node.h / 2, node.x + node.w / 2, node.y + node.h / 2


def _corners(node: Node, text: str) -> list[Box]:
    """The rooms for a name around a node, the best first."""
    width, height = width_of(text, LABEL_TEXT), LABEL_TEXT + 2
    round_corner = 0.72 if node.kind in ("joint", "valve") else 1.0
    dy = node.h / 2 * round_corner
    boxes = []
    for shift in (node.w / 2 * round_corner + 2 if round_corner < 1 else 5, node.w / 2 + 4):
        for below in (False, True):
            top = node.y + dy + 1 if below else node.y - dy - height - 1
            for left in (node.x + shift, node.x - shift - width):
                boxes.append((left, top, left + width, top + height))
    return boxes


def _clashes(box: Box, taken: list[Box], scene: Scene) -> int:
    outside = box[0] < 0 or box[1] < 0 or box[2] > scene.width or box[3] > scene.height
    return 5 * outside + sum(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in taken
    )
