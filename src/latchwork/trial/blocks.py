"""Splits of series in order of time: a rolling origin, as forecasts are made (Tashman 2000).

A random split would let a model learn from what comes after the values that it is asked for. Here every part of a split
lies after the one before it: training steps, then validation steps, then a test block; and a later test block has the
earlier ones among its training steps.

    split 2   train train train valid test
    split 1   train train train train valid test
    split 0   train train train train train valid test
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latchwork.errors import ConfigError, DataError
from latchwork.trial.splits import Split

TEST_FRACTION, VALIDATION_FRACTION = 0.25, 0.1
"""Shares of the shortest series: of all test blocks together, and of the validation block."""


def rolling_blocks(
    lengths: Sequence[int],
    *,
    repeats: int,
    horizon: int,
    season: int = 1,
    test_fraction: float = TEST_FRACTION,
    validation_fraction: float = VALIDATION_FRACTION,
) -> list[Split]:
    """``repeats`` splits of the steps of series, the latest test block first.

    The latest comes first because it is what the series will be like: a trial cut short loses the oldest blocks. Test
    blocks do not overlap, are all of one length, and end where the series end; each holds the ``horizon`` at least, so
    that with a long horizon, a short series or many repeats they are more than the fraction. The series are taken to
    end at one time: else one would tell the future of another.

    Args:
        lengths: steps T of each series. Rows are their steps, numbered on from one series to the next.
        repeats: J, how many test blocks.
        horizon: steps ahead, h.
        season: steps after which the series is expected to repeat itself.
        test_fraction: what share of the shortest series is tested over all J blocks.
        validation_fraction: what share of it is the validation block before each test block.

    Raises:
        ConfigError: fractions or a number of repeats that cannot be.
        DataError: a series is too short.
    """
    if repeats < 1:
        raise ConfigError(f"repeats must be at least 1, got {repeats}")
    if min(test_fraction, validation_fraction) <= 0 or test_fraction + validation_fraction >= 1:
        raise ConfigError(
            "test_fraction and validation_fraction must be positive and leave steps to train on, "
            f"got {test_fraction} and {validation_fraction}"
        )
    shortest = min(lengths, default=0)
    block = max(horizon, int(test_fraction * shortest / repeats))
    validation = max(horizon, int(validation_fraction * shortest))
    needed = least_steps(horizon, season)
    left = shortest - repeats * block - validation
    if left < needed:
        raise DataError(
            f"series {list(lengths).index(shortest) if lengths else 0} has {shortest} steps; {repeats} test blocks of "
            f"{block} and a validation block of {validation} leave {max(left, 0)} to train on, and at least {needed} "
            f"are needed for a horizon of {horizon} and a season of {season}: give a longer series, a shorter horizon "
            "or fewer repeats"
        )
    return [_split(lengths, number * block, validation, block) for number in range(repeats)]


def last_block(lengths: Sequence[int], *, horizon: int, validation_fraction: float = VALIDATION_FRACTION) -> Split:
    """What a model to be used learns from: the last steps say when to stop, and none are tested."""
    return _split(lengths, 0, max(horizon, int(validation_fraction * min(lengths))), 0)


def least_steps(horizon: int, season: int) -> int:
    """The fewest training steps: some windows, and one step that can be compared with the season before."""
    return max(2 * horizon, season + 1)


def _split(lengths: Sequence[int], later: int, validation: int, test: int) -> Split:
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    first = 0
    for length in lengths:
        end = length - later
        bounds = (0, end - test - validation, end - test, end)
        for part, begin, stop in zip(parts, bounds, bounds[1:], strict=False):
            part.append(np.arange(first + begin, first + stop))
        first += length
    return Split(*(np.concatenate(part) for part in parts))
