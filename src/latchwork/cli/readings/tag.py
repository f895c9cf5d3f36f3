"""A label for each token: a CoNLL file, or a table with a column of tokens and one of tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from latchwork.cli.readings.large import is_large, large_note, sampled
from latchwork.cli.readings.reading import Given, no_columns
from latchwork.datasets.tables import labels, read, read_tagged, read_tokens, stream, tags, tokens
from latchwork.errors import ConfigError

CONLL = (".conll", ".conllu", ".iob", ".iob2", ".bio")
"""Endings of files with a token a line."""


def is_conll(path: Path) -> bool:
    """Whether a file has a token a line, by its name."""
    return path.suffix.lower() in CONLL


@dataclass(frozen=True)
class TagReading:
    """The columns of tokens and of tags, of which a CoNLL file needs none."""

    tokens: str | None = None
    tags: str | None = None
    group: str | None = None

    task: ClassVar[str] = "tag"

    def training(self, path: Path) -> Given:
        """Sentences and their tags."""
        if is_conll(path):
            no_columns(path, tokens=self.tokens, tags=self.tags, group=self.group)
            tagged = read_tagged(path)
            return Given(tagged.tokens, tagged.tags)
        if self.tokens is None or self.tags is None:
            raise ConfigError("to tag, say which columns hold the tokens and their tags: --tokens COL --tags COL")
        if is_large(path):
            return self._sample(path, self.tokens, self.tags)
        table = read(path)
        groups = None if self.group is None else labels(table, self.group)
        return Given(tokens(table, self.tokens), tags(table, self.tokens, self.tags), groups)

    def _sample(self, path: Path, words: str, marks: str) -> Given:
        from latchwork.tasks import TableRows

        def rows() -> Iterator[tuple[Any, ...]]:
            for table in stream(path):
                groups = labels(table, self.group) if self.group is not None else table.rows * [None]
                yield from zip(tokens(table, words), tags(table, words, marks), groups, strict=True)

        X, y, groups = map(list, zip(*sampled(rows()), strict=True))
        everything = TableRows(path, marks, tokens=words, group=self.group)
        return Given(X, y, None if self.group is None else groups, notes=[large_note(path)], everything=everything)

    def sequences(self, path: Path) -> list[list[str]]:
        """Sentences without their tags, which are not needed. A model of a table reads CoNLL files too."""
        if is_conll(path):
            return read_tokens(path)
        if self.tokens is None:
            raise ConfigError(f"{path} is a table; say which column holds the tokens: --tokens COL")
        return tokens(read(path), self.tokens)

    def sheet(self, model: Any, X: Any) -> Iterator[Sequence[Any]]:
        """A row a token: its sentence, from 1, the token, its tag and how probable that is."""
        yield ["sentence", "token", "tag", "p"]
        for number, (words, odds) in enumerate(zip(X, model.predict_proba(X), strict=True), 1):
            for word, row in zip(words, odds, strict=True):
                yield [number, word, model.classes_[row.argmax()], f"{row.max():.6f}"]

    def to_data(self) -> dict[str, Any]:
        """The columns as plain data."""
        return {"tokens": self.tokens, "tags": self.tags}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> TagReading:
        """What :meth:`to_data` gave."""
        reading = cls(data["tokens"], data["tags"])
        if not all(isinstance(name, (str, type(None))) for name in (reading.tokens, reading.tags)):
            raise TypeError(f"a column's name is no text: {asdict(reading)}")
        return reading
