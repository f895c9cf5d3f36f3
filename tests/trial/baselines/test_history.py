"""What forecasts look at, against plain loops; and that no value after an origin is among it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.tasks.timeseries import TimeSeries, Windows
from latchwork.trial.baselines.history import ahead, before, chosen, level, with_past

NAN = float("nan")
cells = st.floats(-9, 9) | st.just(NAN)


@st.composite
def windows(draw: st.DrawFn) -> Windows:
    channels, horizon = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    series, origins = [], []
    for _ in range(draw(st.integers(1, 3))):
        T = draw(st.integers(1, 8))
        values = draw(st.lists(st.lists(cells, min_size=channels, max_size=channels), min_size=T, max_size=T))
        series.append(TimeSeries(np.array(values)))
        origins.append(np.array(sorted(draw(st.sets(st.integers(1, T)))), np.intp))
    return Windows(tuple(series), tuple(origins), horizon)


def pairs(given: Windows) -> list[tuple[TimeSeries, int]]:
    return [(one, o) for one, origins in zip(given.series, given.origins, strict=True) for o in origins.tolist()]


@given(windows(), st.lists(st.integers(1, 10), min_size=1, max_size=4))
def test_values_before_an_origin(drawn: Windows, steps: list[int]) -> None:
    otherwise = np.arange(drawn.series[0].values.shape[1]) + 100.0
    found = before(drawn, np.array(steps), otherwise)
    assert found.shape == (len(drawn), len(steps), len(otherwise))
    for window, (one, origin) in zip(found, pairs(drawn), strict=True):
        for values, step in zip(window, steps, strict=True):
            for channel, value in enumerate(values):
                past = one.values[: max(0, origin - step + 1), channel]
                seen = past[~np.isnan(past)]
                assert value == (seen[-1] if len(seen) else otherwise[channel])


@given(windows(), st.integers(0, 2**16))
def test_some_of_the_windows(drawn: Windows, pick: int) -> None:
    rows = np.flatnonzero([pick >> place & 1 for place in range(len(drawn))]).astype(np.intp)
    some = chosen(drawn, rows)
    assert [(id(one), o) for one, o in pairs(some)] == [
        (id(one), o) for row, (one, o) in enumerate(pairs(drawn)) if row in rows
    ]
    np.testing.assert_array_equal(some.targets(), drawn.targets()[rows])


def test_windows_that_have_their_past() -> None:
    series = TimeSeries(np.zeros(9))
    drawn = Windows((series, series), (np.array([1, 4]), np.array([3, 6])), 2)
    assert with_past(drawn, 4).tolist() == [1, 3]
    assert with_past(drawn, 7).tolist() == [0, 1, 2, 3]  # none has it, so all must do


def test_the_level_of_channels() -> None:
    first = TimeSeries(np.array([[1.0, NAN, NAN], [NAN, 4.0, NAN]]))
    second = TimeSeries(np.array([[5.0, NAN, NAN]]))
    assert level([first, second]).tolist() == [3, 4, 0]


def test_what_is_known_ahead() -> None:
    known = np.array([[0.0, 10], [1, 11], [2, 12], [3, 13], [4, 14]])
    series = TimeSeries(np.zeros(4), known=known, static=np.array([7.0]))
    drawn = Windows((series,), (np.array([1, 3]),), 2)
    assert ahead(drawn).tolist() == [[1, 11, 2, 12, 7], [3, 13, 4, 14, 7]]
    assert ahead(Windows((TimeSeries(np.zeros(4)),), (np.array([1, 3]),), 2)).shape == (2, 0)
    with pytest.raises(DataError, match=r"known of series 0 has 5 rows; to forecast 2 steps from step 4 on it needs 6"):
        ahead(Windows((series,), (np.array([4]),), 2))
