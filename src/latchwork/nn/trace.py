"""What every gate did: the named values of each layer and direction over a sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import overload

from torch import Tensor


class Trace(Sequence[Mapping[str, Tensor]]):
    """``trace[i][name]``: the value ``name`` of layer ``i // D``, direction ``i % D``, as torch numbers ``h_n``.

    Names are the assigned names of the cell and its states. Each is (T, B, H), or (B, T, H) with ``batch_first``, or
    (T, H) for unbatched input; 0 past a row's end. The values are part of autograd's graph.
    """

    def __init__(self, layers: Sequence[Mapping[str, Tensor]]) -> None:
        self._layers = tuple(layers)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Tensor]: ...
    @overload
    def __getitem__(self, index: slice) -> Trace: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Tensor] | Trace:
        return Trace(self._layers[index]) if isinstance(index, slice) else self._layers[index]

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
