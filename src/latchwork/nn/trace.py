"""What every gate did: the named values of each layer and direction over a sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

from torch import Tensor

from latchwork.errors import ConfigError, DataError
from latchwork.language.graph import Graph
from latchwork.nn.inputs import Form

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Layout:
    """How a trace is laid out.

    Attributes:
        graph: the cell's.
        directions: D.
        form: the caller's form of sequences.
        lengths: (B,) valid steps of each row; None where all are full.
    """

    graph: Graph
    directions: int
    form: Form
    lengths: Tensor | None


class Trace(Sequence[Mapping[str, Tensor]]):
    """``trace[i][name]``: the value ``name`` of layer ``i // D``, direction ``i % D``, as torch numbers ``h_n``.

    Names are the assigned names of the cell and its states. Each is (T, B, H), or (B, T, H) with ``batch_first``, or
    (T, H) for unbatched input; 0 past a row's end. Of a slice, ``plot`` takes each item for a layer where it is not of
    whole layers. The values are part of autograd's graph.
    """

    def __init__(self, layers: Sequence[Mapping[str, Tensor]], layout: Layout | None = None) -> None:
        self._layers = tuple(layers)
        self._layout = layout

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Tensor]: ...
    @overload
    def __getitem__(self, index: slice) -> Trace: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Tensor] | Trace:
        if not isinstance(index, slice):
            return self._layers[index]
        layout, layers = self._layout, self._layers[index]
        if layout is not None:
            start, _, step = index.indices(len(self))
            whole = step == 1 and start % layout.directions == 0 and len(layers) % layout.directions == 0
            layout = layout if whole else replace(layout, directions=1)
        return Trace(layers, layout)

    def __deepcopy__(self, memo: dict[int, Any]) -> Trace:
        """A copy of the values, which is no part of autograd's graph: torch copies no values that are."""
        layers = [{name: value.detach().clone() for name, value in layer.items()} for layer in self._layers]
        return Trace(layers, self._layout)

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Mapping[str, Tensor]]:
        return iter(self._layers)

    def __repr__(self) -> str:
        if not self._layers:
            return "Trace()"
        names = ", ".join(self._layers[0])
        shape = tuple(next(iter(self._layers[0].values())).shape)
        return f"Trace({len(self._layers)} × {{{names}}}, each about {shape})"

    def plot(
        self,
        layer: int = -1,
        direction: int = 0,
        *,
        row: int = 0,
        steps: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
    ) -> Figure:
        """A still of one layer and direction: a heat map (H × T) of each named value, gates on a scale from 0 to 1.

            trace.plot(steps=["It's", "a", …]).savefig("gates.pdf")

        Args:
            layer: its number; the last one by default.
            direction: 0, or 1 for the one that reads from the end.
            row: the row's place in the batch.
            steps: (T,) what the steps are called; their numbers by default.
            names: which values, in this order; all by default, gates first.

        Raises:
            ConfigError: there is no such layer, direction, row or name, or the trace is a part of another.
            DataError: there are other steps than ``steps`` names, or none.
            MissingExtraError: matplotlib is not installed.
        """
        from latchwork.nn.trace_plot import heat_maps

        if self._layout is None:
            raise ConfigError("this trace is a part of another; plot that one, with layer= and direction=")
        directions, form, lengths = self._layout.directions, self._layout.form, self._layout.lengths
        layers = len(self) // directions
        if not -layers <= layer < layers or not 0 <= direction < directions:
            raise ConfigError(
                f"there is no layer {layer} with direction {direction}: there are {layers} layers with "
                f"{directions} {'direction' if directions == 1 else 'directions'} each, counted from 0"
            )
        found = self._layers[layer % layers * directions + direction]
        gates = [name for name, value in self._layout.graph.traced.items() if value.op == "sigmoid"]
        chosen = [*gates, *(name for name in found if name not in gates)] if names is None else list(names)
        missing = [name for name in chosen if name not in found]
        if missing or not chosen:
            raise ConfigError(f"there is no value {(missing or [''])[0]!r} in this trace; it has {', '.join(found)}")
        padded = {name: form.steps_first(found[name]) for name in chosen}
        rows = next(iter(padded.values())).shape[1]
        if not 0 <= row < rows:
            raise ConfigError(f"there is no row {row}: the batch has {rows}, counted from 0")
        count = len(next(iter(padded.values()))) if lengths is None else int(lengths[row])
        if not count:
            raise DataError(f"there is nothing to plot: row {row} has no steps")
        if steps is not None and len(steps) != count:
            raise DataError(f"row {row} has {count} steps, and {len(steps)} are named")
        values = {name: value[:count, row].detach().cpu().float().numpy() for name, value in padded.items()}
        return heat_maps(values, gates, steps)
