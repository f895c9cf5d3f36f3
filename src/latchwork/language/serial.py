"""A cell as plain data and back, so that a saved model carries its cell: no pickle, no need of the defining script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latchwork.errors import DataError
from latchwork.language.cell import Cell
from latchwork.language.graph import Graph
from latchwork.language.ops import OPS
from latchwork.language.value import Value

_OPS = {*OPS, "input", "state", "constant", "vector", "bernoulli", "map", "layer_norm", "project"}


def to_data(cell: Cell) -> dict[str, Any]:
    """The cell in numbers, strings, lists and dicts."""
    graph = cell.graph
    order = list(dict.fromkeys((graph.input, *graph.states, *graph.order)))
    number = {value: i for i, value in enumerate(order)}
    return {
        "name": cell.name,
        "doc": cell.doc,
        "values": [
            {"op": v.op, "inputs": [number[i] for i in v.inputs], "name": v.name, "attributes": v.attributes}
            for v in order
        ],
        "states": len(graph.states),
        "results": [number[r] for r in graph.results],
        "names": {name: number[v] for name, v in graph.names.items()},
    }


def from_data(data: Mapping[str, Any]) -> Cell:
    """The cell that :func:`to_data` wrote.

    Raises:
        DataError: the data is no cell.
    """
    try:
        values: list[Value] = []
        for row in data["values"]:
            if row["op"] not in _OPS or not all(0 <= i < len(values) for i in row["inputs"]):
                raise ValueError(f"op {row['op']!r} or one of its inputs")
            values.append(Value(row["op"], tuple(values[i] for i in row["inputs"]), row["name"], **row["attributes"]))
        states = tuple(values[1 : 1 + data["states"]])
        results = tuple(values[i] for i in data["results"])
        graph = Graph.build(values[0], states, results, {name: values[i] for name, i in data["names"].items()})
        return Cell(str(data["name"]), str(data["doc"]), graph)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DataError(f"this is no cell as Latchwork saves it: {error!r}; save the model anew") from error
