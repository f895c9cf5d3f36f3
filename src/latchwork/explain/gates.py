"""How much of its memory a cell kept at each step, read from its keep gates: LSTM's forget gate, GRU's update gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latchwork.language.cell import Cell
from latchwork.language.derivative import evaluation_order, retention
from latchwork.language.lower import lower
from latchwork.language.ops import OPS
from latchwork.language.value import Value


@dataclass(frozen=True)
class Kept:
    """How much of a state each step kept.

    Attributes:
        state: the state's name: ``c`` of LSTM, ``h`` of GRU.
        gate: what keeps it, in words: "forget gate", "1 − forget" …
        values: (T, B, H) in the trace's form; 1 keeps all, 0 drops all.
    """

    state: str
    gate: str
    values: Tensor


def kept(cell: Cell, trace: Mapping[str, Tensor]) -> Kept | None:
    """How much of the cell's memory each step kept; None for a cell that keeps none unit by unit, as a plain RNN.

    Args:
        cell: the cell.
        trace: one layer and direction of a :class:`latchwork.nn.Trace`.
    """
    graph = lower(cell.graph)
    for state, value in retention(graph).items():
        if value is None:
            continue
        known: dict[Value, Tensor | float] = {v: trace[name] for name, v in graph.names.items() if name in trace}
        gates = [name for name, v in graph.names.items() if v is value]
        order = evaluation_order([value], known.keys())
        if any(v.op not in OPS and v.op not in ("constant", "bernoulli") for v in order):
            continue  # it is more than a gate: the old state or a learned map enters
        for v in order:
            if v.op == "constant":
                known[v] = v.attributes["value"]
            elif v.op == "bernoulli":
                known[v] = v.attributes["rate"]
            else:
                known[v] = OPS[v.op].torch(torch, *(known[i] for i in v.inputs))
        values = known[value]
        if isinstance(values, Tensor):
            return Kept(state, f"{gates[0]} gate" if gates else _mentioned(value, graph.names), values)
    return None


def _mentioned(value: Value, names: Mapping[str, Value]) -> str:
    """The gates that an expression is made of."""
    gates = [name for name, v in names.items() if v in set(_below(value)) and v.op == "sigmoid"]
    return f"{' and '.join(gates)} gate" if gates else "state"


def _below(value: Value) -> list[Value]:
    return evaluation_order([value], ())
