"""Texts to go on with: a plain text file, or a table with a column of texts, each a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from latchwork.cli.readings.large import gigabytes, is_large, large_note, pieces
from latchwork.cli.readings.reading import Given, no_columns
from latchwork.datasets.tables import labels, read, texts, utf8
from latchwork.errors import ConfigError, DataError

PLAIN = (".txt", ".md", ".abc", ".text")
"""Endings of plain text files."""

_DOCUMENTS = 60  # at least, into which a text without blank lines is cut, so that a trial can split it

_NO_TEXT = "{path} is a table; say which column holds the texts: --text COL"


def is_plain(path: Path) -> bool:
    """Whether a file is plain text, by its name."""
    return path.suffix.lower() in PLAIN


@dataclass(frozen=True)
class GenerateReading:
    """The column of texts, of which a plain text file needs none; in training what rows belong together, and what the
    model writes: characters if nothing else is said."""

    text: str | None = None
    group: str | None = None
    unit: str | None = None

    task: ClassVar[str] = "generate"

    def training(self, path: Path) -> Given:
        """The documents."""
        options = {} if self.unit is None else {"unit": self.unit}
        if is_plain(path):
            no_columns(path, text=self.text, group=self.group)
            if is_large(path):
                return Given(pieces(path), options=options, notes=[large_note(path)], everything=path)
            documents, how = divided(utf8.read(path))
            if len(documents) < 3:
                raise DataError(f"{path} is too short to learn from: it has {len(documents)} parts; give a longer text")
            said = f"{path.name} is read as {len(documents):,} documents: {how}."
            return Given(documents, options=options, notes=[said])
        if self.text is None:
            raise ConfigError(_NO_TEXT.format(path=path))
        if is_large(path):
            raise DataError(
                f"{gigabytes(path)}, too much of a table to be read whole; write its texts into a .txt file, with "
                "blank lines between them: that is read as it is needed"
            )
        table = read(path)
        groups = None if self.group is None else labels(table, self.group)
        return Given(list(texts(table, self.text)), None, groups, options)

    def sequences(self, path: Path) -> list[str]:
        """The documents, as in training."""
        return divided(utf8.read(path))[0] if is_plain(path) else self._texts(path)

    def sheet(self, model: Any, X: Any) -> Iterator[Sequence[Any]]:
        """How well each document is foretold: its characters, the bits that the model needs for them and its end."""
        yield ["characters", "bits", "bits_per_character"]
        for document, bits in zip(X, model.code_length(X), strict=True):
            yield [len(document), f"{bits:.3f}", f"{bits / (len(document) + 1):.6f}"]

    def to_data(self) -> dict[str, Any]:
        """The column as plain data."""
        return {"text": self.text}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> GenerateReading:
        """What :meth:`to_data` gave."""
        if not isinstance(data["text"], (str, type(None))):
            raise TypeError(f"a column's name is no text: {data['text']!r}")
        return cls(data["text"])

    def _texts(self, path: Path) -> list[str]:
        if self.text is None:
            raise ConfigError(_NO_TEXT.format(path=path))
        return list(texts(read(path), self.text))


def divided(text: str) -> tuple[list[str], str]:
    """A text as documents, and in words how: at blank lines, or where there are hardly any into parts of one length."""
    lines = text.replace("\r\n", "\n").split("\n")
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            parts[-1].append(line)
        elif parts[-1]:
            parts.append([])
    documents = ["\n".join(part) for part in parts if part]
    if len(documents) >= _DOCUMENTS:
        return documents, "it is divided at blank lines"
    full = [line for line in lines if line.strip()]
    if len(full) >= _DOCUMENTS:
        each = -(-len(full) // _DOCUMENTS)
        blocks = ["\n".join(full[i : i + each]) for i in range(0, len(full), each)]
        return blocks, f"it has few blank lines, so it is cut every {each} lines"
    whole = "\n".join(full)
    each = max(-(-len(whole) // _DOCUMENTS), 1)
    pieces = [whole[i : i + each] for i in range(0, len(whole), each)]
    return pieces, f"it has few lines, so it is cut every {each} characters"
