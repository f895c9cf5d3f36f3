"""A cell as it is written on paper: plain text for the terminal, LaTeX for documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from latchwork.language.graph import Graph
from latchwork.language.layout import unmasked
from latchwork.language.ops import ATOM, OPS, PREFIX, PRODUCT, SUM
from latchwork.language.value import Value

Style = Literal["text", "latex"]


@dataclass(frozen=True)
class Line:
    """One line of a formula: ``name`` at step t equals ``expression``."""

    name: str
    expression: str

    def __str__(self) -> str:
        return f"{self.name} = {self.expression}"


def formula(graph: Graph, style: Style = "text") -> list[Line]:
    """One line for each assigned name, in the cell's order.

    ``W`` is the matrix of the input, ``U`` that of the output state, ``V`` that of any other value, ``w`` a learned
    vector, each with its gate's name.
    """
    writer = _Writer(graph, style)
    return [
        Line(writer.quantity(name, "t"), writer.expression(value))
        for name, value in graph.names.items()
        if value.op not in ("constant", "vector", "bernoulli")
    ]


class _Writer:
    def __init__(self, graph: Graph, style: Style) -> None:
        self.graph = graph
        self.style = style
        self.named = {value: name for name, value in graph.names.items()}
        calls: dict[int, list[Value]] = {}
        for value in graph.order:
            if value.op == "map":
                calls.setdefault(value.attributes["call"], []).append(value)
        # A call's maps have one bias between them; it is written after the last.
        self.last_of_call = {maps[-1] for maps in calls.values()}
        self.learned_so_far: dict[tuple[str, str], list[Value]] = {}

    def quantity(self, name: str, time: str) -> str:
        if self.style == "latex":
            return f"{self.symbol(name)}_{{{time}}}"
        return f"{name}[{time}]"

    def symbol(self, name: str) -> str:
        if self.style == "text":
            return name
        return name if len(name) == 1 else r"\mathrm{" + name.replace("_", r"\_") + "}"

    def learned(self, letter: str, value: Value) -> str:
        label = self.graph.label(value)
        alike = self.learned_so_far.setdefault((letter, label), [])
        if value not in alike:
            alike.append(value)
        prime = ("'" if self.style == "latex" else "′") * alike.index(value)  # a gate's second bias is another one
        if self.style == "latex":
            return f"{letter}{prime}_{{{self.symbol(label)}}}"
        return f"{letter}{prime}_{label}"

    def expression(self, value: Value) -> str:
        return self.write(value, inside=False)[0]

    def write(self, value: Value, inside: bool = True) -> tuple[str, int]:
        """The formula of ``value`` and how tightly it binds; a named value inside another is its name."""
        graph = self.graph
        if value is graph.input:
            return self.quantity(value.name or "x", "t"), ATOM
        if value in graph.states:
            return self.quantity(value.name or "h", "t-1" if self.style == "latex" else "t−1"), ATOM
        if inside and value in self.named and value.op != "vector":
            return self.quantity(self.named[value], "t"), ATOM
        match value.op:
            case "constant":
                return self._number(value.attributes["value"])
            case "vector":
                return self.learned("w", value) if not value.name else self.symbol(value.name), ATOM
            case "bernoulli":
                rate = f"{value.attributes['rate']:g}"
                return (rf"\operatorname{{Bernoulli}}({rate})" if self.style == "latex" else f"Bernoulli({rate})"), ATOM
            case "map":
                return self._map(value)
            case "project":
                source = self.write(value.inputs[0])
                return f"{self.learned('P', value)} {self._bracket(source, ATOM)}", PRODUCT
            case "layer_norm":
                name = r"\operatorname{LN}" if self.style == "latex" else "LN"
                return f"{name}({self.write(value.inputs[0])[0]})", ATOM
        op = OPS[value.op]
        template = op.latex if self.style == "latex" else op.text
        needs = op.needs or (0,) * len(value.inputs)
        parts = [self._bracket(self.write(i), need) for i, need in zip(value.inputs, needs, strict=True)]
        return template.format(*parts), op.binds

    def _number(self, number: float) -> tuple[str, int]:
        written = f"{number:g}"
        if self.style == "text":
            written = written.replace("-", "−")
        elif "e" in written:
            mantissa, exponent = written.split("e")
            written = rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
        return written, PREFIX if number < 0 else ATOM

    def _map(self, value: Value) -> tuple[str, int]:
        source = value.inputs[0]
        origin = unmasked(source)
        letter = "W" if origin is self.graph.input else "U" if origin is self.graph.states[0] else "V"
        product = f"{self.learned(letter, value)} {self._bracket(self.write(source), ATOM)}"
        if value.attributes["bias"] and value in self.last_of_call:
            return f"{product} + {self.learned('b', value)}", SUM
        return product, PRODUCT

    def _bracket(self, written: tuple[str, int], need: int) -> str:
        text, binds = written
        if binds >= need:
            return text
        return rf"\left({text}\right)" if self.style == "latex" else f"({text})"
