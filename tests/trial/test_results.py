"""Results: averages over seeds, summary, and JSON there and back."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from latchwork.errors import ConfigError, DataError
from latchwork.trial.problems.classify import METRICS
from latchwork.trial.results import Contestant, Run, SplitSizes, TrialResult
from latchwork.trial.statistics import blocks_t_test, corrected_t_test, share_variance


def result(**changes: object) -> TrialResult:
    """Two cells, three splits, two seeds each."""
    accuracies = {"lstm": [[0.5, 0.7], [0.8, 0.8], [0.9, 0.7]], "gru": [[0.6, 0.6], [0.5, 0.7], [0.7, 0.9]]}
    runs = [
        Run(
            candidate=name,
            split=split,
            seed=10 * split + repeat,
            scores={"accuracy": score, "macro_f1": score / 2},
            settings={"rate": np.float32(0.5), "sizes": (1, 2)},
            parameters=100,
            seconds_per_epoch=1.0 + split,
            milliseconds_per_sequence=None if name == "gru" else 0.1 * (repeat + 1),
            learning_curve=({"loss": 1.5, "valid": math.nan},) if name == "lstm" else None,
        )
        for name, splits in accuracies.items()
        for split, scores in enumerate(splits)
        for repeat, score in enumerate(scores)
    ]
    plain = TrialResult(
        candidates=(Contestant("lstm", "cell", 3), Contestant("gru", "cell", 3)),
        runs=tuple(runs),
        task="classify",
        metrics=METRICS[:2],
        metric="accuracy",
        rows="rows",
        asked="sequence",
        facts={"rows": 100, "classes": {"no": 40, "yes": 60}},
        sizes=(SplitSizes(60, 20, 20),) * 3,
        seed=0,
        repeats_planned=5,
        seeds_per_split=2,
        groups=12,
        seconds=3.5,
        notes=("3 of 5",),
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def test_seeds_of_one_split_are_averaged() -> None:
    assert result().split_scores("lstm") == pytest.approx([0.6, 0.8, 0.8])
    assert result().split_scores("lstm", "macro_f1") == pytest.approx([0.3, 0.4, 0.4])
    comparison = result().compare("lstm", "gru")
    assert comparison.degrees_of_freedom == 2  # three splits, not six runs
    assert comparison.difference == pytest.approx((0.0 + 0.2 + 0.0) / 3)


def test_of_errors_the_lower_gains() -> None:
    turned = result(metrics=(dataclasses.replace(METRICS[0], unit="number", better="less", independent=False),))
    assert turned.compare("lstm", "gru").difference == pytest.approx(-result().compare("lstm", "gru").difference)
    # plain numbers have no bounds to cut an interval at, and no floor under their variance
    lstm, _ = turned.summary()
    scores = np.array([0.6, 0.8, 0.8])
    wide = corrected_t_test(scores.tolist(), n_train=60, n_test=20)
    assert (lstm.mean, lstm.low, lstm.high) == pytest.approx((scores.mean(), wide.low, wide.high))
    assert lstm.high > 1


def test_what_is_shown_beside_the_metric() -> None:
    assert result().second == METRICS[1]
    assert result(metric="macro_f1").second == METRICS[0]
    assert result(metrics=METRICS[:1]).second is None
    assert result(metrics=METRICS, metric="balanced_accuracy").second == METRICS[1]


def test_comparison_is_the_corrected_test_with_its_floor() -> None:
    floor = share_variance(0.2 / 3, 20)
    expected = corrected_t_test([0, 0.2, 0], n_train=60, n_test=20, least_variance=floor)
    assert result().compare("lstm", "gru").p == pytest.approx(expected.p)
    assert result().compare("gru", "lstm").difference == pytest.approx(-expected.difference)


def test_blocks_in_time_have_a_test_of_their_own() -> None:
    floor = share_variance(0.2 / 3, 20)
    expected = blocks_t_test([0, 0.2, 0], n_train=60, n_test=20, least_variance=floor)
    assert result(rolling=True).compare("lstm", "gru").p == pytest.approx(expected.p)


def test_summary() -> None:
    lstm, gru = result().summary()
    assert (lstm.candidate, lstm.kind, gru.candidate) == ("lstm", "cell", "gru")
    assert lstm.mean == pytest.approx(2.2 / 3)
    assert lstm.sd == pytest.approx(math.sqrt(2 * 0.2**2 / 3 / 2))  # 0.6, 0.8, 0.8
    # S² = 0.04/3, above the floor of 0.0085; factor 1/3 + 20/60; t with 2 degrees of freedom 4.302653
    reach = 4.302653 * math.sqrt(2 / 3 * 0.04 / 3)
    assert lstm.low == pytest.approx(lstm.mean - reach, rel=1e-5)
    assert lstm.high == 1  # a share, so the interval ends there
    assert lstm.parameters == 100
    assert lstm.seconds_per_epoch == 2
    assert lstm.milliseconds_per_sequence == pytest.approx(0.15)
    assert gru.milliseconds_per_sequence is None


def test_a_fixed_test_set_is_tested_by_its_rows_and_not_corrected_for_shared_ones() -> None:
    covariance = {"accuracy": [[0.04, 0.01], [0.01, 0.03]]}
    fixed = result(test_covariance=covariance)
    assert fixed.fixed_test
    differences = np.array([0.0, 0.2, 0.0])
    expected = math.sqrt(differences.var(ddof=1) / 3 + 0.04 + 0.03 - 2 * 0.01)
    assert fixed.compare("lstm", "gru").standard_error == pytest.approx(expected)
    assert fixed.compare("lstm", "gru").new_split is None
    lstm, _ = fixed.summary()
    assert lstm.low == pytest.approx(max(0, lstm.mean - 4.302653 * math.sqrt(0.04 / 3 / 3 + 0.04)), rel=1e-5)


@pytest.mark.parametrize("covariance", [None, {"accuracy": [[0.04, 0.01], [0.01, 0.03]]}])
def test_json_there_and_back(covariance: dict[str, list[list[float]]] | None) -> None:
    before = result(test_covariance=covariance)
    text = json.dumps(before.to_json(), allow_nan=False)
    after = TrialResult.from_json(json.loads(text))
    assert after == before
    assert after.summary() == before.summary()
    assert after.runs[0].settings == {"rate": 0.5, "sizes": [1, 2]}
    assert after.runs[0].learning_curve == ({"loss": 1.5, "valid": None},)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "is format 99"),
        ({"format": 1}, "of format 2 is needed, this is format 1"),
        ({"metrics": [{"nome": "accuracy"}]}, "nome"),
        ({"runs": [{"candidate": "lstm"}]}, "missing"),
        ({"colour": "red"}, "colour"),
        ({"sizes": 3}, "not a trial result"),
    ],
)
def test_other_json_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        TrialResult.from_json(result().to_json() | change)
    data = result().to_json()
    del data["sizes"]
    with pytest.raises(DataError, match="sizes"):
        TrialResult.from_json(data)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="'rnn' has not run in every split; the candidates are lstm, gru"):
        result().split_scores("rnn")
    with pytest.raises(ConfigError, match="no score 'auc'; this trial has accuracy, macro_f1"):
        result().summary("auc")
    with pytest.raises(ConfigError, match="at least 2 splits, this trial has 1"):
        result(sizes=(SplitSizes(60, 20, 20),), runs=result().runs[:2]).summary()


def test_settings_that_json_cannot_hold_are_refused() -> None:
    with pytest.raises(ConfigError, match="plain values"):
        Run("lstm", 0, 0, {"accuracy": 1.0}, {"optimiser": object()})
