"""A class for each row: texts in a column, or numeric series in one or several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from latchwork.cli.readings.large import is_large, large_note, sampled
from latchwork.cli.readings.reading import Given
from latchwork.datasets.tables import Table, labels, read, series, stream, texts
from latchwork.errors import ConfigError


@dataclass(frozen=True)
class ClassifyReading:
    """Either the column of texts, or the columns of series; in training the columns of classes and of groups too."""

    text: str | None
    series: tuple[str, ...]
    label: str | None = None
    group: str | None = None

    task: ClassVar[str] = "classify"

    def training(self, path: Path) -> Given:
        """Sequences and their classes."""
        if self.label is None:
            raise ConfigError("to classify, say which column holds the classes: --label COL")
        if is_large(path):
            return self._sample(path, self.label)
        table = read(path)
        groups = None if self.group is None else labels(table, self.group)
        return Given(self._rows(table), labels(table, self.label), groups)

    def _sample(self, path: Path, label: str) -> Given:
        from latchwork.tasks import TableRows

        def rows() -> Iterator[tuple[Any, ...]]:
            for table in stream(path):
                groups = labels(table, self.group) if self.group is not None else table.rows * [None]
                yield from zip(self._rows(table), labels(table, label), groups, strict=True)

        X, y, groups = map(list, zip(*sampled(rows()), strict=True))
        everything = TableRows(path, label, text=self.text, series=self.series, group=self.group)
        return Given(X, y, None if self.group is None else groups, notes=[large_note(path)], everything=everything)

    def sequences(self, path: Path) -> list[Any]:
        """Sequences without their classes."""
        return self._rows(read(path))

    def sheet(self, model: Any, X: Any) -> Iterator[Sequence[Any]]:
        """The class of each row, and the probability of every class."""
        yield ["prediction", *(f"p_{c}" for c in model.classes_.tolist())]
        for row in model.predict_proba(X):
            yield [model.classes_[row.argmax()], *(f"{p:.6f}" for p in row)]

    def to_data(self) -> dict[str, Any]:
        """The columns as plain data; what only training needs is left out."""
        return {"text": self.text, "series": list(self.series)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ClassifyReading:
        """What :meth:`to_data` gave."""
        reading = cls(data["text"], tuple(data["series"]))
        if not all(isinstance(name, str) for name in (reading.text or "", *reading.series)):
            raise TypeError(f"a column's name is no text: {asdict(reading)}")
        return reading

    def _rows(self, table: Table) -> list[Any]:
        return list(texts(table, self.text)) if self.text is not None else list(series(table, list(self.series)))
