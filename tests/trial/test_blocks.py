"""Splits in order of time: parts one after the other, blocks alike, later blocks learn from earlier ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from latchwork.errors import ConfigError, DataError
from latchwork.trial.blocks import last_block, least_steps, rolling_blocks
from latchwork.trial.splits import Split


def of_series(split: Split, lengths: list[int]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The steps of each series in the three parts, counted from its beginning."""
    found, first = [], 0
    for length in lengths:
        parts = (split.train, split.validation, split.test)
        found.append(tuple(p[(p >= first) & (p < first + length)] - first for p in parts))
        first += length
    return found  # type: ignore[return-value]


@given(
    lengths=st.lists(st.integers(60, 900), min_size=1, max_size=3),
    repeats=st.integers(1, 12),
    horizon=st.integers(1, 9),
    season=st.integers(1, 12),
    test_fraction=st.floats(0.05, 0.4),
    validation_fraction=st.floats(0.02, 0.3),
)
@settings(deadline=None)
def test_parts_are_in_order_and_blocks_alike(
    lengths: list[int], repeats: int, horizon: int, season: int, test_fraction: float, validation_fraction: float
) -> None:
    try:
        splits = rolling_blocks(
            lengths,
            repeats=repeats,
            horizon=horizon,
            season=season,
            test_fraction=test_fraction,
            validation_fraction=validation_fraction,
        )
    except DataError:
        assume(False)
    assert len(splits) == repeats
    sizes = {len(steps[2]) for split in splits for steps in of_series(split, lengths)}
    assert len(sizes) == 1
    for row, length in enumerate(lengths):
        later_begin = length
        for split in splits:  # the latest first
            train, validation, test = of_series(split, lengths)[row]
            # one after the other, without a gap, from the beginning
            assert np.concatenate([train, validation, test]).tolist() == list(range(test[-1] + 1))
            assert len(train) >= least_steps(horizon, season)
            assert min(len(validation), len(test)) >= horizon
            assert test[-1] + 1 == later_begin  # up to where the later block begins
            later_begin = int(test[0])
        earliest = of_series(splits[-1], lengths)[row]
        latest = of_series(splits[0], lengths)[row]
        assert len(latest[0]) == len(earliest[0]) + (repeats - 1) * len(latest[2])


def test_by_hand() -> None:
    late, early = rolling_blocks([100], repeats=2, horizon=3, season=7, test_fraction=0.2, validation_fraction=0.1)
    assert (late.train[-1], late.validation[0], late.validation[-1]) == (79, 80, 89)
    assert (late.test[0], late.test[-1]) == (90, 99)
    assert (early.train[-1], early.test[0], early.test[-1]) == (69, 80, 89)


def test_the_default_tests_a_quarter() -> None:
    splits = rolling_blocks([26_304], repeats=10, horizon=24, season=24)
    assert sum(len(split.test) for split in splits) / 26_304 == pytest.approx(0.25, abs=0.001)
    assert len(splits[0].validation) == 2630


def test_several_series_are_cut_at_one_time_before_their_ends() -> None:
    lengths = [80, 200]
    for split in rolling_blocks(lengths, repeats=3, horizon=2):
        short, long = of_series(split, lengths)
        for steps, others in zip(short, long, strict=True):
            assert 80 - steps[-1] == 200 - others[-1]


def test_the_last_block_tests_nothing() -> None:
    split = last_block([100, 60], horizon=3)
    assert len(split.test) == 0
    assert [len(steps[1]) for steps in of_series(split, [100, 60])] == [6, 6]
    assert len(split.train) + len(split.validation) == 160


@pytest.mark.parametrize(
    ("lengths", "options", "message"),
    [
        ([500, 40], {"repeats": 10, "horizon": 4}, "series 1 has 40 steps; 10 test blocks of 4"),
        ([100], {"repeats": 3, "horizon": 101}, "give a longer series, a shorter horizon"),
        ([100], {"repeats": 3, "horizon": 1, "season": 70}, "at least 71"),
        ([], {"repeats": 3, "horizon": 1}, "has 0 steps"),
    ],
)
def test_series_that_are_too_short_are_refused(lengths: list[int], options: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        rolling_blocks(lengths, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"repeats": 0}, {"test_fraction": 0.0}, {"test_fraction": 0.6, "validation_fraction": 0.5}]
)
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        rolling_blocks([100], **({"repeats": 3, "horizon": 2} | options))  # type: ignore[arg-type]
