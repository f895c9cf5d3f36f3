"""The fair trial must be fair: where candidates cannot differ, a difference is declared in at most 5 % of trials.

Whole trials are run (splits, tuning, seeds, scoring, verdict) on cheap real learners: echo state networks (Jaeger
2001), random tanh recurrent networks whose readout alone is learned. Seeds are fixed, but nothing hangs on them: each
test gives the rate measured once in many other trials.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latchwork.tasks.timeseries import TimeSeries, Windows, every_origin
from latchwork.trial.problem import Problem
from latchwork.trial.problems import ClassifyProblem, ForecastProblem, GenerateProblem
from latchwork.trial.results import Kind
from latchwork.trial.runner import Candidate, Fitted, run_trial
from latchwork.trial.verdict import Verdict, judge


def sample(
    seed: int, n: int = 160, T: int = 6, channels: int = 1, signal: float = 0.6
) -> tuple[np.ndarray, np.ndarray]:
    """X (n, T, channels), y (n,): the class shifts the first two steps by ±signal, the other four are noise."""
    rng = np.random.default_rng([seed, n])
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, T, channels))
    X[:, :2] += signal * (2 * y[:, None, None] - 1)
    return X, y


def ridge(features: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights (H + 1,) of a linear readout of features (n, H), the bias last."""
    F = np.c_[features, np.ones(len(features))]
    return np.linalg.solve(F.T @ F + 0.01 * len(F) * np.eye(F.shape[1]), F.T @ (2.0 * y - 1))


def decide(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (features @ weights[:-1] + weights[-1] > 0).astype(int)


@dataclass(frozen=True)
class EchoState:
    """A random recurrent network with a learned readout of its last state. The name salts the seed."""

    name: str
    memory: bool = True  #: False: recurrent weights of zero, so that only the last step is seen
    frozen: bool = False  #: True: the network does not change with the seed
    units: int = 16
    settings: tuple[Mapping[str, Any], ...] = ({"radius": 0.7}, {"radius": 0.95})
    kind: Kind = "cell"

    def fit(
        self,
        X_train: np.ndarray,
        y_train: np.ndarray,
        X_valid: np.ndarray,
        y_valid: np.ndarray,
        settings: Mapping[str, Any],
        seed: int,
    ) -> Fitted:
        rng = np.random.default_rng([0 if self.frozen else seed, zlib.crc32(self.name.encode())])
        inward = rng.normal(size=(X_train.shape[2], self.units)) / 2
        bias = rng.normal(size=self.units) / 2
        around = rng.normal(size=(self.units, self.units)) * settings["radius"] / np.sqrt(self.units) * self.memory

        def states(X: np.ndarray) -> np.ndarray:
            h = np.zeros((len(X), self.units))
            for x in X.transpose(1, 0, 2):
                h = np.tanh(x @ inward + bias + h @ around)
            return h

        weights = ridge(states(X_train), y_train)
        return Fitted(lambda X: decide(states(X), weights), parameters=self.units + 1)


@dataclass(frozen=True)
class OneChannel:
    """A linear readout of all steps of one channel; nothing random."""

    name: str
    channel: int
    settings: tuple[Mapping[str, Any], ...] = ({},)
    kind: Kind = "cell"

    def fit(
        self,
        X_train: np.ndarray,
        y_train: np.ndarray,
        X_valid: np.ndarray,
        y_valid: np.ndarray,
        settings: Mapping[str, Any],
        seed: int,
    ) -> Fitted:
        weights = ridge(X_train[:, :, self.channel], y_train)
        return Fitted(lambda X: decide(X[:, :, self.channel], weights))


def verdicts(
    candidates: Callable[[int], Sequence[Candidate]], trials: int, *, repeats: int, **data: Any
) -> list[Verdict]:
    found = []
    for trial in range(trials):
        X, y = sample(trial, **data)
        found.append(judge(run_trial(candidates(trial), ClassifyProblem(X, y), seed=trial, repeats=repeats)))
    return found


def differ(verdict: Verdict) -> bool:
    return any(c.significant for c in verdict.comparisons if c.family == "cells")


def rate(found: Sequence[Verdict]) -> float:
    return float(np.mean([differ(verdict) for verdict in found]))


def test_copies_of_one_learner_are_not_told_apart() -> None:
    """Measured: 4 of 2000 trials."""
    found = verdicts(lambda _: [EchoState("lstm"), EchoState("gru")], 200, signal=1.5, repeats=6)
    assert rate(found) <= 0.05
    # there was something to be fooled by: in half of the trials the means were at least half a point apart
    assert np.median([c.difference for verdict in found for c in verdict.comparisons]) > 0.5


def test_equally_good_learners_that_see_different_things_are_not_told_apart() -> None:
    """Harder: in a given sample one channel may happen to tell more, and then every split of it says so.

    Measured: 68 of 3000 trials; 2.3 % of 2000 with 10 splits.
    """
    found = verdicts(lambda _: [OneChannel("left", 0), OneChannel("right", 1)], 200, channels=2, repeats=6)
    assert rate(found) <= 0.05


def test_a_learner_without_memory_is_found() -> None:
    """Measured: 394 of 400 trials."""
    found = verdicts(lambda _: [EchoState("whole"), EchoState("forgetful", memory=False)], 40, signal=1.5, repeats=10)
    assert rate(found) >= 0.9
    assert {verdict.recommended for verdict in found if differ(verdict)} == {"whole"}


def test_a_start_frozen_for_all_splits_is_mistaken_for_merit() -> None:
    """Why the runner changes the seed with the split. It also shows that the tests above can fail.

    Measured: 71 of 300 trials.
    """

    def candidates(trial: int) -> list[EchoState]:
        return [EchoState(f"lstm {trial}", frozen=True), EchoState(f"gru {trial}", frozen=True)]

    assert rate(verdicts(candidates, 40, signal=1.5, repeats=8)) > 0.1


def documents(seed: int, n: int = 60) -> list[str]:
    """Texts of 4 to 20 letters, all drawn alike."""
    rng = np.random.default_rng([seed, n])
    return ["".join(rng.choice(list("abcd"), rng.integers(4, 21), p=[0.5, 0.3, 0.15, 0.05])) for _ in range(n)]


def series(seed: int, T: int = 300) -> np.ndarray:
    """(T,) autoregressive; each value tells as much of the next as of the one after it: ρ₁ = ρ₂ = 0.3 / (1 − 0.3)."""
    values = np.random.default_rng([seed, T]).normal(size=T)
    for t in range(2, T):
        values[t] += 0.3 * (values[t - 1] + values[t - 2])
    return values


def wandering(seed: int, T: int = 300, memory: float = 0.9) -> np.ndarray:
    """(T,) autoregressive about 0: blocks that neighbour are alike, the more the longer its memory."""
    noise = np.random.default_rng([seed, T]).normal(size=T)
    values = np.empty(T)
    values[0] = noise[0]
    for t in range(1, T):
        values[t] = memory * values[t - 1] + np.sqrt(1 - memory**2) * noise[t]
    return values


@dataclass(frozen=True)
class EverySecond:
    """Codes every second letter by how frequent it is in the training documents, and the others by two bits each."""

    name: str
    first: int
    settings: tuple[Mapping[str, Any], ...] = ({"prior": 1.0}, {"prior": 0.1})
    kind: Kind = "cell"

    def fit(
        self, X_train: Any, y_train: Any, X_valid: Any, y_valid: Any, settings: Mapping[str, Any], seed: int
    ) -> Fitted:
        read = "".join(text[self.first :: 2] for text in X_train)
        counts = {letter: read.count(letter) + settings["prior"] for letter in "abcd"}
        bits = {letter: np.log2((len(read) + 4 * settings["prior"]) / count) for letter, count in counts.items()}

        def lengths(X: Any) -> np.ndarray:
            flat = [2.0 * len(text) for text in X]
            return np.array(flat) + [sum(bits[c] - 2 for c in text[self.first :: 2]) for text in X]

        return Fitted(lengths)


@dataclass(frozen=True)
class OneBefore:
    """Forecasts the next value as a linear function of a single one before it."""

    name: str
    back: int
    settings: tuple[Mapping[str, Any], ...] = ({},)
    kind: Kind = "cell"

    def fit(
        self, X_train: Windows, y_train: Any, X_valid: Any, y_valid: Any, settings: Mapping[str, Any], seed: int
    ) -> Fitted:
        def seen(X: Windows) -> np.ndarray:
            return np.c_[X.series[0].values[np.maximum(X.origins[0] - self.back, 0), 0], np.ones(len(X))]

        weights = np.linalg.lstsq(seen(X_train), y_train[:, 0, 0], rcond=None)[0]
        return Fitted(lambda X: np.repeat((seen(X) @ weights)[:, None, None, None], 3, axis=3))


@dataclass(frozen=True)
class Always:
    """Forecasts one value."""

    name: str
    value: float
    settings: tuple[Mapping[str, Any], ...] = ({},)
    kind: Kind = "cell"

    def fit(
        self, X_train: Windows, y_train: Any, X_valid: Any, y_valid: Any, settings: Mapping[str, Any], seed: int
    ) -> Fitted:
        return Fitted(lambda X: np.full((len(X), 1, 1, 3), self.value))


def declared(candidates: Sequence[Candidate], problem: Callable[[int], Problem], trials: int, repeats: int) -> float:
    """How often a difference is declared."""
    return rate([judge(run_trial(candidates, problem(trial), seed=trial, repeats=repeats)) for trial in range(trials)])


def test_equally_good_coders_of_different_letters_are_not_told_apart() -> None:
    """Less is better, and plain numbers have no floor under their variance.

    Measured: 192 of 4000 trials; 4.6 % of 2000 with 10 splits. Of 200 trials of something that happens in 5 %, hardly
    ever more than 8 % show it.
    """
    coders = [EverySecond("even", 0), EverySecond("odd", 1)]
    assert declared(coders, lambda trial: GenerateProblem(documents(trial)), 200, repeats=6) <= 0.08


def test_equally_good_forecasters_are_not_told_apart_by_blocks_in_time() -> None:
    """Measured: 5 of 1000 trials; 2 of 1000 with 10 blocks."""
    forecasters = [OneBefore("one back", 1), OneBefore("two back", 2)]

    def problem(trial: int) -> ForecastProblem:
        return ForecastProblem(every_origin([TimeSeries(series(trial))], 1), season=1)

    assert declared(forecasters, problem, 200, repeats=6) <= 0.05


def test_forecasters_that_lead_for_some_blocks_in_turn_are_not_told_apart() -> None:
    """Each is the better one for as long as the series stays on its side of 0, which is often longer than a block.

    Measured: 45 of 1000 trials, with a correlation of neighbouring blocks of 0.5. With 10 blocks, which are shorter
    and so more alike (0.6), 84 of 1000: beyond 0.5 the test does not hold what it promises.
    """

    def problem(trial: int) -> ForecastProblem:
        return ForecastProblem(every_origin([TimeSeries(wandering(trial))], 1), season=1)

    assert declared([Always("above", 1), Always("below", -1)], problem, 200, repeats=6) <= 0.08


def test_a_better_forecaster_is_found_by_blocks_in_time() -> None:
    """Measured: 175 of 200 trials."""

    def problem(trial: int) -> ForecastProblem:
        return ForecastProblem(every_origin([TimeSeries(wandering(trial, memory=0.5) + 2)], 1), season=1)

    assert declared([Always("above", 1), Always("below", -1)], problem, 40, repeats=6) >= 0.7


def test_a_better_coder_is_found() -> None:
    coders = [EverySecond("whole", 0), EverySecond("none", 100)]
    problem = lambda trial: GenerateProblem(documents(trial))  # noqa: E731
    assert declared(coders, problem, 40, repeats=6) >= 0.9
