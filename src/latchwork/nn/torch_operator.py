"""Torch's own operators for whole layers: oneDNN where it has the cell, cuDNN on GPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


def run_operator(
    operator: str,
    x: Tensor,
    states: tuple[Tensor, ...],
    weights: Sequence[Tensor],
    options: tuple[bool, int, float, bool, bool],
    lengths: Tensor | None,
    packed: PackedSequence | None,
) -> tuple[Tensor | PackedSequence, tuple[Tensor, ...]]:
    """The output and the final states (L·D, B, ·) of all layers.

    Args:
        operator: its name in torch.
        x: (T, B, I).
        states: (L·D, B, ·) each.
        weights: as torch lists them, layer by layer and direction by direction.
        options: bias, layers, dropout, training, bidirectional.
        lengths: (B,), or None if all rows are full.
        packed: the input, if the caller packed it; the output is packed then.
    """
    run = getattr(torch, operator)
    if lengths is None:
        hx = states if operator == "lstm" else states[0]
        out, *last = run(x, hx, weights, *options, False)
        return out, tuple(last)
    # torch's packing has no rows of length 0: such a row runs one step, whose results are then put aside.
    source = packed
    void = (lengths == 0).to(x.device)[:, None] if bool((lengths == 0).any()) else None
    if source is None:
        if void is not None:
            x = torch.where(void, torch.zeros_like(x), x)
        source = pack_padded_sequence(x, lengths.clamp(min=1), enforce_sorted=False)
    order, back = source.sorted_indices, source.unsorted_indices
    ordered = states if order is None else tuple(s[:, order] for s in states)
    hx = ordered if operator == "lstm" else ordered[0]
    data, *final = run(source.data, source.batch_sizes, hx, weights, *options)
    final = [f if back is None else f[:, back] for f in final]
    result = PackedSequence(data, source.batch_sizes, order, back)
    if packed is not None:
        return result, tuple(final)
    out, _ = pad_packed_sequence(result, total_length=x.shape[0])
    if void is not None:
        out = torch.where(void, torch.zeros_like(out), out)
        final = [torch.where(void, s, f) for s, f in zip(states, final, strict=True)]
    return out, tuple(final)
