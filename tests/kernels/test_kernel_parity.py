"""The kernels against the numpy truth, without torch, on memory that is NaN wherever nothing was written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_runs import Case, assert_same_bits, assert_true, by_kernels
from latchwork import cells
from latchwork.kernels import block, build
from latchwork.language.transforms import variant
from support import CHANGES, ODD_CELLS, possible_changes

NAMES = cells.names()
DTYPES = [np.float64, np.float32]
SHAPES = {
    "ones": {"T": 1, "B": 1, "I": 1, "H": 1, "P": 1},
    "odd": {"T": 5, "B": 3, "I": 33, "H": 17, "P": 5},
    "whole vectors": {"T": 3, "B": 6, "I": 16, "H": 64, "P": 32},
    "many rows": {"T": 4, "B": 40, "I": 1, "H": 33, "P": 17},
    "many units": {"T": 3, "B": 7, "I": 5, "H": 130, "P": 40},
    "many steps": {"T": 300, "B": 1, "I": 3, "H": 9, "P": 4, "scale": 0.5},
}


def graph_of(name: str, *changes: str):
    options = {("projected" if c == "proj_size" else c): (True if c == "proj_size" else CHANGES[c]) for c in changes}
    return variant(cells.get(name), **options).graph


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_cell_in_every_shape(name, shape, dtype):
    assert_true(Case(graph_of(name), dtype=dtype, **SHAPES[shape]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_cuts_and_the_other_direction(name, reverse, dtype):
    assert_true(Case(graph_of(name), T=6, B=13, H=20, P=6, cut=True, reverse=reverse, dtype=dtype))
    assert_true(Case(graph_of(name), T=6, B=2, H=20, P=6, reverse=reverse, dtype=dtype, initial=False))


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("lengths", [[4, 0, 7, 1, 7, 3, 0, 5], [0, 0, 0, 0, 0, 0, 0, 0], [7, 7, 7, 7, 7, 7, 7, 7]])
@pytest.mark.parametrize("name", NAMES)
def test_ragged_rows(name, lengths, cut):
    assert_true(Case(graph_of(name), T=7, B=8, H=18, P=5, lengths=lengths, cut=cut))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [{"T": 0}, {"B": 0}, {"T": 0, "B": 0}, {"B": 0, "lengths": []}], ids=str)
def test_no_steps_and_no_rows(name, shape):
    assert_true(Case(graph_of(name), **shape))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_change_of_every_cell(name, change):
    if change not in possible_changes(name):
        with pytest.raises(Exception, match=cells.get(name).name):
            graph_of(name, change)
        return
    case = Case(graph_of(name, change), T=5, B=7, H=18, P=6, lengths=[5, 0, 3, 5, 1, 2, 4], cut=True, seed=11, stream=2)
    assert_true(case)


@pytest.mark.parametrize("name", NAMES)
def test_masks_are_those_of_the_truth(name):
    graph = graph_of(name, "zoneout", "recurrent_dropout")
    for options in ({"seed": 2**63 + 5}, {"seed": 0, "stream": 7, "reverse": True, "cut": True}, {"seed": None}):
        for dtype in DTYPES:
            assert_true(Case(graph, T=4, B=13, H=33, P=5, dtype=dtype, **options))


@pytest.mark.parametrize("cell", ODD_CELLS, ids=lambda c: c.name)
def test_odd_cells(cell):
    assert_true(Case(cell.graph, B=7, H=18, cut=True))
    assert_true(Case(cell.graph, B=7, H=18, traced=True, lengths=[5, 0, 2, 2, 1, 5, 4]))
    assert_true(Case(cell.graph, T=0))


@pytest.mark.parametrize("incoming", ["output", "final"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_that_come_in_by_some_results_alone(name, incoming):
    assert_true(Case(graph_of(name), H=18, gradients=incoming))
    assert_true(Case(graph_of(name), H=18, gradients=incoming, lengths=[2, 0, 5]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_the_trace_and_gradients_by_it(name, dtype):
    assert_true(Case(graph_of(name), B=7, H=18, P=5, dtype=dtype, traced=True, cut=True))
    assert_true(Case(graph_of(name), B=4, H=16, P=5, dtype=dtype, traced=True, lengths=[3, 0, 5, 1]))


@pytest.fixture
def limits(monkeypatch):
    """Sets constants of the layout of calls, which are chosen for speed and of which no result may depend."""

    def set_limits(**constants):
        block.laid_out.cache_clear()
        for name, value in constants.items():
            assert hasattr(block, name)
            monkeypatch.setattr(block, name, value)

    yield set_limits
    monkeypatch.undo()
    block.laid_out.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_many_chunks(name, limits):
    """Long sequences are computed chunk by chunk: here of few steps, so that short ones are too."""
    limits(_FORWARD_CHUNK=1, _BACKWARD_CHUNK=1, _BACKWARD_ROWS=(1, 1))
    graph = graph_of(name, *(["zoneout"] if name in ("lstm", "gru_layer_norm") else []))
    for options in (
        {"B": 7, "cut": True},
        {"B": 7, "reverse": True, "cut": True},
        {"B": 13, "lengths": [9, 0, 3, 70, 1, 1, 7, 70, 69, 5, 5, 8, 6], "seed": 4},
        {"B": 1, "T": 120, "traced": True, "scale": 0.5},
    ):
        assert_true(Case(graph, **{"T": 70, "H": 9, "P": 5, "scale": 0.5, **options}))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_small_work_shared_by_threads(name, dtype, limits):
    """As threads share it where it is worth it: here whatever it is worth; the rows, then the units."""
    for cache in (1 << 30, 0):
        limits(_ROW_WORK=-1, _UNIT_WORK=-1, _OWN_CACHE=cache)
        for options in (
            {"B": 50, "cut": True},
            {"B": 7, "cut": True, "reverse": True},
            {"B": 1},
            {"B": 50, "lengths": [i * 7 % 10 for i in range(50)], "seed": 3},
            {"B": 14, "traced": True},
        ):
            case = Case(graph_of(name), **{"T": 9, "I": 5, "H": 130, "P": 66, "dtype": dtype, "scale": 0.5, **options})
            one = assert_true(case)
            for threads in (2, 3):
                assert_same_bits(one, by_kernels(case, threads))


THREADED = {
    "one row": {"T": 6, "B": 1, "I": 33, "H": 400, "P": 130},
    "few rows": {"T": 4, "B": 7, "I": 5, "H": 200, "P": 65},
    "many rows": {"T": 20, "B": 80, "I": 9, "H": 40, "P": 20},
    "ragged": {"T": 20, "B": 40, "I": 9, "H": 70, "P": 20, "lengths": [i * 7 % 21 for i in range(40)]},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", THREADED)
@pytest.mark.parametrize("name", NAMES)
def test_results_depend_on_nothing_but_the_arguments(name, shape, dtype):
    """Not on the number of threads, nor on the run, nor on what is kept for the gradient: to the bit."""
    case = Case(graph_of(name), dtype=dtype, cut=shape != "few rows", **THREADED[shape])
    one = assert_true(case)
    for threads in (2, 3, 2):
        assert_same_bits(one, by_kernels(case, threads))
    for threads in (1, 3):
        assert_same_bits(one, by_kernels(case, threads, save=False))
    assert_same_bits(one, by_kernels(case, x_needed=False))


@pytest.mark.parametrize("name", ["lstm", "gru", "gru_layer_norm", "lstm_projected"])
def test_masks_do_not_depend_on_threads(name):
    for shape in ("few rows", "many rows"):
        case = Case(graph_of(name, "zoneout", "recurrent_dropout"), seed=5, **THREADED[shape])
        one = assert_true(case)
        assert_same_bits(one, by_kernels(case, 2))
        assert_same_bits(one, by_kernels(case, 3))


def test_more_threads_than_work():
    for name in NAMES:
        case = Case(graph_of(name), T=2, B=2, H=3)
        assert_same_bits(by_kernels(case), by_kernels(case, threads=64))


@pytest.mark.parametrize("name", NAMES)
@given(st.data())
@settings(max_examples=25)
def test_any_shape(name, data):
    steps, batch = data.draw(st.integers(0, 9)), data.draw(st.integers(0, 20))
    lengths = data.draw(st.one_of(st.none(), st.lists(st.integers(0, steps), min_size=batch, max_size=batch)))
    case = Case(
        graph_of(name),
        T=steps,
        B=batch,
        I=data.draw(st.integers(1, 40)),
        H=data.draw(st.integers(1, 70)),
        P=data.draw(st.integers(1, 30)),
        dtype=data.draw(st.sampled_from(DTYPES)),
        lengths=lengths,
        cut=data.draw(st.booleans()),
        reverse=lengths is None and data.draw(st.booleans()),
        initial=data.draw(st.booleans()),
        gradients=data.draw(st.sampled_from(["all", "output", "final"])),
        draw=data.draw(st.integers(0, 99)),
    )
    assert_true(case, threads=data.draw(st.sampled_from([1, 2])))


@pytest.mark.parametrize("isa", build.instruction_sets())
def test_every_instruction_set_of_this_machine(isa):
    """In a process of its own: a process keeps to the instruction set with which it began."""
    tests = Path(__file__).parent.parent
    environment = {**os.environ, "LATCHWORK_ISA": isa}
    environment["PYTHONPATH"] = os.pathsep.join([str(tests), *filter(None, [os.environ.get("PYTHONPATH")])])
    code = (
        "import kernel_runs, sys; kernel_runs.every_cell_once(); "
        "print(kernel_runs.build.instruction_set(), 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == f"{isa} False\n"
