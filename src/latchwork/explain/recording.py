"""What a recurrent layer did in one call, kept so that it can be looked into afterwards."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from latchwork.errors import ConfigError
from latchwork.explain.layers import Layer, layers
from latchwork.explain.passes import passes
from latchwork.nn.inputs import read_input, read_state
from latchwork.nn.recurrent import Recurrent
from latchwork.nn.trace import Trace


class Recording:
    """One call of one layer.

    Args:
        twin: a layer of the same arguments, whose own weights do not matter.
        weights: those of the call; they are not copied, but a later change to them is noticed.
        arguments: those of the call, by the names that :meth:`latchwork.nn.Recurrent.forward` has for them.
        trace: what the layer did.
    """

    def __init__(
        self, twin: Recurrent, weights: Mapping[str, Tensor], arguments: Mapping[str, Any], trace: Trace
    ) -> None:
        self.twin = twin
        self.trace = trace
        self._weights = weights
        self._versions = _versions(weights)
        title = type(twin).__name__
        x, self._lengths, self._cuts, self._form = read_input(
            arguments["input"],
            arguments.get("lengths"),
            arguments.get("reset"),
            layer=title,
            input_size=twin.input_size,
            batch_first=twin.batch_first,
            weight=next(iter(weights.values())),
        )
        # Copies, for what the model computes in may be written over.
        self._x = self._form.padded(x).detach().clone()
        self._start: tuple[Tensor, ...] | None = None
        if arguments.get("hx") is not None:
            names = [state.name or "" for state in twin.cell.graph.states]
            widths, rows = passes(twin)[0].widths, twin.num_layers * twin.directions
            start = read_state(arguments["hx"], x, self._form, names, widths, rows, title)
            self._start = tuple(state.detach().clone() for state in start)

    @property
    def rows(self) -> int:
        """B."""
        return int(self._x.shape[1])

    def steps(self, row: int) -> int:
        """The valid steps of a row."""
        return len(self._x) if self._lengths is None else int(self._lengths[row])

    def layers(self, row: int, budget: float) -> tuple[Layer, ...]:
        """Every value of every layer and direction on one row, in ``budget`` bytes of a page.

        Raises:
            ConfigError: the weights have changed since, or ``reset`` cut the row.
        """
        if self._versions != _versions(self._weights):
            raise ConfigError("the weights have changed since the model ran; run it once more before making the page")
        if self._cuts is not None and bool(self._cuts[:, row].any()):
            raise ConfigError(
                f"row {row} is cut by reset=, which a page cannot show; run its pieces as rows of their own"
            )
        # In float64, so that what is computed from the trace adds nothing to its rounding.
        twin = copy.deepcopy(self.twin).double().to_empty(device="cpu")
        twin.load_state_dict(dict(self._weights))
        steps, column = slice(self.steps(row)), slice(row, row + 1)
        trace = [
            {name: _own(self._form.steps_first(value)[steps, column]) for name, value in named.items()}
            for named in self.trace
        ]
        start = None if self._start is None else [_own(state[:, column]) for state in self._start]
        return layers(twin, _own(self._x[steps, column]), Trace(trace), start=start, budget=budget)


def _own(values: Tensor) -> Tensor:
    return values.detach().cpu().double()


def _versions(weights: Mapping[str, Tensor]) -> list[int | None]:
    """How often torch saw each weight written to; None for one of inference mode, which cannot be."""
    return [None if weight.is_inference() else weight._version for weight in weights.values()]
