"""A call's block: laid out once for all numbers of steps, and written by the names of plan.h."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest

from kernel_runs import Case, assert_true
from latchwork import cells
from latchwork.kernels import block as blocks
from latchwork.kernels import structs
from latchwork.kernels.block import Mode, Shape, block
from latchwork.kernels.native import kernels

SIZES = {"H": 24, "P": 6, "I": 5}
FORWARD, BACKWARD = Mode(True), Mode(True, backward=True)


@pytest.mark.parametrize("mode", [Mode(), FORWARD, BACKWARD])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 64])
def test_every_number_of_steps_has_the_same_block(mode, threads, batch):
    compiled = kernels(cells.get("lstm").graph, "float")
    for many in (range(1, 5), range(10_000, 10_020)):  # too little work for threads, and enough
        assert len({id(block(compiled, SIZES, Shape(steps, batch), threads, mode)) for steps in many}) == 1
    before = blocks.laid_out.cache_info().currsize
    for steps in range(1, 2000):
        block(compiled, SIZES, Shape(steps, batch), threads, mode)
        block(compiled, SIZES, Shape(steps, batch, ragged=True), threads, mode)
    assert blocks.laid_out.cache_info().currsize == before


def test_nothing_that_is_kept_grows_with_the_steps():
    compiled = kernels(cells.get("lstm").graph, "float")
    blocks.laid_out.cache_clear()
    tracemalloc.start()
    try:
        for mode in (FORWARD, BACKWARD):
            block(compiled, SIZES, Shape(10**9, 2), 1, mode)
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 200_000
    assert most < 1_000_000


def test_working_memory_stops_growing_at_the_longest_chunk():
    words = block(kernels(cells.get("gru").graph, "float"), SIZES, Shape(1, 4), 1, FORWARD)
    rooms = [words.room(steps) for steps in (0, 1, 2, 10**6, 10**9)]
    assert rooms[0] < rooms[1] < rooms[2] < rooms[3] == rooms[4]


@pytest.mark.parametrize("batch", [1, 7, 40])
@pytest.mark.parametrize("name", ["gru", "lstm_layer_norm"])
def test_one_block_is_right_for_short_and_long(name, batch, monkeypatch):
    """Many steps first, then few, then ragged rows, in the same block; in chunks of some steps."""
    for limit in ("_FORWARD_CHUNK", "_BACKWARD_CHUNK"):
        monkeypatch.setattr(blocks, limit, 1)
    monkeypatch.setattr(blocks, "_BACKWARD_ROWS", (64, 64))
    blocks.laid_out.cache_clear()
    graph = cells.get(name).graph
    for steps in (90, 3, 1, 0, 17):
        for reverse in (False, True):
            assert_true(Case(graph, T=steps, B=batch, H=18, reverse=reverse, seed=3))
        lengths = np.random.default_rng(steps).integers(0, steps + 1, batch).tolist()
        assert_true(Case(graph, T=steps, B=batch, H=18, lengths=lengths, cut=True))
    assert blocks.laid_out.cache_info().currsize <= 6
    blocks.laid_out.cache_clear()


def test_fields_are_written_in_the_order_of_the_header(monkeypatch):
    header = """
    enum Kind : int64_t { FIXED = 0, // base
        PACKED = 4, };
    struct Other;
    typedef void (*Run)(const Other*, int64_t row);
    struct Thing {
        const double* base;  // of all, as (B, stride)
        int64_t first, second;
        Run run;
        uint64_t size[3];  // of the letters
    };
    """
    monkeypatch.setattr(structs, "_header", lambda: header)
    assert structs.parse(header) == {"Thing": {"base": 1, "first": 1, "second": 1, "run": 1, "size": 3}}
    assert structs.kinds.__wrapped__() == {"FIXED": 0, "PACKED": 4}


def test_fields_that_the_header_does_not_have_are_refused():
    given = {"buffer": 1, "length": 2}
    assert structs.row("Segment", **given) == [1, 2]
    assert structs.row("Segment", length=2, buffer=("x", 8)) == [("x", 8), 2]
    with pytest.raises(TypeError, match=r"struct Segment of plan.h .* same fields: width"):
        structs.row("Segment", **given, width=3)
    with pytest.raises(TypeError, match=r"struct Segment of plan.h .* same fields: length"):
        structs.row("Segment", buffer=1)
    with pytest.raises(TypeError, match="length is 1 words, but 2 are given"):
        structs.row("Segment", buffer=1, length=[1, 2])


def test_graphs_of_equal_content_share_plans_and_kernels():
    cell = cells.get("lstm_layer_norm")
    copy = pickle.loads(pickle.dumps(cell))
    assert copy.graph is not cell.graph
    assert kernels(copy.graph, "float") is kernels(cell.graph, "float")
    assert kernels(copy.graph, "double") is not kernels(cell.graph, "float")
