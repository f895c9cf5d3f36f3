"""The runner: no leak, equal terms for all, budgets, and errors that say where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from latchwork.errors import ConfigError, DataError
from latchwork.trial import runner
from latchwork.trial.problems import ClassifyProblem
from latchwork.trial.results import Kind, TrialResult
from latchwork.trial.runner import Fitted, Progress, run_trial


@dataclass
class Spy:
    """Learns nothing and notes everything; each row of X is its own number. Predicts by the settings."""

    name: str
    kind: Kind = "cell"
    settings: Sequence[Mapping[str, Any]] = ({"right": 0.5}, {"right": 1.0}, {"right": 0.0})
    labels: np.ndarray = field(default_factory=lambda: np.arange(100) % 2)
    fits: list[dict[str, Any]] = field(default_factory=list)
    predicted: list[list[int]] = field(default_factory=list)
    diary: list[str] = field(default_factory=list)

    def fit(
        self,
        X_train: Any,
        y_train: np.ndarray,
        X_valid: Any,
        y_valid: np.ndarray,
        settings: Mapping[str, Any],
        seed: int,
    ) -> Fitted:
        self.diary.append(self.name)
        fit = {"train": list(X_train), "validation": list(X_valid), "settings": settings, "seed": seed, "predicted": []}
        assert y_train.tolist() == self.labels[list(X_train)].tolist()
        assert y_valid.tolist() == self.labels[list(X_valid)].tolist()
        self.fits.append(fit)

        def predict(X: Any) -> np.ndarray:
            fit["predicted"].append(list(X))
            y = self.labels[list(X)]
            flip = np.arange(len(y)) >= settings["right"] * len(y)
            return np.where(flip, 1 - y, y)

        return Fitted(predict, parameters=7, seconds_per_epoch=0.5, learning_curve=[{"loss": 1.0}, {"loss": np.nan}])


X = list(range(100))
Y = np.arange(100) % 2


def trial(*candidates: Spy, **options: Any) -> TrialResult:
    data = {name: options.pop(name) for name in ("groups", "test_rows") if name in options}
    return run_trial(candidates, ClassifyProblem(X, Y, **data), **({"repeats": 4} | options))


def test_test_rows_never_take_part_in_fitting_or_tuning() -> None:
    spy = Spy("lstm")
    result = trial(spy)
    assert len(spy.fits) == 4 * 3
    for split in range(4):
        fits = spy.fits[3 * split : 3 * split + 3]
        known = set(fits[0]["train"]) | set(fits[0]["validation"])
        assert all(set(fit["train"]) | set(fit["validation"]) == known for fit in fits)
        test = set(X) - known
        assert len(test) == result.sizes[split].test == 20
        # every setting is judged on the validation rows, once; only the chosen one ever sees test rows
        chosen = [fit for fit in fits if fit["settings"] == {"right": 1.0}]
        for fit in fits:
            assert set(fit["predicted"][0]) == set(fit["validation"])
            assert not set(fit["train"]) & set(fit["validation"])
            assert [set(rows) for rows in fit["predicted"][1:]] == ([test] * 3 if fit in chosen else [])


def test_settings_best_on_validation_rows_are_chosen_in_each_split() -> None:
    result = trial(Spy("lstm"))
    assert [run.settings for run in result.runs] == [{"right": 1.0}] * 4
    assert all(run.scores == {"accuracy": 1.0, "macro_f1": 1.0, "balanced_accuracy": 1.0} for run in result.runs)


def test_equal_settings_go_to_the_first_listed() -> None:
    result = trial(Spy("lstm", settings=({"right": 1.0, "n": 1}, {"right": 1.0, "n": 2})))
    assert [run.settings["n"] for run in result.runs] == [1] * 4


def test_all_candidates_get_the_same_splits_and_seeds() -> None:
    lstm, gru, plain = Spy("lstm"), Spy("gru"), Spy("plain", kind="baseline", settings=({"right": 0.9},))
    trial(lstm, gru, plain, seeds_per_split=2)
    assert lstm.fits == gru.fits
    assert len(lstm.fits) == 4 * 2 * 3
    assert len(plain.fits) == 4 * 2
    for ours, theirs in zip(lstm.fits[::3], plain.fits, strict=True):
        assert (ours["train"], ours["validation"], ours["seed"]) == (
            theirs["train"],
            theirs["validation"],
            theirs["seed"],
        )


def test_seeds_change_with_split_and_repeat() -> None:
    result = trial(Spy("lstm"), seeds_per_split=2)
    assert len({run.seed for run in result.runs}) == 4 * 2
    assert [run.seed for run in trial(Spy("lstm"), seeds_per_split=2).runs] == [run.seed for run in result.runs]
    assert not {run.seed for run in trial(Spy("lstm"), seed=1).runs} & {run.seed for run in result.runs}


def test_candidates_take_turns_and_each_begins_in_turn() -> None:
    diary: list[str] = []
    one = ({"right": 1.0},)
    trial(*(Spy(name, settings=one, diary=diary) for name in "abc"))
    assert diary == [*"abc", *"bca", *"cab", *"abc"]


def test_cells_with_unequal_budgets_are_refused_and_baselines_may_differ() -> None:
    with pytest.raises(ConfigError, match="lstm 3, gru 1"):
        trial(Spy("lstm"), Spy("gru", settings=({"right": 1.0},)))
    trial(Spy("lstm"), Spy("plain", kind="baseline", settings=({"right": 1.0},)))


def test_a_tuning_budget_tries_the_same_places_for_all() -> None:
    lstm, gru = Spy("lstm"), Spy("gru")
    result = trial(lstm, gru, tuning_budget=2, repeats=8)
    tried = [[fit["settings"]["right"] for fit in spy.fits] for spy in (lstm, gru)]
    assert tried[0] == tried[1]
    assert len(tried[0]) == 8 * 2
    assert set(tried[0]) == {0.5, 1.0, 0.0}  # drawn anew in each split
    assert [c.budget for c in result.candidates] == [2, 2]


def test_what_is_measured_is_kept() -> None:
    run = trial(Spy("lstm")).runs[0]
    assert (run.parameters, run.seconds_per_epoch) == (7, 0.5)
    assert run.learning_curve == ({"loss": 1.0}, {"loss": None})
    assert run.milliseconds_per_sequence is not None
    assert 0 < run.milliseconds_per_sequence < 1000


def test_scores_by_hand() -> None:
    @dataclass
    class Constant(Spy):
        def fit(self, *_: Any) -> Fitted:
            return Fitted(lambda X: ["a"] * len(X))

    result = run_trial([Constant("lstm", settings=({},))], ClassifyProblem(X, ["a"] * 60 + ["b"] * 40), repeats=3)
    # 12 of 20 test rows are a: recall 1 and 0; F1 2·12/(12 + 20) and 0
    for run in result.runs:
        assert run.scores == pytest.approx({"accuracy": 0.6, "balanced_accuracy": 0.5, "macro_f1": 0.375})
    assert result.facts == {"rows": 100, "classes": {"a": 60, "b": 40}}


class Clock:
    """Every look at it costs ``step`` seconds."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_a_time_budget_takes_splits_from_all_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    one = ({"right": 1.0},)

    def completed(budget: float | None) -> TrialResult:
        monkeypatch.setattr(runner, "perf_counter", Clock(1.0))
        return trial(Spy("lstm", settings=one), Spy("gru", settings=one), repeats=20, time_budget=budget)

    full = completed(None)
    assert full.repeats == 20
    assert full.notes == ()
    assert full.seconds is not None
    cut = completed(full.seconds / 2)
    assert 8 <= cut.repeats <= 10
    assert [run.candidate for run in cut.runs].count("lstm") == [run.candidate for run in cut.runs].count("gru")
    assert len(cut.runs) == 2 * cut.repeats
    assert [run.seed for run in cut.runs] == [run.seed for run in full.runs[: len(cut.runs)]]
    assert cut.repeats_planned == 20
    assert cut.notes == ()
    short = completed(0.001)
    assert short.repeats == 3  # never fewer
    assert "over the time budget" in short.notes[0]
    assert completed(10 * full.seconds).notes == ()


def test_a_slow_first_round_does_not_decide_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(1.0)
    monkeypatch.setattr(runner, "perf_counter", clock)

    @dataclass
    class Warming(Spy):
        def fit(self, *args: Any) -> Fitted:
            clock.now += 0 if self.fits else 50
            return super().fit(*args)

    result = trial(Warming("lstm", settings=({"right": 1.0},)), repeats=10, time_budget=130)
    assert result.repeats == 10  # the first round alone promised 2


def test_given_test_rows() -> None:
    spy = Spy("lstm")
    result = trial(spy, Spy("gru"), test_rows=range(70, 100))
    assert result.fixed_test
    assert all(size.test == 30 for size in result.sizes)
    assert all(max(fit["train"] + fit["validation"]) < 70 for fit in spy.fits)
    assert not trial(Spy("lstm")).fixed_test


def test_covariance_of_given_test_rows_by_hand() -> None:
    one = ({"right": 0.5},)
    result = trial(Spy("lstm", settings=one), Spy("gru", settings=({"right": 0.8},)), test_rows=range(60, 100))
    assert result.test_covariance is not None
    accuracy = np.array(result.test_covariance["accuracy"])
    # right on the first 20 and the first 32 of 40 rows: binomial variances, and E[ab] − E[a]E[b] = 0.5 − 0.4
    assert accuracy == pytest.approx(np.array([[0.25, 0.1], [0.1, 0.16]]) / 40)
    # rows of one group come and go together: 4 groups of 10, all right, all right, all wrong, all wrong
    grouped = trial(Spy("lstm", settings=one), test_rows=range(60, 100), groups=np.arange(100) // 10)
    assert grouped.test_covariance is not None
    assert grouped.test_covariance["accuracy"][0][0] == pytest.approx(4 * (10 * 0.5) ** 2 / 40**2)
    assert grouped.groups == 10


def test_arrays_are_indexed_as_arrays() -> None:
    spy = Spy("lstm")
    kinds: set[type] = set()

    def fit(X_train: Any, *args: Any) -> Fitted:
        kinds.add(type(X_train))
        return Spy.fit(spy, X_train, *args)

    spy.fit = fit  # type: ignore[method-assign]
    run_trial([spy], ClassifyProblem(np.arange(100), Y), repeats=3)
    run_trial([spy], ClassifyProblem(X, Y), repeats=3)
    assert kinds == {np.ndarray, list}


def test_progress_counts_every_run() -> None:
    seen: list[Progress] = []
    trial(Spy("lstm"), Spy("gru"), progress=seen.append)
    assert [p.done for p in seen] == list(range(1, 9))
    assert {p.total for p in seen} == {8}
    assert [(p.split, p.candidate) for p in seen[:4]] == [(0, "lstm"), (0, "gru"), (1, "gru"), (1, "lstm")]
    assert seen[0].score == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": 2}, "at least 3, got 2"),
        ({"metric": "auc"}, "one of accuracy, macro_f1"),
        ({"tuning_budget": 0}, "tuning_budget"),
        ({"time_budget": 0}, "time_budget"),
        ({"seeds_per_split": 0}, "seeds_per_split"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trial(Spy("lstm"), **options)


def test_impossible_candidates_are_refused() -> None:
    with pytest.raises(ConfigError, match="got none"):
        trial()
    with pytest.raises(ConfigError, match="must differ, got lstm, lstm"):
        trial(Spy("lstm"), Spy("lstm"))
    with pytest.raises(ConfigError, match="has no settings"):
        trial(Spy("lstm", settings=()))
    with pytest.raises(ConfigError, match="of kind 'net'"):
        trial(Spy("lstm", kind="net"))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="X has 3 rows and y has 100"):
        ClassifyProblem(X[:3], Y)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda X: [2] * len(X), "predict returned 2, which is none of the classes"),
        (lambda X: [1], "one class for each"),
    ],
)
def test_unusable_predictions_are_refused_and_the_candidate_named(answer: Any, message: str) -> None:
    @dataclass
    class Bad(Spy):
        def fit(self, *_: Any) -> Fitted:
            return Fitted(answer)

    with pytest.raises(ConfigError, match=message) as caught:
        trial(Spy("good"), Bad("bad"))
    assert caught.value.__notes__ == ["in candidate 'bad', split 0 of the trial"]
