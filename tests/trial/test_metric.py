"""Metrics: how scores and differences are told, and that a gain is a gain whichever way is better."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.trial.metric import Metric

ACCURACY = Metric("accuracy", "accuracy")
MASE = Metric("mase", "MASE", "number", "less", "a {words} of {score}")
SIZE = Metric("size", "size", "number", "more")


def test_shares_are_per_cent_and_points() -> None:
    assert ACCURACY.score(0.7284) == "72.8 %"
    assert ACCURACY.said(0.7284) == "72.8 % accuracy"
    assert ACCURACY.interval(0.701, 0.7551) == "70.1 … 75.5 %"
    assert ACCURACY.apart(2.0, 1) == "+2.0 points"
    assert ACCURACY.apart(-0.04, 1) == "0.0 points"
    assert (ACCURACY.title, ACCURACY.ahead) == ("accuracy", "higher")


def test_numbers_keep_the_digits_that_tell() -> None:
    shown = {0.71234: "0.712", 1.0341: "1.034", 12.345: "12.35", 123.45: "123.5", 1234.5: "1,234", 0.071234: "0.0712"}
    assert {value: MASE.score(value) for value in shown} == shown
    assert MASE.score(0.0) == "0.000"
    assert MASE.score(-0.12) == "−0.120"
    assert MASE.said(0.712) == "a MASE of 0.712"
    assert MASE.interval(0.7, 1.25) == "0.700 … 1.250"
    assert MASE.interval(-math.inf, math.inf) == "−∞ … ∞"


def test_less_is_better_is_told_as_less() -> None:
    assert MASE.gain(0.712 - 1.034) == pytest.approx(0.322)
    assert MASE.apart(0.322, 3) == "0.322 less"
    assert MASE.apart(-0.322, 3) == "0.322 more"
    assert MASE.apart(0.0001, 3) == "0.000 apart"
    assert MASE.signed(0.322, 3) == "−0.322"
    assert [MASE.signed(end, 2) for end in MASE.ends(-0.1, 0.5)] == ["−0.50", "+0.10"]
    assert (MASE.title, MASE.ahead) == ("MASE (less is better)", "lower")
    assert SIZE.apart(0.322, 3) == "0.322 more"
    assert [SIZE.signed(end, 2) for end in SIZE.ends(-0.1, 0.5)] == ["−0.10", "+0.50"]


@given(
    metric=st.sampled_from([ACCURACY, MASE, SIZE]),
    one=st.floats(-100, 100),
    other=st.floats(-100, 100),
)
def test_what_is_told_is_the_difference_of_the_scores(metric: Metric, one: float, other: float) -> None:
    gain = metric.gain(one - other)
    assert metric.gain(gain) == one - other
    told = metric.signed(gain, 9).replace("−", "-").replace(",", "")
    assert float(told) == pytest.approx(one - other, abs=1e-8)
