"""A sequence in two lines."""

from dataclasses import replace

import numpy as np

from latchwork.cli.turning import turning
from latchwork.explain.explanation import Explanation

TURN = Explanation(
    text="Nice, but stale.",
    steps=("Nice", ",", "but", "stale", "."),
    spans=((0, 4), (4, 5), (6, 9), (10, 15), (15, 16)),
    probabilities={"bad": 0.75, "good": 0.25},
    predicted="bad",
    moved=np.zeros(5),
    score=1.1,
    baseline=0.0,
    completeness_error=0.0,
    kept=np.array([0.1, 0.7, 0.2, 0.6, 0.9]),
    gate="forget gate",
    unseen=(False,) * 5,
    occluded=np.zeros(5),
)


def test_the_first_step_and_what_is_no_word_are_left_out():
    assert turning(TURN).plain == "Nice, but stale.\n  bad 75.0%; kept least at “but” (20%), most at “stale” (60%)"


def test_without_a_gate_or_a_second_step():
    assert turning(replace(TURN, kept=None, gate=None)).plain == "Nice, but stale.\n  bad 75.0%"
    alone = replace(TURN, text=None, steps=("step 1",), spans=(), kept=np.array([0.5]))
    assert turning(alone).plain == "a series of length 1\n  bad 75.0%"


def test_nothing_in_it_turns_the_line_around():
    hard = replace(TURN, text="Nice\u202e", steps=("Nice", ",", "b\u2067ut", "st\x1bale", "."), predicted="b\u202ed")
    said = turning(replace(hard, probabilities={"b\u202ed": 0.75})).plain
    assert said == "Nice�\n  b�d 75.0%; kept least at “b�ut” (20%), most at “st�ale” (60%)"
