"""The nodes of a cell's graph, and the frame that a cell is traced in.

A :class:`Value` stands for a vector per sequence: (B, H) for most, (B, I) for the step's input, (B, P) for a projected
state. Calling a cell's function with values instead of arrays builds its graph.
"""

from __future__ import annotations

import contextlib
import itertools
import linecache
import numbers
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NoReturn, TypeAlias

from latchwork.errors import CellError

Operand: TypeAlias = "Value | float | int"


class Value:
    """One value of a cell: an op applied to other values.

    Attributes:
        op: the row of the op table that computes it.
        inputs: the values it is computed from.
        attributes: constants of the op: a number, a rate, the index of an ``affine`` call.
        name: the name it was assigned to in the cell, if any.
        line: the line of the cell's file that made it, if it was traced.
        serial: numbers values in the order in which they were made.
    """

    __slots__ = ("attributes", "inputs", "line", "name", "op", "serial")

    def __init__(self, op: str, inputs: tuple[Value, ...] = (), name: str | None = None, **attributes: Any) -> None:
        self.op = op
        self.inputs = inputs
        self.attributes = attributes
        self.name = name
        self.serial = next(_serial)
        trace = _tracing.get()
        self.line = trace.line() if trace else None

    def __repr__(self) -> str:
        return f"<{self.name or self.op}>"

    @property
    def is_comparison(self) -> bool:
        """Whether it is true or false rather than a number."""
        return self.op in ("greater", "greater_equal")

    def __add__(self, other: Operand) -> Value:
        return apply("add", self, other)

    def __radd__(self, other: Operand) -> Value:
        return apply("add", other, self)

    def __sub__(self, other: Operand) -> Value:
        return apply("sub", self, other)

    def __rsub__(self, other: Operand) -> Value:
        return apply("sub", other, self)

    def __mul__(self, other: Operand) -> Value:
        return apply("mul", self, other)

    def __rmul__(self, other: Operand) -> Value:
        return apply("mul", other, self)

    def __truediv__(self, other: Operand) -> Value:
        return apply("div", self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return apply("div", other, self)

    def __neg__(self) -> Value:
        return apply("neg", self)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return apply("abs", self)

    def __gt__(self, other: Operand) -> Value:
        return apply("greater", self, other)

    def __lt__(self, other: Operand) -> Value:
        return apply("greater", other, self)

    def __ge__(self, other: Operand) -> Value:
        return apply("greater_equal", self, other)

    def __le__(self, other: Operand) -> Value:
        return apply("greater_equal", other, self)

    # What follows is refused, each with the way to say it in the language.

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        # Values are keys of dictionaries; it is only within a cell's own lines that `==` would ask for numbers.
        trace = _tracing.get()
        if trace and trace.line():
            refuse(
                f"{describe(self)} cannot be compared with == or !=, for its numbers are not known yet",
                "write where(a > b, …, …) with > < >= <=",
            )
        return self is other

    def __bool__(self) -> bool:
        refuse(
            f"{describe(self)} is a vector that is known only when the cell runs, so Python cannot branch on it",
            "use where(condition, a, b), or maximum(a, b)",
        )

    def __float__(self) -> float:
        refuse(
            f"{describe(self)} cannot be turned into a Python number while the cell is defined",
            "use the functions of latchwork (latchwork.tanh, latchwork.exp …) instead of those of math",
        )

    __int__ = __float__
    __index__ = __float__
    __complex__ = __float__
    __round__ = __float__

    def __and__(self, other: object) -> Value:
        refuse("`&`, `|`, `^` and `~` are not in the cell language", "nest where(…) for two conditions at once")

    __rand__ = __and__
    __or__ = __and__
    __ror__ = __and__
    __xor__ = __and__
    __rxor__ = __and__

    def __invert__(self) -> Value:
        refuse("`&`, `|`, `^` and `~` are not in the cell language", "swap the last two arguments of where(…)")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # what Python and its tools ask of any object
            raise AttributeError(name)
        refuse(f"{describe(self)} has no `.{name}`: it is not a tensor yet", _own_function(name))

    def __iter__(self) -> Iterator[Value]:
        refuse(f"{describe(self)} cannot be unpacked or looped over", "give each gate an affine(…) of its own")

    def __getitem__(self, key: object) -> Value:
        refuse(f"{describe(self)} cannot be indexed", "give each part an affine(…) of its own")

    def __len__(self) -> int:
        refuse(f"{describe(self)} has no length while the cell is defined", "sizes are chosen when a module is made")

    def __matmul__(self, other: object) -> Value:
        refuse("a cell has no weight matrices of its own", "write linear(value), or affine(value) with a bias")

    __rmatmul__ = __matmul__

    def __pow__(self, other: object) -> Value:
        refuse("`**` is not in the cell language", "write value * value, sqrt(value) or exp(power * log(value))")

    __rpow__ = __pow__

    def __mod__(self, other: object) -> Value:
        refuse("`%` is not in the cell language", "the operators are + - * /, and the functions are in latchwork")

    __rmod__ = __mod__
    __floordiv__ = __mod__
    __rfloordiv__ = __mod__

    def __array_ufunc__(self, function: Any, method: str, *operands: Any, **_: object) -> Value:
        if function.__name__ in _OPERATORS and method == "__call__":
            return apply(_OPERATORS[function.__name__], *operands)  # a plain number of numpy, to the left of a value
        refuse(f"numpy.{function.__name__} is not in the cell language", _own_function(function.__name__))

    def __array_function__(self, function: Any, *_: object) -> NoReturn:
        refuse(f"numpy.{function.__name__} is not in the cell language", _own_function(function.__name__))

    @classmethod
    def __torch_function__(cls, function: Any, *_: object, **__: object) -> NoReturn:
        refuse(f"torch's {function.__name__} is not in the cell language", _own_function(function.__name__))


# numpy's name of an operator → the op.
_OPERATORS = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div"}


def _own_function(name: str) -> str:
    from latchwork.language.ops import FUNCTIONS

    if name in ("abs", "absolute"):
        return "write abs(value)"
    return f"use latchwork.{name}" if name in FUNCTIONS else f"the functions are: {', '.join(FUNCTIONS)}"


def apply(op: str, *operands: Operand) -> Value:
    """The value of ``op`` on ``operands``; a plain number becomes a constant. Raises CellError for anything else."""
    inputs = tuple(as_value(o, op) for o in operands)
    for value in inputs[1:] if op == "where" else inputs:
        if value.is_comparison:
            refuse(
                f"{op} was given {describe(value)}, which is true or false", "make numbers of it: where(a > b, 1, 0)"
            )
    return Value(op, inputs)


def as_value(operand: object, where: str) -> Value:
    """``operand`` as a value: itself, or a constant. Raises CellError for anything else."""
    if isinstance(operand, Value):
        return operand
    if isinstance(operand, bool):
        refuse(
            f"{where} was given {operand}, a truth value", "compare values with > < >= <=; == is not in the language"
        )
    if isinstance(operand, numbers.Real):  # numpy's too
        return Value("constant", value=float(operand))
    refuse(
        f"{where} was given {type(operand).__name__} {operand!r:.40}",
        "give it values of the cell or plain numbers; learned numbers are made by vector(), affine(…) and linear(…)",
    )


def describe(value: Value) -> str:
    """A few words for an error message."""
    if value.name:
        return f"`{value.name}`"
    if value.op == "constant":
        return f"the constant {value.attributes['value']:g}"
    return _WORDS.get(value.op, f"the result of {value.op}(…)")


_WORDS = {
    "add": "a sum",
    "sub": "a difference",
    "mul": "a product",
    "div": "a quotient",
    "neg": "a negated value",
    "greater": "a comparison",
    "greater_equal": "a comparison",
    "map": "a learned map",
    "vector": "a learned vector",
}


class Trace:
    """The call of a cell's function that is being traced: it knows the line it is at, and the names at its end.

    Attributes:
        defined: the line of the function's ``def``.
        returned: the line that it returned from, once it has.
    """

    def __init__(self, cell: str, code: CodeType) -> None:
        self.cell = cell
        self.code = code
        self.calls = 0  # of affine and linear, so that each knows its block
        self.defined = _definition(code)
        self.returned: int | None = None
        self._frame: FrameType | None = None

    def line(self) -> int | None:
        """The line that the cell's function is at."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code is self.code:
                self._frame = frame
                return frame.f_lineno
            frame = frame.f_back
        return None

    def names(self) -> dict[str, Value]:
        """What the function's local names were bound to when it returned: the names on the left of `=`.

        CPython keeps a frame's locals for whoever holds the frame, so neither the source nor a trace hook is needed,
        and cells work in a notebook, in ``exec`` and under a debugger.
        """
        if self._frame is None:
            return {}
        local = self._frame.f_locals
        self.returned = self._frame.f_lineno
        self._frame = None  # let go of the caller's variables
        order = (*self.code.co_varnames, *self.code.co_cellvars)
        return {n: local[n] for n in order if isinstance(local.get(n), Value)}

    @contextlib.contextmanager
    def active(self) -> Iterator[Trace]:
        token = _tracing.set(self)
        try:
            yield self
        finally:
            _tracing.reset(token)


_serial = itertools.count()
_tracing: ContextVar[Trace | None] = ContextVar("tracing", default=None)


def current_trace(function: str) -> Trace:
    """The trace that ``function`` was called in; CellError outside of a cell."""
    trace = _tracing.get()
    if trace is None:
        raise CellError(f"{function}() has a meaning only inside a function marked @cell: it makes a part of the cell")
    return trace


def refuse(problem: str, fix: str, line: int | None = None) -> NoReturn:
    """Raise the CellError for the cell being traced, with its name, the line and the fix."""
    trace = _tracing.get()
    if trace is None:
        raise CellError(f"{problem}. {fix[0].upper()}{fix[1:]}.")
    raise located(trace.cell, trace.code, line or trace.line() or trace.defined, problem, fix)


def _definition(code: CodeType) -> int:
    """The line of a function's ``def``; Python itself counts from the first decorator."""
    first = code.co_firstlineno
    for line in itertools.count(first):
        source = linecache.getline(code.co_filename, line)
        if not source:
            return first
        if source.lstrip().startswith(f"def {code.co_name}"):
            return line
    raise AssertionError("unreachable")


def located(cell: str, code: CodeType, line: int | None, problem: str, fix: str) -> CellError:
    """The CellError for ``problem`` at ``line`` of the cell's file."""
    where, source = f"cell '{cell}'", ""
    if line:
        where += f", line {line} of {Path(code.co_filename).name}"
        source = linecache.getline(code.co_filename, line).strip()
    shown = f"\n    {source}" if source else ""
    return CellError(f"{where}: {problem}.{shown}\n{fix[0].upper()}{fix[1:]}.")
