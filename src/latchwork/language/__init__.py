"""What a cell is written in, and the graph it becomes. Standard library only."""

from latchwork.language.cell import Cell, cell
from latchwork.language.ops import (
    affine,
    exp,
    layer_norm,
    linear,
    log,
    maximum,
    minimum,
    project,
    relu,
    sigmoid,
    softplus,
    sqrt,
    tanh,
    vector,
    where,
)

__all__ = [
    "Cell",
    "affine",
    "cell",
    "exp",
    "layer_norm",
    "linear",
    "log",
    "maximum",
    "minimum",
    "project",
    "relu",
    "sigmoid",
    "softplus",
    "sqrt",
    "tanh",
    "vector",
    "where",
]
