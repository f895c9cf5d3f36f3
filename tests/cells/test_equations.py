"""Every cell of the zoo against its paper's equations, written here by hand in plain numpy, gate by gate.

The parity tests hold paths against one another; that the definition itself is right is proven here alone.
"""

from __future__ import annotations

import numpy as np
import pytest

from latchwork import cells
from latchwork.reference import numpy as truth
from support import random_parameters

SIZES = {"I": 3, "H": 4, "P": 2}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def relu(a):
    return a * (a > 0)


def norm(a, weight, bias):
    """torch.nn.LayerNorm over the last dimension."""
    return (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + 1e-5) * weight + bias


def sums(x, h, p, count):
    """W x + b + U h + b' of each gate."""
    return np.split(x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"], count, -1)


def normed(x, h, p, count):
    """LN(W x) and LN(U h) of each gate."""
    return [
        [
            norm(part, weight, bias)
            for part, weight, bias in zip(
                np.split(source @ p[f"weight_{s}"].T, count, -1),
                np.split(p[f"norm_weight_{s}"], count),
                np.split(p[f"norm_bias_{s}"], count),
                strict=True,
            )
        ]
        for source, s in ((x, "ih"), (h, "hh"))
    ]


def rnn(p, x, h):
    return (np.tanh(sums(x, h, p, 1)[0]),)


def rnn_relu(p, x, h):
    return (relu(sums(x, h, p, 1)[0]),)


def indrnn(p, x, h):
    return (relu(x @ p["weight_ih"].T + p["bias_ih"] + p["vector_recurrent"] * h),)


def lstm(p, x, h, c):
    i, f, g, o = sums(x, h, p, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def lstm_coupled(p, x, h, c):
    f, g, o = sums(x, h, p, 3)
    c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def lstm_peephole(p, x, h, c):
    i, f, g, o = sums(x, h, p, 4)
    new = sigmoid(f + p["vector_forget"] * c) * c + sigmoid(i + p["vector_input"] * c) * np.tanh(g)
    return sigmoid(o + p["vector_output"] * new) * np.tanh(new), new


def lstm_projected(p, x, h, c):
    h, c = lstm(p, x, h, c)
    return h @ p["weight_hr"].T, c


def lstm_layer_norm(p, x, h, c):
    (xi, xf, xg, xo), (hi, hf, hg, ho) = normed(x, h, p, 4)
    c = sigmoid(xf + hf) * c + sigmoid(xi + hi) * np.tanh(xg + hg)
    return sigmoid(xo + ho) * np.tanh(norm(c, p["norm_weight_c"], p["norm_bias_c"])), c


def gru(p, x, h):
    xr, xz, xn = np.split(x @ p["weight_ih"].T + p["bias_ih"], 3, -1)
    hr, hz, hn = np.split(h @ p["weight_hh"].T + p["bias_hh"], 3, -1)
    z = sigmoid(xz + hz)
    return ((1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h,)


def gru_layer_norm(p, x, h):
    (xr, xz, xn), (hr, hz, hn) = normed(x, h, p, 3)
    z = sigmoid(xz + hz)
    return ((1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h,)


def gru_reset_before(p, x, h):
    xr, xz, xn = np.split(x @ p["weight_ih"].T + p["bias_ih"], 3, -1)
    hr, hz = np.split(h @ p["weight_hh"].T + p["bias_hh"], 2, -1)
    z = sigmoid(xz + hz)
    new = np.tanh(xn + (sigmoid(xr + hr) * h) @ p["weight_kept"].T + p["bias_kept"])
    return ((1 - z) * new + z * h,)


def mgu(p, x, h):
    xf, xn = np.split(x @ p["weight_ih"].T + p["bias_ih"], 2, -1)
    f = sigmoid(xf + h @ p["weight_hh"].T + p["bias_hh"])
    new = np.tanh(xn + (f * h) @ p["weight_kept"].T + p["bias_kept"])
    return ((1 - f) * h + f * new,)


@pytest.mark.parametrize("name", cells.names())
def test_a_cell_is_its_papers_equations(name):
    by_hand = globals()[name]  # a new cell brings its equations with it
    cell = cells.get(name)
    rng = np.random.default_rng(0)
    parameters = random_parameters(cell, SIZES, rng)
    x = rng.normal(size=(6, 5, SIZES["I"]))
    states = tuple(rng.normal(size=(5, SIZES[letter])) for letter in cell.graph.state_sizes())
    done = truth.forward(cell.graph, parameters, x, states)
    for t in range(6):
        states = by_hand(parameters, x[t], *states)
        for state, value in zip(cell.graph.states, states, strict=True):
            np.testing.assert_allclose(done.trace[state.name][t], value, rtol=1e-12, atol=1e-14)
    for final, value in zip(done.final, states, strict=True):
        np.testing.assert_allclose(final, value, rtol=1e-12, atol=1e-14)
