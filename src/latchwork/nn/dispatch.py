"""Which path runs a layer, and why: nothing is ever slow in silence."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from latchwork import cells
from latchwork.errors import CompilerError, ConfigError, LatchworkWarning
from latchwork.kernels.native import kernels
from latchwork.language.cell import Cell
from latchwork.language.graph import Graph
from latchwork.language.transforms import without_bias

Path = Literal["fused", "torch", "reference"]


@dataclass(frozen=True)
class Dispatch:
    """The path that a call takes.

    Attributes:
        path: "fused" for the kernels generated from the cell's graph; "torch" for torch's own operator (oneDNN on CPU
            where it has it, cuDNN on GPU); "reference" for the cell's graph step by step in torch, which runs
            everything.
        operator: the operator's name in torch, or None.
        reason: why, in a sentence.
    """

    path: Path
    operator: str | None
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


_FUSED = Dispatch("fused", None, "kernels compiled from the cell's graph run it")
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


def choose(
    cell: Cell,
    like: Tensor,
    *,
    reset: bool = False,
    trace: bool = False,
    lengths: bool = False,
    one_step: bool = False,
) -> Dispatch:
    """The path for a call with these options.

    Args:
        like: a tensor of the call: its input or a weight.
        one_step: whether the module runs single steps.

    Raises:
        ConfigError: a path was forced that cannot run it.
    """
    forced = _forced.get()
    not_fused = _why_not_fused(cell, like, one_step) if forced in (None, "fused") else "another path was asked for"
    if not_fused is None:
        return _FUSED
    if forced == "fused":
        raise ConfigError(f"use_path('fused') cannot run this call: {not_fused}")
    operator = torch_operator(cell.graph)
    if operator is None:
        not_operator: str | None = "torch has no operator for this cell"
    elif trace:
        not_operator = "return_trace asks for the gates, and torch's operator does not give them out"
    elif reset:
        not_operator = "reset cuts sequences, and torch's operator cannot"
    elif 0 in like.shape:
        not_operator = "torch's operator refuses an input without steps or rows"
    elif forced is None and differentiated():
        not_operator = "torch's operator refuses transforms (vmap, forward-mode derivatives)"
    else:
        not_operator = None
    because = "" if forced else f"{not_fused}; "
    if not_operator is None and forced != "reference":
        ragged = "; rows of unequal length run packed in it" if lengths else ""
        return Dispatch("torch", operator, f"{because}the cell is exactly what torch.{operator} computes{ragged}")
    if forced == "torch":
        raise ConfigError(f"use_path('torch') cannot run this call: {not_operator}")
    why = "use_path('reference') asks for it" if forced else f"{because}{not_operator}"
    return Dispatch("reference", None, f"{why}; its graph runs step by step")


def _why_not_fused(cell: Cell, like: Tensor, one_step: bool) -> str | None:
    """Why the kernels cannot run it, or None if they can."""
    if not like.is_cpu:
        return f"the kernels run on the CPU, and this is on {like.device}"
    if like.dtype not in (torch.float32, torch.float64):
        return f"the kernels compute in float32 and float64, and this is {like.dtype}"
    if one_step:
        return "packing the weights for the kernels costs more than one step"
    if torch.is_autocast_enabled("cpu"):
        return "autocast asks for another precision than the kernels'"
    if type(like) not in (Tensor, nn.Parameter) or _transformed():
        return "a transform of torch (vmap, forward-mode derivatives, tracing) has to see the steps"
    return _unavailable(cell.graph, like.dtype == torch.float64, cell.name)


def differentiated() -> bool:
    """Whether a transform of functions, or a forward-mode derivative, is at work."""
    return torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0


def _transformed() -> bool:
    traced = torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None
    return traced or torch._C._len_torch_dispatch_stack() > 0 or differentiated()


@lru_cache(maxsize=1024)
def _unavailable(graph: Graph, double: bool, name: str) -> str | None:
    """Why there are no kernels for this cell on this machine; compiles them. None if there are."""
    try:
        kernels(graph, "double" if double else "float", False, name)
    except (CompilerError, OSError) as error:
        if not _warned:
            _warned.append(name)
            slow = "Without its kernels a cell is many times slower; this is said once"
            warnings.warn(f"{error}. {slow}", LatchworkWarning, stacklevel=2)
        return "its kernels cannot be had here (see latchwork doctor)"
    return None


_warned: list[str] = []  # the first cell that had to go without kernels
