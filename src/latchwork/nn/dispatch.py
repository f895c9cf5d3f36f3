"""Which path runs a layer, and why: nothing is ever slow in silence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, get_args

from latchwork import cells
from latchwork.errors import ConfigError
from latchwork.language.graph import Graph
from latchwork.language.transforms import without_bias

Path = Literal["torch", "reference"]


@dataclass(frozen=True)
class Dispatch:
    """The path that a call takes.

    Attributes:
        path: "torch" for torch's own operator (oneDNN on CPU where it has it, cuDNN on GPU); "reference" for the
            cell's graph step by step in torch, which runs everything.
        operator: the operator's name in torch, or None.
        reason: why, in a sentence.
    """

    path: Path
    operator: str | None
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


_forced: ContextVar[Path | None] = ContextVar("forced path", default=None)


@contextlib.contextmanager
def use_path(path: Path) -> Iterator[None]:
    """Within this context every layer runs on ``path``, for comparison and debugging.

    Raises:
        ConfigError: there is no such path.
    """
    if path not in get_args(Path):
        raise ConfigError(f"there is no path '{path}'; the paths are: {', '.join(get_args(Path))}")
    token = _forced.set(path)
    try:
        yield
    finally:
        _forced.reset(token)


@cache
def _operators() -> dict[tuple[object, ...], str]:
    """The signature of each cell that torch has an operator for. Parity tests hold the two against each other."""
    zoo = {"lstm": "lstm", "lstm_projected": "lstm", "gru": "gru", "rnn": "rnn_tanh", "rnn_relu": "rnn_relu"}
    graphs = {name: cells.get(name).graph for name in zoo}
    return {
        **{graph.signature: zoo[name] for name, graph in graphs.items()},
        **{without_bias(graph).signature: zoo[name] for name, graph in graphs.items()},
    }


@lru_cache(maxsize=256)
def torch_operator(graph: Graph) -> str | None:
    """The name of torch's operator that computes this graph, or None."""
    return _operators().get(graph.signature)


def choose(graph: Graph, *, reset: bool, trace: bool, lengths: bool = False, empty: bool = False) -> Dispatch:
    """The path for a call with these options.

    Raises:
        ConfigError: a path was forced that cannot run it.
    """
    operator = torch_operator(graph)
    forced = _forced.get()
    if operator is None:
        why = "torch has no operator for this cell"
    elif trace:
        why = "return_trace asks for the gates, and torch's operator does not give them out"
    elif reset:
        why = "reset cuts sequences, and torch's operator cannot"
    elif empty:
        why = "torch's operator refuses an input without steps or rows"
    elif forced == "reference":
        why = "use_path('reference') asks for it"
    else:
        ragged = "; rows of unequal length run packed in it" if lengths else ""
        return Dispatch("torch", operator, f"the cell is exactly what torch.{operator} computes{ragged}")
    if forced == "torch":
        raise ConfigError(f"use_path('torch') cannot run this call: {why}")
    return Dispatch("reference", None, f"{why}; its graph runs step by step")
