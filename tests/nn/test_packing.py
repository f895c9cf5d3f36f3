"""Rows packed by step: torch's order, and every way back."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence

from latchwork.nn.packing import Packing
from latchwork.reference.numpy import schedule

T = 6
lengths = st.lists(st.integers(0, T), min_size=0, max_size=7)


def made(length: list[int]) -> tuple[Packing, torch.Tensor]:
    packing = Packing.of(T, len(length), torch.tensor(length, dtype=torch.int64))
    return packing, torch.arange(1.0, T * len(length) * 2 + 1).reshape(T, len(length), 2)


@given(lengths)
def test_packed_is_each_step_of_the_longest_rows_first(length):
    packing, x = made(length)
    assert sorted(packing.order.tolist()) == list(range(len(length)))
    ordered = sorted(range(len(length)), key=lambda b: -length[b])  # rows of one length as they came
    assert packing.order.tolist() == ordered
    expected = [x[t, b] for t in range(max(length, default=0)) for b in ordered if length[b] > t]
    packed = packing.pack(x)
    assert packed.tolist() == [row.tolist() for row in expected]
    assert packing.scanned == max(length, default=0)
    assert packing.rows.rows.tolist() == [sum(n > t for n in length) for t in range(packing.scanned)] + [0]
    assert packing.rows.offset.tolist() == [0, *np.cumsum(packing.rows.rows[:-1]).tolist()]
    valid = torch.arange(T)[:, None] < torch.tensor(length, dtype=torch.int64)
    assert torch.equal(packing.unpack(packed), torch.where(valid[..., None], x, 0))


@given(st.lists(st.integers(1, T), min_size=1, max_size=7), st.booleans())
def test_a_packed_sequence_of_torch_is_taken_as_it_is(length, enforce_sorted):
    length = sorted(length, reverse=True) if enforce_sorted else length
    x = torch.randn(T, len(length), 2)
    theirs = pack_padded_sequence(x, torch.tensor(length), enforce_sorted=enforce_sorted)
    packing = Packing.of(T, len(length), torch.tensor(length), theirs)
    assert torch.equal(packing.pack(x), theirs.data)
    assert packing.rows.rows[:-1].tolist() == theirs.batch_sizes.tolist()


@given(lengths)
def test_turned_rows_run_from_their_ends(length):
    packing, x = made(length)
    turned = packing.unpack(packing.turned(packing.pack(x)))
    for b, n in enumerate(length):
        assert torch.equal(turned[:n, b], x[:n, b].flip(0))
    assert torch.equal(packing.turned(packing.turned(packing.pack(x))), packing.pack(x))


@given(lengths)
def test_states_are_sorted_and_back(length):
    packing, _ = made(length)
    state = torch.randn(len(length), 3)
    (there,) = packing.sort([state])
    assert there.tolist() == [state[b].tolist() for b in packing.order]
    assert torch.equal(packing.unsort([there])[0], state)
    whole = Packing.of(T, len(length), None)
    assert torch.equal(whole.sort([state])[0], state)
    assert torch.equal(whole.unsort([state])[0], state)


@given(lengths, st.integers(0, 99))
def test_cuts_are_those_of_the_reference(length, seed):
    reset = np.random.default_rng(seed).random((T, len(length))) < 0.4
    for reverse in (False, True):
        packing, _ = made(length)
        valid, restart, _ = schedule(T, len(length), length, reset, reverse)
        cuts = packing.cuts(torch.from_numpy(reset), reverse)
        assert cuts.dtype == torch.uint8
        expected = packing.pack(torch.from_numpy((restart & valid)[..., None]))
        assert torch.equal(cuts.bool(), expected[:, 0])


def test_full_rows_are_packed_as_they_stand():
    x = torch.randn(T, 3, 2)
    packing = Packing.of(T, 3, None)
    assert packing.rows is None
    assert packing.pack(x).data_ptr() == x.data_ptr()
    assert torch.equal(packing.unpack(packing.pack(x)), x)
    assert packing.sorted() is packing


def test_a_sorted_packing_is_of_rows_in_falling_order():
    packing, x = made([2, 0, 4, 1])
    there = packing.sorted()
    assert there.order.tolist() == [0, 1, 2, 3]
    assert there.steps == packing.scanned == 4
    packed = packing.pack(x)
    unpacked = there.unpack(packed)
    assert unpacked.shape == (4, 4, 2)
    assert torch.equal(there.pack(unpacked), packed)
    assert torch.equal(unpacked, packing.unpack(packed)[:4, packing.order])
