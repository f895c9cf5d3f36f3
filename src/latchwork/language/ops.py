"""The op table: every op of the cell language is one row here, and nothing else in the project knows its mathematics.

A row gives the op's value for numpy and for torch, its derivative, and how it is written. The numpy and torch columns
take the module as their first argument, so this file imports neither. The derivative is itself written in the
cell language: from the gradient ``g`` of the op's result ``y`` it makes the gradients of its inputs. So the numpy
reference, the compiled kernels and a derivative of a derivative all come from the same column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latchwork.language.value import Operand, Value, apply, current_trace, refuse

Derivative = Callable[..., tuple[Value | None, ...]]

# How tightly an op binds in a formula: higher needs fewer brackets around it.
SUM, PRODUCT, PREFIX, ATOM = 1, 2, 3, 4


@dataclass(frozen=True)
class Op:
    """A row of the table.

    Attributes:
        numpy: the value, ``numpy(np, *inputs)``, element by element unless ``pointwise`` is false.
        torch: the value, ``torch(torch, *inputs)``.
        derivative: ``derivative(g, y, *inputs)`` → the gradient of each input, None where there is none.
        cpp: the value of vectors in C++, ``{0}`` being the first input; empty where it is not computed unit by unit.
        text: the formula in plain characters, ``{0}`` being the first input.
        latex: the formula in LaTeX.
        binds: how tightly the formula binds (SUM, PRODUCT, PREFIX, ATOM).
        needs: how tightly each input must bind to stand without brackets.
        pointwise: whether one unit of the result needs one unit of each input only.
    """

    numpy: Callable[..., Any]
    torch: Callable[..., Any]
    derivative: Derivative
    cpp: str
    text: str
    latex: str
    binds: int = ATOM
    needs: tuple[int, ...] = ()
    pointwise: bool = True


def _function(name: str, latex: str | None = None, text: str | None = None) -> dict[str, Any]:
    return {
        "cpp": f"{name}<Real>({{0}})",
        "text": f"{text or name}({{0}})",
        "latex": f"{latex or chr(92) + name}({{0}})",
    }


OPS: dict[str, Op] = {
    "add": Op(
        numpy=lambda np, a, b: a + b,
        torch=lambda torch, a, b: a + b,
        derivative=lambda g, y, a, b: (g, g),
        cpp="{0} + {1}",
        text="{0} + {1}",
        latex="{0} + {1}",
        binds=SUM,
        needs=(SUM, SUM),
    ),
    "sub": Op(
        numpy=lambda np, a, b: a - b,
        torch=lambda torch, a, b: a - b,
        derivative=lambda g, y, a, b: (g, -g),
        cpp="{0} - {1}",
        text="{0} − {1}",
        latex="{0} - {1}",
        binds=SUM,
        needs=(SUM, PRODUCT),
    ),
    "mul": Op(
        numpy=lambda np, a, b: a * b,
        torch=lambda torch, a, b: a * b,
        derivative=lambda g, y, a, b: (g * b, g * a),
        cpp="{0} * {1}",
        text="{0} ⊙ {1}",
        latex=r"{0} \odot {1}",
        binds=PRODUCT,
        needs=(PRODUCT, PRODUCT),
    ),
    "div": Op(
        numpy=lambda np, a, b: a / b,
        torch=lambda torch, a, b: a / b,
        derivative=lambda g, y, a, b: (g / b, -(g * y) / b),
        cpp="{0} / {1}",
        text="{0} / {1}",
        latex=r"\frac{{{0}}}{{{1}}}",
        binds=PRODUCT,
        needs=(PRODUCT, PREFIX),
    ),
    "neg": Op(
        numpy=lambda np, a: -a,
        torch=lambda torch, a: -a,
        derivative=lambda g, y, a: (-g,),
        cpp="-{0}",
        text="−{0}",
        latex="-{0}",
        binds=PREFIX,
        needs=(PRODUCT,),
    ),
    # exp(-log(1 + exp(-a))) keeps its relative precision at both ends, where 1/(1 + exp(-a)) overflows.
    "sigmoid": Op(
        numpy=lambda np, a: np.exp(-np.logaddexp(0, -a)),
        torch=lambda torch, a: torch.sigmoid(a),
        derivative=lambda g, y, a: (g * y * (1 - y),),
        **_function("sigmoid", r"\sigma", "σ"),
    ),
    "tanh": Op(
        numpy=lambda np, a: np.tanh(a),
        torch=lambda torch, a: torch.tanh(a),
        derivative=lambda g, y, a: (g * (1 - y * y),),
        **_function("tanh"),
    ),
    "relu": Op(
        numpy=lambda np, a: np.maximum(a, 0),
        torch=lambda torch, a: torch.relu(a),
        derivative=lambda g, y, a: (where(y <= 0, 0, g),),  # of y, which is at hand: a need not be kept
        **_function("relu", r"\operatorname{{relu}}"),
    ),
    "softplus": Op(
        numpy=lambda np, a: np.logaddexp(0, a),
        torch=lambda torch, a: torch.logaddexp(torch.zeros_like(a), a),
        derivative=lambda g, y, a: (g * sigmoid(a),),
        **_function("softplus", r"\operatorname{{softplus}}"),
    ),
    "exp": Op(
        numpy=lambda np, a: np.exp(a),
        torch=lambda torch, a: torch.exp(a),
        derivative=lambda g, y, a: (g * y,),
        **_function("exp"),
    ),
    "log": Op(
        numpy=lambda np, a: np.log(a),
        torch=lambda torch, a: torch.log(a),
        derivative=lambda g, y, a: (g / a,),
        **_function("log"),
    ),
    "sqrt": Op(
        numpy=lambda np, a: np.sqrt(a),
        torch=lambda torch, a: torch.sqrt(a),
        derivative=lambda g, y, a: (g / (2 * y),),
        cpp="sqrt<Real>({0})",
        text="√({0})",
        latex=r"\sqrt{{{0}}}",
    ),
    # What a layer norm multiplies with; a row has one, so its derivative is best without divisions too.
    "rsqrt": Op(
        numpy=lambda np, a: 1 / np.sqrt(a),
        torch=lambda torch, a: torch.rsqrt(a),
        derivative=lambda g, y, a: (-0.5 * g * y * y * y,),
        cpp="1 / sqrt<Real>({0})",
        text="1 / √({0})",
        latex=r"\frac{{1}}{{\sqrt{{{0}}}}}",
        binds=PRODUCT,
    ),
    "abs": Op(
        numpy=lambda np, a: np.abs(a),
        torch=lambda torch, a: torch.abs(a),
        derivative=lambda g, y, a: (where(a > 0, g, where(a < 0, -g, 0)),),
        cpp="abs<Real>({0})",
        text="|{0}|",
        latex=r"\lvert {0} \rvert",
    ),
    # At a tie the gradient is shared, as torch shares it.
    "maximum": Op(
        numpy=lambda np, a, b: np.maximum(a, b),
        torch=lambda torch, a, b: torch.maximum(a, b),
        derivative=lambda g, y, a, b: (_wins(g, a, b), _wins(g, b, a)),
        cpp="maximum<Real>({0}, {1})",
        text="max({0}, {1})",
        latex=r"\max({0}, {1})",
    ),
    "minimum": Op(
        numpy=lambda np, a, b: np.minimum(a, b),
        torch=lambda torch, a, b: torch.minimum(a, b),
        derivative=lambda g, y, a, b: (_wins(g, b, a), _wins(g, a, b)),
        cpp="minimum<Real>({0}, {1})",
        text="min({0}, {1})",
        latex=r"\min({0}, {1})",
    ),
    "greater": Op(
        numpy=lambda np, a, b: np.greater(a, b),
        torch=lambda torch, a, b: a > b,
        derivative=lambda g, y, a, b: (None, None),
        cpp="{0} > {1}",
        text="{0} > {1}",
        latex="{0} > {1}",
        binds=0,
        needs=(SUM, SUM),
    ),
    "greater_equal": Op(
        numpy=lambda np, a, b: np.greater_equal(a, b),
        torch=lambda torch, a, b: a >= b,
        derivative=lambda g, y, a, b: (None, None),
        cpp="{0} >= {1}",
        text="{0} ≥ {1}",
        latex=r"{0} \ge {1}",
        binds=0,
        needs=(SUM, SUM),
    ),
    "where": Op(
        numpy=lambda np, c, a, b: np.where(c, a, b),
        torch=lambda torch, c, a, b: torch.where(c, a, b),
        derivative=lambda g, y, c, a, b: (None, where(c, g, 0), where(c, 0, g)),
        cpp="select<Real>({0}, {1}, {2})",
        text="({1} if {0} else {2})",
        latex=r"\begin{{cases}} {1} & {0} \\ {2} & \text{{otherwise}} \end{{cases}}",
    ),
    # The mean over the units, as a vector of that mean: its matrix is symmetric, so it is its own transpose.
    "mean": Op(
        numpy=lambda np, a: np.broadcast_to(np.mean(a, -1, keepdims=True), a.shape),
        torch=lambda torch, a: torch.mean(a, -1, keepdim=True).expand_as(a),
        derivative=lambda g, y, a: (apply("mean", g),),
        cpp="",
        text="mean({0})",
        latex=r"\operatorname{{mean}}({0})",
        pointwise=False,
    ),
}


def _wins(g: Value, a: Value, b: Value) -> Value:
    """``g`` where a is larger, half of it at a tie, else 0."""
    return where(a > b, g, where(b > a, 0, 0.5 * g))


# The functions that a cell is written with.


def sigmoid(a: Operand) -> Value:
    """1 / (1 + e^−a), element by element: a gate between 0 and 1."""
    return apply("sigmoid", a)


def tanh(a: Operand) -> Value:
    """The hyperbolic tangent, element by element."""
    return apply("tanh", a)


def relu(a: Operand) -> Value:
    """The larger of a and 0, element by element; its derivative at 0 is 0."""
    return apply("relu", a)


def softplus(a: Operand) -> Value:
    """log(1 + e^a), element by element."""
    return apply("softplus", a)


def exp(a: Operand) -> Value:
    """e^a, element by element."""
    return apply("exp", a)


def log(a: Operand) -> Value:
    """The natural logarithm, element by element."""
    return apply("log", a)


def sqrt(a: Operand) -> Value:
    """The square root, element by element."""
    return apply("sqrt", a)


def maximum(a: Operand, b: Operand) -> Value:
    """The larger of a and b, element by element; a tie shares the gradient."""
    return apply("maximum", a, b)


def minimum(a: Operand, b: Operand) -> Value:
    """The smaller of a and b, element by element; a tie shares the gradient."""
    return apply("minimum", a, b)


def where(condition: Value, a: Operand, b: Operand) -> Value:
    """a where the condition (a comparison of values) holds, else b, element by element.

    Raises:
        CellError: ``condition`` is not a comparison.
    """
    if not isinstance(condition, Value) or not condition.is_comparison:
        refuse("the first argument of where() must be a comparison", "write where(a > b, …, …) with > < >= <=")
    return apply("where", condition, a, b)


def affine(*sources: Value) -> Value:
    """A learned linear map of each source, summed, plus a bias: (B, ·) each → (B, H).

    Each call is a block of H rows in the weights of each of its sources, in the order of the calls. As in torch, the
    bias is kept as one vector per source; their sum is the bias.

    Raises:
        CellError: no source, a source that is not a value of the cell, or called outside a cell.
    """
    return _map("affine", sources, bias=True)


def linear(*sources: Value) -> Value:
    """A learned linear map of each source, summed, without a bias: (B, ·) each → (B, H). Raises as `affine`."""
    return _map("linear", sources, bias=False)


def _map(function: str, sources: tuple[Value, ...], bias: bool) -> Value:
    trace = current_trace(function)
    if not sources:
        refuse(f"{function}() needs at least one value", f"write {function}(x) or {function}(x, h)")
    total: Value | None = None
    for source in sources:
        part = Value("map", (_learned_from(source, function),), call=trace.calls, bias=bias)
        total = part if total is None else total + part
    trace.calls += 1
    assert total is not None
    return total


def _learned_from(source: Value, function: str) -> Value:
    """``source``, if it is a value that can be mapped. Raises CellError."""
    if not isinstance(source, Value) or source.is_comparison:
        refuse(f"{function}() was given {source!r:.40}", "give it values of the cell, such as x or a state")
    return source


def vector(low: float | None = None, high: float | None = None) -> Value:
    """A learned vector, one number per unit: (H,), or as long as the values it is combined with.

    Args:
        low, high: the range of its uniform initial values; by default ±1/√H, as torch initialises weights.

    Raises:
        CellError: one of the bounds without the other, bounds that are no range, or called outside a cell.
    """
    current_trace("vector")
    if (low is None) != (high is None):
        refuse("vector() was given one bound of its initial values", "give both, vector(low, high), or none")
    if low is not None and high is not None and not low <= high:
        refuse(
            f"vector() was given {low!r} and {high!r} as the range of its initial values", "give the lower one first"
        )
    return Value("vector", low=low, high=high)


def layer_norm(a: Value) -> Value:
    """Normalise over the units, then scale and shift by learned vectors: (B, H) → (B, H). Ba, Kiros & Hinton 2016."""
    current_trace("layer_norm")
    return apply("layer_norm", _learned_from(a, "layer_norm"))


def project(a: Value) -> Value:
    """A learned linear map, without a bias, to the projected size: (B, H) → (B, P). Sak, Senior & Beaufays 2014."""
    current_trace("project")
    return apply("project", _learned_from(a, "project"))


FUNCTIONS = (
    "affine",
    "linear",
    "vector",
    "layer_norm",
    "project",
    "sigmoid",
    "tanh",
    "relu",
    "softplus",
    "exp",
    "log",
    "sqrt",
    "abs",
    "maximum",
    "minimum",
    "where",
)
