"""A file in blocks of rows: the same values as read whole, right rows and lines in messages, little memory."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchwork.datasets.tables import EXTENSIONS, Table, count_rows, labels, read, series, stream, tags, texts, tokens
from latchwork.errors import ConfigError, DataError, LatchworkError, MissingExtraError

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12)
MIB = 2**20


def write(folder: Path, name: str, contents: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return path


def same(path: Path, rows: int) -> None:
    """Streamed and read whole, a file gives the same columns, rows and lines."""
    whole, blocks = read(path), list(stream(path, rows))
    assert count_rows(path) == whole.rows == sum(block.rows for block in blocks)
    assert all(1 <= block.rows <= rows for block in blocks)
    assert blocks[-1].names == whole.names
    for name in whole.names:
        assert [value for block in blocks for value in block.column(name)] == whole.column(name)
    named = [block.row(index) for block in blocks for index in range(block.rows)]
    assert named == [whole.row(index) for index in range(whole.rows)]


# The same as read


@quick
@given(
    rows=ROWS,
    delimiter=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.booleans(),
    size=st.integers(1, 13),
)
def test_csv(tmp_path: Path, rows: list[Any], delimiter: str, end: str, mark: bool, size: int) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    same(write(tmp_path, "t.csv", written.getvalue().encode("utf-8-sig" if mark else "utf-8")), size)


VALUES = st.dictionaries(st.sampled_from("abc"), st.none() | TEXTS, max_size=3)


@quick
@given(rows=st.lists(VALUES, min_size=1, max_size=12), size=st.integers(1, 13), ascii_only=st.booleans())
def test_json_lines_whose_rows_have_different_keys(
    tmp_path: Path, rows: list[dict[str, Any]], size: int, ascii_only: bool
) -> None:
    lines = "\r\n\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in [*rows, {"d": "x"}])
    same(write(tmp_path, "t.jsonl", lines), size)


@quick
@given(rows=st.lists(st.none() | TEXTS, min_size=1, max_size=30), size=st.integers(1, 31), group=st.integers(1, 31))
def test_parquet(tmp_path: Path, rows: list[str | None], size: int, group: int) -> None:
    table = pa.table({"text": pa.array(rows, pa.string()), "x": [[float(n), 1.0] for n in range(len(rows))]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=group)
    same(tmp_path / "t.parquet", size)


@quick
@given(contents=st.binary(min_size=1, max_size=60) | st.text('a",;\t\r\n \ufeff{}:é', min_size=1).map(str.encode))
def test_any_bytes_give_what_read_gives_or_are_refused(tmp_path: Path, contents: bytes) -> None:
    for name in ("t.csv", "t.tsv", "t.jsonl"):
        path = write(tmp_path, name, contents)
        try:
            whole = read(path)
        except LatchworkError:
            with pytest.raises(LatchworkError):
                list(stream(path, 2))
        else:
            same(path, 2)
            assert whole.block is None


def test_blocks_stay_as_they_were_when_the_next_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "a,b\n" + "".join(f"{n},x\n" for n in range(10)))
    one, two, three = stream(path, 4)
    assert one.column("a") == ["0", "1", "2", "3"]
    assert three.column("a") == ["8", "9"]
    assert (one.row(0), two.row(0)) == ("row 1 (line 2)", "row 5 (line 6)")


def test_the_csv_module_keeps_its_limit_between_blocks(tmp_path: Path) -> None:
    long = "x" * 1001
    path = write(tmp_path, "t.csv", f"a,b\n{long},1\n{long},2\n")
    before = csv.field_size_limit(1000)
    try:
        for block in stream(path, 1):
            assert csv.field_size_limit() == 1000
            assert block.column("a") == [long]
            assert read(path).rows == count_rows(path) == 2  # and another reading is not locked out
    finally:
        csv.field_size_limit(before)


# What a block is asked for


def test_written_columns_are_what_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "a,n\n1,1\n2,2\nthree,3\n,4\n")
    blocks = stream(path, 2)
    first = next(blocks)
    assert texts(first, "a") == labels(first, "a") == ["1", "2"]
    np.testing.assert_array_equal(first.numbers("a"), [1, 2])
    second = next(blocks)
    with pytest.raises(DataError, match=r"t\.csv: row 3 \(line 4\), column 'a': 'three' is no number"):
        second.numbers("a")
    with pytest.raises(DataError, match=r"t\.csv: row 4 \(line 5\), column 'a': the text is missing"):
        texts(second, "a")


@pytest.mark.parametrize("backwards", [False, True])
def test_typed_columns_must_agree_over_the_blocks(tmp_path: Path, backwards: bool) -> None:
    lines = ['{"a": "x", "b": 1}', '{"a": null, "b": 2}', '{"a": "y", "b": 3}', '{"a": 5, "b": 4}']
    blocks = list(stream(write(tmp_path, "t.jsonl", "\n".join(lines)), 1))
    assert [block.numbers("b").tolist() for block in blocks] == [[1], [2], [3], [4]]  # the other column is fine
    mixed = "column 'a' holds values of mixed kinds: "
    if backwards:
        assert blocks.pop().column("a") == [5]
        with pytest.raises(DataError, match=rf"{mixed}number in row 4 \(line 4\) and text in row 3 \(line 3\)"):
            blocks[2].column("a")
    else:
        assert [block.column("a") for block in blocks[:3]] == [["x"], [None], ["y"]]
        with pytest.raises(DataError, match=rf"{mixed}text in row 1 \(line 1\) and number in row 4 \(line 4\)"):
            blocks[3].column("a")


def test_series_must_agree_over_the_blocks(tmp_path: Path) -> None:
    blocks = list(stream(write(tmp_path, "t.csv", "a,b\n5,6\n7,8\n1 2,3 4\n[1],[2]\n"), 2))
    assert [one.shape for one in series(blocks[0], ["a", "b"])] == [(2, 1), (2, 1)]
    with pytest.raises(DataError, match=r"'a' holds values of mixed kinds: number in row 1 .* and list in row 3"):
        series(blocks[1], ["a", "b"])
    again = list(stream(blocks[0].path, 2))
    assert [one.shape for one in series(again[1], ["a", "b"])] == [(2, 2), (1, 2)]


def test_tokens_and_tags(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "x,y\n1,2\na b,A B\na b,A\n")
    blocks = stream(path, 1)
    assert [(tokens(block, "x"), tags(block, "x", "y")) for block, _ in zip(blocks, range(2), strict=False)] == [
        ([["1"]], [["2"]]),
        ([["a", "b"]], [["A", "B"]]),
    ]
    with pytest.raises(DataError, match=r"row 3 \(line 4\), column 'x' has 2 tokens and column 'y' has 1 tags"):
        tags(list(stream(path, 1))[2], "x", "y")


def test_a_column_that_comes_later_and_one_that_never_comes(tmp_path: Path) -> None:
    first = next(stream(write(tmp_path, "t.jsonl", '{"a": 1}\n{"a": 2, "late": 3}\n'), 1))
    assert first.names == ("a",)
    np.testing.assert_array_equal(first.numbers("late"), [np.nan])
    with pytest.raises(DataError, match=r"no column 'lat'\. Did you mean 'late'\? The columns are: 'a', 'late'$"):
        first.column("lat")


# What is refused, and when


def test_at_once(tmp_path: Path) -> None:
    for given_path, problem in (
        (tmp_path / "none.csv", "there is no file"),
        (tmp_path, "is a folder"),
        (write(tmp_path, "a.txt", "x"), "cannot tell the format"),
        (write(tmp_path, "a.csv", ""), r"is empty \(0 bytes\)"),
    ):
        for function in (stream, count_rows):
            with pytest.raises(DataError, match=problem):
                function(given_path)
    with pytest.raises(ConfigError, match="rows=0: a block must have at least one row"):
        stream(write(tmp_path, "b.csv", "a\n1\n"), 0)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_file_without_rows(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"t{extension}"
    if extension == ".parquet":
        pq.write_table(pa.table({"a": pa.array([], pa.string())}), path)
    else:
        path.write_text("a,b\n" if extension in (".csv", ".tsv") else "{}\n{}\n")
    with pytest.raises(DataError, match="no rows|has no columns"):
        list(stream(path, 1))


@pytest.mark.parametrize(
    ("name", "contents", "problem"),
    [
        ("t.csv", b"a,b\n1,2\n1,2\n1,2,3\n", "row 3 (line 4) has 3 values where the header has 2 columns"),
        ("t.csv", b'a,b\n1,2\n1,2\n1,"2\n', "the record that begins in line 4 is malformed: a double quote opens"),
        ("t.csv", b"a,b\n1,2\n1,2\ncaf\xe9,2\n", "is not UTF-8: byte 0xe9 at offset 15, in line 4"),
        ("t.csv", b"a,b\n1,2\n1,2\n\0,2\n", "UTF-16 or binary"),
        ("t.jsonl", b'{"a": 1}\n{"a": 1}\n\n{"a": \n', "line 4 is no JSON: Expecting value, at column 7"),
        ("t.jsonl", b'{"a": 1}\n{"a": 1}\n{"a": "\xff"}\n', "byte 0xff at offset 25, in line 3"),
    ],
)
def test_later_when_the_reading_comes_there(tmp_path: Path, name: str, contents: bytes, problem: str) -> None:
    path = write(tmp_path, name, contents)
    found: list[Table] = []
    with pytest.raises(DataError) as caught:
        found.extend(stream(path, 1))
    assert f"{path}" in str(caught.value)
    assert problem in str(caught.value)
    with pytest.raises(DataError) as whole:
        read(path)
    assert str(whole.value) == str(caught.value)


def test_not_utf8_far_behind_what_is_buffered(tmp_path: Path) -> None:
    lines = b"\xef\xbb\xbfa,b\n" + b"\xc3\xa9,1\n" * 50_000
    path = write(tmp_path, "t.csv", lines + b"\xc3,1\n" + lines)
    messages = []
    for reader in (read, lambda path: list(stream(path))):
        with pytest.raises(DataError) as caught:
            reader(path)
        messages.append(str(caught.value))
    assert f"byte 0xc3 at offset {len(lines)}, in line 50002" in messages[0]
    assert messages[0] == messages[1]


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(10_000))}), tmp_path / "t.parquet")
    contents = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(DataError, match=r"t\.parquet"):
        list(stream(write(tmp_path, "t.parquet", contents[:4] + b"\xff" * 2000 + contents[2004:]), 100))


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="needs pyarrow"):
        list(stream(tmp_path / "t.parquet"))


# Memory


def big(folder: Path, extension: str) -> Path:
    """A file of about 50 MB, 50,000 rows of a kilobyte."""
    path, text = folder / f"big{extension}", "word " * 200
    if extension == ".parquet":
        noise = np.random.default_rng(0).bytes(50 * 10**6).hex()[: 50 * 10**6]  # which does not compress away
        column = [noise[start : start + 1000] for start in range(0, len(noise), 1000)]
        pq.write_table(
            pa.table({"text": column, "n": range(50_000)}),
            path,
            row_group_size=25_000,
            compression="none",
            use_dictionary=False,
        )
        return path
    with path.open("w") as file:
        if extension == ".csv":
            file.write("text,n\n")
        for n in range(50_000):
            file.write(f'"{text}",{n}\n' if extension == ".csv" else f'{{"text": "{text}", "n": {n}}}\n')
    return path


@pytest.mark.parametrize("extension", [".csv", ".jsonl", ".parquet"])
def test_a_large_file_takes_little_memory(tmp_path: Path, extension: str) -> None:
    path = big(tmp_path, extension)
    assert path.stat().st_size > 45 * MIB

    def held(blocks: Iterator[Table]) -> Iterator[int]:
        for block in blocks:
            assert len(block.column("text")) == block.rows
            yield pa.total_allocated_bytes()  # pyarrow's own, which tracemalloc does not see

    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        arrow = max(held(stream(path, 500))) - before
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MIB
    assert arrow < 10 * MIB
    assert count_rows(path) == 50_000
