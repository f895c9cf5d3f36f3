"""Regular times, their gaps and their grid; and every way in which times can be irregular."""

from __future__ import annotations

import pickle
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latchwork.datasets.calendar import duration, regular
from latchwork.errors import ConfigError, DataError, ShapeError

quick = settings(max_examples=100, deadline=None)


def times(*written: str) -> Any:
    return np.array(written, dtype="datetime64[s]")


def refusal(*written: str) -> str:
    with pytest.raises(DataError) as caught:
        regular(times(*written))
    return str(caught.value)


@quick
@given(
    start=st.integers(-(10**9), 4 * 10**9),
    step=st.integers(1, 10**6),
    kept=st.lists(st.booleans(), min_size=2, max_size=60),
    C=st.integers(0, 3),
)
def test_seconds_with_steps_left_out(start: int, step: int, kept: list[bool], C: int) -> None:
    # Enough neighbours at the front make the step the most common difference; the last one keeps the grid's length.
    mask = np.array([True] * (len(kept) + 3) + kept + [True])
    grid = (start + step * np.arange(len(mask))).astype("datetime64[s]")
    found = regular(grid[mask])
    assert found.step == np.timedelta64(step, "s")
    np.testing.assert_array_equal(found.times, grid)
    np.testing.assert_array_equal(found.places, np.flatnonzero(mask))
    np.testing.assert_array_equal(found.gaps, np.flatnonzero(~mask))
    values = np.arange(mask.sum() * C, dtype=float).reshape(mask.sum(), C)
    full = found.spread(values)
    assert full.shape == (len(mask), C)
    np.testing.assert_array_equal(full[mask], values)
    assert np.isnan(full[~mask]).all()
    np.testing.assert_array_equal(found.ahead(3), grid[-1] + step * np.arange(1, 4))


@quick
@given(
    year=st.integers(1900, 2100),
    month=st.integers(1, 12),
    day=st.integers(1, 31),
    hours=st.integers(0, 23),
    step=st.sampled_from([1, 2, 3, 6, 12, 24]),
    kept=st.lists(st.booleans(), max_size=20),
)
def test_months_with_steps_left_out(year: int, month: int, day: int, hours: int, step: int, kept: list[bool]) -> None:
    mask = np.array([True] * (len(kept) + 13) + kept + [True])
    grid = []
    for index in range(len(mask) + 2):  # by the standard library's calendar
        ahead = year * 12 + month - 1 + index * step
        after = date((ahead + 1) // 12, (ahead + 1) % 12 + 1, 1)
        last = (after - timedelta(days=1)).day
        grid.append(f"{ahead // 12:04}-{ahead % 12 + 1:02}-{min(day, last):02}T{hours:02}:00:00")
    wanted = times(*grid)
    found = regular(wanted[: len(mask)][mask])
    assert found.step == np.timedelta64(step, "M")
    np.testing.assert_array_equal(found.times, wanted[: len(mask)])
    np.testing.assert_array_equal(found.gaps, np.flatnonzero(~mask))
    if not (np.array([int(text[8:10]) for text in grid[: len(mask)]])[mask] != day).all():  # else the day is unknown
        np.testing.assert_array_equal(found.ahead(2), wanted[len(mask) :])


def test_months_and_years_are_recognised() -> None:
    assert duration(regular(times("2020-01-01", "2020-02-01", "2020-03-01")).step) == "1 month"
    assert duration(regular(times("2019-02-28", "2020-02-28", "2021-02-28")).step) == "1 year"
    ends = regular(times("2023-06-30", "2023-09-30", "2023-12-31"))
    assert duration(ends.step) == "3 months"
    np.testing.assert_array_equal(ends.ahead(2), times("2024-03-31", "2024-06-30"))
    two = regular(times("2023-06-30", "2023-09-30"))  # both ends of a month, so the next is one too
    np.testing.assert_array_equal(two.ahead(1), times("2023-12-31"))
    leap = regular(times("2020-01-30", "2020-02-29", "2020-03-30"))
    np.testing.assert_array_equal(leap.ahead(1), times("2020-04-30"))


def test_days_across_a_months_end_are_days() -> None:
    for written in (("2020-01-31", "2020-02-01"), ("2020-02-28", "2020-02-29", "2020-03-01")):
        assert duration(regular(times(*written)).step) == "1 day"
    assert duration(regular(times("2020-01-01", "2020-01-29")).step) == "4 weeks"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (90, "90 seconds"),
        (900, "15 minutes"),
        (3600, "1 hour"),
        (86400, "1 day"),
        (1209600, "2 weeks"),
    ],
)
def test_a_step_in_words(seconds: int, words: str) -> None:
    assert duration(np.timedelta64(seconds, "s")) == words


def test_what_it_says() -> None:
    assert (
        str(regular(times("2020-01-01", "2020-01-02"))) == "steps of 1 day from 2020-01-01 to 2020-01-02, none missing"
    )
    hours = times("2020-03-29T00", "2020-03-29T01", "2020-03-29T03", "2020-03-29T04")
    assert str(regular(hours)) == (
        "steps of 1 hour from 2020-03-29 to 2020-03-29 04:00:00, 1 of 5 missing, the first 2020-03-29 02:00:00; local "
        "times lack an hour where daylight saving begins"
    )
    working = str(regular(times("2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09")))
    assert "2 of 6 missing, the first 2024-01-06" in working
    assert "daylight" not in working


def test_other_units_of_numpy() -> None:
    assert duration(regular(np.array(["2020-01", "2020-02"], "datetime64[M]")).step) == "1 month"
    assert duration(regular(np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]")).step) == "1 day"
    with pytest.raises(DataError, match=r"row 2 \(2020-01-01T00:00:01.500\) is finer than a second"):
        regular(np.array(["2020-01-01T00:00:00", "2020-01-01T00:00:01.5"], "datetime64[ms]"))


def test_it_can_be_pickled() -> None:
    found = pickle.loads(pickle.dumps(regular(times("2020-01-31", "2020-02-29"))))
    np.testing.assert_array_equal(found.ahead(1), times("2020-03-31"))


# What is refused


def test_times_given_twice() -> None:
    message = refusal("2020-01-01", "2020-01-02", "2020-01-02", "2020-01-03")
    assert message.startswith("row 2 and row 3 have the same time, 2020-01-02; keep one row a time")
    assert "daylight" not in message
    assert "daylight saving ends" in refusal("2020-10-25T01", "2020-10-25T02", "2020-10-25T02", "2020-10-25T03")


def test_times_out_of_order() -> None:
    message = refusal("2020-01-01", "2020-01-03", "2020-01-02", "2020-01-01")
    assert message == "row 3 (2020-01-02) is before row 2 (2020-01-03); sort the rows by time"
    assert "daylight saving ends" in refusal("2020-10-25T02:00", "2020-10-25T02:30", "2020-10-25T02:00")
    assert "daylight" not in refusal("2020-10-25T02:00", "2020-10-25T02:30", "2020-10-24T02:00")


def test_irregular_times() -> None:
    message = refusal("2020-01-01T00", "2020-01-01T01", "2020-01-01T02", "2020-01-01T02:37")
    assert message.startswith(
        "row 3 (2020-01-01 02:00:00) and row 4 (2020-01-01 02:37:00) are 37 minutes apart, which is no multiple of 1 "
        "hour, the usual step"
    )
    assert "are 1 month apart, which is no multiple of 3 months" in refusal(
        "2020-01-01", "2020-04-01", "2020-07-01", "2020-08-01"
    )


def test_a_wrong_year_does_not_fill_the_memory() -> None:
    message = refusal("2020-01-01T00:00:00", "2020-01-01T00:00:01", "2020-01-01T00:00:02", "9020-01-01T00:00:02")
    assert "steps are missing, most of them between row 3 (2020-01-01 00:00:02) and row 4 (9020" in message


def test_rows_are_named_as_the_caller_likes() -> None:
    with pytest.raises(DataError, match="line 11 and line 12 have the same time"):
        regular(times("2020-01-01", "2020-01-01"), row=lambda index: f"line {index + 11}")


def test_what_are_no_times() -> None:
    with pytest.raises(DataError, match="row 2 has no time"):
        regular(times("2020-01-01", "NaT"))
    with pytest.raises(DataError, match="dtype int64; needed is datetime64"):
        regular(np.arange(3))
    for shape in ((0,), (1,), (2, 2)):
        with pytest.raises(ShapeError, match="at least 2 times"):
            regular(np.zeros(shape, "datetime64[s]"))


@pytest.mark.parametrize("shape", [(), (1,), (3, 1), (2, 1, 1)])
def test_values_of_another_length(shape: tuple[int, ...]) -> None:
    found = regular(times("2020-01-01", "2020-01-02"))
    with pytest.raises(ShapeError, match="a row for each of 2 times"):
        found.spread(np.zeros(shape))
    assert found.spread([1, 2]).tolist() == [1.0, 2.0]
    with pytest.raises(ConfigError, match="must not be negative"):
        found.ahead(-1)
