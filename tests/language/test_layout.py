"""Which parameters a cell has: names, order, blocks, shapes, and the slot of each value."""

from __future__ import annotations

import math

import pytest

import latchwork as lw
from latchwork import cells
from latchwork.language.layout import Layout
from latchwork.language.lower import lower
from latchwork.language.transforms import variant

SIZES = {"I": 3, "H": 5, "P": 2}


def layout(cell: lw.Cell) -> Layout:
    return Layout.of(lower(cell.graph))


def shapes(cell: lw.Cell) -> dict[str, tuple[int, ...]]:
    return {p.name: p.shape(SIZES) for p in layout(cell).parameters}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rnn", {"weight_ih": (5, 3), "weight_hh": (5, 5), "bias_ih": (5,), "bias_hh": (5,)}),
        ("lstm", {"weight_ih": (20, 3), "weight_hh": (20, 5), "bias_ih": (20,), "bias_hh": (20,)}),
        ("gru", {"weight_ih": (15, 3), "weight_hh": (15, 5), "bias_ih": (15,), "bias_hh": (15,)}),
        (
            "lstm_projected",
            {"weight_ih": (20, 3), "weight_hh": (20, 2), "bias_ih": (20,), "bias_hh": (20,), "weight_hr": (2, 5)},
        ),
        (
            "gru_reset_before",
            {
                "weight_ih": (15, 3),
                "weight_hh": (10, 5),
                "weight_kept": (5, 5),
                "bias_ih": (15,),
                "bias_hh": (10,),
                "bias_kept": (5,),
            },
        ),
        ("indrnn", {"weight_ih": (5, 3), "bias_ih": (5,), "vector_recurrent": (5,)}),
    ],
)
def test_names_order_and_shapes(name, expected):
    assert list(shapes(cells.get(name)).items()) == list(expected.items())


def test_layer_norms_parameters_stand_where_the_biases_stood():
    assert list(shapes(cells.get("lstm_layer_norm")).items()) == [
        ("weight_ih", (20, 3)),
        ("weight_hh", (20, 5)),
        ("norm_weight_ih", (20,)),
        ("norm_weight_hh", (20,)),
        ("norm_weight_c", (5,)),
        ("norm_bias_ih", (20,)),
        ("norm_bias_hh", (20,)),
        ("norm_bias_c", (5,)),
    ]


def test_blocks_are_in_the_order_of_the_calls():
    assert layout(cells.get("lstm"))["weight_hh"].blocks == ("input", "forget", "candidate", "output")
    assert layout(cells.get("lstm_peephole"))["weight_ih"].blocks == ("input", "forget", "candidate", "output")
    assert layout(cells.get("gru"))["bias_hh"].blocks == ("reset", "update", "candidate")


def test_a_call_made_late_but_written_early_keeps_its_block():
    @lw.cell
    def made(x, h):
        first = lw.affine(x)
        second = lw.affine(x)
        h = lw.tanh(second + h) * lw.sigmoid(first)
        return h

    assert layout(made)["weight_ih"].blocks == ("first", "second")


def test_other_sources_are_called_by_their_names():
    @lw.cell
    def made(x, h, c):
        seen = lw.sigmoid(lw.affine(c))
        mixed = seen * h
        c = lw.tanh(lw.affine(x, mixed)) + lw.linear(lw.tanh(c))
        h = lw.affine(h) * c
        return h, c

    assert list(shapes(made)) == [
        "weight_ih",
        "weight_hh",
        "weight_ch",
        "weight_mixed",
        "weight_c",
        "bias_ih",
        "bias_hh",
        "bias_ch",
        "bias_mixed",
    ]


def test_names_that_would_meet_are_numbered():
    @lw.cell
    def made(x, h, i):
        hh = lw.tanh(h)
        i = lw.affine(i) + lw.affine(hh)
        h = lw.tanh(lw.affine(x, h)) + i
        return h, i

    assert list(shapes(made)) == [
        "weight_ih",
        "weight_hh",
        "weight_ih_2",
        "weight_hh_2",
        "bias_ih",
        "bias_hh",
        "bias_ih_2",
        "bias_hh_2",
    ]


def test_one_source_twice_in_one_call_has_two_blocks():
    @lw.cell
    def made(x, h):
        h = lw.tanh(lw.affine(x, h, h))
        return h

    assert shapes(made)["weight_hh"] == (10, 5)
    assert shapes(made)["bias_hh"] == (10,)


def test_linear_has_no_bias_among_those_that_have():
    @lw.cell
    def made(x, h):
        gate = lw.sigmoid(lw.linear(x, h))
        h = gate * h + lw.tanh(lw.affine(x, h))
        return h

    assert layout(made)["weight_hh"].blocks == ("gate", "h")
    assert layout(made)["bias_hh"].blocks == ("h",)


def test_an_initial_range_is_kept():
    assert layout(cells.get("indrnn"))["vector_recurrent"].initial == (0, 1)
    assert layout(cells.get("lstm_peephole"))["vector_forget"].initial is None


@pytest.mark.parametrize("name", cells.names())
@pytest.mark.parametrize("options", [{}, {"recurrent_dropout": 0.2, "zoneout": 0.1}, {"bias": False}], ids=str)
def test_slots_cover_every_number_once(name, options):
    lowered = lower(variant(cells.get(name), **options).graph)
    found = Layout.of(lowered)
    covered: dict[str, list[int]] = {}
    for slot in found.slots.values():
        covered.setdefault(slot.name, []).append(slot.index)
        if slot.bias is not None:
            covered.setdefault(slot.bias, []).append(slot.bias_index)
    assert {n: sorted(i) for n, i in covered.items()} == {p.name: list(range(len(p.blocks))) for p in found.parameters}
    learned = [v for v in lowered.order if v.op in ("map", "vector", "project")]
    assert set(found.slots) == set(learned)
    assert found.count(SIZES) == sum(math.prod(p.shape(SIZES)) for p in found.parameters)


@pytest.mark.parametrize("name", cells.names())
def test_random_masks_leave_the_layout_alone(name):
    plain, masked = cells.get(name), variant(cells.get(name), recurrent_dropout=0.3, zoneout=0.2)
    assert layout(masked).parameters == layout(plain).parameters


def test_without_biases_only_the_biases_go():
    for name in cells.names():
        kept = [p for p in layout(cells.get(name)).parameters if p.kind != "bias"]
        assert list(layout(variant(cells.get(name), bias=False)).parameters) == kept


def test_a_norm_of_a_value_and_a_norm_of_its_map_are_two():
    @lw.cell
    def made(x, h):
        h = lw.tanh(lw.layer_norm(lw.linear(x)) + lw.linear(lw.layer_norm(x)) + h)
        return h

    assert shapes(made)["norm_weight_ih"] == (5,)
    assert shapes(made)["norm_weight_ih_2"] == (3,)


def test_the_blocks_of_an_unrolled_loop_are_in_the_order_of_its_rounds():
    @lw.cell
    def made(x, h):
        for _ in range(3):
            h = lw.tanh(lw.affine(x) + h)
        return h

    lowered = lower(made.graph)
    slots = Layout.of(lowered).slots
    calls = {v.attributes["call"]: slots[v].index for v in lowered.order if v.op == "map"}
    assert calls == {0: 0, 1: 1, 2: 2}
