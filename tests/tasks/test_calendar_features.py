"""Places in the cycles of the calendar."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import ConfigError, DataError
from latchwork.tasks.calendar_features import calendar_features


def angle(columns):
    """(T, 2) → share of the cycle gone by."""
    return np.arctan2(columns[:, 0], columns[:, 1]) / (2 * np.pi) % 1


def test_places_in_each_cycle():
    found = calendar_features(["2024-01-01T06:00", "2024-02-15T12:00"], ["hour", "weekday", "month", "year"])
    assert found.shape == (2, 8)
    assert angle(found[:, :2]) == pytest.approx([0.25, 0.5])
    assert angle(found[:, 2:4]) == pytest.approx([0, 3 / 7])  # a Monday and a Thursday
    assert angle(found[:, 4:6]) == pytest.approx([0.25 / 31, 14.5 / 29])
    assert angle(found[:, 6:]) == pytest.approx([0.25 / 366, 45.5 / 366])


@given(st.datetimes(), st.integers(1, 500))
def test_hours_and_weekdays_come_again(start, weeks):
    times = np.array([start, start], dtype="datetime64[s]") + np.array([0, 7 * weeks], dtype="timedelta64[D]")
    found = calendar_features(times)
    assert found[0] == pytest.approx(found[1], abs=1e-9)
    assert np.hypot(found[:, 0], found[:, 1]) == pytest.approx(1)


def test_refusals():
    with pytest.raises(DataError, match="step 1 is missing"):
        calendar_features(["2024-01-01", "NaT"])
    with pytest.raises(DataError, match="must be datetimes"):
        calendar_features(["noon"])
    with pytest.raises(DataError, match=r"must be \(T,\)"):
        calendar_features([["2024-01-01"]])
    with pytest.raises(ConfigError, match="'minute'"):
        calendar_features(["2024-01-01"], ["minute"])
