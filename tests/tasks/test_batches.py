"""Batches: every row once, like lengths together, the same for the same seed."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from latchwork.tasks.batches import collate, plan

lengths = st.lists(st.integers(0, 60), min_size=1, max_size=300)


@given(lengths, st.integers(1, 40), st.booleans())
def test_every_row_is_in_one_batch(length, size, shuffled):
    batches = plan(length, size, np.random.default_rng(0) if shuffled else None)
    assert sorted(np.concatenate(batches)) == list(range(len(length)))
    assert all(1 <= len(batch) <= size for batch in batches)


def test_little_is_padding():
    length = np.random.default_rng(0).integers(1, 100, 5000)
    batches = plan(length, 32, np.random.default_rng(1))
    padded = sum(len(b) * length[b].max() for b in batches)
    assert padded / length.sum() < 1.1


def test_seeds_decide_the_order():
    length = np.random.default_rng(0).integers(1, 100, 200)
    first, again, other = (plan(length, 16, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_collate_pads_with_zeros():
    sequences = [np.array([[1.0], [2.0]], "f"), np.zeros((0, 1), "f"), np.array([[3.0]], "f")]
    batch = collate(sequences, np.array([2, 0, 1]), torch.device("cpu"))
    assert batch.inputs[:, :, 0].tolist() == [[3, 1, 0], [0, 2, 0]]
    assert batch.lengths.tolist() == [1, 2, 0]
