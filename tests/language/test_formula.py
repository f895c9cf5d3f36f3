"""A cell as it is written on paper, in plain text and in LaTeX."""

from __future__ import annotations

import re

import pytest

import latchwork as lw
from latchwork import cells
from latchwork.language.formula import formula
from latchwork.language.transforms import variant

LSTM_TEXT = """\
input[t] = σ(W_input x[t] + U_input h[t−1] + b_input)
forget[t] = σ(W_forget x[t] + U_forget h[t−1] + b_forget)
candidate[t] = tanh(W_candidate x[t] + U_candidate h[t−1] + b_candidate)
output[t] = σ(W_output x[t] + U_output h[t−1] + b_output)
c[t] = forget[t] ⊙ c[t−1] + input[t] ⊙ candidate[t]
h[t] = output[t] ⊙ tanh(c[t])"""

GRU_TEXT = """\
reset[t] = σ(W_reset x[t] + U_reset h[t−1] + b_reset)
update[t] = σ(W_update x[t] + U_update h[t−1] + b_update)
candidate[t] = tanh(W_candidate x[t] + b_candidate + reset[t] ⊙ (U_candidate h[t−1] + b′_candidate))
h[t] = (1 − update[t]) ⊙ candidate[t] + update[t] ⊙ h[t−1]"""

LSTM_LATEX = r"""
\mathrm{input}_{t} = \sigma(W_{\mathrm{input}} x_{t} + U_{\mathrm{input}} h_{t-1} + b_{\mathrm{input}})
\mathrm{forget}_{t} = \sigma(W_{\mathrm{forget}} x_{t} + U_{\mathrm{forget}} h_{t-1} + b_{\mathrm{forget}})
\mathrm{candidate}_{t} = \tanh(W_{\mathrm{candidate}} x_{t} + U_{\mathrm{candidate}} h_{t-1} + b_{\mathrm{candidate}})
\mathrm{output}_{t} = \sigma(W_{\mathrm{output}} x_{t} + U_{\mathrm{output}} h_{t-1} + b_{\mathrm{output}})
c_{t} = \mathrm{forget}_{t} \odot c_{t-1} + \mathrm{input}_{t} \odot \mathrm{candidate}_{t}
h_{t} = \mathrm{output}_{t} \odot \tanh(c_{t})""".strip()

GRU_LATEX = "\n".join(
    [
        r"\mathrm{reset}_{t} = \sigma(W_{\mathrm{reset}} x_{t} + U_{\mathrm{reset}} h_{t-1} + b_{\mathrm{reset}})",
        r"\mathrm{update}_{t} = \sigma(W_{\mathrm{update}} x_{t} + U_{\mathrm{update}} h_{t-1} + b_{\mathrm{update}})",
        r"\mathrm{candidate}_{t} = \tanh(W_{\mathrm{candidate}} x_{t} + b_{\mathrm{candidate}} + \mathrm{reset}_{t}"
        r" \odot \left(U_{\mathrm{candidate}} h_{t-1} + b'_{\mathrm{candidate}}\right))",
        r"h_{t} = \left(1 - \mathrm{update}_{t}\right) \odot \mathrm{candidate}_{t}"
        r" + \mathrm{update}_{t} \odot h_{t-1}",
    ]
)

OPTIONS = [{}, {"bias": False}, {"recurrent_dropout": 0.1, "zoneout": 0.2}]
EVERY_CELL = [variant(cells.get(name), **options) for name in cells.names() for options in OPTIONS]


@pytest.mark.parametrize(("name", "expected"), [("lstm", LSTM_TEXT), ("gru", GRU_TEXT)])
def test_text_of_the_classics(name, expected):
    assert "\n".join(map(str, formula(cells.get(name).graph))) == expected


@pytest.mark.parametrize(("name", "expected"), [("lstm", LSTM_LATEX), ("gru", GRU_LATEX)])
def test_latex_of_the_classics(name, expected):
    assert "\n".join(map(str, formula(cells.get(name).graph, "latex"))) == expected


@pytest.mark.parametrize("style", ["text", "latex"])
@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda c: c.name)
def test_every_traced_name_has_a_line_and_every_bracket_its_partner(cell, style):
    lines = formula(cell.graph, style)
    assert len(lines) == len(cell.graph.traced)
    for line, name in zip(lines, cell.graph.traced, strict=True):
        assert line.name.startswith(name) or rf"\mathrm{{{name}}}" in line.name
        for opened, closed in ("()", "{}", "[]"):
            depth = 0
            for character in line.expression:
                depth += (character == opened) - (character == closed)
                assert depth >= 0
            assert depth == 0
        assert line.expression.count(r"\left") == line.expression.count(r"\right")


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda c: c.name)
def test_a_line_uses_only_names_from_the_lines_above_and_last_steps_states(cell):
    above: set[str] = {cell.graph.input.name}
    for line, name in zip(formula(cell.graph), cell.graph.traced, strict=True):
        assert set(re.findall(r"(\w+)\[t\]", line.expression)) <= above
        assert set(re.findall(r"(\w+)\[t−1\]", line.expression)) <= {s.name for s in cell.graph.states}
        above.add(name)


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda c: c.name)
def test_each_map_has_its_letter_and_each_biased_call_one_bias(cell):
    written = "\n".join(map(str, formula(cell.graph)))
    graph = cell.graph
    maps = [v for v in graph.order if v.op == "map"]
    assert len(set(re.findall(r"\b[WUV]′*_\w+", written))) == len(maps)
    biased = {v.attributes["call"] for v in maps if v.attributes["bias"]}
    assert len(set(re.findall(r"\bb′*_\w+", written))) == len(biased)


def test_the_other_cells_in_the_letters_of_their_papers():
    assert str(formula(cells.get("indrnn").graph)[0]) == "h[t] = relu(W_h x[t] + b_h + recurrent ⊙ h[t−1])"
    assert str(formula(cells.get("lstm_projected").graph)[-1]) == "h[t] = P_h (output[t] ⊙ tanh(c[t]))"
    assert str(formula(cells.get("lstm_layer_norm").graph)[-1]) == "h[t] = output[t] ⊙ tanh(LN(c[t]))"
    assert (
        str(formula(cells.get("gru_reset_before").graph)[3])
        == "candidate[t] = tanh(W_candidate x[t] + V_candidate kept[t] + b_candidate)"
    )
    assert (
        str(formula(cells.get("lstm_peephole").graph)[4])
        == "output[t] = σ(W_output x[t] + U_output h[t−1] + b_output + w_output ⊙ c[t])"
    )


def test_brackets_where_they_change_the_meaning_and_nowhere_else():
    @lw.cell
    def made(x, h):
        a = lw.linear(x)
        b = lw.linear(h)
        difference = a - (b - a)
        left = a - b - a
        product = (a + b) * a
        quotient = a / (a * b)
        chain = a / b / a
        negated = -(a + b)
        deep = a * (b / a)
        clipped = lw.where(a > b + 1, abs(a), lw.maximum(a, 0.5))
        h = difference + left + product + quotient + chain + negated + deep + clipped
        return h

    lines = {line.name.removesuffix("[t]"): line.expression for line in formula(made.graph)}
    assert lines["difference"] == "a[t] − (b[t] − a[t])"
    assert lines["left"] == "a[t] − b[t] − a[t]"
    assert lines["product"] == "(a[t] + b[t]) ⊙ a[t]"
    assert lines["quotient"] == "a[t] / (a[t] ⊙ b[t])"
    assert lines["chain"] == "a[t] / b[t] / a[t]"
    assert lines["negated"] == "−(a[t] + b[t])"
    assert lines["deep"] == "a[t] ⊙ b[t] / a[t]"
    assert lines["clipped"] == "(|a[t]| if a[t] > b[t] + 1 else max(a[t], 0.5))"


def test_an_inner_map_is_bracketed_in_a_product():
    @lw.cell
    def made(x, h):
        h = lw.affine(x) * lw.affine(h) + h / lw.linear(h)
        return h

    assert str(formula(made.graph)[0]) == "h[t] = (W_h x[t] + b_h) ⊙ (U_h h[t−1] + b′_h) + h[t−1] / (U′_h h[t−1])"


def test_negative_and_small_numbers_read_as_numbers():
    @lw.cell
    def made(x, h):
        h = lw.tanh(lw.affine(x, h)) * -2 + -0.5 * h / 2e6 + 1e-5
        return h

    (text,), (latex,) = formula(made.graph), formula(made.graph, "latex")
    assert text.expression == "tanh(W_h x[t] + U_h h[t−1] + b_h) ⊙ −2 + −0.5 ⊙ h[t−1] / 2e+06 + 1e−05"
    assert latex.expression.endswith(r" \odot -2 + \frac{-0.5 \odot h_{t-1}}{2 \cdot 10^{6}} + 1 \cdot 10^{-5}")


def test_an_underscore_in_a_name_is_escaped_in_latex():
    @lw.cell
    def made(x, h):
        new_state = lw.tanh(lw.affine(x, h))
        return new_state

    (line, state) = formula(made.graph, "latex")
    assert line.name == r"\mathrm{new\_state}_{t}"
    assert r"W_{\mathrm{new\_state}}" in line.expression
    assert state.expression
