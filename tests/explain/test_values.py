"""Every value of a cell at every step: those with names as the trace has them, the others as the reference has them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latchwork import cells
from latchwork.explain.drawn import drawn
from latchwork.explain.passes import layer_input, passes
from latchwork.explain.values import values
from latchwork.nn import Recurrent
from latchwork.reference.torch import scan
from random_cells import make, step

VARIANTS = [{}, {"layer_norm": True}, {"zoneout": 0.2}, {"recurrent_dropout": 0.3}, {"bias": False}]


def every(layer, x):
    """For each layer and direction: key → values, for every value of the cell, and the trace."""
    graph = layer.cell.graph
    wanted = {**graph.traced, **drawn(graph).values}
    with torch.no_grad():
        _, _, trace = layer(x, return_trace=True)
        for which, named in zip(passes(layer), trace, strict=True):
            read = layer_input(layer, x, trace, which.layer)
            yield which, read, wanted, values(graph, which, read, named, wanted), named


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("cell", cells.names())
def test_values_are_those_of_a_run_that_names_them(cell, options):
    if "layer_norm" in options and cell.endswith("layer_norm"):
        pytest.skip("it has layer norm of its own")
    torch.manual_seed(0)
    size = {"proj_size": 3} if cell == "lstm_projected" else {}
    layer = Recurrent(cell, 4, 5, 2, bidirectional=True, dtype=torch.float64, **size, **options).eval()
    x = torch.randn(6, 3, 4, dtype=torch.float64)
    graph = layer.cell.graph
    for which, read, wanted, found, trace in every(layer, x):
        for name in trace:
            assert torch.allclose(found[name], trace[name], atol=1e-12), name
        # Here the order of the parameters could be another one, but for no cell of the zoo it is.
        named = graph.regrouped(graph.results, {**graph.names, **wanted})
        initial = [torch.zeros(3, width, dtype=torch.float64) for width in which.widths]
        how = {"sizes": which.sizes, "reverse": bool(which.direction), "with_trace": True}
        reference = scan(named, which.parameters, read, initial, **how).trace
        for key, value in wanted.items():
            if key in reference:
                assert torch.allclose(found[key], reference[key], atol=1e-12), (key, value)
        assert set(found) == set(wanted)


@given(st.sampled_from(["lstm", "gru_layer_norm", "mgu"]), st.integers(1, 7), st.integers(1, 4), st.integers(1, 5))
def test_shapes(cell, steps, size, units):
    layer = Recurrent(cell, 2, units).eval()
    ((_, _, wanted, found, _),) = every(layer, torch.randn(steps, size, 2))
    assert {tuple(found[key].shape) for key in wanted} == {(steps, size, units)}


@settings(max_examples=40)
@given(st.lists(step, min_size=1, max_size=6), st.integers(1, 2), st.booleans())
def test_cells_that_nobody_wrote(instructions, states, both):
    cell = make(instructions, states)
    projects = any(value.op == "project" for value in cell.graph.order)
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, bidirectional=both, proj_size=2 if projects else 0, dtype=torch.float64)
    for _, _, wanted, found, trace in every(layer, torch.randn(5, 2, 3, dtype=torch.float64)):
        assert set(found) == set(wanted)
        for name in trace:
            assert torch.allclose(found[name], trace[name], atol=1e-10), name
