"""The layers and directions of a recurrent module, each with its own parameters and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latchwork.nn.recurrent import Recurrent
from latchwork.nn.trace import Trace
from latchwork.reference.interpreter import program


@dataclass(frozen=True, eq=False)
class Pass:
    """One layer and direction.

    Attributes:
        layer, direction: their numbers; direction 1 reads from the end.
        parameters: name, as the cell's layout has it → tensor.
        sizes: size letter → number.
        widths: the size of each state.
    """

    layer: int
    direction: int
    parameters: dict[str, Tensor]
    sizes: dict[str, int]
    widths: tuple[int, ...]


def passes(recurrent: Recurrent) -> list[Pass]:
    """All layers and directions, as torch numbers ``h_n``."""
    graph = recurrent.cell.graph
    names = [parameter.name for parameter in program(graph).layout.parameters]
    found = []
    for layer in range(recurrent.num_layers):
        for direction in range(recurrent.directions):
            suffix = f"_l{layer}" + "_reverse" * direction
            parameters = {name: getattr(recurrent, name + suffix) for name in names}
            inputs = recurrent.input_size if layer == 0 else recurrent.output_size
            sizes = {"I": inputs, "H": recurrent.hidden_size, "P": recurrent.proj_size}
            widths = tuple(sizes[letter] for letter in graph.state_sizes())
            found.append(Pass(layer, direction, parameters, sizes, widths))
    return found


def layer_input(recurrent: Recurrent, features: Tensor, trace: Trace, layer: int) -> Tensor:
    """What a layer reads: the features (T, B, I), or the output (T, B, D·H) of the layer before."""
    if layer == 0:
        return features
    before: Sequence[int] = range((layer - 1) * recurrent.directions, layer * recurrent.directions)
    output = recurrent.cell.graph.states[0].name
    assert output
    return torch.cat([trace[i][output] for i in before], -1)
