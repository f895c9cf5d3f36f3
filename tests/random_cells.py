"""Cells that nobody wrote: random graphs out of the whole language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

import latchwork as lw
from latchwork.language.value import Value

# Each instruction makes one value of those there are; what has poles or grows is kept where it is tame.
INSTRUCTIONS: dict[str, Callable[[Value, Value, Value, Value], Value]] = {
    "affine": lambda x, a, b, c: lw.affine(x, a),
    "affine of a computed value": lambda x, a, b, c: lw.affine(a * b),
    "affine of three": lambda x, a, b, c: lw.affine(a, x, b),
    "linear": lambda x, a, b, c: lw.linear(a),
    "linear of the input": lambda x, a, b, c: lw.linear(lw.tanh(x)) + a,
    "the same source twice": lambda x, a, b, c: lw.affine(a, a) * lw.sigmoid(lw.affine(a)),
    "layer norm": lambda x, a, b, c: lw.layer_norm(a),
    "layer norm of a map": lambda x, a, b, c: lw.layer_norm(lw.linear(x)) * a,
    "layer norm of the input": lambda x, a, b, c: lw.linear(lw.layer_norm(x)) + a,
    "vector": lambda x, a, b, c: lw.vector() * a,
    "vector with a range": lambda x, a, b, c: lw.vector(0.5, 1.5) + a,
    "vector of the input": lambda x, a, b, c: lw.linear(lw.vector() * x) - a,
    "computed from vectors alone": lambda x, a, b, c: lw.sigmoid(lw.vector() + 1) * a,
    "a map of a vector": lambda x, a, b, c: lw.affine(lw.vector()) - a,
    "add": lambda x, a, b, c: a + b,
    "sub": lambda x, a, b, c: a - b,
    "mul": lambda x, a, b, c: lw.tanh(a) * b,
    "div": lambda x, a, b, c: a / (1.5 + lw.sigmoid(b)),
    "neg": lambda x, a, b, c: -a,
    "sigmoid": lambda x, a, b, c: lw.sigmoid(a),
    "tanh": lambda x, a, b, c: lw.tanh(a),
    "relu": lambda x, a, b, c: lw.relu(a),
    "softplus": lambda x, a, b, c: lw.softplus(a),
    "exp": lambda x, a, b, c: lw.exp(lw.tanh(a)),
    "log": lambda x, a, b, c: lw.log(lw.softplus(a) + 0.5),
    "sqrt": lambda x, a, b, c: lw.sqrt(a * a + 0.25),
    "abs": lambda x, a, b, c: abs(a),
    "maximum": lambda x, a, b, c: lw.maximum(a, b),
    "maximum with a number": lambda x, a, b, c: lw.maximum(0.1, a),
    "minimum": lambda x, a, b, c: lw.minimum(a, b),
    "minimum with a number": lambda x, a, b, c: lw.minimum(a, -0.1),
    "where": lambda x, a, b, c: lw.where(a > b, b, c),
    "where of numbers": lambda x, a, b, c: lw.where(a >= 0.1, 0.3, 0.7) * b,
    "where of a number and a value": lambda x, a, b, c: lw.where(0 < a, 0.3, b),  # noqa: SIM300 (a number on the left)
    "numbers": lambda x, a, b, c: (1 - a) * 0.3 - 2,
    "ops on numbers alone": lambda x, a, b, c: lw.sigmoid(2.0) * a + lw.maximum(0.1, lw.sqrt(0.5)),
    "a projection's way back": lambda x, a, b, c: lw.linear(lw.project(a)) + b,
}

step = st.tuples(st.sampled_from(sorted(INSTRUCTIONS)), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))


def make(program: list[Any], states: int) -> lw.Cell:
    def body(x: Value, *previous: Value) -> list[Value]:
        pool = list(previous)
        for instruction, *picks in program:
            pool.append(INSTRUCTIONS[instruction](x, *(pool[pick % len(pool)] for pick in picks)))
        total = lw.linear(x)
        for value in pool:
            total = total + 0.3 * lw.tanh(value)
        made = [lw.tanh(total)]
        made += [0.5 * previous[i] + lw.tanh(pool[-i] * made[0]) for i in range(1, len(previous))]
        return [pool[-1], total, *made]

    def one(x, h):
        last, total, h = body(x, h)  # noqa: RUF059 (names for the trace)
        return h

    def two(x, h, c):
        last, total, h, c = body(x, h, c)  # noqa: RUF059
        return h, c

    def three(x, h, c, m):
        last, total, h, c, m = body(x, h, c, m)  # noqa: RUF059
        return h, c, m

    return lw.cell((one, two, three)[states - 1])
