"""The page of forecasters: a series with the forecast from each of its steps, and what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latchwork.errors import DataError
from latchwork.explain.layers import layers
from latchwork.explain.outcomes.forecast import row_read, step_names, three_quantiles, warmed_up
from latchwork.explain.pages.page import CHANNELS, NOTHING_DECIDED, network_of, packed_size, step_memory
from latchwork.explain.report_format import layers_data, packed
from latchwork.tasks.forecast_data import check_windows, read_series
from latchwork.tasks.forecaster import SequenceForecaster
from latchwork.tasks.network import SequenceNetwork
from latchwork.tasks.timeseries import Windows

_LONGEST, _SHORTEST = 160, 12  # steps of a stretch
_STRETCHES = 4
_SHARE_OF_FORECASTS = 0.35  # of all bytes
_MEASURED = 150_000  # steps that memory is measured on, at most
_ENOUGH = 200  # steps, to measure what the cells remember


@dataclass(frozen=True)
class _Stretch:
    """Steps of a series that are shown: from ``first`` to before ``last``; no model saw a value from ``unseen`` on."""

    series: int
    first: int
    last: int
    unseen: int


class ForecastPage:
    """Forecasters side by side on series."""

    def __init__(self, models: Mapping[str, SequenceForecaster], rows: Any, labels: Any, held_out: bool) -> None:
        self._models = dict(models)
        name, self._leader = next(iter(self._models.items()))
        for other, model in self._models.items():
            if model.horizon != self._leader.horizon or list(model.quantiles) != list(self._leader.quantiles):
                raise DataError(
                    f"{name} and {other} forecast other steps or quantiles; show models of one horizon together"
                )
        self._windows = _windows(rows, int(self._leader.horizon))
        self._held_out = held_out and isinstance(rows, Windows)
        self._full = [i for i, origins in enumerate(self._windows.origins) if len(origins)]
        if not self._full:
            raise DataError("there is nothing to show: no series has a step that can be forecast from")
        check_windows(self._windows, int(self._leader.horizon))
        self._networks = {name: network_of(model) for name, model in self._models.items()}
        self._channels = 1
        self.recurrents = {name: network.recurrent for name, network in self._networks.items()}
        self.classes: list[str] = []

    def places(self, shown: int, first: Sequence[int], limit: int) -> list[_Stretch]:
        """Stretches that end at the last origin of a series, or lie before it; as many, and as long, as fit."""
        wrong = [row for row in first if row not in set(self._full)]
        if wrong:
            raise DataError(f"first must name series with an origin, 0 to {len(self._windows.series) - 1}, not {wrong}")
        order = list(dict.fromkeys([*first, *self._full]))
        chosen = order[: max(1, min(shown, _STRETCHES), len(first))]
        channels = min(CHANNELS, self._windows.series[0].values.shape[1])
        horizon = int(self._leader.horizon)
        steps = _SHARE_OF_FORECASTS * limit / (packed_size(1, 3 * horizon) * len(self._models))
        wanted = int(np.clip(max(5 * horizon, 2 * (self._leader.season or 1)), 48, _LONGEST))
        length = int(np.clip(steps / len(chosen), _SHORTEST, wanted))
        self._channels = int(np.clip(steps / (len(chosen) * length), 1, channels))
        spare = int(steps / (length * self._channels)) - len(chosen)
        found = [self._stretch(row, length, 0.0) for row in chosen]
        for row in chosen:
            for back in (1.0, 0.5):  # the first that was held out, and one between
                more = self._stretch(row, length, back)
                if spare > 0 and len(found) < min(shown, _STRETCHES) and more not in found:
                    found.append(more)
                    spare -= 1
        return found

    def sequence(self, place: _Stretch, room: float) -> dict[str, Any]:
        """SEQUENCE, without its runs."""
        values = self._windows.series[place.series].values
        ahead = values[place.last : place.last + int(self._leader.horizon), : self._channels]
        steps = place.last - place.first
        return {
            "text": None,
            "steps": list(step_names(place.first, place.last)),
            "spans": [],
            "unseen": [False] * steps,
            "series": packed(values[place.first : place.last, : self._channels]),
            "label": None,
            "ahead": packed(ahead) if len(ahead) else None,
            "fitted": int(np.clip(place.unseen - place.first, 0, steps)) if self._held_out else None,
            "part": {"series": place.series + 1, "of": len(self._windows.series), "channels": values.shape[1]},
        }

    def beside(self, frame: Mapping[str, Any]) -> float:
        """The bytes of the forecasts."""
        horizon = int(self._leader.horizon)
        return packed_size(len(frame["steps"]), 3 * horizon * self._channels) + 500

    def run(self, name: str, place: _Stretch, budget: float) -> dict[str, Any]:
        """RUN."""
        model, network = self._models[name], self._networks[name]
        # A series of a panel is scaled by what comes before the first origin that is asked for.
        origins = np.union1d([min(place.unseen, place.first + 1)], np.arange(place.first + 1, place.last + 1))
        windows = Windows((self._windows.series[place.series],), (origins,), int(model.horizon))
        levels, quantiles = three_quantiles(model, windows)
        quantiles = quantiles[place.first - place.last :]
        row, begun = row_read(model, windows, place.first)
        each = [quantiles[:, :, c].reshape(len(quantiles), -1) for c in range(self._channels)]
        return {
            **NOTHING_DECIDED,
            "forecast": {
                "levels": list(levels),
                "horizon": int(model.horizon),
                "channels": [packed(quantiles) for quantiles in each],
            },
            "layers": _layers(network, row, begun, budget),
        }

    def memory(self, limit: int) -> dict[str, Any] | None:
        """MEMORY, on pieces of the series up to the last origin, the latest first. What comes before the first origin
        was there to be fitted on, so that it is not said to be held out."""
        cuts, left = [], _MEASURED
        for row in self._full:
            length = self._leader.steps_read
            for stop in range(int(self._windows.origins[row][-1]), 0, -length):
                start = max(stop - length, 0)
                if left >= stop - start:
                    cuts.append((row, start, stop))
                    left -= stop - start
        if _MEASURED - left < _ENOUGH:
            return None
        rows = {}
        for name, model in self._models.items():
            encoded = model.encode(self._windows)
            rows[name] = [encoded[row][start:stop] for row, start, stop in cuts]

        def steps(piece: int) -> list[str]:
            _, start, stop = cuts[piece]
            return list(step_names(start, stop))

        return step_memory(self._networks, rows, steps, dict.fromkeys(self._models), limit, False)

    def _stretch(self, row: int, length: int, back: float) -> _Stretch:
        """So many steps up to the last origin, or for ``back`` 1 to where a third of them is before the first one."""
        origins = self._windows.origins[row]
        opens, ends = int(origins[0]), int(origins[-1])
        earliest = min(max(opens + length - length // 3, 1), ends)
        last = round(ends - back * (ends - earliest))
        return _Stretch(row, max(last - length, 0), last, opens)


def _windows(rows: Any, horizon: int) -> Windows:
    """Series as windows with an origin after every step whose future is not asked for in vain."""
    if isinstance(rows, Windows):
        return rows
    series = read_series(rows).series
    last = [len(one) if one.known is None else min(len(one), len(one.known) - horizon) for one in series]
    return Windows(series, tuple(np.arange(1, end + 1) for end in last), horizon)


def _layers(network: SequenceNetwork, row: NDArray[Any], begun: int, budget: float) -> list[dict[str, Any]]:
    features, state = warmed_up(network, row, begun)
    with torch.no_grad():
        _, _, trace = network.recurrent(features, state, return_trace=True)
    start = None if state is None else state if isinstance(state, tuple) else (state,)
    return layers_data(layers(network.recurrent, features, trace, start=start, budget=budget))
