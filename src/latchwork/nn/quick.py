"""Small calls made cheap: a call without gradients on full rows, whose fixed part is worked out once.

A step of a small layer takes the kernels less time than Python takes to call them. The general way, through
:mod:`latchwork.nn.fused`, gives the same bits and can do everything; what is not plain here is left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from latchwork.kernels.block import Mode, laid_out
from latchwork.kernels.native import kernels
from latchwork.kernels.plan import plan
from latchwork.language.graph import Graph

_FORWARD = Mode()


class Lane:
    """One layer and direction of a cell on batches of one size.

    Args:
        graph: the cell's graph.
        name: the cell's name, for messages.
        dtype: of all tensors.
        sizes: H, P and I.
        batch: B.
        reversed: whether the last step comes first.
        threads: how many to use at most.

    Attributes:
        plain: whether no row needs padding to whole vectors; others are not for this way.
    """

    def __init__(
        self,
        graph: Graph,
        name: str,
        dtype: torch.dtype,
        sizes: tuple[int, int, int],
        batch: int,
        reversed: bool,
        threads: int,
    ) -> None:
        made = kernels(graph, "float" if dtype == torch.float32 else "double", False, name)
        letters = dict(zip("HPI", sizes, strict=True))
        self._words = laid_out(made, *sizes, batch, reversed, False, threads, _FORWARD)
        self._alone = laid_out(made, *sizes, batch, reversed, False, 1, _FORWARD)
        widths = [letters[letter] for letter in graph.state_sizes()]
        read = [letters["I"]] if made.reads_input else []
        self.plain = all(made.padded(width) == width for width in (*widths, *read))
        self._dtype = dtype
        self._finals = [(1, batch, width) for width in widths]
        self._shapes = [p.shape(letters) for p in plan(graph).layout.parameters]

    def places(self, parameters: Sequence[Tensor | None]) -> list[int] | None:
        """The addresses of the parameters; None if one is not plain, or rows are not."""
        if not self.plain:
            return None
        found = []
        for parameter, shape in zip(parameters, self._shapes, strict=True):
            if parameter is None or not (
                parameter.dtype is self._dtype
                and parameter.shape == shape
                and parameter.is_contiguous()
                and parameter.is_cpu
                and not parameter.is_neg()
            ):
                return None
            found.append(parameter.data_ptr())
        return found

    def __call__(
        self, x: Tensor, parameters: Sequence[int], seed: int | None, stream: int
    ) -> tuple[Tensor, list[Tensor]]:
        """x (T, B, I) → the output (T, B, ·) and the final states (1, B, ·).

        Args:
            parameters: their addresses, as :meth:`places` gives them.
            seed, stream: of the random masks; a seed of None for their expectation.
        """
        steps = x.shape[0]
        words = self._words if self._words.worth_threads(steps) else self._alone
        addresses = [0] * len(words.names)
        for at, parameter in zip(words.parameters_at, parameters, strict=True):
            if at is not None:
                addresses[at] = parameter
        if words.x_at is not None:
            addresses[words.x_at] = x.data_ptr()
        output = x.new_empty((steps, *self._finals[0][1:]))
        finals = []
        for shape, (_, final, values) in zip(self._finals, words.states_at, strict=True):
            state = x.new_empty(shape)
            addresses[final] = state.data_ptr()
            if values is not None:
                addresses[values] = output.data_ptr()
            finals.append(state)
        workspace = x.new_empty(words.room(steps))
        addresses[0] = workspace.data_ptr()
        words.run(addresses, steps, seed or 0, stream, seed is not None)
        return output, finals


lane = lru_cache(maxsize=256)(Lane)
"""The lane of these arguments, made once."""
