"""Tagged sentences in columns: the files of the CoNLL shared tasks, and CoNLL-U.

One token a line, its columns parted by tabs or blanks, a blank line between two sentences: Tjong Kim Sang & De Meulder
2003. CoNLL-U, ten columns parted by tabs: Nivre et al. 2016, Universal Dependencies.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from latchwork.datasets.tables import parse, utf8
from latchwork.datasets.tables.formats import checked, reading
from latchwork.errors import ConfigError, DataError

_BLANKS = re.compile(r"[ \t]+")  # a no-break space may be part of a token
_BOUNDARY = "-DOCSTART-"
_WORD = re.compile(r"\d+", re.ASCII)
_NO_WORD = re.compile(r"\d+[-.]\d+", re.ASCII)  # a range of words written as one, or a word that is understood
_COLUMN_0 = "columns are counted from 1, or from the last as -1; there is no column 0"


@dataclass(frozen=True, eq=False)
class TaggedFile:
    """Sentences of tagged tokens.

    Attributes:
        path: the file they came from, for messages.
        tokens: of each sentence, at least one.
        tags: of each sentence, one a token.
        lines: the line in which each sentence's first token stands, counted from 1.
    """

    path: Path
    tokens: list[list[str]] = field(repr=False)
    tags: list[list[str]] = field(repr=False)
    lines: list[int] = field(repr=False)

    def __len__(self) -> int:
        return len(self.tokens)

    def error(self, problem: str, sentence: int) -> DataError:
        """The error to raise for a problem with a sentence (counted from 0)."""
        return DataError(f"{self.path}: sentence {sentence + 1} (line {self.lines[sentence]}), {problem}")


def read_tagged(
    path: str | os.PathLike[str],
    token: int | None = None,
    tag: int | None = None,
    conllu: bool | None = None,
    comments: bool | None = None,
) -> TaggedFile:
    """The tagged sentences of a CoNLL or CoNLL-U file.

    A file whose first token line has a tab is parted by tabs, any other by blanks. ``-DOCSTART-`` lines are skipped; of
    CoNLL-U, so are ranges of words (``1-2``), whose words follow, and empty nodes (``1.1``).

    Args:
        path: the file, UTF-8, with or without a byte order mark.
        token: the column of the tokens, counted from 1, or from the last as -1; first, in CoNLL-U second (FORM).
        tag: the column of the tags; last, in CoNLL-U fourth (UPOS).
        conllu: whether the file is CoNLL-U; by default, whether its name ends in ``.conllu``.
        comments: whether a line that begins with ``# `` at a sentence's start is skipped. By default it is, unless it
            could as well be the token ``#``, which is refused. CoNLL-U has comments always.

    Raises:
        ConfigError: a column is 0, or both are the same.
        DataError: there is no such file, it is empty or not UTF-8; a line has another number of columns than the first
            one, or no token or tag; a sentence has no tokens, or the file no tags. The message names the line.
    """
    if 0 in (token, tag):
        raise ConfigError(_COLUMN_0)
    path = checked(path)
    universal = _is_universal(path, conllu)
    token, tag = token or (2 if universal else 1), tag or (4 if universal else -1)
    if token == tag:
        raise ConfigError(f"column {token} is given for the tokens and for the tags; give two columns")
    found = TaggedFile(path, [], [], [])
    for began, words, marks in _read(path, token, tag, universal, comments):
        found.lines.append(began)
        found.tokens.append(words)
        found.tags.append(marks)
    return found


def read_tokens(
    path: str | os.PathLike[str],
    token: int | None = None,
    conllu: bool | None = None,
    comments: bool | None = None,
) -> list[list[str]]:
    """The sentences of such a file without their tags, which it need not have.

    Args:
        path, token, conllu, comments: as :func:`read_tagged` takes them.

    Raises:
        ConfigError: the column is 0.
        DataError: as :func:`read_tagged`, but for what it says of tags.
    """
    if token == 0:
        raise ConfigError(_COLUMN_0)
    path = checked(path)
    universal = _is_universal(path, conllu)
    return [words for _, words, _ in _read(path, token or (2 if universal else 1), None, universal, comments)]


def _is_universal(path: Path, conllu: bool | None) -> bool:
    return path.suffix.lower() == ".conllu" if conllu is None else conllu


def _read(
    path: Path, token: int, tag: int | None, universal: bool, comments: bool | None
) -> Iterator[tuple[int, list[str], list[str]]]:
    """The line, the tokens and the tags of each sentence, of which there is one at least; without ``tag`` no tags."""
    with reading(path):
        text = utf8.read(path)
    # A carriage return, U+2028 and their like may stand in a token, so only the line feed parts lines here.
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    written = [(number, line) for number, line in enumerate(lines, start=1) if not _parts(line)]
    if not written:
        raise _no_tokens(path)
    first = next((found for found in written if not found[1].startswith("#" if universal else "# ")), written[0])
    columns = _Columns(path, *first, token, tag, universal)
    sentences = _sentences(columns, lines, True if universal else comments)
    if (one := next(sentences, None)) is None:
        raise _no_tokens(path)
    yield one
    yield from sentences


class _Columns:
    """Takes token and tag out of a line. The first line settles how many columns there are, and what parts them."""

    def __init__(self, path: Path, first: int, text: str, token: int, tag: int | None, universal: bool) -> None:
        self.path, self.first, self.universal = path, first, universal
        self.tabs = universal or "\t" in text
        self.width = width = len(self.split(text))
        if width == 1 and tag is not None:
            parted = "a tab" if universal else "a tab or blanks"
            raise self.error(first, f"one column, so there are no tags; a line is token and tag with {parted} between")
        for what, column in (("tokens", token), ("tags", tag)):
            if column is not None and not -width <= column <= width:
                raise self.error(first, f"there is no column {column} for the {what}; the line has {width} columns")
        self.token = token - 1 if token > 0 else token + width
        self.tag = None if tag is None else tag - 1 if tag > 0 else tag + width
        if self.token == self.tag:
            raise self.error(first, f"columns {token} and {tag} are the same one; the line has {width} columns")

    def split(self, text: str) -> list[str]:
        return text.split("\t") if self.tabs else _BLANKS.split(text.strip(" \t"))

    def cells(self, line: int, text: str) -> list[str]:
        """The columns of a line, as many as the first line has."""
        cells = self.split(text)
        if len(cells) != self.width:
            counted = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
            raise self.error(
                line,
                f"{counted} where line {self.first} has {self.width}, parted by {'tabs' if self.tabs else 'blanks'}; "
                "a line is one token, and a blank line parts two sentences",
            )
        return cells

    def pair(self, line: int, cells: list[str]) -> tuple[str, str]:
        """Token and tag of a line; the tag is empty where none is read."""
        token = cells[self.token].strip(" \t")
        if not token:
            raise self.error(line, f"the token is missing (column {self.token + 1})")
        if self.tag is None:
            return token, ""
        tag = cells[self.tag].strip(" \t")
        if not tag or (self.universal and tag == "_"):
            raise self.error(line, f"the tag is missing (column {self.tag + 1})")
        return token, tag

    def error(self, line: int, problem: str) -> DataError:
        return DataError(f"{self.path}: line {line}: {problem}")


def _sentences(
    columns: _Columns, lines: list[str], comments: bool | None
) -> Iterator[tuple[int, list[str], list[str]]]:
    """The line of each sentence's first token, its tokens and its tags."""
    words: list[str] = []
    marks: list[str] = []
    began = token_line = 0  # the line of the sentence's first line that is no comment, and of its first token
    commented = 0  # the line of the comment before it
    for line, text in enumerate([*lines, ""], start=1):
        if _parts(text):
            if words:
                yield token_line, words, marks
                words, marks = [], []
            elif began or (columns.universal and commented):
                raise columns.error(began or commented, "the sentence has no tokens; leave it out")
            began = commented = 0
        elif not began and _is_comment(columns, line, text, comments):
            commented = line
        else:
            began = began or line
            cells = columns.cells(line, text)
            if columns.universal and not _is_word(columns, line, cells[0], len(words) + 1):
                continue
            token, tag = columns.pair(line, cells)
            token_line = token_line if words else line
            words.append(token)
            marks.append(tag)


def _parts(line: str) -> bool:
    """Whether a line parts sentences: it is blank, or begins a document."""
    return line.startswith(_BOUNDARY) or not line.strip(" \t")


def _is_comment(columns: _Columns, line: int, text: str, comments: bool | None) -> bool:
    if columns.universal:
        return text.startswith("#")
    if not text.startswith("# ") or comments is False:
        return False
    if comments is None and len(columns.split(text)) == columns.width:
        raise columns.error(
            line,
            f"{parse.shown(text)} may be a comment, or the token '#' at a sentence's start; say which: "
            "comments=True or comments=False",
        )
    return True


def _is_word(columns: _Columns, line: int, number: str, due: int) -> bool:
    if _NO_WORD.fullmatch(number):
        return False
    if not _WORD.fullmatch(number):
        raise columns.error(line, f"{parse.shown(number)} is no number of a word, which the first column of CoNLL-U is")
    if int(number) != due:
        raise columns.error(line, f"word {number} where word {due} is due; a blank line parts two sentences")
    return True


def _no_tokens(path: Path) -> DataError:
    return DataError(f"{path} has no tokens: it holds nothing but blank lines, comments and {_BOUNDARY} lines")
