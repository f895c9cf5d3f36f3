"""Evaluates a cell's graph with numpy's or torch's arrays: the one interpreter behind both references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from latchwork.language.graph import HOISTED, Graph
from latchwork.language.layout import Layout
from latchwork.language.lower import lower
from latchwork.language.ops import OPS
from latchwork.language.value import Value
from latchwork.reference.philox import bernoulli

Array: TypeAlias = Any
Environment: TypeAlias = dict[Value, Array]


@dataclass(frozen=True, eq=False)
class Program:
    """A cell's lowered graph and its layout.

    Attributes:
        hoisted: what is computed before the time loop, for all steps at once.
        in_loop: what each step computes.
        blocks: the maps of each source, in the order of their blocks.
    """

    graph: Graph
    layout: Layout
    hoisted: tuple[Value, ...]
    in_loop: tuple[Value, ...]
    blocks: dict[Value, tuple[Value, ...]]


@lru_cache(maxsize=256)
def program(graph: Graph) -> Program:
    """The program of a cell's graph; made once for each graph."""
    lowered = lower(graph)
    layout = Layout.of(lowered)
    computed = [v for v in lowered.order if v.op not in ("input", "state", "constant", "vector")]
    hoisted = tuple(v for v in computed if lowered.stages[v] == HOISTED)
    in_loop = tuple(v for v in computed if lowered.stages[v] != HOISTED)
    maps = sorted((v for v in computed if v.op == "map"), key=lambda v: layout.slots[v].index)
    blocks = {m.inputs[0]: tuple(v for v in maps if v.inputs[0] is m.inputs[0]) for m in maps}
    return Program(lowered, layout, hoisted, in_loop, blocks)


@dataclass(frozen=True)
class Masks:
    """How random masks are drawn: from ``seed`` in training; as their expectation where it is None.

    Attributes:
        stream: the first stream of this layer and direction.
        rows: (B,) the number of each row, where it is not its place in the batch.
    """

    seed: int | None = None
    stream: int = 0
    rows: Array | None = None


class Interpreter:
    """Evaluates one layer and direction.

    Args:
        program: what to evaluate.
        xp: the numpy or the torch module.
        column: which column of the op table goes with it.
        parameters: name → array, in the shapes of ``program.layout``.
        sizes: size letter → number.
        masks: how random masks are drawn.
    """

    def __init__(
        self,
        program: Program,
        xp: Any,
        column: Literal["numpy", "torch"],
        parameters: Mapping[str, Array],
        sizes: Mapping[str, int],
        masks: Masks,
    ) -> None:
        self.program = program
        self.xp = xp
        self.column = column
        self.parameters = parameters
        self.sizes = sizes
        self.masks = masks
        self.constants: Environment = {}
        like = next(iter(parameters.values()))
        on = {"device": like.device} if column == "torch" else {}
        for value in program.graph.order:
            if value.op == "constant":
                # An array of the parameters' dtype: where(condition, 0.1, 0.9) has no other to take its dtype from.
                self.constants[value] = xp.asarray(value.attributes["value"], dtype=like.dtype, **on)
            elif value.op == "vector":
                self.constants[value] = self.block(value)

    def block(self, value: Value) -> Array:
        """The rows of ``value``'s parameter that belong to it."""
        slot = self.program.layout.slots[value]
        rows = self.sizes[self.program.layout[slot.name].rows]
        return self.parameters[slot.name][slot.index * rows : (slot.index + 1) * rows]

    def evaluate(self, values: Iterable[Value], environment: Environment, batch: int, t: int | None) -> None:
        """Add ``values``, each after its inputs, to an environment that holds what they are computed from.

        The arrays are (B, ·) at step ``t``, or (T, B, ·) for all steps at once with ``t`` None.
        """
        for value in values:
            if value in environment:
                continue
            if value.op in OPS:
                row = getattr(OPS[value.op], self.column)
                environment[value] = row(self.xp, *(environment[i] for i in value.inputs))
            elif value.op == "map":
                self._maps(value.inputs[0], environment)
            elif value.op == "project":
                environment[value] = environment[value.inputs[0]] @ self.block(value).T
            else:
                environment[value] = self._mask(value, batch, t)

    def _maps(self, source: Value, environment: Environment) -> None:
        """All maps of one source, as one matrix product."""
        blocks = self.program.blocks[source]
        slots = [self.program.layout.slots[block] for block in blocks]
        units = self.sizes["H"]
        product = environment[source] @ self.parameters[slots[0].name].T
        for block, slot in zip(blocks, slots, strict=True):
            part = product[..., slot.index * units : (slot.index + 1) * units]
            if slot.bias is not None:
                part = part + self.parameters[slot.bias][slot.bias_index * units : (slot.bias_index + 1) * units]
            environment[block] = part

    def _mask(self, value: Value, batch: int, t: int | None) -> Array:
        rate = value.attributes["rate"]
        if self.masks.seed is None:
            return rate
        units = self.sizes[self.program.graph.sizes[value]]
        stream = self.masks.stream + value.attributes["stream"]
        some = next(iter(self.parameters.values()))
        device = some.device if self.column == "torch" else None
        step = t if value.attributes["each_step"] else 0
        drawn = bernoulli(self.xp, rate, self.masks.seed, stream, step, batch, units, device, self.masks.rows)
        return drawn.to(some.dtype) if self.column == "torch" else drawn.astype(some.dtype)
