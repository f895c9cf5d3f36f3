"""A network that reads symbols one after the other, its state carried on: all at once, or one by one and fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latchwork.kernels.native import kernels
from latchwork.kernels.scan import Memory
from latchwork.kernels.stream import Stream
from latchwork.nn.dispatch import choose
from latchwork.tasks.network import SequenceNetwork
from latchwork.tasks.symbols import END
from latchwork.tasks.text_stream import Numbers

_SIDE_BY_SIDE = 64  # documents
_STEPS = 256  # that are read at a time, so that scores of a long document do not fill the memory


def read_on(network: SequenceNetwork, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
    """Symbols (T, B), read on from ``state`` → scores (T, B, V) and the state at the end.

    An END begins a document: what was before is forgotten, so that what follows is as if it were alone.
    """
    ends = inputs == END
    # Cuts cost nothing on the kernels, but on a GPU they are slow.
    reset = ends if (state is not None and bool(ends.any())) or bool(ends[1:].any()) else None
    output, state = network.read(network.features(inputs), None, state, reset)
    return network.head(network.dropout(output)), state


def code_lengths(network: SequenceNetwork, documents: Sequence[Numbers]) -> NDArray[np.float64]:
    """(n,) bits for each document's symbols and its end."""
    network.eval()
    bits = np.zeros(len(documents))
    order = np.argsort([len(document) for document in documents], kind="stable")[::-1]
    with torch.no_grad():
        for first in range(0, len(order), _SIDE_BY_SIDE):
            rows = order[first : first + _SIDE_BY_SIDE]
            bits[rows] = _batch(network, [documents[i] for i in rows])
    return bits


def _batch(network: SequenceNetwork, documents: Sequence[Numbers]) -> NDArray[np.float64]:
    """The same of documents that are read side by side, the longest first."""
    device = network.head.weight.device
    lengths = np.array([len(document) + 1 for document in documents])
    bits = torch.zeros(len(documents), dtype=torch.float64, device=device)
    state = None
    for start in range(0, int(lengths[0]), _STEPS):
        reading = int((lengths > start).sum())
        steps = min(_STEPS, int(lengths[0]) - start)
        # The END before a document is its first input, the END after it its last target; END pads the rest.
        symbols = np.full((steps + 1, reading), END, dtype=np.int64)
        for row, document in enumerate(documents[:reading]):
            skip = int(start == 0)
            piece = document[start + skip - 1 : start + steps]
            symbols[skip : skip + len(piece), row] = piece
        inside = torch.from_numpy(np.arange(start, start + steps)[:, None] < lengths[:reading]).to(device)
        given = torch.from_numpy(symbols).to(device)
        state = _rows(state, reading)
        scores, state = read_on(network, given[:-1], state)
        targets = given[1:]
        nats = -scores.double().log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        bits[:reading] += (nats / np.log(2) * inside).sum(0)
    return bits.cpu().numpy()


def _rows(state: Any, count: int) -> Any:
    """The state of the first rows."""
    if state is None:
        return None
    return (
        tuple(s[:, :count].contiguous() for s in state) if isinstance(state, tuple) else state[:, :count].contiguous()
    )


class Reader:
    """Reads a symbol at a time from a document's start, and says what scores it gives to the next.

    On the CPU the weights are packed for the kernels once: a call of the layers would pack them at each step.
    """

    def __init__(self, network: SequenceNetwork) -> None:
        self._network = network.eval()
        self._state: Any = None
        self._streams = _streams(network)
        if self._streams:
            self._embedding = _array(network.embedding.weight)  # type: ignore[union-attr]
            self._weight, self._bias = _array(network.head.weight), _array(network.head.bias)

    def read(self, symbols: Sequence[int]) -> NDArray[np.float32]:
        """Read on: at least one symbol; the scores (V,) after the last."""
        if not self._streams:
            with torch.no_grad():
                given = torch.tensor(symbols, device=self._network.head.weight.device).unsqueeze(1)
                scores, self._state = read_on(self._network, given, self._state)
            return _array(scores[-1, 0])
        for symbol in symbols:
            if symbol == END:
                for stream in self._streams:
                    stream.reset()
            values = self._embedding[symbol : symbol + 1]
            for stream in self._streams:
                values = stream.step(values)[:, : self._width]
        found: NDArray[np.float32] = self._weight @ values[0] + self._bias
        return found

    @property
    def _width(self) -> int:
        return self._network.recurrent.output_size


def _streams(network: SequenceNetwork) -> list[Stream]:
    """A stream for each layer, or none where the kernels cannot run it."""
    recurrent, embedding = network.recurrent, network.embedding
    if embedding is None or embedding.weight.dtype != torch.float32:
        return []
    if choose(recurrent.cell, embedding.weight.detach()).path != "fused":
        return []
    compiled = kernels(recurrent.cell.graph, "float", False, recurrent.cell.name)
    memory = Memory.numpy(np.float32)
    found = []
    for layer, weights in enumerate(recurrent.all_weights):
        width = recurrent.input_size if layer == 0 else recurrent.output_size
        sizes = {"I": width, "H": recurrent.hidden_size, "P": recurrent.proj_size}
        found.append(Stream(compiled, memory, sizes, [_array(weight) for weight in weights]))
    return found


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())
