"""The picture as a still SVG that stands alone, in light and in dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from string import Template
from zlib import crc32

from latchwork.explain.diagram.labels import Label, labels
from latchwork.explain.diagram.scene import Node, Scene, Wire
from latchwork.explain.diagram.sizes import BOLD, END_TEXT, LABEL_TEXT, SYMBOL_TEXT, TIME_TEXT, width_of
from latchwork.explain.diagram.wiring import arrow, partings, rounded

# Plain colours rather than CSS variables, which many viewers of SVG do not know; dark where the viewer knows to ask.
_SHAPES = """
.latchwork{font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.latchwork .cell{stroke-width:1.5}
.latchwork .under{fill:none;stroke-width:9}
.latchwork .wire{fill:none;stroke-width:1.8;stroke-linecap:round}
.latchwork .wire.way{stroke-width:4.2}
.latchwork text{text-anchor:middle}
.latchwork .beside{text-anchor:start;paint-order:stroke;stroke-width:3px;stroke-linejoin:round}
.latchwork rect.gate,.latchwork rect.squash,.latchwork rect.map,.latchwork rect.function{stroke-width:1.6}
.latchwork circle.joint{stroke-width:1.6}
.latchwork circle.valve{stroke-width:2}
.latchwork .wings{opacity:.5}
.latchwork .cross{stroke-width:2;stroke-linecap:round}
.latchwork .end{font-style:italic;font-weight:600}
.latchwork .ending{text-anchor:end}
.latchwork .starting{text-anchor:start}
"""
_COLOURS = Template("""
.latchwork .paper{fill:$paper}
.latchwork .cell{fill:$cell;stroke:$edge}
.latchwork .under{stroke:$cell}
.latchwork .wire{stroke:$wire}
.latchwork .head,.latchwork .dot{fill:$wire}
.latchwork .wire.way{stroke:$way}
.latchwork .head.way{fill:$way}
.latchwork text{fill:$ink}
.latchwork text.name{fill:$soft}
.latchwork .beside{stroke:$cell}
.latchwork rect.gate{fill:$gate;stroke:$gate_edge}
.latchwork rect.squash{fill:$tanh;stroke:$tanh_edge}
.latchwork rect.map{fill:$map;stroke:$map_edge}
.latchwork rect.function{fill:$paper;stroke:$tanh_edge}
.latchwork circle.joint{fill:$paper;stroke:$wire}
.latchwork circle.valve{fill:$gate;stroke:$gate_edge}
.latchwork .wings,.latchwork rect.level{fill:$gate_edge}
.latchwork .cross{stroke:$ink}
""")
_LIGHT = {
    "paper": "#fff", "cell": "#f5f7fa", "edge": "#d3dae3", "ink": "#1e2733", "soft": "#5b6675", "wire": "#526071",
    "way": "#2f6db5", "gate": "#ffe2b3", "gate_edge": "#c27c0e", "map": "#dbe8d4", "map_edge": "#5b8a45",
    "tanh": "#d3e5fa", "tanh_edge": "#3c78b8",
}  # fmt: skip
_DARK = {
    "paper": "#12161c", "cell": "#1a2029", "edge": "#333d4a", "ink": "#e8edf3", "soft": "#a3afbd", "wire": "#93a1b2",
    "way": "#6fb0ff", "gate": "#54390c", "gate_edge": "#e5a53c", "map": "#26391f", "map_edge": "#8abf70",
    "tanh": "#1c3550", "tanh_edge": "#78aee8",
}  # fmt: skip
_STYLE = (
    _SHAPES
    + _COLOURS.substitute(_LIGHT).lstrip()
    + f"@media (prefers-color-scheme:dark){{{_COLOURS.substitute(_DARK)}}}\n"
)


def svg(scene: Scene, values: Mapping[str, float] | None = None, title: str = "The cell") -> str:
    """Draw ``scene``.

    Args:
        values: key → a number from 0 to 1, such as a gate's mean; drawn as a level at the side of the gate's box.
        title: what a screen reader calls the picture.
    """
    beside = labels(scene)
    pieces = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="latchwork" role="img" '
        f'viewBox="0 0 {scene.width} {scene.height}" width="{scene.width}" height="{scene.height}">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(described(scene))}</desc>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{scene.width}" height="{scene.height}"/>',
        *_frame(scene),
        *_wires(scene),
        *(_node(node, beside.get(node.id), (values or {}).get(node.value or "")) for node in scene.nodes),
        "</svg>",
    ]
    return "\n".join(pieces) + "\n"


def described(scene: Scene) -> str:
    """The picture in words: what each part is made from."""
    by_id = {node.id: node for node in scene.nodes}
    sources: dict[str, list[str]] = {}
    for wire in scene.wires:
        sources.setdefault(wire.target, []).append(_called(by_id[wire.source]))
    parts = [f"{_called(node)} from {' and '.join(sources[node.id])}" for node in scene.nodes if node.id in sources]
    return "; ".join(parts) + "."


def _called(node: Node) -> str:
    if node.kind == "state":
        return f"the previous {node.value}"
    if node.kind == "result":
        return f"the new {node.value}"
    if node.kind == "input":
        return f"the input {node.label}"
    name = node.value if node.label else None
    symbol = node.reads or node.symbol or "the lines side by side"
    return f"{node.kind} {name} ({symbol})" if name else symbol


def _frame(scene: Scene) -> list[str]:
    """The cell's body: all but what enters and leaves; and the room in which wires pass under others."""
    left = max(n.x + n.w / 2 for n in scene.nodes if n.kind == "state") + 8
    right = min(n.x - n.w / 2 for n in scene.nodes if n.kind == "result") - 8
    bottom = min(n.y - n.h / 2 for n in scene.nodes if n.kind == "input") - 8
    size = f'x="{left:g}" y="4" width="{right - left:g}" height="{bottom - 4:g}"'
    return [
        f'<clipPath id="{_body(scene)}"><rect {size}/></clipPath>',
        f'<rect class="cell" {size} rx="16"/>',
    ]


def _body(scene: Scene) -> str:
    """The id of the cell's body; other pictures on the same page have others."""
    shape = repr([(n.x, n.y, n.w, n.kind) for n in scene.nodes])
    return f"body-{crc32(shape.encode()):08x}"


def _wires(scene: Scene) -> list[str]:
    """The wires, those of one value together; later ones pass over earlier ones, highways over all."""
    nets: dict[str, list[Wire]] = {}
    for wire in scene.wires:
        nets.setdefault(wire.source, []).append(wire)
    buses = {n.id for n in scene.nodes if n.kind == "joint" and not n.symbol}
    on_rails = {source for source, wires in nets.items() if any(wire.highway for wire in wires)}
    highways = [wire for wire in scene.wires if wire.highway]
    room = f'clip-path="url(#{_body(scene)})"'
    pieces: list[str] = []
    for source, wires in sorted(nets.items(), key=lambda net: net[0] in on_rails):
        plain = [wire for wire in wires if not wire.highway]
        apart = partings(wires)
        under = list(plain)
        if source in on_rails:
            under = [*highways, *plain]
            highways = []  # once, below all that leaves a highway
        pieces.extend(f'<path class="under" {room} d="{rounded(w.points, 4)}"/>' for w in under)
        pieces.extend(_wire(wire, wire.target not in buses, apart) for wire in plain)
        if source not in on_rails:
            pieces.extend(_dots(apart))
    for source in sorted(on_rails):
        pieces.extend(_wire(wire, wire.target not in buses) for wire in nets[source] if wire.highway)
        pieces.extend(_dots(partings(nets[source])))
    return pieces


def _wire(wire: Wire, headed: bool, apart: Sequence[tuple[int, int]] = ()) -> str:
    way, size = (" way", 10) if wire.highway else ("", 7)
    line = f'<path class="wire{way}" d="{rounded(wire.points, size - 1 if headed else 0, apart)}"/>'
    return line + (f'<path class="head{way}" d="{arrow(wire.points, size)}"/>' if headed else "")


def _dots(points: Sequence[tuple[int, int]]) -> list[str]:
    return [f'<circle class="dot" cx="{x}" cy="{y}" r="3"/>' for x, y in points]


def _node(node: Node, beside: Label | None, level: float | None) -> str:
    told = node.label or "" if node.value is None or node.value.startswith("#") else node.value
    if node.reads:
        told = f"{told} = {node.reads}" if told else node.reads
    if level is not None:
        told += f" {level:.2f}"
    pieces = [f"<g><title>{escape(told)}</title>" if told else "<g>"]
    if node.kind in ("input", "state", "result"):
        pieces.append(_end(node))
    elif node.kind in ("joint", "valve"):
        pieces.append(_circle(node))
    else:
        pieces.append(_boxed(node, level))
    if beside:
        pieces.append(
            f'<text class="name beside" x="{beside.x:g}" y="{beside.y:g}" font-size="{LABEL_TEXT}">'
            f"{escape(beside.text)}</text>"
        )
    return "".join([*pieces, "</g>"])


def _end(node: Node) -> str:
    time = "t−1" if node.kind == "state" else "t"
    name = node.label or ""
    meet = node.x + (width_of(name, END_TEXT * BOLD) - width_of(time, TIME_TEXT)) / 2
    return _ending("end", name, meet, node.y + 5, END_TEXT) + _starting("time", time, meet, node.y + 9, TIME_TEXT)


def _circle(node: Node) -> str:
    x, y, r = node.x, node.y, node.w / 2
    if not node.symbol:
        return f'<circle class="dot" cx="{x}" cy="{y}" r="{r:g}"/>'
    if node.kind == "valve":
        # The sign of a valve in a pipe, which is also that of a product.
        wings = f"M{x - 6} {y - 6}L{x + 6} {y + 6}V{y - 6}L{x - 6} {y + 6}Z"
        cross = f"M{x - 6} {y - 6}L{x + 6} {y + 6}M{x + 6} {y - 6}L{x - 6} {y + 6}"
        return (
            f'<circle class="valve" cx="{x}" cy="{y}" r="{r:g}"/>'
            f'<path class="wings" d="{wings}"/><path class="cross" d="{cross}"/>'
        )
    size = {1: 18, 2: 13}.get(len(node.symbol), 10)
    return f'<circle class="joint" cx="{x}" cy="{y}" r="{r:g}"/>' + _text(node.symbol, x, y + size * 0.34, size)


def _boxed(node: Node, level: float | None) -> str:
    left, top = node.x - node.w / 2, node.y - node.h / 2
    squash = node.kind == "gate" and not node.symbol.startswith("σ")
    radius = node.h / 2 if node.kind == "function" else 7
    box = (
        f'<rect class="{"squash" if squash else node.kind}" x="{left:g}" y="{top:g}" width="{node.w}" '
        f'height="{node.h}" rx="{radius:g}"/>'
    )
    if level is not None and node.kind == "gate":
        tall = round(max(0.0, min(1.0, level)) * (node.h - 14), 1)
        foot = top + node.h - 7
        box += f'<rect class="level" x="{left + 4:g}" y="{foot - tall:g}" width="3" height="{tall:g}" rx="1.5"/>'
    if node.kind == "function":
        return box + _text(node.symbol, node.x, node.y + 4.5, SYMBOL_TEXT - 2)
    if not node.label:
        return box + _text(node.symbol, node.x, node.y + 5, SYMBOL_TEXT)
    return (
        box
        + _text(node.symbol, node.x, node.y - 3, SYMBOL_TEXT + 1)
        + _text(node.label, node.x, node.y + 14, LABEL_TEXT, "name")
    )


def _text(text: str, x: float, y: float, size: float, role: str = "symbol") -> str:
    if text.endswith(" LN"):
        name, small = text[:-3], size * 0.62
        meet = x + (width_of(name, size) - width_of("LN", small)) / 2
        return _ending(role, name, meet - 1.5, y, size) + _starting("norm", "LN", meet + 1.5, y, small)
    return f'<text class="{role}" x="{x:g}" y="{y:g}" font-size="{size:g}">{escape(text)}</text>'


def _ending(role: str, text: str, x: float, y: float, size: float) -> str:
    """A text that ends at x. Two that meet, as c and t, are texts of their own: not every viewer centres a span."""
    return f'<text class="{role} ending" x="{x:g}" y="{y:g}" font-size="{size:.3g}">{escape(text)}</text>'


def _starting(role: str, text: str, x: float, y: float, size: float) -> str:
    return f'<text class="{role} starting" x="{x:g}" y="{y:g}" font-size="{size:.3g}">{escape(text)}</text>'
