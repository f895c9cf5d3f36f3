"""Reading a user's table: every format, and every way in which a file can be wrong."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchwork.datasets.tables import EXTENSIONS, read
from latchwork.errors import DataError, MissingExtraError

# The temporary folder may be shared between examples: each one overwrites its file.
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)


def write(folder: Path, name: str, contents: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return path


def parquet(folder: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), folder / "table.parquet")
    return folder / "table.parquet"


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    return message


# What each format gives


def test_csv(tmp_path: Path) -> None:
    table = read(write(tmp_path, "a.csv", 'text,n,label\n"Good, ""really""\nso",1,pos\n\nBad,,NA\n'))
    assert (table.names, table.rows, len(table)) == (("text", "n", "label"), 2, 2)
    assert table.column("text") == ['Good, "really"\nso', "Bad"]
    assert table.column("n") == ["1", None]
    assert table.column("label") == ["pos", "NA"]  # as written
    assert [table.row(0), table.row(1)] == ["row 1 (line 2)", "row 2 (line 5)"]  # the blank line is passed over
    np.testing.assert_array_equal(table.numbers("n"), [1.0, np.nan])


def test_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    table = read(write(tmp_path, "a.csv", b'\xef\xbb\xbftext,label\r\n"two\r\nlines",a\r\nplain,b\r\n'))
    assert table.names == ("text", "label")
    assert table.column("text") == ["two\r\nlines", "plain"]
    assert table.column("label") == ["a", "b"]
    assert table.row(1) == "row 2 (line 4)"


@pytest.mark.parametrize(
    ("contents", "names"),
    [
        ("a;b\n1;2\n3;4\n", ("a", "b")),
        ("a\tb\n1\t2\n", ("a", "b")),
        ("a,b\n1;2,3;4\n", ("a", "b")),
        ('"x;y",b\n1,2\n', ("x;y", "b")),
        ("a;b, c;d\n1;2;3\n", ("a", "b, c", "d")),  # commas part the header too, but not the rows
        ("a\n1;2\n", ("a",)),
    ],
)
def test_the_delimiter_of_a_csv_is_found(tmp_path: Path, contents: str, names: tuple[str, ...]) -> None:
    assert read(write(tmp_path, "a.csv", contents)).names == names


def test_tsv_is_parted_by_tabs_alone(tmp_path: Path) -> None:
    table = read(write(tmp_path, "a.TSV", "a,x\tb;y\n1,5\t2\n"))
    assert table.names == ("a,x", "b;y")
    assert table.column("a,x") == ["1,5"]


def test_a_value_longer_than_the_csv_module_allows(tmp_path: Path) -> None:
    before = csv.field_size_limit(1000)
    try:
        long = "x" * 1001
        assert read(write(tmp_path, "a.csv", f"text,label\n{long},a\n")).column("text") == [long]
        assert csv.field_size_limit() == 1000  # the process's own limit is as it was
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    table = read(write(tmp_path, name, '{"x": [1, 2.5], "y": "a"}\r\n\n{"y": "\u2028b", "z": true}\n'))
    assert table.names == ("x", "y", "z")
    assert table.rows == 2
    assert table.column("x") == [[1, 2.5], None]
    assert table.column("y") == ["a", "\u2028b"]
    assert [table.kind(column) for column in table.names] == ["list", "text", "boolean"]
    assert table.row(1) == "row 2 (line 3)"


def test_parquet(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        text=pa.array(["a", None]).dictionary_encode(),
        n=[1, 2],
        x=pa.array([[1.0, 2.0], [3.0]]),
        when=pa.array([0, 1], pa.timestamp("us")),
        nothing=pa.nulls(2),
    )
    table = read(path)
    assert table.column("text") == ["a", None]
    assert table.column("x") == [[1.0, 2.0], [3.0]]
    assert [table.kind(column) for column in table.names] == ["text", "number", "list", "datetime", "empty"]
    assert table.row(1) == "row 2"


def test_the_kinds_of_written_columns(tmp_path: Path) -> None:
    table = read(write(tmp_path, "a.csv", "n,l,t,e,m\n1, 1 2 ,1,,1\n-2e3,[3],one, ,\n"))
    assert [table.kind(name) for name in table.names] == ["number", "list", "text", "empty", "number"]


def test_a_column_given_out_is_the_callers_own(tmp_path: Path) -> None:
    for path in (write(tmp_path, "a.csv", "a\n1\n"), write(tmp_path, "a.jsonl", '{"a": "1"}\n')):
        table = read(path)
        table.column("a").append("2")
        assert table.column("a") == ["1"]


@quick
@given(rows=ROWS, delimiter=st.sampled_from([",", ";", "\t"]), end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans())
def test_csv_round_trip(tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, end: str, mark: bool) -> None:
    path = tmp_path / "round.csv"
    with path.open("w", encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
        # With "\n" as its line end the writer would leave a "\r" in a value bare.
        quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
        writer.writerows([("text", "label"), *rows])
    table = read(path)
    assert table.names == ("text", "label")
    for name, values in zip(table.names, zip(*rows, strict=True), strict=True):
        assert table.column(name) == [value or None for value in values]


@quick
@given(rows=ROWS, ascii_only=st.booleans())
def test_json_lines_round_trip(tmp_path: Path, rows: list[tuple[str, str]], ascii_only: bool) -> None:
    lines = [json.dumps({"text": text, "label": label}, ensure_ascii=ascii_only) for text, label in rows]
    table = read(write(tmp_path, "round.jsonl", "\n".join(lines)))
    assert list(zip(table.column("text"), table.column("label"), strict=True)) == rows


@quick
@given(rows=st.lists(st.tuples(st.none() | TEXTS, st.lists(st.floats(allow_nan=False)) | st.none()), min_size=1))
def test_parquet_round_trip(tmp_path: Path, rows: list[tuple[str | None, list[float] | None]]) -> None:
    texts, lists = (list(column) for column in zip(*rows, strict=True))
    table = read(parquet(tmp_path, text=pa.array(texts, pa.string()), x=pa.array(lists, pa.list_(pa.float64()))))
    assert table.column("text") == texts
    assert table.column("x") == lists


# What is refused


def test_no_such_file(tmp_path: Path) -> None:
    assert f"there is no file {tmp_path / 'a.csv'}" in refusal(tmp_path / "a.csv")


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.json", "a.csv.gz", "a"])
def test_unknown_extension(tmp_path: Path, name: str) -> None:
    message = refusal(write(tmp_path, name, "x"))
    assert f"cannot tell the format from '{Path(name).suffix}'" in message
    assert all(extension in message for extension in EXTENSIONS)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_empty_file(tmp_path: Path, extension: str) -> None:
    assert "is empty (0 bytes)" in refusal(write(tmp_path, f"a{extension}", ""))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_blank_file(tmp_path: Path, name: str) -> None:
    assert "nothing but blanks" in refusal(write(tmp_path, name, b"\xef\xbb\xbf \r\n\n"))


def test_no_rows(tmp_path: Path) -> None:
    assert "has a header (text, label) but no rows" in refusal(write(tmp_path, "a.csv", "text,label\n\n"))
    assert "has columns (text) but no rows" in refusal(parquet(tmp_path, text=pa.array([], pa.string())))
    assert "has no columns" in refusal(write(tmp_path, "a.jsonl", "{}\n{}\n"))
    assert "has no columns" in refusal(parquet(tmp_path))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_not_utf8(tmp_path: Path, name: str, mark: bytes) -> None:
    contents = mark + b"text,label\r\ngood,1\r\ncaf\xe9,2\r\n"
    message = refusal(write(tmp_path, name, contents))
    assert f"byte 0xe9 at offset {contents.index(0xE9)}, in line 3" in message


@pytest.mark.parametrize("contents", ["a,b\n1,2\n".encode("utf-16"), "a,b\n1,2\n".encode("utf-16-le"), b"\x89PNG\0"])
def test_utf16_and_binary(tmp_path: Path, contents: bytes) -> None:
    assert "UTF-16 or binary" in refusal(write(tmp_path, "a.csv", contents))


@pytest.mark.parametrize(
    ("contents", "place"),
    [
        ("text,label\ngood,1\nbad, really,2\n", "row 2 (line 3) has 3 values where the header has 2 columns"),
        ("text,label\n'two\n',1\nbad\n", "row 1 (line 2) has 1 values"),
        ('text,label\n"two\nlines",1\n\nbad\n', "row 2 (line 5) has 1 values"),
        ("a;b\n1;2;3\n", "a value with a semicolon in it must stand in double quotes"),
        (
            'a,b\n1,2\n3,"4\n5,6\n',
            "the record that begins in line 3 is malformed: a double quote opens a value and none",
        ),
        ('a,b\n1,2\n"good" film,2\n', "the record that begins in line 3 is malformed: text goes on behind the closing"),
    ],
)
def test_malformed_csv(tmp_path: Path, contents: str, place: str) -> None:
    assert place in refusal(write(tmp_path, "a.csv", contents))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[1, 2]", "line 3 is no object but [1, 2]"),
        ('"text"', "line 3 is no object but 'text'"),
        ('{"a": 1', "line 3 is no JSON"),
        ('{"a": 1}]', "line 3 is no JSON: Extra data, at column 9"),
        ('{"a": 1, "a": 2}', "line 3: the name 'a' stands twice in one object"),
        ("[" * 100_000, "line 3"),
    ],
)
def test_malformed_json_lines(tmp_path: Path, line: str, problem: str) -> None:
    assert problem in refusal(write(tmp_path, "a.jsonl", f'{{"a": 1}}\n\n{line}\n'))


def test_malformed_parquet(tmp_path: Path) -> None:
    assert "is no Parquet file" in refusal(write(tmp_path, "a.parquet", "a,b\n1,2\n"))
    whole = parquet(tmp_path, a=list(range(100)))
    whole.write_bytes(whole.read_bytes()[:-20])
    assert "is no Parquet file" in refusal(whole)


def test_duplicate_columns(tmp_path: Path) -> None:
    assert "two columns are called 'b'" in refusal(write(tmp_path, "a.csv", "a,b,b\n1,2,3\n"))
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["b", "b"]), tmp_path / "b.parquet")
    assert "two columns are called 'b'" in refusal(tmp_path / "b.parquet")


def test_missing_column(tmp_path: Path) -> None:
    table = read(write(tmp_path, "a.csv", "text,label\ngood,1\n"))
    for access in (table.column, table.kind, table.numbers):
        with pytest.raises(
            DataError, match=r"no column 'lable'\. Did you mean 'label'\? The columns are: 'text', 'label'$"
        ):
            access("lable")
    wide = read(write(tmp_path, "b.csv", ",".join(f"c{n}" for n in range(50)) + "\n" + ",".join("1" * 50) + "\n"))
    with pytest.raises(DataError, match="'c19' and 30 more"):
        wide.column("nothing like it")


def test_mixed_kinds(tmp_path: Path) -> None:
    lines = ['{"a": 1, "b": 1}', '{"a": 2.5, "b": null}', '{"a": null, "b": "x"}', '{"a": 3, "b": [1]}']
    table = read(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert table.column("a") == [1, 2.5, None, 3]
    for access in (table.column, table.kind, table.numbers):
        with pytest.raises(DataError, match=r"'b' holds .* mixed kinds: number in row 1 \(line 1\) and text in row 3"):
            access("b")


def test_numbers_names_the_row(tmp_path: Path) -> None:
    table = read(write(tmp_path, "a.csv", "n\n1\ntwo\n"))
    with pytest.raises(DataError, match=r"a\.csv: row 2 \(line 3\), column 'n': 'two' is no number"):
        table.numbers("n")
    nan = read(parquet(tmp_path, n=[1.0, None, float("nan")]))
    np.testing.assert_array_equal(nan.numbers("n"), [1.0, np.nan, np.nan])


def test_dates_that_python_lacks(tmp_path: Path) -> None:
    table = read(parquet(tmp_path, when=pa.array([2**62], pa.timestamp("us")), n=[1]))
    assert table.column("n") == [1]
    with pytest.raises(DataError, match="column 'when' cannot be read"):
        table.column("when")


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path, n=[1])
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r'pip install "latchwork\[train\]"'):
        read(path)
    assert read(write(tmp_path, "a.csv", "n\n1\n")).rows == 1


def test_a_missing_number_may_be_written_nan(tmp_path: Path) -> None:
    table = read(write(tmp_path, "t.csv", "a,n\n1,nan\n2,NaN\n3,\n4,5\n"))
    np.testing.assert_array_equal(table.numbers("n"), [np.nan, np.nan, np.nan, 5])
    table = read(write(tmp_path, "t.csv", "a,n\n1,NA\n"))
    with pytest.raises(DataError, match=r"row 1 .*'NA' is no number; a missing value is left empty, or written NaN"):
        table.numbers("n")
