"""A stream gives, step by step, what a scan gives at once."""

from __future__ import annotations

import numpy as np
import pytest

from kernel_runs import Guarded
from latchwork import cells
from latchwork.errors import ShapeError
from latchwork.kernels.native import kernels
from latchwork.kernels.scan import Memory
from latchwork.kernels.stream import Stream
from latchwork.reference import numpy as truth
from latchwork.reference.interpreter import program


@pytest.mark.parametrize("name", cells.names())
@pytest.mark.parametrize("batch", [1, 3])
def test_step_by_step(name, batch):
    graph = cells.get(name).graph
    sizes = {"I": 5, "H": 19, "P": 7}
    rng = np.random.default_rng(0)
    held = Guarded(np.float64)
    parameters = {p.name: rng.normal(size=p.shape(sizes)) / 4 for p in program(graph).layout.parameters}
    stream = Stream(kernels(graph, "double"), held.memory(), sizes, [held.own(p) for p in parameters.values()], batch)
    x = rng.normal(size=(6, batch, 5))
    for _ in range(2):
        done = truth.forward(graph, parameters, x)
        for given, expected in zip(x, done.output, strict=True):
            output = stream.step(given)[:, : expected.shape[1]]
            np.testing.assert_allclose(output, expected, rtol=1e-12, atol=1e-12)
        for state, final in zip(stream.states, done.final, strict=True):
            np.testing.assert_allclose(state[:, : final.shape[1]], final, rtol=1e-12, atol=1e-12)
        stream.reset()
    held.assert_guards()


@pytest.mark.parametrize("shape", [(1, 5), (3, 1), (5,), (3, 5, 1), (4, 5), (3, 6)])
def test_a_step_of_another_shape_is_refused_in_words(shape):
    sizes = {"I": 5, "H": 4, "P": 2}
    held = Guarded(np.float32)
    compiled = kernels(cells.get("rnn").graph, "float")
    parameters = [held.own(np.ones(p.shape(sizes))) for p in compiled.plan.layout.parameters]
    stream = Stream(compiled, held.memory(), sizes, parameters, 3)
    with pytest.raises(ShapeError, match=r"3 sequences side by side and 5 inputs, an array \(3, 5\), but was given \("):
        stream.step(np.ones(shape, np.float32))
    assert not stream.states[0].any(), "nothing was read"
    assert stream.step(np.ones((3, 5), np.float32))[:, :4].all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (2, 5), (1, 4, 7)])
def test_arrays_of_numpy_begin_on_a_cache_line(dtype, shape):
    memory = Memory.numpy(dtype)
    for made in (memory.empty, memory.zeros):
        array = made(*shape)
        assert (array.shape, array.dtype) == (shape, dtype)
        assert memory.address(array) % 64 == 0
    assert not memory.zeros(*shape).any()
