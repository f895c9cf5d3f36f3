"""What a language model is given: documents, one text, a file; what is held out of it, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.tasks import corpus
from latchwork.tasks.corpus import Documents, TextFile, hold_out, in_memory, read_corpus


def whole(given):
    return ["".join(document) for document in given.documents()]


@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), block=st.integers(1, 7)
)
def test_a_file_is_read_as_its_text_in_blocks_of_any_size(tmp_path_factory, text, block):
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "BLOCK", block)
        assert whole(read_corpus(path, strict=True)) == [text]
        assert whole(Documents([text, "x"])) == [text, "x"]


def test_one_text_is_one_document():
    assert read_corpus("abc", strict=True) == Documents(["abc"])
    assert read_corpus(["a", ""], strict=True) == Documents(["a", ""])


def test_the_last_part_of_a_text_or_file_is_held_out(tmp_path):
    text = "".join(map(chr, range(0x100, 0x164)))  # two bytes each
    path = tmp_path / "text.txt"
    path.write_text(text, encoding="utf-8")
    for given_ in (text, path):
        training, valid = hold_out(read_corpus(given_, strict=True), 0.105, None)
        assert whole(training)[0] + valid.texts[0] == text
        assert len(valid.texts[0]) == pytest.approx(10, abs=1)


def test_documents_are_held_out_up_to_enough(monkeypatch):
    monkeypatch.setattr(corpus, "VALIDATION_MOST", 7)
    documents = Documents([str(i) * 3 for i in range(8)])
    training, valid = hold_out(documents, 0.5, lambda n: (np.arange(4), np.arange(4, 8)))
    assert valid.texts == ["444", "555"]
    assert sorted(training.texts + valid.texts) == documents.texts
    _, one = hold_out(Documents(["x" * 50, "y" * 50]), 0.5, lambda n: (np.array([0]), np.array([1])))
    assert one.texts == ["y" * 50]


def test_of_a_validation_file_no_more_is_read_than_is_used(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_text("abcdefgh" * 10)
    monkeypatch.setattr(corpus, "BLOCK", 4)
    monkeypatch.setattr(corpus, "VALIDATION_MOST", 10)
    assert in_memory(TextFile.of(path, True)).texts == ["abcdefghabcd"]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\xff\xfea\0", "UTF-16"),
        (b"ab\0c", "zero byte at 2"),
        (b"abcdef\xe9gh", "byte 0xe9 at offset 6"),
        (b"abcdef\xc3", "byte 0xc3 at offset 6"),
    ],
)
def test_files_that_are_no_text_are_refused(tmp_path, monkeypatch, contents, words):
    monkeypatch.setattr(corpus, "BLOCK", 4)
    path = tmp_path / "text.txt"
    path.write_bytes(contents)
    with pytest.raises(DataError, match=words):
        whole(read_corpus(path, strict=True))


def test_bytes_of_any_kind_are_read_where_they_may_be(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(b"ab\0\xff")
    assert whole(read_corpus(path, strict=False))[0].encode(errors="surrogateescape") == b"ab\0\xff"


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ("", "the text is empty"),
        (["", ""], "the text is empty"),
        ([], "X is empty"),
        (["a", 3], "row 1 of X is int"),
        (["a \ud800"], "no valid text"),
    ],
)
def test_what_is_no_text_is_refused(X, words):
    with pytest.raises(DataError, match=words):
        read_corpus(X, strict=True)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_corpus(tmp_path / "none.txt", strict=True)
    with pytest.raises(DataError, match="cannot be read"):
        read_corpus(tmp_path, strict=True)
