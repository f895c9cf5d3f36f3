"""From a cell's graph to what is drawn of it.

A gate's learned maps, their sum, its layer norms and its activation are one box. What is made of learned vectors,
random masks and numbers alone has no box: it stands in the symbol of what uses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from latchwork.explain.diagram.parts import Drawing, Kind, Part
from latchwork.language.graph import Graph
from latchwork.language.layout import unmasked
from latchwork.language.ops import OPS
from latchwork.language.value import Value

# How an op is written in a circle or a box; every other op of one input is written by its own name.
_SYMBOLS = {
    "add": "+",
    "sub": "−",
    "mul": "×",
    "div": "÷",
    "maximum": "max",
    "minimum": "min",
    "greater": ">",
    "greater_equal": "≥",
    "where": "if",
    "sigmoid": "σ",
    "neg": "−",
    "abs": "|·|",
    "sqrt": "√",
    "softplus": "soft+",
    "layer_norm": "LN",
    "project": "P",
}
_ORDERED = ("sub", "div", "greater", "greater_equal", "where")  # ops that read otherwise with their inputs exchanged
_LONGEST_READ = 40  # letters of what is read within another
_LONGEST = 9  # letters of a symbol that stands in a pill


def simplify(graph: Graph) -> Drawing:
    """The parts of ``graph``."""
    return _Simplifier(graph).drawing()


@dataclass
class _Sum:
    """What a gate adds up before its activation."""

    mapped: list[Part] = field(default_factory=list)
    plain: list[Part] = field(default_factory=list)
    maps: list[Value] = field(default_factory=list)
    normalised: bool = False
    others: bool = False  # whether there is more than learned maps


class _Simplifier:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.named = {value: name for name, value in reversed(graph.traced.items())}
        self.made: dict[Value, Part] = {graph.input: Part("input", "", graph.input, label=graph.input.name or "x")}
        for state in graph.states:
            self.made[state] = Part("state", "", state, label=state.name or "h")
        self.terminals = dict(self.made)
        self.fixed: set[Value] = set()  # what depends on neither the input nor a state
        for value in graph.order:
            if value not in self.made and all(i in self.fixed for i in value.inputs):
                self.fixed.add(value)

    def drawing(self) -> Drawing:
        graph = self.graph
        for value in graph.order:  # inputs first, so that a long cell is no deep recursion
            if not self._absorbable(value) and (value not in self.fixed or self._must(value)):
                self.part(value)
        results = [
            Part("result", "", result, plain=[self.part(result)], label=state.name or "h")
            for state, result in zip(graph.states, graph.results, strict=True)
        ]
        inner = self._reached([self.made[v] for v in graph.order if v in self.made and self._must(v)], results)
        drawing = Drawing(self.made[graph.input], [self.made[s] for s in graph.states], results, inner)
        _lay_side_by_side(drawing)
        return drawing

    def _must(self, value: Value) -> bool:
        return value in self.named or value in self.graph.results

    def _reached(self, wanted: list[Part], results: list[Part]) -> list[Part]:
        """The parts that are drawn, each after its inputs."""
        done: dict[Part, None] = {}

        def visit(part: Part) -> None:
            stack = [(part, iter(part.inputs))]
            while stack:
                current, pending = stack[-1]
                following = next((p for p in pending if p not in done), None)
                if following is None:
                    stack.pop()
                    done.setdefault(current)
                else:
                    stack.append((following, iter(following.inputs)))

        for part in (*wanted, *results):
            visit(part)
        return [p for p in done if p.kind not in ("input", "state", "result")]

    def _absorbable(self, value: Value) -> bool:
        """Whether a gate's box could take ``value`` in."""
        peephole = value.op == "mul" and any(i.op == "vector" for i in value.inputs)
        return self.absorbed(value) and (value.op in ("map", "add", "layer_norm") or peephole)

    def part(self, value: Value) -> Part:
        if value not in self.made:
            self.made[value] = self._make(value)
            self.made[value].label = self.named.get(value, "")
        return self.made[value]

    def absorbed(self, value: Value) -> bool:
        """Whether ``value`` may be drawn as a piece of the one part that uses it."""
        return (
            value not in self.terminals
            and not self._must(value)
            and len(self.graph.users[value]) == 1
            and value not in self.made
        )

    def _make(self, value: Value) -> Part:
        if value in self.fixed:
            return Part("function", _shortened(self.written(value)), value)
        if value.op in ("map", "add") or (value.op == "layer_norm" and self._is_learned(value.inputs[0])):
            total = _Sum()
            self._collect(value, total, root=True)
            if total.maps and not total.others:
                return self._learned("map", self._letter(total), value, total)
        if value.op == "project":
            return Part("map", "P", value, mapped=[self.part(value.inputs[0])])
        if value.op == "layer_norm":
            return Part("function", "LN", value, plain=[self.part(value.inputs[0])])
        if len(value.inputs) == 1:
            return self._unary(value)
        return self._joint(value)

    def _unary(self, value: Value) -> Part:
        (source,) = value.inputs
        symbol = _SYMBOLS.get(value.op, value.op)
        squashes = value.op == "sigmoid"
        if self.absorbed(source) and source.op == "layer_norm" and not self._is_learned(source.inputs[0]):
            return Part("function", f"{symbol} LN", value, plain=[self.part(source.inputs[0])], squashes=squashes)
        if self.absorbed(source) and source.op in ("map", "layer_norm", "add"):
            total = _Sum()
            self._collect(source, total)
            if total.maps:
                part = self._learned("gate", symbol, value, total)
                part.squashes = squashes
                return part
        return Part("function", symbol, value, plain=[self.part(source)], squashes=squashes)

    def _learned(self, kind: Kind, symbol: str, value: Value, total: _Sum) -> Part:
        if total.normalised:
            symbol += " LN"
        return Part(kind, symbol, value, plain=total.plain, mapped=total.mapped, low=True)

    def _letter(self, total: _Sum) -> str:
        """The letter that the formula gives to the matrix."""
        sources = {unmasked(m.inputs[0]) for m in total.maps}
        return "W" if self.graph.input in sources else "U" if self.graph.states[0] in sources else "V"

    def _collect(self, value: Value, total: _Sum, root: bool = False) -> None:
        """Add the terms of ``value`` to ``total``."""
        stack = [(value, root)]
        while stack:
            term, whole = stack.pop()
            if term in self.fixed:
                total.others |= term.op != "map"
            elif not whole and not self.absorbed(term):
                total.plain.append(self.part(term))
                total.others = True
            elif term.op == "add":
                stack.extend((i, False) for i in reversed(term.inputs))
            elif term.op == "map":
                total.maps.append(term)
                if term.inputs[0] not in self.fixed:
                    total.mapped.append(self.part(term.inputs[0]))
            elif term.op == "layer_norm" and self._is_learned(term.inputs[0]):
                total.normalised = True
                stack.append((term.inputs[0], False))
            elif term.op == "mul" and any(i.op == "vector" for i in term.inputs):
                seen = next(i for i in term.inputs if i not in self.fixed)
                total.plain.append(self.part(seen))  # a peephole: its vector is one of the gate's weights
                total.others = True
            else:
                total.plain.append(self.part(term))
                total.others = True

    def _is_learned(self, value: Value) -> bool:
        """Whether ``value`` can be absorbed and is a sum of learned maps."""
        stack = [value]
        while stack:
            term = stack.pop()
            if not self.absorbed(term) or term in self.fixed or term.op not in ("map", "add"):
                return False
            if term.op == "add":
                stack.extend(term.inputs)
        return True

    def _joint(self, value: Value) -> Part:
        symbol = _SYMBOLS.get(value.op, value.op)
        moving = [i for i in value.inputs if i not in self.fixed]
        parts = list(dict.fromkeys(self.part(i) for i in moving))
        if len(moving) < len(value.inputs):
            return self._with_fixed(value, symbol, parts)
        if value.op == "mul":
            if len(parts) == 1:
                return Part("function", "( )²", value, plain=parts)
            shares = [i for i in moving if _is_share(i)]
            if shares:
                gate = self.part(shares[0])
                return Part("valve", "×", value, plain=parts, opens=gate, decides=[gate])
        decides = parts[:1] if value.op == "where" and len(parts) > 1 else []
        joint = Part("joint", symbol, value, plain=parts, decides=decides, squashes=value.is_comparison)
        joint.reads = self._reads(value)
        return joint

    def _with_fixed(self, value: Value, symbol: str, parts: list[Part]) -> Part:
        """An op some of whose inputs stand in its symbol."""
        texts = [self.written(i, inside=True) if i in self.fixed else "" for i in value.inputs]
        if value.op == "where":
            decides = [self.part(value.inputs[0])] if value.inputs[0] not in self.fixed else []
            if len(parts) == 1 and decides:
                return Part("function", _shortened(f"{texts[1]} : {texts[2]}"), value, plain=parts, squashes=True)
            return Part("joint", "if", value, plain=parts, decides=decides, reads=self._reads(value))
        if value.op == "sub" and texts[0] == "1":
            return Part("joint", "1−", value, plain=parts)
        if value.op == "mul":
            texts.sort(key=bool)  # as it is said: times a half
        word = f"{texts[0]}{symbol}{texts[1]}" if len(symbol) == 1 else f"{symbol} {texts[0] or texts[1]}"
        return Part("function", _shortened(word), value, plain=parts, squashes=value.is_comparison)

    def _reads(self, value: Value) -> str:
        """How an op is read whose inputs are not alike; empty for the others."""
        if value.op not in _ORDERED:
            return ""
        names = [self.written(i, inside=True) if i in self.fixed else _called(self.part(i)) for i in value.inputs]
        if value.op == "where":
            return f"if {names[0]} then {names[1]}, else {names[2]}"
        return f"{names[0]} {_SYMBOLS[value.op]} {names[1]}"

    def written(self, value: Value, inside: bool = False) -> str:
        """What is made of vectors, masks and numbers alone, in few letters."""
        if value.op == "constant":
            return f"{value.attributes['value']:.3g}".replace("-", "−")
        if value.op == "vector":
            return "w"
        if value.op == "bernoulli":
            return "mask"
        under = [self.written(i, inside=True) for i in value.inputs]
        if value.op == "sub" and under == ["1", "mask"]:
            return "(1−mask)" if inside else "1−mask"
        if any("mask" in text for text in under):
            return "mask"
        if all(_number(v) for v in value.inputs) and value.op in OPS:
            return "k"
        if len(under) == 1 and value.op in OPS and len(under[0]) < 3:
            return f"{_SYMBOLS.get(value.op, value.op)}({under[0]})"
        return "w"


def _number(value: Value) -> bool:
    """Whether it is computed from plain numbers alone."""
    return value.op == "constant" or (value.op in OPS and all(_number(i) for i in value.inputs))


def _called(part: Part) -> str:
    """What a part is called where another is read: by its name, or by what it does."""
    if part.kind == "state":
        return f"{part.label}[t−1]"
    return part.label or f"({part.reads if 0 < len(part.reads) < _LONGEST_READ else part.symbol})"


def _is_share(value: Value) -> bool:
    """Whether every unit of ``value`` is known to lie between 0 and 1, as a gate's do."""
    while value.op == "sub" and value.inputs[0].op == "constant" and value.inputs[0].attributes["value"] == 1:
        value = value.inputs[1]
    return value.op == "sigmoid"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _lay_side_by_side(drawing: Drawing) -> None:
    """Give gates that read the same lines one bus, as [h, x], instead of a wire each."""
    terminals = {drawing.input, *drawing.states}
    readers = [p for p in drawing.inner if p.low and len(p.mapped) > 1]
    waiting = {p: frozenset(p.mapped) for p in readers}
    while True:
        counts: dict[frozenset[Part], int] = {}
        for lines in waiting.values():
            counts[lines] = sum(lines <= other for other in waiting.values())
        chosen = max(
            (s for s in counts if counts[s] > 1 or s <= terminals), key=lambda s: (counts[s], len(s)), default=None
        )
        if chosen is None:
            return
        users = [p for p, lines in waiting.items() if chosen <= lines]
        ordered = [p for p in dict.fromkeys(users[0].mapped) if p in chosen]
        first = min(drawing.inner.index(p) for p in users)
        # Three lines meet in a point at most, so that further ones join one after another.
        bus = Part("joint", "", None, mapped=ordered[:3])
        drawing.inner.insert(first, bus)
        for i in range(3, len(ordered), 2):
            first += 1
            bus = Part("joint", "", None, mapped=[bus, *ordered[i : i + 2]])
            drawing.inner.insert(first, bus)
        for part in users:
            part.mapped = [bus, *(p for p in part.mapped if p not in chosen)]
            del waiting[part]
