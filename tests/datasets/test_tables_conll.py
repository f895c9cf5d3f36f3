"""Tagged sentences out of CoNLL and CoNLL-U files, and the line that every refusal names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchwork.datasets.tables import TaggedFile, read_tagged, read_tokens
from latchwork.errors import ConfigError, DataError

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# No line feed, and neither a tab nor a blank, which part columns; no-break spaces and U+2028 may stand in a token.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r\t \ufeff"), min_size=1, max_size=8)
SENTENCES = st.lists(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), min_size=1, max_size=5)

NEWS = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

Peter NNP B-NP B-PER


"""
WORDS = """# sent_id = 1
# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
2.1\tx\t_\t_\t_\t_\t_\t_\t_\t_
3\tal mar\tmar\tNOUN\t_\t_\t1\tobl\t_\t_

# sent_id = 2
1\t#\t#\tSYM\t_\t_\t0\troot\t_\t_
"""


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def make(contents: str | bytes, name: str = "t.conll", **options: Any) -> TaggedFile:
        (tmp_path / name).write_bytes(contents.encode() if isinstance(contents, str) else contents)
        return read_tagged(tmp_path / name, **options)

    return make


def test_columns_parted_by_blanks(file: Any) -> None:
    found = file(NEWS)
    assert len(found) == 2
    assert found.tokens == [["EU", "rejects"], ["Peter"]]
    assert found.tags == [["B-ORG", "O"], ["B-PER"]]
    assert found.lines == [3, 6]
    assert file(NEWS, token=2, tag=-2).tokens == [["NNP", "VBZ"], ["NNP"]]
    assert file(NEWS, tag=2).tags == [["NNP", "VBZ"], ["NNP"]]
    assert str(found.error("too long", 1)).endswith("t.conll: sentence 2 (line 6), too long")


def test_columns_parted_by_tabs_may_hold_blanks(file: Any) -> None:
    found = file(b"\xef\xbb\xbfNew York\tB-LOC\r\n \xc2\xa0x\tO\r\n")
    assert found.tokens == [["New York", "\xa0x"]]
    assert found.tags == [["B-LOC", "O"]]


def test_conllu(file: Any) -> None:
    found = file(WORDS, "t.conllu")
    assert found.tokens == [["Vamos", "nos", "al mar"], ["#"]]
    assert found.tags == [["VERB", "PRON", "NOUN"], ["SYM"]]
    assert found.lines == [4, 10]
    assert file(WORDS, "t.txt", conllu=True, token=3, tag=8).tags == [["root", "obj", "obl"], ["root"]]


def test_comments(file: Any) -> None:
    assert file("# a comment of its own\nx A\n# B\n\n# y z ω\nz C\n").tokens == [["x", "#"], ["z"]]
    assert file("#\tA\nx\tB\n").tokens == [["#", "x"]]
    with pytest.raises(DataError, match=r"t\.conll: line 3: '# B' may be a comment, or the token '#'"):
        file("x A\n\n# B\ny C\n")
    assert file("x A\n\n# B\ny C\n", comments=True).tokens == [["x"], ["y"]]
    assert file("x A\n\n# B\ny C\n", comments=False).tokens == [["x"], ["#", "y"]]


@quick
@given(sentences=SENTENCES, parting=st.sampled_from(["\t", " ", "  "]), end=st.sampled_from(["\n", "\r\n"]))
def test_round_trip(file: Any, sentences: list[list[tuple[str, str]]], parting: str, end: str) -> None:
    if any(token == "-DOCSTART-" for sentence in sentences for token, _ in sentence):
        return
    blocks = [end.join(parting.join(pair) for pair in sentence) + end for sentence in sentences]
    found = file(end.join(blocks), comments=False)
    assert [list(zip(*both, strict=True)) for both in zip(found.tokens, found.tags, strict=True)] == sentences
    assert found.lines == [1 + sum(len(before) + 1 for before in sentences[:n]) for n in range(len(sentences))]


@quick
@given(sentences=SENTENCES, data=st.data())
def test_a_ragged_line_is_named(file: Any, sentences: list[list[tuple[str, str]]], data: st.DataObject) -> None:
    lines = ["\t".join(pair) for sentence in sentences for pair in sentence]
    index = data.draw(st.integers(0, len(lines)))
    lines.insert(index, data.draw(st.sampled_from(["word", "a\tb\tc"])))
    with pytest.raises(DataError) as caught:
        file("\n".join(["x\ty", *lines]), comments=False)
    assert f"line {index + 2}: " in str(caught.value)
    assert "where line 1 has 2, parted by tabs" in str(caught.value)


@pytest.mark.parametrize(
    ("contents", "problem"),
    [
        ("EU B-ORG\nrejects\n", "line 2: 1 column where line 1 has 2, parted by blanks"),
        ("EU\tB-ORG\nrejects a call\tO\nnow O\n", "line 3: 1 column where line 1 has 2, parted by tabs"),
        ("EU\nrejects\n", "line 1: one column, so there are no tags"),
        ("EU\tB-ORG\nrejects\t\n", "line 2: the tag is missing (column 2)"),
        ("EU\tB-ORG\n\tO\n", "line 2: the token is missing (column 1)"),
        ("-DOCSTART- O\n\n", "holds nothing but blank lines, comments and -DOCSTART- lines"),
        ("", "is empty (0 bytes)"),
        (" \n\n", "is empty: it holds nothing but blanks"),
        (b"EU O\ncaf\xe9 O\n", "byte 0xe9 at offset 8, in line 2"),
    ],
)
def test_a_file_that_is_refused(file: Any, contents: str | bytes, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        file(contents)
    assert "t.conll" in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("2\tnos\tnosotros\tPRON", "2\tnos\tnosotros\t_", "line 5: the tag is missing (column 4)"),
        ("\n\n# sent_id = 2\n1\t", "\n1\t", "line 8: word 1 where word 4 is due; a blank line parts two sentences"),
        ("\n3\t", "\n4\t", "line 7: word 4 where word 3 is due"),
        ("\n3\t", "\nx\t", "line 7: 'x' is no number of a word"),
        ("# sent_id = 2\n", "# sent_id = 2\n\n", "line 9: the sentence has no tokens"),
        ("\n1\t#", "\n1-2\t#", "line 10: the sentence has no tokens"),
        ("2\tnos\t", "2 nos ", "line 5: 8 columns where line 3 has 10"),
    ],
)
def test_a_conllu_file_that_is_refused(file: Any, old: str, new: str, problem: str) -> None:
    assert WORDS.count(old) == 1
    with pytest.raises(DataError) as caught:
        file(WORDS.replace(old, new), "t.conllu")
    assert problem in str(caught.value)


def test_a_file_of_comments_alone(file: Any) -> None:
    with pytest.raises(DataError, match="holds nothing but blank lines, comments and -DOCSTART- lines"):
        file("-DOCSTART- O\n\n# all quiet\n", comments=True)


def test_columns_that_are_not_there(file: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3: there is no column 5 for the tags; the line has 4 columns"):
        file(NEWS, tag=5)
    with pytest.raises(DataError, match="there is no column -5 for the tokens"):
        file(NEWS, token=-5)
    with pytest.raises(DataError, match="columns 1 and -4 are the same one"):
        file(NEWS, tag=-4)
    with pytest.raises(ConfigError, match="there is no column 0"):
        file(NEWS, token=0)
    with pytest.raises(ConfigError, match="column 2 is given for the tokens and for the tags"):
        file(NEWS, token=2, tag=2)
    with pytest.raises(DataError, match="there is no file"):
        read_tagged(tmp_path / "none.conll")


def test_tokens_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.conll"
    path.write_text("EU\nrejects\n\n-DOCSTART-\n\nPeter\n")
    assert read_tokens(path) == [["EU", "rejects"], ["Peter"]]
    path.write_text(NEWS)
    assert read_tokens(path) == read_tagged(path).tokens
    universal = tmp_path / "new.conllu"
    universal.write_text(WORDS.replace("VERB", "_"))
    assert read_tokens(universal) == [["Vamos", "nos", "al mar"], ["#"]]
    path.write_text("EU\nrejects it\n")
    with pytest.raises(DataError, match="line 2: 2 columns where line 1 has 1"):
        read_tokens(path)
