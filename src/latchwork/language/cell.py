"""The ``@cell`` decorator: a short Python function becomes a cell, checked when it is defined."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, NoReturn

from latchwork.errors import CellError
from latchwork.language.graph import Graph
from latchwork.language.value import Trace, Value, located, refuse


class Cell:
    """A recurrent cell: its graph, and what was written about it.

    Attributes:
        name: the function's name.
        doc: its docstring, which cites the paper.
        graph: what it computes.
    """

    def __init__(self, name: str, doc: str, graph: Graph, function: Callable[..., Any] | None = None) -> None:
        self.name = name
        self.doc = doc
        self.graph = graph
        self._function = function

    def __call__(self, *values: Value) -> Any:
        """Use this cell inside another cell's definition."""
        if self._function is None:
            raise CellError(
                f"cell '{self.name}' has its graph but not its function, as it was made by a transform or unpickled; "
                "inside another cell, call the cell that was written with @cell"
            )
        return self._function(*values)

    def __copy__(self) -> Cell:
        return self

    def __deepcopy__(self, memo: object) -> Cell:
        return self  # a definition does not change, and one graph has one compiled program

    def __reduce__(self) -> tuple[Callable[[dict[str, Any]], Cell], tuple[dict[str, Any]]]:
        from latchwork.language.serial import from_data, to_data

        return from_data, (to_data(self),)  # plain rows, so that a long cell is no deep recursion

    def __repr__(self) -> str:
        states = ", ".join(state.name or "" for state in self.graph.states)
        return f"<cell {self.name}({self.graph.input.name}, {states})>"


def cell(function: Callable[..., Any]) -> Cell:
    """Make a cell of a function of one step: ``function(x, h, …)`` → the new ``h, …``.

    The first argument is the step's input (B, I), the others are the previous step's states (B, H), and what is
    returned are the new states in the same order; the first state is the cell's output (B, H).

    Raises:
        CellError: the function says something that the cell language lacks; the message names line and fix.
    """
    if not isinstance(function, FunctionType):
        raise CellError(
            f"@cell needs a plain function, but was given {type(function).__name__}; write @cell above a def"
        )
    code = function.__code__
    name = function.__name__
    trace = Trace(name, code)

    def refused(problem: str, fix: str) -> NoReturn:
        raise located(name, code, trace.defined, problem, fix)

    parameters = list(inspect.signature(function).parameters.values())
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    for parameter in parameters:
        if parameter.kind not in plain or parameter.default is not inspect.Parameter.empty:
            refused(
                f"its argument `{parameter}` is neither the input nor a state",
                "write def name(x, h, …) with plain arguments; a number can be a variable outside the function",
            )
    if len(parameters) < 2:
        refused("it has no state", "write def name(x, h): the input, then at least one state")

    with trace.active():
        x = Value("input", name=parameters[0].name)
        states = tuple(Value("state", name=p.name) for p in parameters[1:])
        returned = function(x, *states)
        names = trace.names()
        results = returned if isinstance(returned, tuple) else (returned,)
        expected = ", ".join(p.name for p in parameters[1:])
        if len(results) != len(states) or not all(isinstance(r, Value) for r in results):
            shown = ", ".join(r.name or r.op if isinstance(r, Value) else type(r).__name__ for r in results)
            refuse(
                f"it has {len(states)} state{'s'[: len(states) > 1]} ({expected}) but returns ({shown})",
                f"return the new states in the order of the arguments: return {expected}",
                trace.returned,
            )
        graph = Graph.build(x, states, results, names)
    return Cell(name, inspect.getdoc(function) or "", graph, function)
