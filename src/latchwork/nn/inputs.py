"""Brings what a layer is called with into one form, (T, B, I) with lengths, and the results back into the caller's."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from latchwork.errors import ShapeError

State: TypeAlias = Tensor | tuple[Tensor, ...]


class Form(NamedTuple):
    """How the caller gave the input.

    Attributes:
        batch_first: (B, T, ·) rather than (T, B, ·).
        batched: whether there was a batch dimension.
        packed: the PackedSequence, if it was one.
    """

    batch_first: bool
    batched: bool = True
    packed: PackedSequence | None = None

    def output(self, values: Tensor, lengths: Tensor | None) -> Tensor | PackedSequence:
        """(T, B, ·) → the caller's form."""
        if self.packed is None:
            return self.sequence(values)
        assert lengths is not None
        order = self.packed.sorted_indices
        ordered, length = (values, lengths) if order is None else (values[:, order], lengths[order.cpu()])
        data = pack_padded_sequence(ordered, length.cpu()).data
        return PackedSequence(data, self.packed.batch_sizes, order, self.packed.unsorted_indices)

    def padded(self, x: Tensor) -> Tensor:
        """The input as (T, B, I). :func:`read_input` leaves padding a PackedSequence to those who need it."""
        return x if self.packed is None else pad_packed_sequence(self.packed)[0]

    def sequence(self, values: Tensor) -> Tensor:
        """(T, B, ·) → (B, T, ·) with ``batch_first``, (T, ·) for unbatched input."""
        if not self.batched:
            return values[:, 0]
        return values.transpose(0, 1) if self.batch_first and self.packed is None else values

    def steps_first(self, values: Tensor) -> Tensor:
        """The caller's form → (T, B, ·); what :meth:`sequence` did, undone."""
        if not self.batched:
            return values.unsqueeze(1)
        return values.transpose(0, 1) if self.batch_first and self.packed is None else values

    def states(self, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """(L·D, B, ·) each → without B for unbatched input."""
        return tuple(states) if self.batched else tuple(s[:, 0] for s in states)


def read_input(
    input: Tensor | PackedSequence,
    lengths: Tensor | Sequence[int] | None,
    reset: Tensor | None,
    *,
    layer: str,
    input_size: int,
    batch_first: bool,
    weight: Tensor,
) -> tuple[Tensor, Tensor | None, Tensor | None, Form]:
    """The input as (T, B, I), the lengths (B,) on the CPU, reset as (T, B), and the caller's form.

    The lengths are None if all rows are full. Of a PackedSequence the lengths always come, and for the input stands a
    tensor of its shape, type and device without its values: :meth:`Form.padded` gives those.

    Raises:
        ShapeError: a wrong number of dimensions, size, dtype or length.
    """
    if isinstance(input, PackedSequence):
        if lengths is not None:
            raise ShapeError(f"{layer}: a PackedSequence carries its own lengths; leave lengths= out")
        _check_features(input.data, 2, layer, input_size, weight)
        rows = torch.arange(int(input.batch_sizes[0]))
        lengths = (input.batch_sizes > rows[:, None]).sum(1)
        if input.unsorted_indices is not None:
            lengths = lengths[input.unsorted_indices.cpu()]
        x = input.data.new_zeros(()).expand(len(input.batch_sizes), len(rows), input_size)
        return x, lengths, _read_reset(reset, x, False, True, layer), Form(batch_first, packed=input)
    if not isinstance(input, Tensor):
        raise ShapeError(f"{layer}: the input must be a tensor or a PackedSequence, not {type(input).__name__}")
    if input.dim() not in (2, 3):
        raise ShapeError(
            f"{layer}: Expected input to be 2D or 3D, got {input.dim()}D instead; "
            "give (T, I) for one sequence, (T, B, I) or with batch_first (B, T, I) for a batch"
        )
    batched = input.dim() == 3
    _check_features(input, input.dim(), layer, input_size, weight)
    x = input.unsqueeze(1) if not batched else input.transpose(0, 1) if batch_first else input
    return (
        x,
        _read_lengths(lengths, x, layer),
        _read_reset(reset, x, batch_first, batched, layer),
        Form(batch_first, batched),
    )


def read_state(
    hx: State,
    x: Tensor,
    form: Form,
    names: Sequence[str],
    widths: Sequence[int],
    layers: int,
    layer: str,
) -> tuple[Tensor, ...]:
    """The initial states, (L·D, B, ·) each.

    Raises:
        ShapeError: a wrong number of states, or a state of the wrong shape or dtype.
    """
    batch = x.shape[1]
    states = []
    for name, width, state in zip(names, widths, state_tuple(hx, names, layer), strict=True):
        dims = 3 if form.batched else 2
        expected = (layers, batch, width) if form.batched else (layers, width)
        if state.dim() != dims or tuple(state.shape) != expected:
            raise ShapeError(
                f"{layer}: Expected hidden `{name}` size {expected}, got {tuple(state.shape)}; "
                f"it is (L·D, {'B, ' if form.batched else ''}size), also with batch_first"
            )
        if state.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
            raise ShapeError(f"{layer}: the input is {x.dtype} and the state `{name}` is {state.dtype}; make them one")
        states.append(state if form.batched else state.unsqueeze(1))
    return tuple(states)


def state_tuple(hx: State, names: Sequence[str], layer: str) -> tuple[Tensor, ...]:
    """The tensors of ``hx``, one for each name. Raises ShapeError if they are not."""
    wanted = f"({', '.join(names)})" if len(names) > 1 else "one tensor"
    if not isinstance(hx, Tensor | tuple | list):
        raise ShapeError(f"{layer}: hx must be {wanted}, but {type(hx).__name__} came")
    given = (hx,) if isinstance(hx, Tensor) else tuple(hx)
    if len(given) != len(names):
        raise ShapeError(f"{layer}: hx must be {wanted}, but {len(given)} tensor{'s'[: len(given) != 1]} came")
    for name, state in zip(names, given, strict=True):
        if not isinstance(state, Tensor):
            raise ShapeError(f"{layer}: the state `{name}` must be a tensor, but {type(state).__name__} came")
    return given


def _check_features(input: Tensor, dims: int, layer: str, input_size: int, weight: Tensor) -> None:
    if input.dim() != dims:
        raise ShapeError(f"{layer}: input must have {dims} dimensions, got {input.dim()}")
    if input.shape[-1] != input_size:
        raise ShapeError(
            f"{layer}: input.size(-1) must be equal to input_size. Expected {input_size}, got {input.shape[-1]}"
        )
    if input.dtype != weight.dtype and not torch.is_autocast_enabled(input.device.type):
        other = f"module.to({input.dtype})" if input.is_floating_point() else "an nn.Embedding, if these are tokens"
        raise ShapeError(
            f"{layer}: the input is {input.dtype} and the weights are {weight.dtype}; "
            f"use input.to({weight.dtype}) or {other}"
        )
    if input.device != weight.device:
        raise ShapeError(f"{layer}: the input is on {input.device} and the weights on {weight.device}; move one")


def _read_lengths(lengths: Tensor | Sequence[int] | None, x: Tensor, layer: str) -> Tensor | None:
    """(B,) on the CPU, or None if no row is shorter than the input: torch's operator is faster without packing."""
    if lengths is None:
        return None
    steps, batch = x.shape[:2]
    due = f"{layer}: lengths must be {batch} integers, one for each row"
    try:
        length = torch.as_tensor(lengths).cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ShapeError(f"{due}; got {reprlib.repr(lengths)}") from error
    if length.dim() == 0:
        raise ShapeError(f"{due}; got one number, {length.item()}")
    if length.numel() == 0:
        length = length.long()  # an empty list has no integers to show its type
    if length.is_floating_point() or length.is_complex() or length.dtype == torch.bool or length.shape != (batch,):
        raise ShapeError(f"{due}; got shape {tuple(length.shape)} of {length.dtype}")
    length = length.long()
    if batch and (int(length.min()) < 0 or int(length.max()) > steps):
        row = int(((length < 0) | (length > steps)).nonzero()[0])
        raise ShapeError(
            f"{layer}: lengths[{row}] is {int(length[row])}, but must be in 0…{steps}, the steps there are"
        )
    return None if bool((length == steps).all()) else length


def _read_reset(reset: Tensor | None, x: Tensor, batch_first: bool, batched: bool, layer: str) -> Tensor | None:
    if reset is None:
        return None
    steps, batch = x.shape[:2]
    expected = (steps,) if not batched else (batch, steps) if batch_first else (steps, batch)
    if not isinstance(reset, Tensor) or reset.dtype != torch.bool or tuple(reset.shape) != expected:
        got = f"{tuple(reset.shape)} of {reset.dtype}" if isinstance(reset, Tensor) else type(reset).__name__
        raise ShapeError(f"{layer}: reset must be a bool tensor of shape {expected}, got {got}")
    reset = reset.to(x.device)
    return reset.unsqueeze(1) if not batched else reset.t() if batch_first else reset
