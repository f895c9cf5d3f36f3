"""Texts, labels and series out of a table, and the errors that name row and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchwork.datasets.tables import Table, labels, read, series, texts
from latchwork.errors import DataError

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def csv(tmp_path: Path) -> Any:
    def make(contents: str) -> Table:
        (tmp_path / "t.csv").write_text(contents, encoding="utf-8")
        return read(tmp_path / "t.csv")

    return make


@pytest.fixture
def jsonl(tmp_path: Path) -> Any:
    def make(*rows: dict[str, Any]) -> Table:
        (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        return read(tmp_path / "t.jsonl")

    return make


@pytest.fixture
def parquet(tmp_path: Path) -> Any:
    def make(**columns: Any) -> Table:
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        return read(tmp_path / "t.parquet")

    return make


# Texts


def test_texts(csv: Any, jsonl: Any) -> None:
    assert texts(csv("text,n\n good ,1\n10,2\n"), "text") == [" good ", "10"]
    assert texts(jsonl({"t": "a"}, {"t": "é"}), "t") == ["a", "é"]


@pytest.mark.parametrize("empty", ["", '""', "  "])
def test_a_missing_text(csv: Any, empty: str) -> None:
    with pytest.raises(DataError, match=r"t\.csv: row 2 \(line 3\), column 'text': the text is missing"):
        texts(csv(f"text,n\ngood,1\n{empty},2\n"), "text")


def test_a_missing_text_in_json(jsonl: Any) -> None:
    with pytest.raises(DataError, match=r"row 2 \(line 2\), column 't': the text is missing"):
        texts(jsonl({"t": "a"}, {"u": 1}), "t")
    with pytest.raises(DataError, match=r"row 1 \(line 1\), column 't': the text is missing"):
        texts(jsonl({"t": None}), "t")


@pytest.mark.parametrize(("cells", "holds"), [("1\n2.5\n", "numbers"), ("1 2\n3\n", "lists of numbers")])
def test_numbers_are_no_texts(csv: Any, cells: str, holds: str) -> None:
    with pytest.raises(DataError, match=f"column 'n' holds {holds}, not text"):
        texts(csv(f"n\n{cells}"), "n")


def test_other_things_are_no_texts(jsonl: Any) -> None:
    with pytest.raises(DataError, match="column 't' holds numbers, not text"):
        texts(jsonl({"t": 1}), "t")
    with pytest.raises(DataError, match="column 't' holds values of the kind 'object', not text"):
        texts(jsonl({"t": {"a": 1}}), "t")


def test_half_a_surrogate_pair(jsonl: Any) -> None:
    with pytest.raises(DataError, match=r"row 2 \(line 2\), column 't': the text holds half a surrogate pair"):
        texts(jsonl({"t": "\U0001f600"}, {"t": "\ud800"}), "t")


# Labels


def test_labels(csv: Any, jsonl: Any, parquet: Any) -> None:
    assert labels(csv("y\n01\n1.0\nNA\n"), "y") == ["01", "1.0", "NA"]
    assert labels(jsonl({"y": 1}, {"y": 1.0}, {"y": -2.5}), "y") == ["1", "1", "-2.5"]
    assert labels(jsonl({"y": True}, {"y": False}), "y") == ["true", "false"]
    assert labels(parquet(y=pa.array(["b", "a"]).dictionary_encode()), "y") == ["b", "a"]


def test_a_missing_label(csv: Any, jsonl: Any, parquet: Any) -> None:
    with pytest.raises(DataError, match=r"row 2 \(line 3\), column 'y': the label is missing"):
        labels(csv("x,y\na,1\nb,\n"), "y")
    with pytest.raises(DataError, match=r"row 1 \(line 1\), column 'y': the label is missing"):
        labels(jsonl({"x": 1}, {"y": "a"}), "y")
    with pytest.raises(DataError, match="row 2, column 'y': the label is missing"):
        labels(parquet(y=[1.0, float("nan")]), "y")
    with pytest.raises(DataError, match=r"row 1 \(line 2\), column 'y': the label is missing"):
        labels(csv("x,y\na,\nb,\n"), "y")


def test_lists_are_no_labels(jsonl: Any) -> None:
    with pytest.raises(DataError, match="column 'y' holds values of the kind 'list'"):
        labels(jsonl({"y": [1]}), "y")


def test_written_labels_stay_labels_whatever_they_look_like(csv: Any) -> None:
    assert labels(csv("y\n1 2\n3 4\n"), "y") == ["1 2", "3 4"]


# Series


def equal(found: list[Any], wanted: list[Any]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == np.float64
        assert one.flags.c_contiguous
        np.testing.assert_array_equal(one, np.array(other, dtype=float), strict=True)


def test_columns_of_lists_are_channels(csv: Any, jsonl: Any, parquet: Any) -> None:
    wanted = [[[1, 4], [2, 5], [3, 6]], [[7, 8.5]]]
    equal(series(jsonl({"a": [1, 2, 3], "b": [4, 5, 6]}, {"a": [7], "b": [8.5]}), ["a", "b"]), wanted)
    equal(series(parquet(a=[[1, 2, 3], [7]], b=[[4.0, 5, 6], [8.5]]), ["a", "b"]), wanted)
    equal(series(csv('a,b\n1 2  3,"[4, 5, 6]"\n7,8.5\n'), ["a", "b"]), wanted)
    equal(series(csv("a,b\n1;2;3,4; 5 ;6\n7, 8.5 \n"), ["a", "b"]), wanted)


def test_columns_are_taken_in_the_order_given(csv: Any) -> None:
    table = csv("b,a\n1 2,3 4\n")
    equal(series(table, ["a", "b"]), [[[3, 1], [4, 2]]])
    equal(series(table, ["b"]), [[[1], [2]]])
    equal(series(table, "b"), [[[1], [2]]])


def test_columns_of_numbers_are_time_steps(csv: Any, jsonl: Any, parquet: Any) -> None:
    wanted = [[[1], [2], [3]], [[-4], [5e-3], [6]]]
    equal(series(csv("t0,t1,t2\n1,2,3\n-4,5e-3,6\n"), ["t0", "t1", "t2"]), wanted)
    equal(series(jsonl({"a": 1, "b": 2, "c": 3}, {"a": -4, "b": 5e-3, "c": 6}), ["a", "b", "c"]), wanted)
    equal(series(parquet(a=[1, -4], b=[2, 5e-3], c=[3, 6]), ["a", "b", "c"]), wanted)
    equal(series(parquet(a=pa.array([1, 2], pa.decimal128(5, 2))), ["a"]), [[[1]], [[2]]])


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("", "the value is missing"),
        ("x", "'x' is no number"),
        ("nan", "the value is NaN"),
        ("-inf", "the value is infinite"),
        ("1e999", "the value is infinite or too large"),
        ("1_000", "'1_000' is no number"),
        ('"1,5"', "'1,5' is no number (numbers are written with a point: 1.5)"),
        ("x" * 99, f"'{'x' * 38}… is no number"),
    ],
)
def test_a_single_value_that_is_refused(csv: Any, cell: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        series(csv(f"a,b\n1,2\n3,{cell}\n"), ["a", "b"])
    assert f"t.csv: row 2 (line 3), column 'b': {problem}" in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("", "the value is missing"),
        ("1 x", "step 2: 'x' is no number"),
        ("1;;3", "step 2: the value is missing"),
        ("1 nan", "step 2: the value is NaN"),
        ('"[1, null]"', "step 2: the value is missing"),
        ('"[1, NaN]"', "step 2: the value is NaN"),
        ('"[1, true]"', "step 2: True is no number"),
        ('"[1, [2]]"', "[2] is a list within a list; give each channel a column of its own"),
        ('"[1, 2"', "'[1, 2' is no JSON list"),
        ("[]", "the list is empty"),
    ],
)
def test_a_list_that_is_refused(csv: Any, cell: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        series(csv(f"a,b\n1 2,3 4\n5 6,{cell}\n"), ["a", "b"])
    assert f"t.csv: row 2 (line 3), column 'b': {problem}" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "the value is missing"),
        ([], "the list is empty"),
        ([1, None], "step 2: the value is missing"),
        ([1, "x"], "step 2: 'x' is no number"),
        ([1.5, True], "step 2: True is no number"),
        ([1, float("nan")], "step 2: the value is NaN"),
        ([1, float("inf")], "step 2: the value is infinite"),
        ([1, 10**400], "step 2: the value is infinite or too large"),
        ([1, {}], "step 2: {} is no number"),
        ([[1, 2]], "[1, 2] is a list within a list"),
    ],
)
def test_a_typed_list_that_is_refused(jsonl: Any, value: Any, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        series(jsonl({"a": [1, 2]}, {"a": value}), ["a"])
    assert f"t.jsonl: row 2 (line 2), column 'a': {problem}" in str(caught.value)


def test_channels_of_unequal_length(csv: Any) -> None:
    with pytest.raises(
        DataError, match=r"row 2 \(line 3\), column 'a' has 2 values and column 'c' has 3; the channels"
    ):
        series(csv("a,b,c\n1 2,3 4,5 6\n1 2,3 4,5 6 7\n"), ["a", "b", "c"])


def test_lists_and_numbers_together(csv: Any) -> None:
    with pytest.raises(DataError, match="column 'b' holds lists and column 'a' single values"):
        series(csv("a,b\n1,2 3\n4,5 6\n"), ["a", "b"])
    with pytest.raises(DataError, match=r"row 1 \(line 2\), column 'b': step 1: 'great' is no number"):
        series(csv("a,b\n1,great film\n"), ["a", "b"])
    with pytest.raises(DataError, match=r"row 1 \(line 2\), column 'a': the value is missing"):
        series(csv("a,b\n,2 3\n"), ["a", "b"])


def test_columns_that_are_not_there(csv: Any) -> None:
    table = csv("a,b\n1,2\n")
    with pytest.raises(DataError, match="no column 'c'"):
        series(table, ["a", "c"])
    with pytest.raises(DataError, match="at least one column"):
        series(table, [])


@quick
@given(
    rows=st.lists(
        st.integers(1, 5).flatmap(lambda T: st.lists(st.tuples(NUMBERS, NUMBERS), min_size=T, max_size=T)), min_size=1
    ),
    written=st.sampled_from([" ", ";", "json"]),
)
def test_series_round_trip(csv: Any, jsonl: Any, rows: list[list[tuple[float, float]]], written: str) -> None:
    channels = [[list(channel) for channel in zip(*row, strict=True)] for row in rows]
    equal(series(jsonl(*({"a": a, "b": b} for a, b in channels)), ["a", "b"]), rows)

    def cell(channel: list[float]) -> str:
        return json.dumps(json.dumps(channel)) if written == "json" else written.join(map(repr, channel))

    # A table of single numbers alone would be read as two time steps; the first row settles that these are lists.
    lines = ["a,b", "0 0,0 0"] + [f"{cell(a)},{cell(b)}" for a, b in channels]
    equal(series(csv("\n".join(lines)), ["a", "b"])[1:], rows)
