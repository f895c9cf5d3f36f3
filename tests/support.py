"""The truth that layers are held against: the numpy reference composed to layers and directions, and its derivative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import latchwork as lw
from latchwork import cells
from latchwork.errors import ConfigError
from latchwork.language.cell import Cell
from latchwork.language.transforms import variant
from latchwork.reference import numpy as truth
from latchwork.reference.interpreter import Masks, program

if TYPE_CHECKING:
    import torch  # the numpy reference is proven without it


@dataclass
class Truth:
    """output: (T, B, D·H); final: (L·D, B, ·) for each state; trace[i][name]: (T, B, ·); passes[layer][direction]."""

    output: np.ndarray
    final: list[np.ndarray]
    trace: list[dict[str, np.ndarray]]
    passes: list[list[truth.Pass]]

    def backward(self, output: np.ndarray, final: Sequence[np.ndarray] | None = None) -> Gradients:
        """The gradients of a scalar, given its gradients by ``output`` and by ``final``."""
        parameters: dict[str, np.ndarray] = {}
        initial: list[Any] = [None] * sum(len(layer) for layer in self.passes)
        for number in reversed(range(len(self.passes))):
            layer = self.passes[number]
            by_input = np.zeros_like(layer[0].x)
            for direction, (done, part) in enumerate(zip(layer, np.split(output, len(layer), axis=-1), strict=True)):
                index = number * len(layer) + direction
                found = truth.backward(done, part, None if final is None else [state[index] for state in final])
                by_input = by_input + found.x
                initial[index] = found.initial
                for name, gradient in found.parameters.items():
                    parameters[f"{name}{suffix(number, direction)}"] = gradient
            output = by_input
        states = [np.stack(column) for column in zip(*initial, strict=True)]
        return Gradients(output, states, parameters)


@dataclass
class Gradients:
    """x: (T, B, I); initial: (L·D, B, ·) for each state; parameters by the module's names."""

    x: np.ndarray
    initial: list[np.ndarray]
    parameters: dict[str, np.ndarray]


def suffix(layer: int, direction: int) -> str:
    return f"_l{layer}" + "_reverse" * direction


def run_truth(
    cell: Cell,
    parameters: Mapping[str, np.ndarray],
    x: np.ndarray,
    initial: Sequence[np.ndarray],
    *,
    layers: int = 1,
    directions: int = 1,
    lengths: Sequence[int] | None = None,
    reset: np.ndarray | None = None,
    seed: int | None = None,
) -> Truth:
    """Run layers and directions of a cell, as ``latchwork.nn.Recurrent`` does, in numpy alone.

    Args:
        parameters: by the module's names, ``weight_ih_l0`` and so on.
        x: (T, B, I).
        initial: (L·D, B, ·) for each state.
        seed: of the random masks; their expectation for None.
    """
    names = [p.name for p in program(cell.graph).layout.parameters]
    streams = sum(value.op == "bernoulli" for value in cell.graph.order)
    passes: list[list[truth.Pass]] = []
    for layer in range(layers):
        done = []
        for direction in range(directions):
            index = layer * directions + direction
            done.append(
                truth.forward(
                    cell.graph,
                    {name: parameters[f"{name}{suffix(layer, direction)}"] for name in names},
                    x,
                    [state[index] for state in initial],
                    lengths=lengths,
                    reset=reset,
                    reverse=direction == 1,
                    masks=Masks(seed, index * streams),
                )
            )
        passes.append(done)
        x = np.concatenate([p.output for p in done], -1)
    flat = [p for layer_passes in passes for p in layer_passes]
    final = [np.stack(column) for column in zip(*(p.final for p in flat), strict=True)]
    return Truth(x, final, [p.trace for p in flat], passes)


def double(tensor: torch.Tensor) -> np.ndarray:
    """The tensor in numpy's float64."""
    return tensor.detach().double().numpy()


def doubles(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """The module's parameters by name, in numpy's float64."""
    return {name: double(parameter) for name, parameter in module.named_parameters()}


def zoo_options(name: str) -> dict[str, Any]:
    """What ``Recurrent`` must be told to build this cell of the zoo: a projected size for cells that project."""
    return {"proj_size": 2} if cells.get(name).graph.output_size == "P" else {}


def _odd_cells() -> list[Cell]:
    @lw.cell
    def one_value_for_two_states(x, h, c):
        new = lw.tanh(lw.affine(x, h) + c)
        return new, new

    @lw.cell
    def states_change_places(x, h, c):
        return c, lw.tanh(lw.affine(x, h) + 0.5 * c)

    @lw.cell
    def a_state_goes_through(x, h, c):
        return lw.tanh(lw.affine(x, h) * c), c

    @lw.cell
    def a_state_of_vectors_alone(x, h, c):
        return lw.tanh(lw.affine(x, h) + c), lw.sigmoid(lw.vector())

    @lw.cell
    def the_input_alone(x, h, c):
        return lw.affine(x), h + c

    return [
        one_value_for_two_states,
        states_change_places,
        a_state_goes_through,
        a_state_of_vectors_alone,
        the_input_alone,
    ]


# Cells that nobody would write, and that must be right all the same.
ODD_CELLS = _odd_cells()

CHANGES: dict[str, Any] = {
    "layer_norm": True,
    "zoneout": 0.3,
    "recurrent_dropout": 0.4,
    "peephole": True,
    "proj_size": 2,
    "bias": False,
}


def possible_changes(name: str) -> list[str]:
    """Which of CHANGES this cell of the zoo can have; that the others are refused is the matter of test_transforms."""

    def possible(change: str) -> bool:
        try:
            variant(cells.get(name), **({"projected": True} if change == "proj_size" else {change: CHANGES[change]}))
        except ConfigError:
            return False
        return True

    return [change for change in CHANGES if possible(change)]


def random_parameters(cell: Cell, sizes: Mapping[str, int], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Parameters of one layer and direction, away from special values such as a norm's ones."""
    return {
        p.name: rng.uniform(0.5, 1.5, p.shape(sizes)) if p.kind == "norm_weight" else rng.normal(0, 0.6, p.shape(sizes))
        for p in program(cell.graph).layout.parameters
    }


def numerical_gradient(function: Any, array: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient of ``function()``, a number that depends on ``array``, by central differences."""
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = function()
        array[index] = kept - step
        below = function()
        array[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient
