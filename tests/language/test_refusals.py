"""What the cell language refuses: when the cell is defined, with the cell's name, the exact line and the fix."""

from __future__ import annotations

import re
import textwrap

import pytest

import latchwork as lw
from latchwork.errors import CellError

# what is wrong → the cell (the line at fault ends in `# here`), what the message says, the fix it gives
REFUSED = {
    "a Python if": (
        """
        @cell
        def bad(x, h):
            new = tanh(affine(x, h))
            if new > h:  # here
                h = new
            return h
        """,
        "a comparison is a vector that is known only when the cell runs",
        "Use where(condition, a, b)",
    ),
    "a Python if on a named value": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine(x, h))
            while h:  # here
                h = h - 1
            return h
        """,
        "the result of tanh(…) is a vector",
        "Use where(condition, a, b)",
    ),
    "==": (
        """
        @cell
        def bad(x, h):
            if h == 0:  # here
                h = tanh(affine(x, h))
            return affine(x, h)
        """,
        "`h` cannot be compared with == or !=",
        "Write where(a > b, …, …)",
    ),
    "!=": (
        """
        @cell
        def bad(x, h):
            new = affine(x, h)
            return new if new != h else h  # here
        """,
        "cannot be compared with == or !=",
        "Write where(a > b, …, …)",
    ),
    "and": (
        """
        @cell
        def bad(x, h):
            h = where(h > 0 and h < 1, affine(x), h)  # here
            return h
        """,
        "a comparison is a vector",
        "Use where(condition, a, b)",
    ),
    "&": (
        """
        @cell
        def bad(x, h):
            h = where((h > 0) & (h < 1), affine(x), h)  # here
            return h
        """,
        "`&`, `|`, `^` and `~` are not in the cell language",
        "Nest where(…)",
    ),
    "~": (
        """
        @cell
        def bad(x, h):
            h = where(~(h > 0), affine(x), h)  # here
            return h
        """,
        "`&`, `|`, `^` and `~` are not in the cell language",
        "Swap the last two arguments",
    ),
    "Python's max": (
        """
        @cell
        def bad(x, h):
            h = max(affine(x, h), 0)  # here
            return h
        """,
        "a comparison is a vector",
        "maximum(a, b)",
    ),
    "round": (
        """
        @cell
        def bad(x, h):
            h = round(affine(x, h))  # here
            return h
        """,
        "a sum cannot be turned into a Python number",
        "functions of latchwork",
    ),
    "math": (
        """
        @cell
        def bad(x, h):
            pre = affine(x, h)
            h = math.tanh(pre)  # here
            return h
        """,
        "a sum cannot be turned into a Python number",
        "latchwork.tanh",
    ),
    "numpy": (
        """
        @cell
        def bad(x, h):
            h = np.tanh(affine(x, h))  # here
            return h
        """,
        "numpy.tanh is not in the cell language",
        "Use latchwork.tanh.",
    ),
    "numpy without a counterpart": (
        """
        @cell
        def bad(x, h):
            h = np.sin(affine(x, h))  # here
            return h
        """,
        "numpy.sin is not in the cell language",
        "The functions are: affine, linear,",
    ),
    "numpy's abs": (
        """
        @cell
        def bad(x, h):
            h = np.abs(affine(x, h))  # here
            return h
        """,
        "numpy.absolute is not in the cell language",
        "Write abs(value).",
    ),
    "numpy's concatenate": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine(np.concatenate([x, h])))  # here
            return h
        """,
        "numpy.concatenate is not in the cell language",
        "The functions are: affine, linear,",
    ),
    "numpy's where": (
        """
        @cell
        def bad(x, h):
            h = np.where(h > 0, affine(x), h)  # here
            return h
        """,
        "numpy.where is not in the cell language",
        "Use latchwork.where.",
    ),
    "torch": (
        """
        @cell
        def bad(x, h):
            h = torch.sigmoid(affine(x, h))  # here
            return h
        """,
        "torch's sigmoid is not in the cell language",
        "Use latchwork.sigmoid.",
    ),
    "torch.nn.functional": (
        """
        @cell
        def bad(x, h):
            h = torch.nn.functional.gelu(affine(x, h))  # here
            return h
        """,
        "torch's gelu is not in the cell language",
        "The functions are: affine, linear,",
    ),
    "torch.cat": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine(torch.cat([x, h], 1)))  # here
            return h
        """,
        "torch's cat is not in the cell language",
        "The functions are: affine, linear,",
    ),
    "a tensor's method": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h).tanh()  # here
            return h
        """,
        "a sum has no `.tanh`",
        "Use latchwork.tanh.",
    ),
    "a tensor's attribute": (
        """
        @cell
        def bad(x, h):
            units = h.shape[-1]  # here
            return affine(x, h) / units
        """,
        "`h` has no `.shape`",
        "The functions are",
    ),
    "a torch tensor": (
        """
        @cell
        def bad(x, h):
            h = torch.ones(3) * affine(x, h)  # here
            return h
        """,
        "mul was given Tensor",
        "vector(), affine(…) and linear(…)",
    ),
    "a numpy array": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) + np.ones(3)  # here
            return h
        """,
        "add was given ndarray",
        "vector(), affine(…) and linear(…)",
    ),
    "a numpy array on the left": (
        """
        @cell
        def bad(x, h):
            h = np.ones(3) + affine(x, h)  # here
            return h
        """,
        "add was given ndarray",
        "vector(), affine(…) and linear(…)",
    ),
    "a string": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) * "2"  # here
            return h
        """,
        "mul was given str '2'",
        "values of the cell or plain numbers",
    ),
    "None": (
        """
        @cell
        def bad(x, h):
            h = sigmoid(None)  # here
            return h
        """,
        "sigmoid was given NoneType",
        "values of the cell or plain numbers",
    ),
    "a truth value": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) * True  # here
            return h
        """,
        "mul was given True",
        "Compare values with > < >= <=",
    ),
    "arithmetic on a comparison": (
        """
        @cell
        def bad(x, h):
            h = 1 - (affine(x, h) > 0)  # here
            return h
        """,
        "sub was given a comparison",
        "where(a > b, 1, 0)",
    ),
    "a comparison of a comparison": (
        """
        @cell
        def bad(x, h):
            h = where((h > 0) > 0.5, affine(x), h)  # here
            return h
        """,
        "greater was given a comparison",
        "where(a > b, 1, 0)",
    ),
    "a comparison as a choice": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) * where(h > 0, h > 1, 0)  # here
            return h
        """,
        "where was given a comparison",
        "where(a > b, 1, 0)",
    ),
    "a map of a comparison": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine(x, h > 0))  # here
            return h
        """,
        "affine() was given <greater>",
        "such as x or a state",
    ),
    "a comparison as the new state": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) > 0  # here
            return h
        """,
        "the new state `h` is true or false",
        "where(a > b, 1, 0)",
    ),
    "a condition that is none": (
        """
        @cell
        def bad(x, h):
            h = where(h, affine(x), h)  # here
            return h
        """,
        "the first argument of where() must be a comparison",
        "Write where(a > b, …, …)",
    ),
    "a condition of numbers": (
        """
        @cell
        def bad(x, h):
            h = where(2 > 1, affine(x), h)  # here
            return h
        """,
        "the first argument of where() must be a comparison",
        "Write where(a > b, …, …)",
    ),
    "unpacking": (
        """
        @cell
        def bad(x, h):
            keep, new = affine(x, h)  # here
            return keep * h + new
        """,
        "a sum cannot be unpacked or looped over",
        "affine(…) of its own",
    ),
    "a loop over a value": (
        """
        @cell
        def bad(x, h):
            for unit in h:  # here
                pass
            return affine(x, h)
        """,
        "`h` cannot be unpacked or looped over",
        "affine(…) of its own",
    ),
    "indexing": (
        """
        @cell
        def bad(x, h):
            both = affine(x, h)
            h = both[0]  # here
            return h
        """,
        "a sum cannot be indexed",
        "affine(…) of its own",
    ),
    "len": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) / len(h)  # here
            return h
        """,
        "`h` has no length",
        "Sizes are chosen when a module is made",
    ),
    "@": (
        """
        @cell
        def bad(x, h):
            h = x @ h  # here
            return h
        """,
        "a cell has no weight matrices of its own",
        "Write linear(value)",
    ),
    "**": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) ** 2  # here
            return h
        """,
        "`**` is not in the cell language",
        "Write value * value",
    ),
    "2 **": (
        """
        @cell
        def bad(x, h):
            h = 2 ** affine(x, h)  # here
            return h
        """,
        "`**` is not in the cell language",
        "exp(power * log(value))",
    ),
    "%": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) % 2  # here
            return h
        """,
        "`%` is not in the cell language",
        "The operators are + - * /",
    ),
    "affine of nothing": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine())  # here
            return h
        """,
        "affine() needs at least one value",
        "affine(x, h)",
    ),
    "affine of a number": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine(x, h, 2))  # here
            return h
        """,
        "affine() was given 2",
        "such as x or a state",
    ),
    "affine of a tuple": (
        """
        @cell
        def bad(x, h):
            h = tanh(linear((x, h)))  # here
            return h
        """,
        "linear() was given (<x>, <h>)",
        "such as x or a state",
    ),
    "layer_norm of a number": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) * layer_norm(2.0)  # here
            return h
        """,
        "layer_norm() was given 2.0",
        "such as x or a state",
    ),
    "a map of a computed number": (
        """
        @cell
        def bad(x, h):
            h = affine(x, h) * linear(sigmoid(2.0))  # here
            return h
        """,
        "a learned map is made of a plain number",
        "such as x or a state",
    ),
    "one bound of a vector": (
        """
        @cell
        def bad(x, h):
            recurrent = vector(1)  # here
            return affine(x) + recurrent * h
        """,
        "vector() was given one bound",
        "Give both, vector(low, high), or none",
    ),
    "the bounds of a vector the wrong way round": (
        """
        @cell
        def bad(x, h):
            recurrent = vector(1, 0)  # here
            return affine(x) + recurrent * h
        """,
        "vector() was given 1 and 0",
        "Give the lower one first",
    ),
    "a state never used": (
        """
        @cell
        def bad(x, h, c):  # here
            h = tanh(affine(x, h))
            return h, h
        """,
        "`c` is never used",
        "take it out of the arguments",
    ),
    "an input never used": (
        """
        @cell
        def bad(x, h):  # here
            h = tanh(affine(h))
            return h
        """,
        "`x` is never used",
        "Use it, as in affine(x, h)",
    ),
    "a state used only by what is not returned": (
        """
        @cell
        def bad(x, h, c):  # here
            seen = sigmoid(c)
            h = tanh(affine(x, h))
            return h, h
        """,
        "`c` is never used",
        "take it out of the arguments",
    ),
    "weights that cannot learn": (
        """
        @cell
        def bad(x, h):
            gate = sigmoid(
                affine(x)  # here
            )
            h = tanh(affine(x, h))
            return h
        """,
        "a learned map has weights, but no returned state depends on it",
        "its weights could not learn",
    ),
    "an input that meets the units": (
        """
        @cell
        def bad(x, h):
            pre = affine(h)
            h = tanh(x + pre)  # here
            return h
        """,
        "different sizes (the input's size; one number per unit)",
        "Map the input first",
    ),
    "a projection that meets the units": (
        """
        @cell
        def bad(x, h, c):
            c = c + affine(x, h)
            h = project(c) + c  # here
            return h, c
        """,
        "(the projected size; one number per unit)",
        "project(value) the projected size",
    ),
    "a state of the input's size": (
        """
        @cell
        def bad(x, h):
            h = tanh(x) * h  # here
            return h
        """,
        "the state `h` would have the input's size",
        "Map the input to the units first",
    ),
    "a state that is a number": (
        """
        @cell
        def bad(x, h, c):
            h = tanh(affine(x, h, c))
            fixed = sigmoid(2.0)  # here
            return h, fixed
        """,
        "the new state `c` is a plain number",
        "Return a value computed from x and the states",
    ),
    "too few states returned": (
        """
        @cell
        def bad(x, h, c):
            h = tanh(affine(x, h) + c)
            return h  # here
        """,
        "it has 2 states (h, c) but returns (tanh)",
        "Return the new states in the order of the arguments: return h, c.",
    ),
    "too many states returned": (
        """
        @cell
        def bad(x, h):
            new = tanh(affine(x, h))
            return new, h  # here
        """,
        "it has 1 state (h) but returns (tanh, h)",
        "return h.",
    ),
    "nothing returned": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine(x, h))  # here
        """,
        "returns (NoneType)",
        "return h.",
    ),
    "a list returned": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine(x, h))
            return [h]  # here
        """,
        "returns (list)",
        "return h.",
    ),
    "a number returned": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine(x, h))
            return 0.5  # here
        """,
        "returns (float)",
        "return h.",
    ),
    "one name for two values": (
        """
        @cell
        def bad(x, h):
            h = tanh(affine(x, h))  # here
            other = 2 * h
            return other
        """,
        "`h` was assigned one value and another is returned as the new state `h`",
        "Return h, or give the other value a name of its own",
    ),
    "a new value for the input's name": (
        """
        @cell
        def bad(x, h):
            x = relu(affine(x))  # here
            return tanh(x + affine(h))
        """,
        "`x` is the step's input and was assigned another value",
        "Give that value a name of its own",
    ),
    "a default argument": (
        """
        @cell
        def bad(x, h, rate=0.5):  # here
            return tanh(affine(x, h)) * rate
        """,
        "its argument `rate=0.5` is neither the input nor a state",
        "a number can be a variable outside the function",
    ),
    "a starred argument": (
        """
        @cell
        def bad(x, *states):  # here
            return tanh(affine(x))
        """,
        "its argument `*states` is neither",
        "def name(x, h, …)",
    ),
    "a keyword argument": (
        """
        @cell
        def bad(x, *, h):  # here
            return tanh(affine(x, h))
        """,
        "its argument `h` is neither",
        "def name(x, h, …)",
    ),
    "no state": (
        """
        @cell
        def bad(x):  # here
            return tanh(affine(x))
        """,
        "it has no state",
        "Write def name(x, h)",
    ),
    "a value of another cell": (
        """
        kept = []

        @cell
        def good(x, h):
            kept.append(h)
            return tanh(affine(x, h))

        @cell
        def bad(x, h):  # here
            return tanh(affine(x, h) + kept[0])
        """,
        "`h` belongs to another cell",
        "Use the arguments of this one",
    ),
    "a line within a longer expression": (
        """
        @cell
        def bad(x, h):
            h = tanh(
                affine(x)
                + affine(h)
                + np.exp(h)  # here
            )
            return h
        """,
        "numpy.exp is not in the cell language",
        "Use latchwork.exp.",
    ),
    "a helper's mistake, where the cell called it": (
        """
        def helper(value):
            return value ** 2

        @cell
        def bad(x, h):
            pre = affine(x, h)
            h = helper(pre)  # here
            return h
        """,
        "`**` is not in the cell language",
        "Write value * value",
    ),
}

IMPORTS = """\
import math
import numpy as np
import torch
from latchwork import affine, cell, layer_norm, linear, maximum, project, relu, sigmoid, sqrt, tanh, vector, where
"""


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_cell_the_line_and_the_fix(case, tmp_path):
    source, problem, fix = REFUSED[case]
    file = tmp_path / "mine.py"
    file.write_text(IMPORTS + textwrap.dedent(source), encoding="utf-8")
    lines = file.read_text(encoding="utf-8").splitlines()
    (number,) = [i for i, text in enumerate(lines, 1) if text.endswith("# here")]
    with pytest.raises(CellError) as caught:
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), {})
    first, shown, *_ = message = str(caught.value).splitlines()
    assert first.startswith(f"cell 'bad', line {number} of mine.py: ")
    assert problem in first
    assert shown == f"    {lines[number - 1].strip()}"
    assert fix in message[-1]
    assert re.fullmatch(r"[A-Z].*\.", message[-1]), "the fix is a sentence"


@pytest.mark.parametrize("function", ["affine", "linear", "vector", "layer_norm", "project"])
def test_what_is_learned_belongs_in_a_cell(function):
    arguments = () if function == "vector" else (2.0,)
    with pytest.raises(CellError, match=rf"{function}\(\) has a meaning only inside a function marked @cell"):
        getattr(lw, function)(*arguments)


def test_a_tensor_given_to_an_op_outside_a_cell_is_refused():
    import torch

    with pytest.raises(CellError, match="tanh was given Tensor"):
        lw.tanh(torch.zeros(2))


@pytest.mark.parametrize("thing", [3, "lstm", len, type("Thing", (), {}), None])
def test_only_functions_are_cells(thing):
    with pytest.raises(CellError, match="@cell needs a plain function"):
        lw.cell(thing)


def test_refusals_are_type_errors():
    assert issubclass(CellError, TypeError)
    assert issubclass(CellError, lw.LatchworkError)


def test_numbers_of_numpy_are_numbers_on_both_sides():
    import numpy as np

    two = np.float64(2)

    @lw.cell
    def left(x, h):
        return two * lw.tanh(lw.affine(x, h)) + np.float32(1)

    @lw.cell
    def plain(x, h):
        return 2 * lw.tanh(lw.affine(x, h)) + 1

    assert left.graph.signature == plain.graph.signature
