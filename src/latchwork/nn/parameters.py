"""Registers, initialises and finds the parameters that a cell's layout asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from latchwork.errors import ConfigError
from latchwork.language.cell import Cell
from latchwork.language.derivative import retention
from latchwork.language.layout import Layout
from latchwork.language.lower import lower


def register(
    module: nn.Module, layout: Layout, sizes: Mapping[str, int], suffix: str, factory: Mapping[str, Any]
) -> list[str]:
    """Give ``module`` the layout's parameters, their names ending in ``suffix``; returns the names."""
    names = []
    for parameter in layout.parameters:
        name = f"{parameter.name}{suffix}"
        module.register_parameter(name, nn.Parameter(torch.empty(parameter.shape(sizes), **factory)))
        names.append(name)
    return names


def collect(module: nn.Module, layout: Layout, suffix: str) -> dict[str, Tensor]:
    """Layout name → the module's tensor."""
    return {parameter.name: getattr(module, f"{parameter.name}{suffix}") for parameter in layout.parameters}


@torch.no_grad()
def initialise(
    parameters: Mapping[str, Tensor], layout: Layout, units: int, forget_bias: float | None, gate: str | None
) -> None:
    """Uniform in ±1/√H, drawn in torch's order so that one seed gives torch's weights; norms start as the identity.

    Args:
        forget_bias: the initial bias of ``gate``, or None to leave it as it is drawn.

    Raises:
        ConfigError: the gate has no bias.
    """
    bound = 1 / math.sqrt(units)
    for parameter in layout.parameters:
        tensor = parameters[parameter.name]
        if parameter.kind == "norm_weight":
            nn.init.ones_(tensor)
        elif parameter.kind == "norm_bias":
            nn.init.zeros_(tensor)
        else:
            low, high = parameter.initial or (-bound, bound)
            nn.init.uniform_(tensor, low, high)
    if forget_bias is not None and gate is not None:
        _set_gate_bias(parameters, layout, gate, forget_bias, units)


def keep_gate(cell: Cell) -> str:
    """The name of the gate that keeps the cell's memory: ``forget`` of LSTM, ``update`` of GRU.

    Raises:
        ConfigError: no named sigmoid gate does.
    """
    for kept in retention(lower(cell.graph)).values():
        if kept is not None and kept.op == "sigmoid" and kept.name:
            return kept.name
    raise ConfigError(
        f"forget_bias sets the bias of the gate that keeps the memory, and {cell.name} has no such gate; leave it out"
    )


def _set_gate_bias(parameters: Mapping[str, Tensor], layout: Layout, gate: str, bias: float, units: int) -> None:
    """Start a gate's bias at ``bias``: in its first bias vector, the others at 0, as their sum is what counts.

    Raises:
        ConfigError: the gate has no bias.
    """
    remaining = bias
    found = False
    for parameter in layout.parameters:
        if parameter.kind in ("bias", "norm_bias") and gate in parameter.blocks:
            index = parameter.blocks.index(gate)
            parameters[parameter.name][index * units : (index + 1) * units] = remaining
            remaining, found = 0.0, True
    if not found:
        raise ConfigError(f"forget_bias needs a bias in the gate `{gate}`, and with bias=False there is none")
