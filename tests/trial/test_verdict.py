"""The verdict's choice and its words, for each outcome."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from latchwork.errors import ConfigError
from latchwork.trial.problems import forecast, generate
from latchwork.trial.problems.classify import METRICS
from latchwork.trial.results import Contestant, Kind, Run, SplitSizes, TrialResult
from latchwork.trial.verdict import Verdict, judge

WOBBLE = np.array([0.01, -0.01, 0.02, -0.02, 0.005, -0.005, 0.015, -0.015, 0.0, 0.0])


def trial(
    means: Mapping[str, float],
    baselines: Mapping[str, float] | None = None,
    *,
    wobble: float = 1.0,
    cost: Mapping[str, float] | None = None,
    epoch: Mapping[str, float] | None = None,
    parameters: Mapping[str, int] | None = None,
    n: int = 2000,
    splits: int = 10,
    metric: str = "accuracy",
    **changes: Any,
) -> TrialResult:
    """Splits of n rows; every candidate wobbles about its mean, each in an order of its own."""
    baselines = baselines or {}
    kinds: dict[str, Kind] = dict.fromkeys(means, "cell") | dict.fromkeys(baselines, "baseline")
    rng = np.random.default_rng(0)
    runs = []
    for name, mean in (*means.items(), *baselines.items()):
        scores = mean + wobble * rng.permutation(WOBBLE)[:splits]
        runs += [
            Run(
                candidate=name,
                split=split,
                seed=split,
                scores={metric: float(score)},
                settings={},
                parameters=(parameters or {}).get(name, 1000),
                seconds_per_epoch=(epoch or {}).get(name),
                milliseconds_per_sequence=(cost or {}).get(name),
            )
            for split, score in enumerate(scores)
        ]
    return TrialResult(
        candidates=tuple(Contestant(name, kind, 1) for name, kind in kinds.items()),
        runs=tuple(runs),
        task="classify",
        metrics=(*METRICS, *forecast.METRICS, *generate.METRICS),
        metric=metric,
        rows="rows",
        asked="sequence",
        facts={},
        sizes=(SplitSizes(n * 65 // 100, n * 15 // 100, n * 20 // 100),) * splits,
        seed=0,
        repeats_planned=changes.pop("repeats_planned", splits),
        **changes,
    )


def checked(result: TrialResult) -> Verdict:
    """A verdict whose form is as promised."""
    verdict = judge(result)
    assert len(verdict.headline) <= 120
    assert 2 <= len(verdict.sentences) <= 5
    assert all(sentence.endswith(".") for sentence in (verdict.headline, *verdict.sentences))
    assert verdict.text.startswith(verdict.headline)
    return verdict


def cells_differ(verdict: Verdict) -> bool:
    return any(c.significant for c in verdict.comparisons if c.family == "cells")


def test_a_clear_winner() -> None:
    verdict = checked(trial({"rnn": 0.7, "lstm": 0.9, "gru": 0.8}, {"bag of words": 0.75}))
    assert verdict.outcome == "winner"
    assert verdict.recommended == verdict.cell == "lstm"
    assert verdict.headline == "Use lstm: it is better than gru and rnn."
    assert verdict.confidence in ("sure", "very sure")
    assert cells_differ(verdict)
    assert "lstm scored 90.0 % accuracy, gru 80.0 %: +10.0 points, a real difference" in verdict.sentences[0]
    assert "on a new split of the same kind of data, expect between +" in verdict.sentences[0]
    assert "bag of words 75.0 %: +15.0 points, a real difference" in verdict.sentences[1]
    assert "10 random splits were run: a true difference under about" in verdict.sentences[2]


def test_a_tie_goes_to_the_cheaper_even_if_it_is_a_little_behind() -> None:
    cost = {"lstm": 0.2, "gru": 0.1}
    verdict = checked(trial({"lstm": 0.855, "gru": 0.85}, {"majority class": 0.5}, cost=cost))
    assert verdict.outcome == "tie"
    assert verdict.recommended == "gru"
    assert verdict.headline == "No significant difference between lstm and gru; take gru, the cheaper one."
    assert verdict.confidence == "undecided between lstm and gru"
    assert not cells_differ(verdict)
    assert "+0.5 points, which may be luck" in verdict.sentences[0]
    assert verdict.sentences[1] == "Cost: lstm 0.2 ms a sequence; gru 0.1 ms a sequence."


def test_a_tie_at_the_same_cost_goes_to_the_one_ahead() -> None:
    verdict = checked(trial({"gru": 0.85, "lstm": 0.855}, cost={"lstm": 0.105, "gru": 0.1}))
    assert verdict.recommended == "lstm"
    assert verdict.headline.endswith("take lstm, slightly ahead, at about the same cost.")
    unknown = checked(trial({"gru": 0.85, "lstm": 0.855}))
    assert unknown.headline.endswith("take lstm, slightly ahead.")
    assert "No plain baseline took part" in verdict.text


def test_where_predicting_costs_the_same_training_decides() -> None:
    same = {"lstm": 0.1, "gru": 0.1}
    verdict = checked(trial({"lstm": 0.855, "gru": 0.85}, cost=same, epoch={"lstm": 3.0, "gru": 2.0}))
    assert verdict.recommended == "gru"
    assert "lstm 0.1 ms a sequence, 3 s an epoch" in verdict.text


def test_three_alike_and_one_behind() -> None:
    means = {"rnn": 0.6, "lstm": 0.85, "gru": 0.852, "mgu": 0.851}
    verdict = checked(trial(means, {"majority class": 0.5}, cost={"rnn": 0.1, "lstm": 0.4, "gru": 0.3, "mgu": 0.2}))
    assert (
        verdict.headline == "No significant difference between gru, mgu and lstm; take mgu, the cheapest."
    )  # rnn is cheaper still, and worse
    assert "rnn is significantly worse." in verdict.sentences
    assert verdict.confidence == "undecided between gru, mgu and lstm; very sure that rnn is worse than mgu"
    assert cells_differ(verdict)


def test_a_baseline_that_no_cell_can_beat_by_a_point_does_as_well() -> None:
    verdict = checked(
        trial({"lstm": 0.9, "gru": 0.9}, {"bag of words": 0.9, "majority class": 0.5}, wobble=0.1, n=20_000)
    )
    assert verdict.outcome == "baseline as good"
    assert verdict.headline == "The plain baseline “bag of words” does as well as any cell; take the baseline."
    assert verdict.recommended == "bag of words"
    assert verdict.cell in ("lstm", "gru")
    assert "bag of words 90.0 %: 0.0 points, which may be luck" in verdict.sentences[0]


def test_a_baseline_that_may_be_beaten_is_not_called_as_good() -> None:
    verdict = checked(trial({"lstm": 0.91, "gru": 0.905}, {"bag of words": 0.9}, n=200))
    assert verdict.outcome == "baseline as good"
    assert (
        verdict.headline == "No cell is shown to be better than the plain baseline “bag of words”; take the baseline."
    )
    assert verdict.recommended == "bag of words"
    assert "lstm scored 91.0 % accuracy, bag of words 90.0 %" in verdict.sentences[0]  # the best cell, not the cheapest


def test_only_those_not_told_apart_are_undecided() -> None:
    means = {"gru": 0.9, "lstm": 0.899, "rnn": 0.6}
    verdict = checked(trial(means, {"bag of words": 0.902, "majority class": 0.5}))
    assert verdict.outcome == "baseline as good"
    told = "undecided between gru, lstm and bag of words; very sure that rnn is worse than bag of words"
    assert verdict.confidence == told
    same = {"accuracy": (1e-5 * np.eye(5)).tolist()}
    fixed = checked(trial(means, {"bag of words": 0.902, "majority class": 0.5}, test_covariance=same))
    assert fixed.confidence == f"{told}, for this one division of the data"
    # of cells, one may be worse than the baseline and no worse than the others
    near = checked(trial({"gru": 0.89, "lstm": 0.87}, {"bag of words": 0.9}))
    assert [c.significant for c in near.comparisons] == [False, False, True]
    assert near.confidence.startswith("undecided between gru and bag of words; ")
    assert near.confidence.endswith("sure that lstm is worse than bag of words")


def test_a_baseline_ahead_is_said_to_be_ahead() -> None:
    verdict = checked(trial({"lstm": 0.88, "gru": 0.885}, {"bag of words": 0.9}, n=1000))
    assert verdict.outcome == "baseline as good"
    assert verdict.headline == (
        "The plain baseline “bag of words” scored higher than every cell, though it is not shown to be better; take it."
    )
    some = checked(trial({"lstm": 0.6, "gru": 0.885}, {"bag of words": 0.9}, n=1000))
    assert some.headline.endswith("it is not shown to be better than all; take it.")
    alone = checked(trial({"gru": 0.885}, {"bag of words": 0.9}, n=1000))
    assert "scored higher than gru, though" in alone.headline
    long = checked(trial({"lstm": 0.88, "gru": 0.885}, {"bag of words and much else": 0.9}, n=1000))
    assert long.headline.startswith("No cell is shown to be better than the plain baseline")


def test_a_better_baseline() -> None:
    verdict = checked(trial({"lstm": 0.7, "gru": 0.72}, {"series summary": 0.9, "majority class": 0.5}))
    assert verdict.outcome == "baseline better"
    assert verdict.headline == "The plain baseline “series summary” is better than every cell; use it."
    assert verdict.recommended == "series summary"
    assert verdict.confidence in ("sure", "very sure")


def test_a_cell_that_beats_the_baseline_goes_before_a_cheaper_one_that_may_not() -> None:
    means = {"lstm": 0.87, "gru": 0.853}
    result = trial(means, {"bag of words": 0.836}, cost={"lstm": 0.2, "gru": 0.1})
    verdict = checked(result)
    shown = {(c.first, c.second): c.significant for c in verdict.comparisons}
    assert shown == {("lstm", "gru"): False, ("lstm", "bag of words"): True, ("gru", "bag of words"): False}
    assert verdict.recommended == "lstm"
    assert verdict.headline.startswith("Use lstm: the other cells are worse, or not shown to beat the plain baseline")


def test_one_cell() -> None:
    assert checked(trial({"gru": 0.9}, {"majority class": 0.5})).headline == (
        "Use gru: it is better than the plain baseline “majority class”."
    )
    alone = checked(trial({"gru": 0.9}))
    assert alone.outcome == "only cell"
    assert "was the only candidate" in alone.headline
    assert alone.confidence == "undecided, as nothing was compared with gru"
    assert "better than gru; use it" in checked(trial({"gru": 0.6}, {"bag of words": 0.9})).headline


def test_a_lead_over_one_of_many_may_be_luck() -> None:
    """Significant alone, not among all pairs: Holm is in force."""
    means = {"a": 0.838, "b": 0.802, "c": 0.82, "d": 0.821, "e": 0.819}
    verdict = checked(trial(means))
    assert len(verdict.comparisons) == 10
    lone = [c for c in verdict.comparisons if c.p <= 0.05]
    assert ("a", "b") in [(c.first, c.second) for c in lone]
    assert all(c.adjusted_p > 0.05 for c in lone)
    assert verdict.outcome == "tie"
    assert not cells_differ(verdict)
    assert cells_differ(checked(trial({"a": means["a"], "b": means["b"]})))


def test_the_reader_is_told_when_only_the_adjustment_decided() -> None:
    verdict = checked(trial({"lstm": 0.8565, "gru": 0.84}, {"bag of words": 0.83}))
    lstm, gru = (c for c in verdict.comparisons if c.family == "baselines")
    assert lstm.p <= 0.05 < lstm.adjusted_p < gru.p
    assert verdict.outcome == "baseline as good"
    assert lstm.low > 0
    assert verdict.sentences[0].endswith(" on average over many; that interval is of this pair alone.")
    assert verdict.text.count("of this pair alone") == 1
    assert verdict.sentences[-1] == (
        "lstm against bag of words would count as a difference if nothing else had been compared; "
        "among 2 comparisons one such is easily luck."
    )


def test_cells_and_baselines_are_adjusted_apart() -> None:
    cells = {"lstm": 0.86, "gru": 0.85}
    without, with_many = trial(cells), trial(cells, {f"baseline {i}": 0.5 for i in range(5)})
    assert judge(without).comparisons[0] == judge(with_many).comparisons[0]
    family = [c for c in judge(with_many).comparisons if c.family == "baselines"]
    assert [(c.first, c.second) for c in family] == [(c, f"baseline {i}") for c in cells for i in range(5)]
    assert all(c.adjusted_p > c.p for c in family[:-1])


def test_few_rows_and_splits_admit_what_they_cannot_see() -> None:
    def detectable(**size: int) -> float:
        return judge(trial({"lstm": 0.85, "gru": 0.85}, **size)).comparisons[0].detectable

    assert detectable(splits=3) > detectable(splits=5) > detectable(splits=10) > 1
    verdict = checked(trial({"lstm": 0.9, "gru": 0.6}, wobble=15, splits=3))
    assert "too few to be sure of seeing any difference" in verdict.text
    low, high = verdict.comparisons[0].new_split or (0, 0)
    assert -100 <= low < high <= 100


def test_perfect_cell_against_a_baseline_that_never_varies() -> None:
    verdict = checked(trial({"lstm": 1.0, "gru": 1.0}, {"majority class": 0.5}, wobble=0))
    assert verdict.outcome == "tie"
    assert all(c.significant == (c.family == "baselines") for c in verdict.comparisons)
    # but one row of 20 in all of three splits is nothing
    small = checked(trial({"lstm": 1.0, "gru": 0.95}, wobble=0, n=100, splits=3))
    assert not cells_differ(small)


def test_a_fixed_test_set_is_said_to_be_one() -> None:
    same = {"accuracy": [[1e-5, 0.0], [0.0, 1e-5]]}
    verdict = checked(trial({"lstm": 0.9, "gru": 0.8}, test_covariance=same))
    assert verdict.outcome == "winner"
    assert verdict.confidence.endswith(", for this one division of the data")
    assert "10 repeats on one fixed test set were run" in verdict.text
    assert "only the random start and the validation rows varied" in verdict.text
    assert "new split" not in verdict.text
    # few test rows, much alike over seeds: not enough
    wide = {"accuracy": [[0.004, 0.0], [0.0, 0.004]]}
    assert checked(trial({"lstm": 0.9, "gru": 0.8}, test_covariance=wide)).outcome == "tie"


def test_a_trial_cut_short_says_so() -> None:
    verdict = checked(trial({"lstm": 0.9, "gru": 0.8}, splits=4, repeats_planned=10))
    assert "4 random splits were run, not 10 as planned, to keep to the time budget" in verdict.text


@pytest.mark.parametrize(
    ("losses", "rising"),
    [
        ([1.0, 0.9, 0.8], True),
        ([1.0, 0.8, 0.9], False),  # patience, or about to
        ([1.0, 0.8, 0.799], False),  # a schedule at its end
        ([1.0], True),
        ([None, 0.5], True),
        ([0.5, None], False),
        ([], False),
    ],
)
def test_cells_that_were_cut_short_are_pointed_out(losses: list[float | None], rising: bool) -> None:
    def with_curves(names: set[str], share: float) -> TrialResult:
        result = trial(
            {"lstm": 0.855, "gru": 0.85, "rnn": 0.84}, {"bag of words": 0.86}, cost={"lstm": 0.1, "gru": 1, "rnn": 1}
        )
        runs = tuple(
            dataclasses.replace(
                run,
                learning_curve=tuple(
                    {"valid_loss": loss}
                    for loss in (losses if run.candidate in names and run.split < share * 10 else [1, 0.5, 0.6])
                ),
            )
            for run in result.runs
        )
        return dataclasses.replace(result, runs=runs)

    verdict = judge(with_curves({"lstm", "gru"}, 0.7))
    said = "lstm and gru were still getting better when time or epochs were up: more may change the verdict."
    assert (said in verdict.sentences) == rising
    assert len(verdict.sentences) <= 6
    assert "getting better" not in judge(with_curves({"lstm", "gru"}, 0.4)).text
    assert ("gru was still getting better" in judge(with_curves({"gru"}, 1)).text) == rising


def test_unequal_sizes_are_pointed_out() -> None:
    verdict = checked(trial({"lstm": 0.9, "gru": 0.8}, parameters={"lstm": 12_000, "gru": 9_000}))
    assert "not of one size (lstm 12,000 and gru 9,000 parameters)" in verdict.text
    assert "not of one size" not in checked(trial({"lstm": 0.9, "gru": 0.8})).text


def test_many_long_names_do_not_lengthen_the_headline() -> None:
    names = [f"a cell with a longish name, number {i}" for i in range(6)]
    tie = checked(trial(dict.fromkeys(names, 0.8)))
    assert tie.headline.startswith("No significant difference between 6 cells; take a cell with")
    best = checked(trial(dict.fromkeys(names, 0.6) | {names[0]: 0.9}))
    assert best.headline == f"Use {names[0]}: it is better than the other cells."


def test_other_metrics_are_named() -> None:
    assert "% macro-F1," in checked(trial({"lstm": 0.9, "gru": 0.8}, metric="macro_f1")).text


def test_of_errors_the_lowest_wins() -> None:
    verdict = checked(trial({"rnn": 0.95, "lstm": 0.8, "gru": 0.712}, {"seasonal naive": 1.034}, metric="mase"))
    assert verdict.outcome == "winner"
    assert verdict.recommended == "gru"
    assert verdict.headline == "Use gru: it is better than lstm and rnn."
    assert "gru scored a MASE of 0.712, lstm 0.800: 0.088 less, a real difference" in verdict.sentences[0]
    assert "expect between −0.1" in verdict.sentences[0]
    assert "gru scored a MASE of 0.712, seasonal naive 1.034: 0.322 less, a real difference" in verdict.sentences[1]
    assert "points" not in verdict.text
    assert "%" not in verdict.text
    gru_first = next(c for c in verdict.comparisons if (c.first, c.second) == ("gru", "lstm"))
    assert gru_first.difference == pytest.approx(0.088)  # a gain
    assert 0 < gru_first.low < gru_first.difference < gru_first.high


def test_of_errors_a_better_baseline_is_lower() -> None:
    verdict = checked(trial({"lstm": 1.3, "gru": 1.2}, {"seasonal naive": 1.0, "naive": 2.0}, metric="mase"))
    assert verdict.outcome == "baseline better"
    assert verdict.recommended == "seasonal naive"
    assert "gru scored a MASE of 1.200, seasonal naive 1.000: 0.200 more, a real difference" in verdict.sentences[0]
    assert "expect between +0.1" in verdict.sentences[0]
    near = checked(trial({"lstm": 1.02, "gru": 1.015}, {"seasonal naive": 1.0}, metric="mase"))
    assert near.outcome == "baseline as good"
    assert "“seasonal naive” scored lower than every cell, though it is not shown to be better" in near.headline


def test_a_hundredth_of_the_baselines_score_is_what_a_plain_number_must_gain() -> None:
    level = {"wobble": 0.1, "metric": "bits_per_character"}
    alike = checked(trial({"lstm": 2.0, "gru": 2.0}, {"kneser-ney": 2.0}, **level))
    assert alike.headline == "The plain baseline “kneser-ney” does as well as any cell; take the baseline."
    assert "lstm scored 2.000 bits per character, kneser-ney 2.000: 0.000 apart, which may be luck" in alike.text
    # the same spread about a fiftieth of the score is more than a hundredth of that
    small = checked(trial({"lstm": 0.04, "gru": 0.04}, {"kneser-ney": 0.04}, **level))
    assert small.headline.startswith("No cell is shown to be better")


def test_of_errors_that_differ_alike_in_every_split_nothing_is_known() -> None:
    verdict = checked(trial({"lstm": 1.0, "gru": 2.0}, wobble=0, metric="rmse"))
    assert verdict.outcome == "tie"
    assert verdict.comparisons[0].p == 1
    assert "an RMSE of 1.000, gru 2.000: 1.000 less, which may be luck, as the splits differ too little" in verdict.text
    assert "too few to be sure of seeing any difference" in verdict.text
    data = verdict.to_json()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["comparisons"][0]["low"] is None
    same = checked(trial({"lstm": 1.0, "gru": 1.0}, wobble=0, metric="rmse"))
    assert "10 random splits were run." in same.sentences


def test_what_was_asked_and_how_it_was_split_is_said() -> None:
    result = trial({"lstm": 0.9, "gru": 0.8}, metric="mase", rolling=True, cost={"lstm": 0.2, "gru": 0.1})
    verdict = checked(dataclasses.replace(result, asked="forecast"))
    assert "on a new test block of the same kind of data" in verdict.text
    assert "10 splits in order of time were run" in verdict.text
    near = checked(dataclasses.replace(trial({"lstm": 0.9, "gru": 0.9}, cost={"lstm": 0.2}), asked="document"))
    assert "Cost: lstm 0.2 ms a document." in near.text


def test_what_cannot_be_better_cannot_decide() -> None:
    with pytest.raises(ConfigError, match="coverage is told but cannot decide"):
        judge(trial({"lstm": 0.9, "gru": 0.8}, metric="coverage"))


def test_numbers_agree_with_the_result() -> None:
    result = trial({"lstm": 0.9, "gru": 0.87})
    (comparison,) = judge(result).comparisons
    test = result.compare("lstm", "gru")
    assert comparison.difference == pytest.approx(100 * test.difference) == pytest.approx(3)
    assert (comparison.low, comparison.high) == pytest.approx((100 * test.low, 100 * test.high))
    assert comparison.new_split == pytest.approx([100 * end for end in test.new_split or ()])
    assert comparison.p == comparison.adjusted_p == test.p


def test_json_is_plain() -> None:
    for result in (trial({"lstm": 0.9, "gru": 0.8}, {"majority class": 0.5}), trial({"lstm": 0.9})):
        data = judge(result).to_json()
        assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert judge(trial({"lstm": 0.9, "gru": 0.8})).to_json()["comparisons"][0]["significant"] is True


def test_a_trial_without_cells_is_refused() -> None:
    with pytest.raises(ConfigError, match="no cell"):
        judge(trial({}, {"majority class": 0.5}))


def test_one_split_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 2 splits"):
        judge(trial({"lstm": 0.9, "gru": 0.8}, splits=1))
