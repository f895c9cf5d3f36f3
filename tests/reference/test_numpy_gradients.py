"""The numpy reference proven on its own, without torch: every gradient of every cell against central differences."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from latchwork import cells
from latchwork.language.transforms import variant
from latchwork.reference import numpy as truth
from latchwork.reference.interpreter import Masks
from support import ODD_CELLS, numerical_gradient, random_parameters

SIZES = {"I": 2, "H": 3, "P": 2}
T, B = 4, 3

PLAIN = {"lengths": None, "reset": None, "reverse": False}
CUT = np.zeros((T, B), bool)
CUT[0, 0] = CUT[2, 1] = CUT[3, 2] = True
SCHEDULES = {
    "plain": PLAIN,
    "reverse": {**PLAIN, "reverse": True},
    "ragged": {**PLAIN, "lengths": [2, 0, 4]},
    "ragged, cut and reversed": {"lengths": [3, 1, 4], "reset": CUT, "reverse": True},
    "cut": {**PLAIN, "reset": CUT},
}
LSTM, GRU = cells.get("lstm"), cells.get("gru")
VARIANTS = [
    variant(LSTM, peephole=True, layer_norm=True, projected=True, recurrent_dropout=0.3, zoneout=0.2),
    variant(GRU, layer_norm=True, zoneout=0.4),
    variant(cells.get("gru_reset_before"), recurrent_dropout=0.5, bias=False),
    variant(cells.get("indrnn"), zoneout=0.5, layer_norm=True),
]


def check_gradients(cell, schedule, masks=Masks()):  # noqa: B008 (frozen)
    rng = np.random.default_rng(1)
    parameters = random_parameters(cell, SIZES, rng)
    x = rng.normal(size=(T, B, SIZES["I"]))
    initial = [rng.normal(size=(B, SIZES[letter])) for letter in cell.graph.state_sizes()]
    done = truth.forward(cell.graph, parameters, x, initial, **schedule, masks=masks)
    by_output = rng.normal(size=done.output.shape)
    by_final = [rng.normal(size=f.shape) for f in done.final]

    def scalar():
        again = truth.forward(cell.graph, parameters, x, initial, **schedule, masks=masks)
        parts = [(again.output * by_output).sum(), *((f * g).sum() for f, g in zip(again.final, by_final, strict=True))]
        return float(sum(parts))

    found = truth.backward(done, by_output, by_final)
    np.testing.assert_allclose(found.x, numerical_gradient(scalar, x), rtol=1e-5, atol=2e-8)
    for gradient, array in zip(found.initial, initial, strict=True):
        np.testing.assert_allclose(gradient, numerical_gradient(scalar, array), rtol=1e-5, atol=2e-8)
    assert set(found.parameters) == set(parameters)
    for name, array in parameters.items():
        expected = numerical_gradient(scalar, array)
        np.testing.assert_allclose(found.parameters[name], expected, rtol=1e-5, atol=2e-8, err_msg=name)
        assert expected.any(), f"{name} has no effect: the test proves nothing of it"


@pytest.mark.parametrize("name", cells.names())
@pytest.mark.parametrize("schedule", ["plain", "ragged, cut and reversed"])
def test_every_gradient_of_every_cell(name, schedule):
    check_gradients(cells.get(name), SCHEDULES[schedule])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("cell", [LSTM, GRU], ids=lambda c: c.name)
def test_every_gradient_on_every_schedule(cell, schedule):
    check_gradients(cell, SCHEDULES[schedule])


@pytest.mark.parametrize("cell", ODD_CELLS, ids=lambda c: c.name)
@pytest.mark.parametrize("schedule", ["plain", "ragged, cut and reversed"])
def test_every_gradient_of_odd_cells(cell, schedule):
    check_gradients(cell, SCHEDULES[schedule])


@pytest.mark.parametrize("cell", VARIANTS, ids=lambda c: c.name)
@pytest.mark.parametrize("seed", [None, 12345], ids=["expectation", "masks"])
def test_every_gradient_of_variants(cell, seed):
    check_gradients(cell, SCHEDULES["cut"], Masks(seed, stream=3))


def test_without_a_final_gradient_there_is_none():
    rng = np.random.default_rng(2)
    parameters = random_parameters(GRU, SIZES, rng)
    x = rng.normal(size=(T, B, SIZES["I"]))
    done = truth.forward(GRU.graph, parameters, x)
    by_output = rng.normal(size=done.output.shape)
    alone = truth.backward(done, by_output)
    zero = truth.backward(done, by_output, [np.zeros_like(f) for f in done.final])
    np.testing.assert_array_equal(alone.x, zero.x)


@pytest.mark.parametrize("name", cells.names())
def test_no_steps_and_no_rows(name):
    cell = cells.get(name)
    rng = np.random.default_rng(3)
    parameters = random_parameters(cell, SIZES, rng)
    widths = [SIZES[letter] for letter in cell.graph.state_sizes()]
    for steps, batch in ((0, B), (T, 0), (0, 0)):
        initial = [rng.normal(size=(batch, width)) for width in widths]
        for reverse in (False, True):
            x = np.zeros((steps, batch, SIZES["I"]))
            reset = np.ones((steps, batch), bool)
            done = truth.forward(cell.graph, parameters, x, initial, reset=reset, reverse=reverse)
            assert done.output.shape == (steps, batch, widths[0])
            back = truth.backward(done, np.ones_like(done.output), [np.ones_like(f) for f in done.final])
            for state, final, gradient in zip(initial, done.final, back.initial, strict=True):
                assert np.array_equal(final, state) or batch == 0
                assert np.array_equal(gradient, np.ones_like(state))
            assert not any(g.any() for g in back.parameters.values())


def test_the_reference_leaves_torch_alone():
    program = "import sys, latchwork.reference.numpy; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
