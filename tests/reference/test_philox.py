"""Random masks: Philox4x32-10 to the published vectors, the same in numpy and torch, and as random as they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latchwork.reference.philox import bernoulli, philox

# Random123 1.14, kat_vectors: philox4x32 10 — counter, key, result.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
@pytest.mark.parametrize("xp", [np, torch], ids=["numpy", "torch"])
def test_the_published_vectors(xp, counter, key, expected):
    arrays = tuple(xp.asarray([word], dtype=xp.int64) for word in words(counter))
    assert [int(word[0]) for word in philox(arrays, tuple(words(key)))] == words(expected)


@given(
    seed=st.integers(0, 2**64 - 1),
    stream=st.integers(0, 2**32 - 1),
    step=st.integers(0, 2**32 - 1),
    rate=st.floats(0, 1, exclude_max=True),
    rows=st.integers(0, 4),
    units=st.integers(1, 9),
)
def test_numpy_and_torch_draw_the_same_mask(seed, stream, step, rate, rows, units):
    ours = bernoulli(np, rate, seed, stream, step, rows, units)
    theirs = bernoulli(torch, rate, seed, stream, step, rows, units)
    assert ours.dtype == bool
    assert ours.shape == (rows, units)
    assert np.array_equal(ours, theirs.numpy())


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_the_mean_of_a_mask_is_its_rate(rate):
    drawn = bernoulli(np, rate, seed=2**63 + 5, stream=1, step=7, batch=300, units=400)
    deviation = np.sqrt(rate * (1 - rate) / drawn.size)
    assert abs(drawn.mean() - rate) <= 4 * deviation


def test_neighbouring_units_rows_steps_streams_and_seeds_are_independent():
    def mask(**changes):
        where = {"seed": 11, "stream": 0, "step": 0, "batch": 200, "units": 200, **changes}
        return bernoulli(np, 0.5, **where).astype(float) - 0.5

    first = mask()
    others = [mask(seed=12), mask(seed=11 + 2**32), mask(stream=1), mask(step=1), first.T]
    others += [np.roll(first, 1, axis) for axis in (0, 1)]
    for other in others:
        correlation = (first * other).mean() / 0.25
        assert abs(correlation) < 4 / np.sqrt(first.size)


def test_a_unit_of_a_row_has_its_bit_whatever_else_is_there():
    small = bernoulli(np, 0.3, 5, 2, 9, batch=3, units=4)
    large = bernoulli(np, 0.3, 5, 2, 9, batch=8, units=16)
    assert np.array_equal(small, large[:3, :4])


def test_a_lower_rate_keeps_a_part_of_what_a_higher_one_keeps():
    low, high = (bernoulli(np, rate, 1, 0, 0, 50, 50) for rate in (0.2, 0.6))
    assert not (low & ~high).any()
