"""What is drawn of a cell: its parts, each made of one or more of the graph's values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from latchwork.language.value import Value

Kind = Literal["input", "state", "result", "gate", "map", "function", "joint", "valve"]


@dataclass(eq=False)
class Part:
    """A node of the picture, before it has a place.

    Attributes:
        kind: as in the report's format.
        symbol: what it does: σ, tanh, ×, "1−" …
        value: what it yields; None for lines laid side by side, as [h, x].
        plain: the parts it uses unit by unit.
        mapped: the parts that reach it through learned maps.
        label: its name, in full.
        opens: of a valve, the part that says how far it opens.
        decides: the parts among ``plain`` that only steer it: a gate's, a condition's.
        squashes: whether it turns what it is given into a gate, so that nothing is kept through it.
        reads: of what depends on the order of its inputs, how it is read: "forget − update".
        low: whether it is drawn among the gates, above the bus.
    """

    kind: Kind
    symbol: str
    value: Value | None
    plain: list[Part] = field(default_factory=list)
    mapped: list[Part] = field(default_factory=list)
    label: str = ""
    opens: Part | None = None
    decides: list[Part] = field(default_factory=list)
    squashes: bool = False
    reads: str = ""
    low: bool = False

    @property
    def inputs(self) -> list[Part]:
        """Every part that a wire comes from, once each."""
        return list(dict.fromkeys((*self.mapped, *self.plain)))

    @property
    def is_bus(self) -> bool:
        """Whether it lays lines side by side and computes nothing."""
        return self.kind == "joint" and self.value is None and not self.symbol


@dataclass(eq=False)
class Drawing:
    """All parts of a cell.

    Attributes:
        input: the step's input.
        states: the states of the previous step.
        results: the new states, in the same order.
        inner: what lies between, each part after its inputs.
    """

    input: Part
    states: list[Part]
    results: list[Part]
    inner: list[Part]

    @property
    def parts(self) -> list[Part]:
        return [self.input, *self.states, *self.inner, *self.results]

    def users(self) -> dict[Part, list[Part]]:
        """The parts that use each part, in order."""
        users: dict[Part, list[Part]] = {part: [] for part in self.parts}
        for part in self.parts:
            for source in part.inputs:
                users[source].append(part)
        return users
