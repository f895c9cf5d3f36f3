"""The next steps of series: a table with a row a step, a column of times, and columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from latchwork.cli.readings.reading import Given
from latchwork.datasets.calendar import Regular, regular
from latchwork.datasets.tables import Table, labels, read, times
from latchwork.errors import ConfigError, DataError

if TYPE_CHECKING:
    from latchwork.tasks.calendar_features import Cycle

_SEASONS = {("s", 3600): 24, ("s", 86_400): 7, ("s", 604_800): 52, ("M", 1): 12}  # the step → the usual season


@dataclass(frozen=True)
class ForecastReading:
    """The columns of times, of what is forecast, of what is known ahead, and of what tells series apart."""

    time: str | None
    targets: tuple[str, ...]
    horizon: int
    known: tuple[str, ...] = ()
    group: str | None = None
    season: int | None = None

    task: ClassVar[str] = "forecast"

    def training(self, path: Path) -> Given:
        """Windows of the series. Trailing rows without any target are the time to come, for what is known ahead."""
        from latchwork.tasks.timeseries import every_origin

        read_ = self._read(path)
        found = [one.series for one in read_]
        season = self.season or usual_season(read_[0].grid)
        notes = [f"{one.name + ': ' if one.name else 'It has '}{one.grid}." for one in read_[:3] if one.grid is not None]
        if self.season is None:
            notes.append(
                f"A season of {season} steps is assumed; say another with --season."
                if season > 1
                else "No season is assumed; say one with --season."
            )
        windows = every_origin(found, self.horizon)
        return Given(windows, options={"season": season, "horizon": self.horizon}, notes=notes)

    def sequences(self, path: Path) -> list[_Series]:
        """The series, with the names and times that a forecast of them needs."""
        return self._read(path)

    def sheet(self, model: Any, X: Any) -> Iterator[Sequence[Any]]:
        """A row for each series, step ahead and target: when it is, and its quantiles."""
        names = ["series"] if self.group is not None else []
        yield [*names, "step" if self.time is None else "time", "target", *(f"q{q:g}" for q in model.quantiles)]
        forecasts = model.predict_quantiles([one.series for one in X])
        for one, forecast in zip(X, forecasts, strict=True):
            ahead = one.ahead(len(forecast))
            for step, row in enumerate(forecast):
                for target, quantiles in zip(self.targets, row, strict=True):
                    yield [*([one.name] if names else []), ahead[step], target, *(f"{q:.6g}" for q in quantiles)]

    def to_data(self) -> dict[str, Any]:
        """The columns as plain data."""
        return {
            "time": self.time,
            "targets": list(self.targets),
            "horizon": self.horizon,
            "known": list(self.known),
            "group": self.group,
            "season": self.season,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ForecastReading:
        """What :meth:`to_data` gave."""
        reading = cls(**{**data, "targets": tuple(data["targets"]), "known": tuple(data["known"])})
        if not all(isinstance(name, str) for name in (*reading.targets, *reading.known, reading.time or "")):
            raise TypeError("a column's name is no text")
        return reading

    def _read(self, path: Path) -> list[_Series]:
        table = read(path)
        if not self.targets:
            raise ConfigError("to forecast, say which columns hold the numbers: --target COL")
        values = np.column_stack([table.numbers(name) for name in self.targets])
        known = np.column_stack([table.numbers(name) for name in self.known]) if self.known else None
        when = None if self.time is None else times(table, self.time)
        if self.group is None:
            return [self._one("", table, np.arange(len(table)), values, known, when)]
        names = np.asarray(labels(table, self.group))
        return [
            self._one(str(name), table, np.flatnonzero(names == name), values, known, when)
            for name in dict.fromkeys(names.tolist())
        ]

    def _one(
        self,
        name: str,
        table: Table,
        rows: NDArray[np.intp],
        values: NDArray[np.float64],
        known: NDArray[np.float64] | None,
        when: NDArray[np.datetime64] | None,
    ) -> _Series:
        from latchwork.tasks.calendar_features import calendar_features
        from latchwork.tasks.timeseries import TimeSeries

        series, ahead, grid = values[rows], None if known is None else known[rows], None
        if when is not None:
            grid = regular(when[rows], lambda i: table.row(int(rows[i])))
            series, ahead = grid.spread(series), None if ahead is None else grid.spread(ahead)
        given = np.isfinite(series).any(1)
        if not given.any():
            raise DataError(
                f"{table.path}: the columns {', '.join(self.targets)} hold no number{' of ' * bool(name)}{name}"
            )
        length = int(np.flatnonzero(given)[-1]) + 1
        if ahead is not None:
            missing = np.argwhere(~np.isfinite(ahead))
            if len(missing):
                column = self.known[missing[0][1]]
                raise DataError(
                    f"{table.path}: column '{column}' is to be known ahead, but has no number at step "
                    f"{missing[0][0] + 1}{' of ' * bool(name)}{name}; fill it in, or leave it out of --known"
                )
        parts = [] if ahead is None else [ahead]
        if grid is not None:
            span = np.concatenate([grid.times, grid.ahead(max(self.horizon - (len(series) - length), 0))])
            calendar = calendar_features(span, cycles(grid.step))
            parts = [part if len(part) == len(calendar) else part[:length] for part in parts]
            most = min(map(len, [calendar, *parts]))
            parts = [part[:most] for part in (calendar, *parts)]
        covariates = np.column_stack(parts) if parts and parts[0].shape[1] else None
        return _Series(name, TimeSeries(series[:length], covariates), grid, length)


@dataclass(frozen=True)
class _Series:
    """A series of a file: its name, its numbers, and the times it stands on."""

    name: str
    series: Any
    grid: Regular | None
    length: int

    def ahead(self, steps: int) -> list[Any]:
        """The times of the steps after its end; without times their numbers from 1."""
        if self.grid is None:
            return list(range(1, steps + 1))
        there = self.grid.times[self.length :]
        times = np.concatenate([there, self.grid.ahead(max(steps - len(there), 0))])[:steps]
        days = all(str(time).endswith("T00:00:00") for time in (*self.grid.times[:2], *times))
        return [str(time)[:10] if days else str(time).replace("T", " ") for time in times]


def cycles(step: np.timedelta64) -> list[Cycle]:
    """The cycles of the calendar that steps of this length can be told apart by."""
    if np.datetime_data(step)[0] == "M":
        return ["year"] if int(step.astype(np.int64)) < 12 else []
    seconds = int(step.astype(np.int64))
    longest: list[tuple[Cycle, int]] = [("hour", 86_400), ("weekday", 604_800), ("year", 31_536_000)]
    return [cycle for cycle, span in longest if seconds < span]


def usual_season(grid: Regular | None) -> int:
    """The season that series of such steps usually have: a day of hours, a week of days, a year of weeks or months; 1
    where none is usual."""
    if grid is None:
        return 1
    return _SEASONS.get((np.datetime_data(grid.step)[0], int(grid.step.astype(np.int64))), 1)
