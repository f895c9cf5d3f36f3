"""A shuffle buffer gives out every item once, in an order that its generator alone decides."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latchwork.datasets.shuffle import shuffled
from latchwork.errors import ConfigError


def order(items: int, buffer: int, seed: int) -> list[int]:
    return list(shuffled(range(items), buffer, np.random.default_rng(seed)))


@settings(deadline=None)
@given(items=st.integers(0, 200), buffer=st.integers(1, 250), seed=st.integers(0, 2**32))
def test_every_item_once_and_none_too_early(items: int, buffer: int, seed: int) -> None:
    found = order(items, buffer, seed)
    assert sorted(found) == list(range(items))
    assert all(item < place + buffer for place, item in enumerate(found))
    assert found == order(items, buffer, seed)


def test_a_buffer_of_one_changes_nothing_and_a_long_one_shuffles() -> None:
    assert order(50, 1, seed=0) == list(range(50))
    assert order(50, 10, seed=0) != list(range(50))
    assert order(50, 10, seed=0) != order(50, 10, seed=1)


def test_a_buffer_that_holds_all_gives_every_order_equally_often() -> None:
    generator = np.random.default_rng(0)
    times: dict[tuple[int, ...], int] = {}
    for _ in range(6000):
        found = tuple(shuffled(range(3), 3, generator))
        times[found] = times.get(found, 0) + 1
    assert len(times) == 6
    assert max(abs(seen - 1000) for seen in times.values()) < 150  # five standard deviations


def test_it_reads_no_further_than_the_buffer() -> None:
    read = 0

    def endless() -> Iterator[int]:
        nonlocal read
        for item in count():
            read += 1
            yield item

    assert len(list(islice(shuffled(endless(), 8, np.random.default_rng(0)), 5))) == 5
    assert read == 8 + 5


def test_items_that_are_arrays_or_lists_are_left_alone() -> None:
    arrays = [np.full((2,), n) for n in range(9)]
    found = list(shuffled(arrays, 4, np.random.default_rng(0)))
    assert sorted(map(id, found)) == sorted(map(id, arrays))


@pytest.mark.parametrize("buffer", [0, -1])
def test_a_buffer_that_holds_nothing_is_refused_at_once(buffer: int) -> None:
    with pytest.raises(ConfigError, match=f"buffer={buffer}: a shuffle must hold at least one item"):
        shuffled([1, 2], buffer, np.random.default_rng(0))
