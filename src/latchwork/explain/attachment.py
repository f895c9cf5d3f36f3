"""See inside the recurrent layers of a plain PyTorch model, while it runs as it always does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from latchwork.errors import ConfigError
from latchwork.nn.classic import GRU, LSTM, RNN
from latchwork.nn.recurrent import Recurrent
from latchwork.nn.trace import Trace

_KINDS: Mapping[type[nn.Module], Callable[..., Recurrent]] = {nn.LSTM: LSTM, nn.GRU: GRU, nn.RNN: RNN}


def convert(module: nn.RNNBase) -> Recurrent:
    """The Latchwork layer with the same arguments and weights as a ``torch.nn.LSTM``, ``GRU`` or ``RNN``.

    The weights are copied; outputs and ``state_dict`` are those of ``module``.

    Raises:
        ConfigError: ``module`` is none of these.
    """
    layer = _like(module)
    weight = next(module.parameters())
    layer.to(device=weight.device, dtype=weight.dtype)
    layer.load_state_dict(module.state_dict())
    return layer.train(module.training)


@contextmanager
def attach(model: nn.Module) -> Iterator[Mapping[str, Trace]]:
    """Record the traces of every recurrent layer in ``model`` as it runs.

        with attach(model) as traces:
            model(inputs)
        traces["encoder.lstm"][0]["forget"]  # (T, B, H), or (B, T, H) with batch_first

    What is given is a mapping: the module's name in the model ("" for the model itself) → the trace of its last call.
    The model's outputs, gradients and hooks stay as they are, and it is let go of at the end. A trace is that of
    evaluation mode: the dropout that torch draws between layers in training cannot be drawn again. It is no part of
    autograd's graph.

    Raises:
        ConfigError: the model has no recurrent layer.
    """
    found = {name: module for name, module in model.named_modules() if _kind(module) is not None}
    if not found:
        kinds = ", ".join(f"torch.nn.{kind.__name__}" for kind in _KINDS)
        raise ConfigError(
            f"{type(model).__name__} has nothing recurrent to attach to: none of its modules is one of {kinds}; "
            "a model built of latchwork.nn layers needs no attaching, call them with return_trace=True"
        )
    traces: dict[str, Trace] = {}
    hooks = [module.register_forward_hook(_recorder(name, traces), with_kwargs=True) for name, module in found.items()]
    try:
        yield traces
    finally:
        for hook in hooks:
            hook.remove()


def _recorder(name: str, traces: dict[str, Trace]) -> Any:
    twin: Recurrent | None = None

    def record(module: nn.RNNBase, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        nonlocal twin
        if twin is None:
            with torch.device("meta"):  # it runs on the module's own weights, whatever they have become
                twin = _like(module).eval()
        weights = {key: weight.detach() for key, weight in module.named_parameters()}
        with torch.no_grad():
            _, _, traces[name] = torch.func.functional_call(twin, weights, args, {**kwargs, "return_trace": True})

    return record


def _kind(module: nn.Module) -> Callable[..., Recurrent] | None:
    return next((ours for theirs, ours in _KINDS.items() if isinstance(module, theirs)), None)


def _like(module: nn.RNNBase) -> Recurrent:
    """A layer with the module's arguments, its weights drawn anew."""
    kind = _kind(module)
    if kind is None:
        kinds = ", ".join(f"torch.nn.{theirs.__name__}" for theirs in _KINDS)
        raise ConfigError(f"{type(module).__name__} cannot be converted; it must be one of {kinds}")
    special: dict[str, Any] = {"nonlinearity": module.nonlinearity} if isinstance(module, nn.RNN) else {}
    if module.proj_size:
        special["proj_size"] = module.proj_size
    return kind(
        module.input_size,
        module.hidden_size,
        module.num_layers,
        bias=module.bias,
        batch_first=module.batch_first,
        dropout=module.dropout if module.num_layers > 1 else 0.0,
        bidirectional=module.bidirectional,
        **special,
    )
