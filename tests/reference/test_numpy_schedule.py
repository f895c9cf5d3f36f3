"""What `lengths`, `reset` and `reverse` mean, on the numpy reference itself: rows and pieces alone give the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork import cells
from latchwork.reference import numpy as truth
from support import random_parameters

SIZES = {"I": 3, "H": 4, "P": 2}
names = st.sampled_from(cells.names())


def case(name, steps, batch, seed):
    cell = cells.get(name)
    rng = np.random.default_rng(seed)
    parameters = random_parameters(cell, SIZES, rng)
    x = rng.normal(size=(steps, batch, SIZES["I"]))
    initial = [rng.normal(size=(batch, SIZES[letter])) for letter in cell.graph.state_sizes()]
    return cell.graph, parameters, x, initial, rng


def pieces(steps, cuts):
    """The steps between the cuts: (start, end) each, in order."""
    edges = sorted({0, steps, *(t for t in range(1, steps) if cuts[t])})
    return list(pairwise(edges))


@given(names, st.integers(1, 6), st.integers(1, 3), st.booleans(), st.booleans(), st.data())
def test_each_row_alone_and_each_piece_alone(name, steps, batch, reverse, with_reset, data):
    graph, parameters, x, initial, rng = case(name, steps, batch, data.draw(st.integers(0, 99)))
    lengths = data.draw(st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    reset = rng.random((steps, batch)) < 0.4 if with_reset else np.zeros((steps, batch), bool)
    whole = truth.forward(graph, parameters, x, initial, lengths=lengths, reset=reset, reverse=reverse)
    for row, length in enumerate(lengths):
        assert not whole.output[length:, row].any()
        states = [s[[row]] for s in initial]
        if not reverse and length and reset[0, row]:
            states = [np.zeros_like(s) for s in states]
        parts = pieces(length, reset[:, row]) if length else []
        outputs = {}
        for number, (start, end) in enumerate(reversed(parts) if reverse else parts):
            if number:
                states = [np.zeros_like(s) for s in states]
            part = x[start:end, [row]]
            done = truth.forward(graph, parameters, part[::-1] if reverse else part, states)
            outputs[start] = done.output[::-1] if reverse else done.output
            states = done.final
        if outputs:
            joined = np.concatenate([outputs[start] for start in sorted(outputs)])[:, 0]
            np.testing.assert_allclose(whole.output[:length, row], joined, rtol=1e-12, atol=1e-14)
        for final, state in zip(whole.final, states, strict=True):
            np.testing.assert_allclose(final[row], state[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_cut_in_the_padding_is_no_cut(reverse):
    graph, parameters, x, initial, _ = case("lstm", 5, 3, 0)
    lengths = [5, 2, 0]
    reset = np.arange(5)[:, None] >= np.array(lengths)
    plain = truth.forward(graph, parameters, x, initial, lengths=lengths, reverse=reverse)
    padded = truth.forward(graph, parameters, x, initial, lengths=lengths, reset=reset, reverse=reverse)
    np.testing.assert_array_equal(padded.output, plain.output)
    for a, b in zip(padded.final, plain.final, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(padded.final[0][2], initial[0][2])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", cells.names())
def test_poison_in_the_padding_stays_there(name, reverse):
    graph, parameters, x, initial, _ = case(name, 5, 3, 1)
    lengths = [2, 5, 0]
    padding = (np.arange(5)[:, None] >= np.array(lengths))[..., None]
    results = []
    for filling in (0.0, np.nan, np.inf):
        done = truth.forward(
            graph, parameters, np.where(padding, filling, x), initial, lengths=lengths, reverse=reverse
        )
        back = truth.backward(done, np.ones_like(done.output), [np.ones_like(f) for f in done.final])
        results.append(
            [done.output, *done.final, *done.trace.values(), back.x, *back.initial, *back.parameters.values()]
        )
    for poisoned in results[1:]:
        for clean, array in zip(results[0], poisoned, strict=True):
            assert np.isfinite(array).all()
            np.testing.assert_array_equal(array, clean)


def test_a_gradient_into_the_padding_is_not_heard():
    graph, parameters, x, initial, rng = case("gru", 4, 2, 2)
    done = truth.forward(graph, parameters, x, initial, lengths=[2, 3])
    clean = rng.normal(size=done.output.shape)
    poisoned = np.where(done.valid[..., None], clean, np.nan)
    a, b = truth.backward(done, clean), truth.backward(done, poisoned)
    np.testing.assert_array_equal(a.x, b.x)
    assert not a.x[2:, 0].any()


def test_the_first_states_are_zeros_by_default():
    graph, parameters, x, initial, _ = case("lstm_projected", 3, 2, 3)
    zeros = [np.zeros_like(s) for s in initial]
    given_none = truth.forward(graph, parameters, x)
    np.testing.assert_array_equal(given_none.output, truth.forward(graph, parameters, x, zeros).output)
    assert [f.shape for f in given_none.final] == [(2, 2), (2, 4)]
