"""Temperature, top-k and top-p."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latchwork.errors import ConfigError
from latchwork.tasks.sampling import Sampling

SCORES = np.log(np.array([0.1, 0.4, 0.2, 0.3]))


@given(
    scores=arrays(np.float32, st.integers(1, 30), elements=st.floats(-50, 50, width=32)),
    temperature=st.sampled_from([0.0, 1e-300, 0.5, 1.0, 100.0]),
    top_k=st.none() | st.integers(1, 40),
    top_p=st.none() | st.floats(0.01, 1),
)
def test_shares_are_shares_of_the_likeliest(scores, temperature, top_k, top_p):
    sampling = Sampling(temperature, top_k, top_p)
    shares = sampling.probabilities(scores)
    assert shares.sum() == pytest.approx(1)
    assert shares[scores.argmax()] > 0
    left = shares > 0
    assert left.sum() <= (top_k or len(scores))
    assert scores[left].min() >= scores[~left].max(initial=-np.inf) or temperature < 0.1
    assert shares[sampling.draw(scores, np.random.default_rng(0))] > 0


@pytest.mark.parametrize(
    ("options", "shares"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0}, [0, 1, 0, 0]),
        ({"temperature": 0.5}, np.array([1, 16, 4, 9]) / 30),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.4}, [0, 1, 0, 0]),
        ({"top_p": 0.41}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 3, "top_p": 0.7}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 1}, [0.1, 0.4, 0.2, 0.3]),
    ],
)
def test_known_shares(options, shares):
    assert Sampling(**options).probabilities(SCORES) == pytest.approx(shares)


def test_draws_come_as_often_as_they_should():
    generator = np.random.default_rng(0)
    drawn = np.bincount([Sampling().draw(SCORES, generator) for _ in range(4_000)]) / 4_000
    assert drawn == pytest.approx(np.exp(SCORES), abs=0.03)


def test_what_is_impossible_is_never_drawn():
    scores = np.array([0.0, -np.inf, 0.0, -np.inf])
    generator = np.random.default_rng(0)
    assert {Sampling(5.0).draw(scores, generator) for _ in range(200)} == {0, 2}


@pytest.mark.parametrize(
    "options",
    [{"temperature": v} for v in (-1, np.nan, np.inf, "1", True, None)]
    + [{"top_k": v} for v in (0, -1, 1.5, True, "3")]
    + [{"top_p": v} for v in (0, -0.1, 1.1, np.nan, True, "1")],
)
def test_refusals(options):
    (name,) = options
    with pytest.raises(ConfigError, match=f"{name} must be"):
        Sampling(**options)
