"""The next steps of series: a table with a row a step, a column of times, and columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from latchwork.cli.readings.large import gigabytes, is_large
from latchwork.cli.readings.reading import Given
from latchwork.datasets.calendar import Regular, duration, regular
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
    step: str | None = None  #: of the series that a model was fitted on, in words; None where there are no times

    task: ClassVar[str] = "forecast"

    def training(self, path: Path) -> Given:
        """Windows of the series. Trailing rows without any target are the time to come, for what is known ahead.

        Several series are cut where the first of them ends, as a trial cuts all of them at one time.
        """
        from latchwork.tasks.timeseries import every_origin

        found = self._read(path)
        season = self.season or usual_season(found[0].grid)
        notes = [f"{f'{one.name}:' if one.name else 'It has'} {one.grid}." for one in found[:3] if one.grid is not None]
        if self.season is None:
            notes.append(
                f"A season of {season} steps is assumed; say another with --season."
                if season > 1
                else "No season is assumed; say one with --season."
            )
        if is_large(path):
            notes.append(f"{gigabytes(path)}; series are read whole, which takes several times that much memory.")
        found, cut = _ending_together(path, found)
        for one in found:
            self._check(path, one, season)
        windows = every_origin([one.series.until(one.length) for one in found], self.horizon)
        grid = found[0].grid
        return Given(
            windows,
            options={"season": season, "horizon": self.horizon},
            notes=[*notes, *cut],
            reading=None if grid is None else replace(self, step=duration(grid.step)),
        )

    def sequences(self, path: Path) -> list[_Series]:
        """The series, with the names and times that a forecast of them needs."""
        return self._read(path)

    def sheet(self, model: Any, X: Any) -> Iterator[Sequence[Any]]:
        """A row for each series, step ahead and target: when it is, and its quantiles.

        Raises:
            DataError: what is known ahead does not reach as far.
        """
        for one in X:
            short = one.length + self.horizon - len(one.series.known) if self.known else 0
            if short > 0:
                raise DataError(
                    f"to forecast {self.horizon} steps{_of(one.name)}, add {short} row{'s' * (short > 1)} with "
                    f"{_quoted(self.known)} filled in and {_quoted(self.targets)} left empty: they are known ahead"
                )
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
            "step": self.step,
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
        found = [
            self._one(str(name), table, np.flatnonzero(names == name), values, known, when)
            for name in dict.fromkeys(names.tolist())
        ]
        for one in found:
            first, step = found[0].grid, one.grid
            if first is not None and step is not None and duration(first.step) != duration(step.step):
                raise DataError(
                    f"{path}: the series '{found[0].name}' has steps of {duration(first.step)} and '{one.name}' of "
                    f"{duration(step.step)}; series that are learned together need one step: leave some out, or "
                    "average them to it"
                )
        return found

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
            if self.step not in (None, duration(grid.step)):
                raise DataError(
                    f"{table.path} has steps of {duration(grid.step)}{_of(name)}, but the model was fitted on steps of "
                    f"{self.step}; give a file with such steps"
                )
            series, ahead = grid.spread(series), None if ahead is None else grid.spread(ahead)
        given = np.isfinite(series).any(1)
        if not given.any():
            raise DataError(f"{table.path}: the columns {', '.join(self.targets)} hold no number{_of(name)}")
        length = int(np.flatnonzero(given)[-1]) + 1
        if ahead is not None:
            missing = np.argwhere(~np.isfinite(ahead))
            if len(missing):
                column = self.known[missing[0][1]]
                raise DataError(
                    f"{table.path}: column '{column}' is to be known ahead, but has no number at step "
                    f"{missing[0][0] + 1}{_of(name)}; fill it in, or leave it out of --known"
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

    def _check(self, path: Path, one: _Series, season: int) -> None:
        """Find out before the trial, and in the file's words, whether a series can be learned."""
        from latchwork.trial.blocks import least_steps, rolling_blocks
        from latchwork.trial.runner import MIN_REPEATS

        for name, values in zip(self.targets, one.series.values.T, strict=True):
            values = values[: one.length]
            values = values[np.isfinite(values)]
            if len(values) > 1 and (values == values[0]).all():
                raise DataError(
                    f"{path}: column '{name}' is constant{_of(one.name)}: every value is {values[0]:g}, so there is "
                    "nothing to forecast; leave it out"
                )
        try:
            rolling_blocks([one.length], repeats=MIN_REPEATS, horizon=self.horizon, season=season)
        except DataError as error:
            needed = (MIN_REPEATS + 1) * self.horizon + least_steps(self.horizon, season)
            raise DataError(
                f"{path} has {one.length:,} steps{_of(one.name)}, too few to learn to forecast {self.horizon} ahead"
                f"{f' with a season of {season}' if season > 1 else ''} and to test it: at least {needed:,} are "
                f"needed, for {MIN_REPEATS} test blocks and a validation block of {self.horizon} steps or more, and "
                "training steps before them; give more steps or a shorter horizon"
            ) from error


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


def _ending_together(path: Path, found: Sequence[_Series]) -> tuple[list[_Series], list[str]]:
    """The series up to the first of their ends, and a note on what was left out.

    Raises:
        DataError: a series begins after another has ended.
    """
    ends = [one.grid.times[one.length - 1] for one in found if one.grid is not None]
    if len(ends) < len(found):  # without times
        if len({one.length for one in found}) > 1:
            return list(found), ["Without a column of times, all series are taken to end at one time."]
        return list(found), []
    first, last = found[int(np.argmin(ends))], found[int(np.argmax(ends))]
    common = min(ends)
    cut = []
    for one in found:
        assert one.grid is not None
        length = min(one.length, int(np.searchsorted(one.grid.times, common, "right")))
        if length == 0:
            raise DataError(
                f"{path}: the series '{one.name}' begins on {_shown(one.grid.times[0])}, when '{first.name}' ended on "
                f"{_shown(common)} already; a trial needs a time that all series reach: leave one of them out"
            )
        cut.append(replace(one, length=length))
    left_out = sum(one.length for one in found) - sum(one.length for one in cut)
    if not left_out:
        return cut, []
    return cut, [
        f"The series end at different times, '{first.name}' on {_shown(common)} and '{last.name}' on "
        f"{_shown(max(ends))}; so that none tells what comes of another, all are cut at the first end, which leaves "
        f"out {left_out:,} steps."
    ]


def _shown(time: np.datetime64) -> str:
    return str(time).replace("T", " ").removesuffix(" 00:00:00")


def _of(name: str) -> str:
    return f" of {name}" if name else ""


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


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
