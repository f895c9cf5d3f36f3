"""What a forecaster reads: scaled stretches of series, and what is known of the steps ahead of each origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latchwork.tasks.batches import Batch, plan
from latchwork.tasks.scaling import Scaling
from latchwork.tasks.timeseries import Floats, TimeSeries, Windows

Single = NDArray[np.float32]
Places = NDArray[np.intp]

SEASONS = 7
"""Of which the network is told the values at the same phase as the steps ahead; of days, the last is a week ago."""

_BATCHES = 20  # an epoch's, at least: with fewer, most of the time would go into validations


@dataclass(frozen=True, kw_only=True)
class WindowBatch(Batch):
    """A batch of stretches, and the P origins in them that are forecast from; everything is scaled.

    Attributes:
        inputs: (T, B, I) of each step: the values, which of them are missing, how they differ from the season before,
            covariates.
        steps, columns: (P,) where in (T, B) the last known step of each origin stands.
        reference: (P, h, C) what a naive forecast would say, which the network forecasts the difference to.
        ahead: (P, h, A) what is known of the steps ahead: covariates, and how the reference differs from the last value
            and from the same phase of the seasons before.
        targets: (P, h, C) what came; NaN where it is missing.
    """

    steps: Tensor
    columns: Tensor
    reference: Tensor
    ahead: Tensor


def inputs_of(series: TimeSeries) -> int:
    """I of the batches of such series."""
    known = 0 if series.known is None else series.known.shape[1]
    static = 0 if series.static is None else len(series.static)
    channels: int = series.values.shape[1]
    return 3 * channels + known + static


@dataclass(frozen=True)
class Stretches:
    """Which steps are read together, from ``starts`` to before ``stops``; from ``firsts`` on each may be the last known
    one of an origin. (n,) each, places in the joined arrays."""

    starts: Places
    firsts: Places
    stops: Places


class Joined:
    """All series end to end, scaled and filled, with room between them; a step's place is its number in there.

    Args:
        windows: series, and the origins in them that count.
        scaling: by which they are scaled.
        season: steps after which the series repeats itself; 1 where it does not.
        training: whether the series end with the training part, so that all of them says how they are scaled; else
            only what comes before the first origin of each does.
    """

    def __init__(self, windows: Windows, scaling: Scaling, season: int, training: bool = False) -> None:
        self.horizon = windows.horizon
        self.season = season
        self.windows = windows
        self.first: list[int] = []  # the place of each series' step 0
        self.levels: list[tuple[Floats, Floats]] = []  # the mean and scale (C,) of each series
        rows, place = [], SEASONS * season  # room for the seasons before each series, and for a horizon after it
        for row, (series, origins) in enumerate(zip(windows.series, windows.origins, strict=True)):
            begins = len(series) if training or not len(origins) else int(origins[0])
            self.levels.append(scaling.level(series.values[:begins]))
            rows.append(self._row(series, origins, scaling, row))
            self.first.append(place)
            place += len(series) + self.horizon + SEASONS * season
        joined = {name: np.concatenate([one[name] for one in rows]) for name in rows[0]}
        self.values: Single = joined["values"]
        self.targets: Single = joined["targets"]
        self.seasonal: Single = joined["seasonal"]
        self.steps: Single = joined["steps"]
        self.known: Single = joined["known"]
        self.asked: NDArray[np.bool_] = joined["asked"]

    def _row(self, series: TimeSeries, origins: Places, scaling: Scaling, row: int) -> dict[str, NDArray[Any]]:
        """One series, with room around it: (SEASONS · season + T + h, …) each."""
        steps, season = len(series), self.season
        scaled = scaling.values(series.values, row, *self.levels[row])
        filled = carried_on(scaled)
        seasonal = carried_on(scaled, season, np.nan)
        before = np.concatenate([filled[:season], seasonal[:-season]])[:steps]
        change = (filled - np.where(np.isnan(before), filled, before)) / scaling.change.astype(np.float32)
        known, static = scaling.covariates(series)
        read: list[NDArray[Any]] = [
            filled,
            np.isnan(scaled).astype(np.float32),
            change,
            known[:steps],
            np.tile(static, (steps, 1)),
        ]
        asked = np.zeros(steps + self.horizon, bool)
        asked[origins] = True

        def with_room(array: NDArray[Any], otherwise: float) -> NDArray[Any]:
            room = ((SEASONS * season, steps + self.horizon - len(array)), *(((0, 0),) * (array.ndim - 1)))
            return np.pad(array, room, constant_values=otherwise)

        return {
            "values": with_room(filled, 0),
            "targets": with_room(scaled, np.nan),
            "seasonal": with_room(seasonal, np.nan),
            "steps": with_room(np.concatenate(read, 1), 0),
            "known": with_room(known[: steps + self.horizon], 0),
            "asked": with_room(asked, False),
        }

    def unscaled(self, forecasts: Floats) -> Floats:
        """Forecasts (n, h, C, Q) of the windows in order, in the values' own unit."""
        counts = [len(origins) for origins in self.windows.origins]
        mean, scale = (
            np.repeat(np.stack(level), counts, axis=0)[:, None, :, None] for level in zip(*self.levels, strict=True)
        )
        found: Floats = forecasts * scale + mean
        return found

    def batch(self, stretches: Stretches, rows: Places, device: torch.device) -> WindowBatch:
        """The stretches of these rows."""
        starts, firsts, stops = stretches.starts[rows], stretches.firsts[rows], stretches.stops[rows]
        lengths = stops - starts
        steps = np.arange(lengths.max())[:, None]
        inside = steps < lengths
        place = np.minimum(starts + steps, stops - 1)
        inputs = np.where(inside[..., None], self.steps[place], np.float32(0))
        origin = place + 1
        columns, found = np.nonzero(
            (inside & (place >= firsts) & self.asked[np.minimum(origin, len(self.asked) - 1)]).T
        )
        begin = origin[found, columns]
        ahead = begin[:, None] + np.arange(self.horizon)
        last = self.values[begin - 1][:, None]
        phase = begin[:, None] + np.arange(self.horizon) % self.season
        reference = self.seasonal[phase - self.season]
        reference = np.where(np.isnan(reference), last, reference)
        told = [self.known[ahead], reference - last]
        for seasons in range(2, SEASONS + 1):
            difference = self.seasonal[phase - seasons * self.season] - reference
            told.append(np.where(np.isnan(difference), np.float32(0), difference))
        return WindowBatch(
            torch.from_numpy(inputs).to(device),
            torch.from_numpy(lengths),
            rows,
            torch.from_numpy(self.targets[ahead]).to(device),
            steps=torch.from_numpy(found).to(device),
            columns=torch.from_numpy(columns).to(device),
            reference=torch.from_numpy(np.ascontiguousarray(reference)).to(device),
            ahead=torch.from_numpy(np.concatenate(told, -1)).to(device),
        )


@dataclass(frozen=True)
class TrainingWindows:
    """Stretches that forecast from every origin once, cut at other places each time; an epoch goes through short series
    several times.

    Args:
        context: steps of a stretch; its first half only warms up the network, but for a series' own beginning.
    """

    joined: Joined
    context: int

    def batches(self, size: int, device: torch.device, generator: np.random.Generator | None) -> Iterator[WindowBatch]:
        """Every origin in batches of ``size`` stretches, in random order or by length."""
        for _ in range(self._rounds(size)):
            stretches = self._stretches(0 if generator is None else int(generator.integers(self._stride)))
            for rows in plan((stretches.stops - stretches.starts).tolist(), size, generator):
                batch = self.joined.batch(stretches, rows, device)
                if len(batch.steps):
                    yield batch

    def steps(self, size: int) -> int:
        """How many batches of ``size`` that makes, about."""
        return self._rounds(size) * -(-len(self._stretches(0).starts) // size)

    @property
    def _stride(self) -> int:
        return max(self.context // 2, 1)

    def _rounds(self, size: int) -> int:
        return -(-_BATCHES // -(-len(self._stretches(0).starts) // size))

    def contents(self) -> Iterator[NDArray[Any]]:
        """Arrays by which two sources with the same data can be known to be so."""
        yield from (self.joined.targets, self.joined.steps, self.joined.known, self.joined.asked)

    def _stretches(self, offset: int) -> Stretches:
        starts, firsts, stops = [], [], []
        windows = self.joined.windows
        for first, origins in zip(self.joined.first, windows.origins, strict=True):
            if not len(origins):
                continue
            low, high = int(origins[0]) - 1, int(origins[-1])
            cuts = np.unique(np.clip(np.arange(low - offset, high + self._stride, self._stride), low, high))
            begins, ends = cuts[:-1], cuts[1:]
            starts.append(first + np.maximum(begins - (self.context - self._stride), 0))
            firsts.append(first + begins)
            stops.append(first + ends)
        return Stretches(np.concatenate(starts), np.concatenate(firsts), np.concatenate(stops))


@dataclass(frozen=True)
class OriginWindows:
    """For each origin the ``context`` steps before it, so that a forecast does not depend on what else is asked."""

    joined: Joined
    context: int

    def batches(self, size: int, device: torch.device, generator: np.random.Generator | None) -> Iterator[WindowBatch]:
        """Every origin once, in batches of ``size``, by length."""
        stretches = self._stretches
        for rows in plan((stretches.stops - stretches.starts).tolist(), size, generator):
            yield self.joined.batch(stretches, rows, device)

    def steps(self, size: int) -> int:
        """How many batches of ``size`` that makes."""
        return -(-len(self._stretches.starts) // size)

    def contents(self) -> Iterator[NDArray[Any]]:
        """Arrays by which two sources with the same data can be known to be so."""
        yield from (self.joined.targets, self.joined.steps, self.joined.known, self.joined.asked)

    @cached_property
    def _stretches(self) -> Stretches:
        starts, stops = [], []
        for first, origins in zip(self.joined.first, self.joined.windows.origins, strict=True):
            starts.append(first + np.maximum(origins - self.context, 0))
            stops.append(first + origins)
        end = np.concatenate(stops)
        return Stretches(np.concatenate(starts), end - 1, end)


def carried_on(values: Single, season: int = 1, otherwise: float = 0.0) -> Single:
    """(T, C) with the last value seen, or the last one of the same phase, in place of missing ones; ``otherwise`` where
    there is none yet."""
    steps = np.arange(len(values))[:, None]
    rounds = -(-len(values) // season)
    seen = np.full((rounds * season, values.shape[1]), -1)
    seen[: len(values)] = np.where(np.isnan(values), -1, steps)
    last = np.maximum.accumulate(seen.reshape(rounds, season, -1), axis=0).reshape(rounds * season, -1)[: len(values)]
    found = np.take_along_axis(values, np.maximum(last, 0), 0)
    return np.where(last >= 0, found, np.float32(otherwise))
