"""Shuffling what is too long to hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

from latchwork.errors import ConfigError

Item = TypeVar("Item")


def shuffled(items: Iterable[Item], buffer: int, generator: np.random.Generator) -> Iterator[Item]:
    """Every item exactly once, in an order that is random within a buffer's reach.

    ``buffer`` items are held; as each new one comes, a random one of them is given out and the new one takes its place.
    So an item comes at most ``buffer`` places early, and may come any number of places late; with a buffer as long as
    ``items`` all orders are equally likely. The order depends on the generator's state alone.

    Args:
        items: what to shuffle, of any length; read no further ahead than the buffer.
        buffer: how many items to hold, at least 1, which changes nothing.
        generator: where the randomness comes from; it is drawn from once an item.

    Raises:
        ConfigError: ``buffer`` is less than 1.
    """
    if buffer < 1:
        raise ConfigError(f"buffer={buffer}: a shuffle must hold at least one item")
    return _shuffled(items, buffer, generator)


def _shuffled(items: Iterable[Item], buffer: int, generator: np.random.Generator) -> Iterator[Item]:
    held: list[Item] = []
    for item in items:
        if len(held) < buffer:
            held.append(item)
        else:
            place = int(generator.integers(buffer))
            chosen, held[place] = held[place], item
            yield chosen
    for place in generator.permutation(len(held)):
        yield held[place]
