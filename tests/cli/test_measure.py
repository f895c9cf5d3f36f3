"""How speeds are compared: whose turn it is, what is left out, what counts as the same numbers."""

import time

import numpy as np
import pytest
import torch

from latchwork.cli import measure
from latchwork.cli.measure import Timing, disagreement, geometric_mean, in_turn, threads


def test_contenders_take_turns_and_the_order_turns():
    log = []
    timings = in_turn({"a": lambda: log.append("a"), "b": lambda: log.append("b")}, 0.005)
    turns = [name for name, before in zip(log, [None, *log], strict=False) if name != before]
    # a b, b a, a b …, three to five rounds: neighbours of one name melt together.
    assert turns == ["a", "b", "a", "b", "a", "b"][: len(turns)]
    assert len(turns) >= 4
    assert all(0 < t.low <= t.median <= t.high and t.calls >= 3 for t in timings.values())


def test_long_calls_are_made_three_times_and_no_more():
    calls = []

    def slow():
        calls.append(1)
        time.sleep(0.06)

    timings = in_turn({"slow": slow}, 0.01)
    assert len(calls) == timings["slow"].calls == 3
    assert 0.06 <= timings["slow"].median < 0.5


def test_what_comes_before_a_contender_has_settled_does_not_count(monkeypatch):
    clock = iter(np.arange(0, 1e6, 0.5).cumsum())  # each call seems to take longer than the one before
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(clock) * 1e-6)
    calls = []
    times = measure._while(lambda: calls.append(1), 0.001)
    assert len(times) < len(calls)
    settled = sum(0.5e-6 * (2 * i + 1) for i in range(len(calls) - len(times)))
    assert settled >= measure._SETTLE


def test_a_timing_knows_when_it_says_little():
    assert Timing.of([1.0, 2.0, 3.0]) == Timing(2.0, 1.5, 2.5, 3)
    assert Timing.of([1.0, 2.0, 3.0]).noisy
    assert not Timing.of([1.0, 1.01, 1.1]).noisy


def test_the_number_of_threads_is_put_back():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_rounding_is_no_disagreement_and_anything_else_is():
    right = {"output": np.linspace(-2, 2, 100, dtype=np.float32), "nothing": np.zeros((0, 3))}
    assert disagreement(right, right) is None
    assert disagreement({**right, "output": right["output"] + np.float32(1e-5)}, right) is None
    bfloat16 = {**right, "output": torch.from_numpy(right["output"]).bfloat16().float()}
    assert "output differs by" in disagreement(bfloat16, right)
    one = right["output"].copy()
    one[3] += 0.001
    assert "output differs by 5.0e-04 of its largest number" in disagreement({**right, "output": one}, right)


@pytest.mark.parametrize("place", ["found", "expected", "both"])
def test_a_nan_is_a_disagreement(place):
    plain, broken = {"h": np.ones(3)}, {"h": np.array([1, np.nan, 1])}
    found = plain if place == "expected" else broken
    assert disagreement(found, plain if place == "found" else broken) is not None


def test_other_shapes_and_names_are_disagreements():
    assert disagreement({"h": np.ones((2, 1))}, {"h": np.ones((1, 2))}) == "h is (2, 1) and should be (1, 2)"
    assert disagreement({"h": np.ones(2)}, {"h": np.ones(2), "c": np.ones(2)}) == "only one of the two has c"
    assert "inf" in disagreement({"h": np.full(2, 1e-9)}, {"h": np.zeros(2)})


def test_geometric_mean():
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1)
    assert geometric_mean([]) is None
