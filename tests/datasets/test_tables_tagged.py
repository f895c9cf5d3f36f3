"""Tokens and tags out of two columns of a table."""

from __future__ import annotations

import csv as csv_module
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchwork.datasets.tables import Table, read, tags, tokens
from latchwork.errors import DataError

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r\t "), min_size=1, max_size=8)
ROWS = st.lists(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5), min_size=1, max_size=5)


def table(folder: Path, name: str, rows: list[tuple[Any, Any]]) -> Table:
    path = folder / name
    if name.endswith(".csv"):
        text = io.StringIO()
        csv_module.writer(text, quoting=csv_module.QUOTE_ALL).writerows([("x", "y"), *rows])
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
    elif name.endswith(".jsonl"):
        path.write_text("\n".join(json.dumps({"x": x, "y": y}) for x, y in rows), encoding="utf-8")
    else:
        pq.write_table(pa.table({"x": [x for x, _ in rows], "y": [y for _, y in rows]}), path)
    return read(path)


@quick
@given(rows=ROWS, name=st.sampled_from(["t.jsonl", "t.parquet", "t.csv"]), joined=st.booleans())
def test_round_trip(tmp_path: Path, rows: list[list[tuple[str, str]]], name: str, joined: bool) -> None:
    pairs = [tuple(map(list, zip(*row, strict=True))) for row in rows]
    if joined and not any(" ".join(cell).startswith("['") for pair in pairs for cell in pair):
        found = table(tmp_path, name, [(" ".join(x), "  ".join(y)) for x, y in pairs])
    elif name == "t.csv":
        found = table(tmp_path, name, [(json.dumps(x), json.dumps(y)) for x, y in pairs])
    else:
        found = table(tmp_path, name, pairs)  # type: ignore[arg-type]
    assert tokens(found, "x") == [x for x, _ in pairs]
    assert tags(found, "x", "y") == [y for _, y in pairs]


def test_text_that_only_looks_like_json_or_numbers(tmp_path: Path) -> None:
    rows = [('["a" or not', "B O O"), ("1 2", "1 2"), ("5", "N"), ("[ 1 ]", "( N )")]
    found = table(tmp_path, "t.csv", rows)
    assert tokens(found, "x") == [['["a"', "or", "not"], ["1", "2"], ["5"], ["[", "1", "]"]]
    assert tags(found, "x", "y")[1:] == [["1", "2"], ["N"], ["(", "N", ")"]]


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet"])
def test_another_number_of_tags(tmp_path: Path, name: str) -> None:
    found = table(tmp_path, name, [(["a", "b"], ["A", "B"]), (["a", "b"], ["A"])])
    with pytest.raises(
        DataError, match=r"row 2.*, column 'x' has 2 tokens and column 'y' has 1 tags; each token needs"
    ):
        tags(found, "x", "y")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "there are no tokens; leave the row out"),
        (None, "there are no tokens; leave the row out"),
        (["a", 3], "token 2 is no string but 3"),
        (["a", None], "token 2 is missing"),
        (["a", " "], "token 2 is missing"),
        ([["a"]], "token 1 is no string but ['a']"),
    ],
)
def test_a_row_that_is_refused(tmp_path: Path, value: Any, problem: str) -> None:
    found = table(tmp_path, "t.jsonl", [(["a"], ["A"]), (value, ["A"])])
    with pytest.raises(DataError) as caught:
        tokens(found, "x")
    assert f"t.jsonl: row 2 (line 2), column 'x': {problem}" in str(caught.value)


def test_a_python_list_as_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 1 \(line 2\), column 'y': .* is a list as Python prints it"):
        tags(table(tmp_path, "t.csv", [("a b", "['A', 'B']")]), "x", "y")


def test_columns_that_hold_something_else(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'x' holds values of the kind 'number'; tokens are a list of strings"):
        tokens(table(tmp_path, "t.jsonl", [(1, "A")]), "x")
    with pytest.raises(DataError, match=r"column 'x' holds values of mixed kinds: text in row 1 .* and list in row 2"):
        tokens(table(tmp_path, "t.jsonl", [("a", "A"), (["b"], "B")]), "x")
    with pytest.raises(DataError, match="no column 'z'"):
        tags(table(tmp_path, "t.jsonl", [("a", "A")]), "x", "z")
