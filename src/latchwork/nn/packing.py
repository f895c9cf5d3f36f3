"""Rows of a ragged batch laid one behind the other, step by step, so that a scan costs what its real steps cost.

Packed row ``offset[t] + j`` is step t of the j-th longest row: the order of torch's PackedSequence, whose data is used
as it is. A batch whose rows are all full is packed as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from latchwork.kernels.scan import Rows


@dataclass(frozen=True, eq=False)
class Packing:
    """How the steps of a batch are packed.

    Attributes:
        steps: T of the padded input.
        batch: B.
        rows: the rows of each step; None where every step has all.
        lengths: (B,) in falling order, where ragged.
        order: (B,) the caller's number of each row, where ragged.
    """

    steps: int
    batch: int
    rows: Rows | None = None
    lengths: np.ndarray | None = None
    order: Tensor | None = None

    @staticmethod
    def of(steps: int, batch: int, lengths: Tensor | None, packed: PackedSequence | None = None) -> Packing:
        """The packing of a batch, of the given lengths (B,) in the caller's order."""
        if lengths is None:
            return _full(steps, batch)
        length = lengths.numpy()
        if packed is None:
            order = np.argsort(-length, kind="stable")
        elif packed.sorted_indices is None:
            order = np.arange(batch)
        else:
            order = packed.sorted_indices.cpu().numpy()
        longest = int(length.max(initial=0))
        rows = np.zeros(longest + 1, np.int64)
        rows[:longest] = batch - np.cumsum(np.bincount(length, minlength=longest + 1))[:longest]
        offset = np.zeros(longest + 1, np.int64)
        np.cumsum(rows[:-1], out=offset[1:])
        identity = np.ascontiguousarray(order, np.int64)
        return Packing(steps, batch, Rows(rows, offset, identity), length[order], torch.from_numpy(identity))

    @property
    def scanned(self) -> int:
        """The steps that there are rows for."""
        return self.steps if self.rows is None else len(self.rows.rows) - 1

    def sorted(self) -> Packing:
        """The same rows as a batch that is in falling order of lengths already, without steps that no row has."""
        if self.rows is None:
            return self
        order = np.arange(self.batch)
        rows = Rows(self.rows.rows, self.rows.offset, order)
        return Packing(self.scanned, self.batch, rows, self.lengths, torch.from_numpy(order))

    def pack(self, values: Tensor) -> Tensor:
        """(T, B, ·) → (N, ·), packed, row by row in memory; where all rows are full, as it is."""
        if self.rows is None:
            return values.contiguous()
        return values.reshape(self.steps * self.batch, values.shape[-1]).index_select(0, self._index)

    def unpack(self, values: Tensor) -> Tensor:
        """(N, ·) → (T, B, ·), 0 past a row's end; where all rows are full, as it is."""
        if self.rows is None:
            return values
        padded = values.new_zeros((self.steps, self.batch, values.shape[-1]))
        padded.view(-1, values.shape[-1]).index_copy_(0, self._index, values)
        return padded  # which is no view, and so may be detached in place

    def turned(self, values: Tensor) -> Tensor:
        """(N, ·) with each row's steps from its last to its first; done twice, nothing."""
        return values.index_select(0, self._turn)

    def sort(self, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """(B, ·) each, the longest row first."""
        return tuple(states) if self.order is None else tuple(s.index_select(0, self.order) for s in states)

    def unsort(self, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """(B, ·) each, or (1, B, ·), in the caller's order again."""
        return tuple(states) if self.order is None else tuple(s.index_select(-2, self._back) for s in states)

    def cuts(self, reset: Tensor, reverse: bool) -> Tensor:
        """``reset`` (T, B) as one byte for each packed row, or (T, B): whether the scan is cut before that step."""
        if reverse:
            # A cut before step t, seen from the other side, is a cut before step t − 1; a row's last step has none.
            reset = torch.cat([reset[1:], torch.zeros_like(reset[:1])])[: self.steps]
        packed = self.pack(reset.to(torch.uint8).unsqueeze(-1))
        if reverse and self.rows is not None:
            packed = self.turned(packed)
            packed[: self.batch][: int(self.rows.rows[0]) if len(self.rows.rows) > 1 else 0] = 0
        return packed.squeeze(-1)

    @cached_property
    def _place(self) -> tuple[np.ndarray, np.ndarray]:
        """The step and the number of the row, of each packed row."""
        assert self.rows is not None
        rows, offset = self.rows.rows[:-1], self.rows.offset
        step = np.repeat(np.arange(len(rows)), rows)
        return step, np.arange(len(step)) - offset[step]

    @cached_property
    def _index(self) -> Tensor:
        assert self.rows is not None
        step, row = self._place
        return torch.from_numpy(step * self.batch + self.rows.row_id[row])

    @cached_property
    def _turn(self) -> Tensor:
        assert self.rows is not None
        assert self.lengths is not None
        step, row = self._place
        return torch.from_numpy(self.rows.offset[self.lengths[row] - 1 - step] + row)

    @cached_property
    def _back(self) -> Tensor:
        assert self.order is not None
        return torch.argsort(self.order)


@lru_cache(maxsize=64)
def _full(steps: int, batch: int) -> Packing:
    return Packing(steps, batch)
