"""Cells that nobody wrote: random graphs out of the whole language, by their kernels and by torch against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latchwork import nn
from latchwork.language.layout import Layout
from latchwork.language.lower import lower
from latchwork.language.ops import OPS
from parity import assert_parity, random_case
from random_cells import INSTRUCTIONS, make, step


@given(
    program=st.lists(step, min_size=1, max_size=8),
    states=st.integers(1, 3),
    layers=st.integers(1, 2),
    bidirectional=st.booleans(),
    steps=st.integers(0, 4),
    batch=st.integers(1, 3),
    cut=st.booleans(),
    lengths=st.booleans(),
    changes=st.sampled_from([{}, {"zoneout": 0.3}, {"recurrent_dropout": 0.4}, {"bias": False}]),
    dtype=st.sampled_from([torch.float64, torch.float64, torch.float32]),
    seed=st.integers(0, 999),
)
@pytest.mark.parametrize(("path", "wide"), [("reference", False), ("fused", False), ("fused", True)])
@settings(max_examples=50)
def test_any_cell(program, states, layers, bidirectional, steps, batch, cut, lengths, changes, dtype, seed, path, wide):
    made = make(program, states)
    options = {**changes, "num_layers": layers, "bidirectional": bidirectional, "dtype": dtype}
    torch.manual_seed(seed)
    if any(v.op == "project" for v in made.graph.order):
        options["proj_size"] = 2
    # Wide, so that all vectors are whole and tiles are full; or of few units, so that none is.
    module = nn.Recurrent(made, *((33, 48) if wide else (3, 4)), **options).train(seed % 2 == 0)
    rng = np.random.default_rng(seed)
    ragged = rng.integers(0, steps, size=batch, endpoint=True).tolist() if lengths else None
    case = random_case(module, steps, batch, rng, lengths=ragged, cut=cut, trace=True, seed=seed, path=path)
    assert_parity(module, case)


def test_the_instructions_use_every_op_of_the_language():
    used = set()
    for name in INSTRUCTIONS:
        used |= {v.op for v in make([(name, 0, 1, 2)], 3).graph.order}
    lowered_only = {"mean", "rsqrt"}
    assert set(OPS) - lowered_only <= used
    assert {"map", "vector", "layer_norm", "project"} <= used


@given(st.lists(step, min_size=1, max_size=10), st.integers(1, 3))
@settings(max_examples=100)
def test_any_cells_layout_and_formula_are_whole(program, states):
    from latchwork.language.formula import formula

    made = make(program, states)
    layout = Layout.of(lower(made.graph))
    assert len({p.name for p in layout.parameters}) == len(layout.parameters)
    assert {slot.name for slot in layout.slots.values()} <= {p.name for p in layout.parameters}
    for style in ("text", "latex"):
        lines = formula(made.graph, style)
        assert [line.name for line in lines]
        for line in lines:
            assert all(line.expression.count(a) == line.expression.count(b) for a, b in ("()", "{}", "[]"))
