"""The op table: every row's derivative against differences, twice; numpy's column against torch's; what is written."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import latchwork as lw
from latchwork.language.derivative import evaluation_order, gradients
from latchwork.language.graph import Graph, ordered
from latchwork.language.ops import FUNCTIONS, OPS
from latchwork.language.value import Value, apply
from support import numerical_gradient

ROWS, UNITS = 2, 5
# The operands of a row: from all of the line, or where it is defined, and away from its kinks and ties.
POSITIVE = ("log", "sqrt", "rsqrt")
CONDITION = ("greater", "greater_equal")


def leaves(op: str) -> list[Value]:
    count = OPS[op].derivative.__code__.co_argcount - 2
    return [Value("state", name=f"a{i}") for i in range(count)]


def numbers(op: str, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    drawn = [rng.uniform(0.3, 2.0, (ROWS, UNITS)) for _ in range(count)]
    if op not in POSITIVE:
        drawn = [d * rng.choice([-1.0, 1.0], d.shape) for d in drawn]
    return drawn


def made_by(op: str, operands: list[Value]) -> Value:
    """The op on leaves; the condition of `where` must be a comparison."""
    if op == "where":
        condition, *rest = operands
        return apply("where", condition > 0.1, *rest)
    return apply(op, *operands)


def graph_of(result: Value) -> Graph:
    order = ordered([result])
    sizes = {v: "1" if v.op == "constant" else "H" for v in order}
    return Graph(Value("input", name="x"), (), (result,), {}, sizes)


def evaluated(result: Value, known: dict[Value, np.ndarray]) -> np.ndarray:
    environment: dict[Value, object] = dict(known)
    for value in evaluation_order([result], known.keys()):
        environment[value] = (
            value.attributes["value"]
            if value.op == "constant"
            else OPS[value.op].numpy(np, *(environment[i] for i in value.inputs))
        )
    return np.broadcast_to(np.asarray(environment[result], float), (ROWS, UNITS))


DIFFERENTIABLE = [op for op in OPS if op not in CONDITION]


@pytest.mark.parametrize("op", DIFFERENTIABLE)
def test_the_derivative_is_the_slope(op):
    operands = leaves(op)
    known = dict(zip(operands, numbers(op, len(operands)), strict=True))
    result, seed = made_by(op, operands), Value("seed")
    weight = np.random.default_rng(4).normal(size=(ROWS, UNITS))
    found = gradients(graph_of(result), {result: seed})
    for operand in operands:
        slope = numerical_gradient(lambda: float((evaluated(result, known) * weight).sum()), known[operand])
        if operand not in found:
            assert op == "where", "only a condition has no derivative"
            assert not slope.any()
            continue
        np.testing.assert_allclose(evaluated(found[operand], {**known, seed: weight}), slope, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("op", DIFFERENTIABLE)
def test_the_derivative_of_the_derivative_is_its_slope(op):
    operands = leaves(op)
    known = dict(zip(operands, numbers(op, len(operands)), strict=True))
    result, seed, second_seed = made_by(op, operands), Value("seed"), Value("seed")
    rng = np.random.default_rng(5)
    known[seed] = rng.normal(size=(ROWS, UNITS))
    weight = rng.normal(size=(ROWS, UNITS))
    for first in gradients(graph_of(result), {result: seed}).values():
        if first is seed:
            continue  # the seed's own
        found = gradients(graph_of(first), {first: second_seed})
        for operand in (*operands, seed):
            slope = numerical_gradient(lambda v=first: float((evaluated(v, known) * weight).sum()), known[operand])
            if operand in found:
                value = evaluated(found[operand], {**known, second_seed: weight})
                np.testing.assert_allclose(value, slope, rtol=1e-6, atol=1e-8)
            else:
                assert not slope.any(), f"{op}: a second derivative by {operand} is missing"


def special(op: str, count: int) -> list[np.ndarray]:
    """All pairs of ordinary, tied and extreme numbers that the op is defined on."""
    each = np.array([-800.0, -30.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 1.0, 30.0, 700.0])
    if op in POSITIVE:
        each = each[each > 0]
    return [grid.ravel()[None] for grid in np.meshgrid(*[each] * count)]


@pytest.mark.parametrize("op", OPS)
def test_torch_computes_what_numpy_does_and_its_autograd_what_the_derivative_says(op):
    operands = leaves(op)
    arrays = special(op, len(operands))
    if op == "div":
        arrays[1] = np.where(arrays[1] == 0, 1.0, arrays[1])
    if op == "where":
        arrays[0] = arrays[0] > 0.1
    tensors = [torch.tensor(a, requires_grad=a.dtype != bool) for a in arrays]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value = OPS[op].numpy(np, *arrays)
    theirs = OPS[op].torch(torch, *tensors)
    np.testing.assert_allclose(theirs.detach().numpy(), value, rtol=4e-16 * 4, atol=1e-300)
    if op in CONDITION:
        return
    theirs.sum().backward()
    result, seed = made_by(op, operands), Value("seed")
    found = gradients(graph_of(result), {result: seed})
    shape = np.shape(value)
    for operand, tensor in zip(operands, tensors, strict=True):
        if operand in found:
            known = dict(zip(operands, arrays, strict=True))
            environment: dict[Value, object] = {**known, seed: np.ones(shape)}
            with np.errstate(under="ignore"):
                for v in evaluation_order([found[operand]], environment.keys()):
                    inputs = [environment[i] for i in v.inputs]
                    environment[v] = v.attributes["value"] if v.op == "constant" else OPS[v.op].numpy(np, *inputs)
            np.testing.assert_allclose(environment[found[operand]], tensor.grad.numpy(), rtol=1e-13, atol=2.3e-16)


@pytest.mark.parametrize("op", CONDITION)
def test_a_comparison_lets_no_gradient_through(op):
    assert OPS[op].derivative(Value("seed"), Value(op), *leaves(op)) == (None, None)


def test_comparisons_at_a_tie():
    a = np.array([1.0, 2.0, 3.0])
    assert OPS["greater"].numpy(np, a, 2.0).tolist() == [False, False, True]
    assert OPS["greater_equal"].numpy(np, a, 2.0).tolist() == [False, True, True]


def test_python_comparisons_are_the_right_way_round():
    a, b = Value("state", name="a"), Value("state", name="b")
    known = {a: np.array([1.0, 2.0, 3.0]), b: np.full(3, 2.0)}
    for made, expected in ((a > b, [0, 0, 1]), (a < b, [1, 0, 0]), (a >= b, [0, 1, 1]), (a <= b, [1, 1, 0])):
        value = OPS[made.op].numpy(np, *(known[i] for i in made.inputs))
        assert value.astype(int).tolist() == expected


def test_operators_with_a_number_on_the_left_are_the_right_way_round():
    a = Value("state", name="a")
    known = {a: np.full((ROWS, UNITS), 4.0)}
    for made, expected in ((1 - a, -3.0), (a - 1, 3.0), (2 / a, 0.5), (a / 2, 2.0), (1 + a, 5.0), (3 * a, 12.0)):
        assert (evaluated(made, known) == expected).all()
    assert (evaluated(-abs(-a), known) == -4.0).all()
    assert +a is a


@pytest.mark.parametrize("op", OPS)
def test_both_formulas_show_every_operand(op):
    count = len(leaves(op))
    names = ["AA", "BB", "CC"][:count]
    for template in (OPS[op].text, OPS[op].latex):
        written = template.format(*names)
        assert all(written.count(name) == 1 for name in names)
        assert written.count("{") == written.count("}")
    assert OPS[op].needs == () or len(OPS[op].needs) == count


def test_every_function_of_the_language_is_in_the_package():
    for name in FUNCTIONS:
        assert name == "abs" or callable(getattr(lw, name)), name
    assert set(FUNCTIONS) - {"abs"} <= set(lw.__all__)


def test_every_pointwise_op_is_one_unit_to_one_unit():
    for op, row in OPS.items():
        arrays = numbers(op, len(leaves(op)))
        if op == "where":
            arrays[0] = arrays[0] > 0
        whole = row.numpy(np, *arrays)
        alone = np.stack([row.numpy(np, *(a[:, [i]] for a in arrays))[:, 0] for i in range(UNITS)], -1)
        assert np.array_equal(whole, alone) == row.pointwise, op
