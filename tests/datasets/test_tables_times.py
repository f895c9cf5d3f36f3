"""Times out of a column, in every form that can be but one thing."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchwork.datasets.tables import Table, read, readable_times, stream, times
from latchwork.errors import DataError

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda moment: moment.replace(microsecond=0))


def csv(folder: Path, *cells: str) -> Table:
    (folder / "t.csv").write_text("t;n\n" + "".join(f"{cell};1\n" for cell in cells), encoding="utf-8")
    return read(folder / "t.csv")


def jsonl(folder: Path, *cells: str) -> Table:
    (folder / "t.jsonl").write_text("".join(f'{{"t": {cell}}}\n' for cell in cells), encoding="utf-8")
    return read(folder / "t.jsonl")


def parquet(folder: Path, values: Any, kind: Any = None) -> Table:
    pq.write_table(pa.table({"t": pa.array(values, kind)}), folder / "t.parquet")
    return read(folder / "t.parquet")


def equal(found: Any, *wanted: str) -> None:
    np.testing.assert_array_equal(found, np.array(wanted, "datetime64[s]"), strict=True)


@quick
@given(
    moments=st.lists(MOMENTS, min_size=1, max_size=5), hours=st.none() | st.integers(-12, 14), T=st.sampled_from("T ")
)
def test_round_trip(tmp_path: Path, moments: list[datetime], hours: int | None, T: str) -> None:
    zone = timezone(timedelta(hours=hours)) if hours is not None else None
    written = [moment.replace(tzinfo=zone).isoformat(sep=T) for moment in moments]
    naive = [moment - timedelta(hours=hours or 0) for moment in moments]
    wanted = [moment.isoformat() for moment in naive]
    equal(times(csv(tmp_path, *written), "t"), *wanted)
    equal(times(jsonl(tmp_path, *(f'"{cell}"' for cell in written)), "t"), *wanted)
    equal(times(parquet(tmp_path, naive, pa.timestamp("s")), "t"), *wanted)


def test_text(tmp_path: Path) -> None:
    found = times(
        csv(tmp_path, "2020-02-29", " 2020-03-01 23:59 ", "2020-03-01T23:59:58", "2020-03-02 00:00:00.000"), "t"
    )
    equal(found, "2020-02-29", "2020-03-01T23:59", "2020-03-01T23:59:58", "2020-03-02")
    equal(
        times(csv(tmp_path, "2020-01-01T02:00Z", "2020-01-01 02:00 +0200"), "t"), "2020-01-01T02:00", "2020-01-01T00:00"
    )
    equal(times(csv(tmp_path, "1949-01", "1949-02"), "t"), "1949-01-01", "1949-02-01")


def test_whole_numbers(tmp_path: Path) -> None:
    equal(times(csv(tmp_path, "1999", "2000.0"), "t"), "1999-01-01", "2000-01-01")
    equal(times(jsonl(tmp_path, "1999", "2000.0"), "t"), "1999-01-01", "2000-01-01")
    equal(times(csv(tmp_path, "1600000000"), "t"), "2020-09-13T12:26:40")
    equal(times(parquet(tmp_path, [1600000000]), "t"), "2020-09-13T12:26:40")


def test_parquet(tmp_path: Path) -> None:
    equal(times(parquet(tmp_path, [date(2020, 2, 29)]), "t"), "2020-02-29")
    for unit in ("s", "ms", "us", "ns"):
        seconds = [1600000000 * 1000 ** ["s", "ms", "us", "ns"].index(unit)]
        equal(times(parquet(tmp_path, seconds, pa.timestamp(unit)), "t"), "2020-09-13T12:26:40")
        equal(times(parquet(tmp_path, seconds, pa.timestamp(unit, "Europe/Berlin")), "t"), "2020-09-13T12:26:40")


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("", "the time is missing"),
        ("yesterday", "'yesterday' is no time; write it as 2024-12-31"),
        ("31.12.2024", "'31.12.2024' is no time; write it as 2024-12-31"),
        ("12/31/2024", "'12/31/2024' is no time; write it as 2024-12-31"),
        ("2024-13-01", "'2024-13-01' is no time: month must be in 1..12"),
        ("2024-02-30", "'2024-02-30' is no time: day"),
        ("2024-00", "'2024-00' is no time: month must be in 1..12"),
        ("2024-01-01 25:00", "'2024-01-01 25:00' is no time: hour must be in 0..23"),
        ("2024-01-01 00:00:00.5", "'2024-01-01 00:00:00.5' is finer than a second; round"),
        ("20241231", "the number 20241231 may be several things"),
        ("-5", "the number -5 may be several things"),
        ("1600000000000", "the number 1600000000000 looks like milliseconds or finer; divide it"),
        ("1.5", "'1.5' is no time"),
        ("0001-01-01T00:00+02:00", "0001-01-01 00:00:00+02:00 is before or after the calendar's"),
    ],
)
def test_a_time_that_is_refused(tmp_path: Path, cell: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        times(csv(tmp_path, "2020-01-01", cell), "t")
    assert f"t.csv: row 2 (line 3), column 't': {problem}" in str(caught.value)


def test_typed_values_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 1 \(line 1\), column 't': True is no time"):
        times(jsonl(tmp_path, "true"), "t")
    with pytest.raises(DataError, match=r"row 2 \(line 2\), column 't': 1999.5 is no time"):
        times(jsonl(tmp_path, "1999", "1999.5"), "t")
    with pytest.raises(DataError, match=r"row 2 \(line 2\), column 't': the time is missing"):
        times(jsonl(tmp_path, "1999", "null"), "t")
    with pytest.raises(DataError, match="row 2, column 't': the time is missing"):
        times(parquet(tmp_path, [1999.0, float("nan")]), "t")
    with pytest.raises(DataError, match=r"row 1, column 't': .* is finer than a second"):
        times(parquet(tmp_path, [1], pa.timestamp("us")), "t")
    with pytest.raises(DataError, match="no column 'u'"):
        times(jsonl(tmp_path, "1999"), "u")


@pytest.mark.parametrize(
    ("one", "other", "kinds"),
    [
        ("2020-01-01", "2020-01-01T00:00Z", "time in row 1 (line 2) and time with a zone in row 3 (line 4)"),
        ("2020", "2020-01-01", "year in row 1 (line 2) and time in row 3 (line 4)"),
        ("2020", "1600000000", "year in row 1 (line 2) and unix seconds in row 3 (line 4)"),
        ("2020-01", "2020-01-01", "month in row 1 (line 2) and time in row 3 (line 4)"),
    ],
)
def test_mixed_kinds(tmp_path: Path, one: str, other: str, kinds: str) -> None:
    table = csv(tmp_path, one, one, other)
    wanted = f"column 't' holds values of mixed kinds: {kinds}; make them all one kind"
    with pytest.raises(DataError) as caught:
        times(table, "t")
    assert wanted in str(caught.value)
    first, second = stream(table.path, rows=2)
    assert times(first, "t").shape == (2,)
    with pytest.raises(DataError) as caught:
        times(second, "t")
    assert wanted in str(caught.value)


def test_what_is_no_time_is_not_a_time(tmp_path: Path) -> None:
    found = readable_times(csv(tmp_path, "2024-01-01", "noon", "", "2024-01-02 03:00"), "t")
    wanted = np.array(["2024-01-01", "NaT", "NaT", "2024-01-02T03:00"], "datetime64[s]")
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(DataError, match="no column 'when'"):
        readable_times(read(tmp_path / "t.csv"), "when")
