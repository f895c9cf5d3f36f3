"""What a module asks of its cell at every call, in plain strings and numbers.

Looked up once: it makes calls cheap, and torch can trace what reads it, which a graph of values it cannot.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from latchwork.language.cell import Cell
from latchwork.language.serial import to_data
from latchwork.reference.interpreter import program


@dataclass(frozen=True)
class Signature:
    """A cell's names and size letters.

    Attributes:
        states: the names of the states.
        letters: the size letter of each state; the first is the output's.
        parameters: the names of the parameters, without the layer.
        traced: the names of the trace.
        masks: how many random masks a layer and direction draws.
        text: the cell itself, as an operator in a traced graph is given it.
    """

    states: tuple[str, ...]
    letters: tuple[str, ...]
    parameters: tuple[str, ...]
    traced: tuple[str, ...]
    masks: int
    text: str

    @staticmethod
    def of(cell: Cell) -> Signature:
        """The signature of a cell."""
        made = program(cell.graph)
        return Signature(
            tuple(state.name or "" for state in made.graph.states),
            made.graph.state_sizes(),
            tuple(parameter.name for parameter in made.layout.parameters),
            tuple(made.graph.traced),
            sum(value.op == "bernoulli" for value in made.graph.order),
            json.dumps(to_data(cell)),
        )
