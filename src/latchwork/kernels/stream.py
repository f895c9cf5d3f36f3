"""A cell that reads its input as it comes, step by step: the weights are packed once, the state is kept between steps.

For streaming and serving, where a call is one step and must take microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from latchwork.errors import ShapeError
from latchwork.kernels.block import Mode, Shape, block
from latchwork.kernels.native import Kernels
from latchwork.kernels.scan import Array, Memory, Sizes


class Stream:
    """One layer, fed one step at a time.

    Args:
        parameters: as the layout lists them, row by row in memory; they are read once, here.
        sizes: size letter → number.
        batch: B, streams side by side.

    Attributes:
        states: the states (B, ·), rows padded to whole vectors. The first is the output of the last step.
    """

    def __init__(
        self, kernels: Kernels, memory: Memory, sizes: Sizes, parameters: Sequence[Array], batch: int = 1
    ) -> None:
        self._words = words = block(kernels, sizes, Shape(1, batch), 1, Mode())
        self._memory = memory
        self._workspace = memory.empty(words.room(1))
        self._output = memory.empty(batch, words.widths[0])
        self.states = [memory.zeros(batch, width) for width in words.widths]
        # Its own room, so that a caller's array may go away and a wide row is padded.
        width = kernels.padded(sizes["I"]) if kernels.reads_input else sizes["I"]
        self._x = memory.zeros(batch, width)
        self._shape = batch, sizes["I"]
        self._given = self._x[:, : sizes["I"]]
        self._addresses = [0] * len(words.names)
        self._addresses[0] = memory.address(self._workspace)
        if words.x_at is not None:
            self._addresses[words.x_at] = memory.address(self._x)
        for state, (initial, final, values) in zip(self.states, words.states_at, strict=True):
            self._addresses[initial] = self._addresses[final] = memory.address(state)
            if values is not None:
                self._addresses[values] = memory.address(self._output)
        for parameter, array in zip(words.parameters, parameters, strict=True):
            if parameter.at is not None:
                self._addresses[parameter.at] = memory.address(array)
        words.run(self._addresses, 1)
        self.reset()

    def reset(self) -> None:
        """Begin anew, with states of zeros."""
        for state in self.states:
            state[:] = 0

    def step(self, x: Array) -> Array:
        """The output of one step on ``x`` (B, I).

        It is the array of the first state, (B, ·), with rows padded to whole vectors: the first H numbers of a row, or
        P, are the output, and what the others hold has no meaning. The next step writes over it: copy what to keep.

        Raises:
            ShapeError: ``x`` has another shape; a row would be taken for all streams, or a column for all inputs.
        """
        if x.shape != self._shape:
            streams, inputs = self._shape
            raise ShapeError(
                f"this stream takes a step of {streams} sequence{'s' * (streams != 1)} side by side and {inputs} "
                f"input{'s' * (inputs != 1)}, an array ({streams}, {inputs}), but was given {tuple(x.shape)}"
            )
        self._given[:] = x
        self._words.run(self._addresses, 1, packed=True)
        return self.states[0]
