"""The page of someone else's model, of which the gates are known and not what it decided."""

from __future__ import annotations

import pytest
import synthetic
import torch
from test_page import HOSTILE, value, view
from torch import nn

from latchwork.explain import attach


def page_of(layer, x, *state, **options):
    with attach(layer) as inside:
        layer(x, *state)
    return inside.page(**options)


def test_words_and_the_state_it_began_with(open_page):
    torch.manual_seed(0)
    state = (torch.randn(1, 2, 6), torch.randn(1, 2, 6))
    made = page_of(nn.LSTM(3, 6), torch.randn(4, 2, 3), state, row=1, steps=["one", "two", HOSTILE, "four"])
    page = open_page(made.data)
    layer = made.data["sequences"][0]["runs"]["lstm"]["layers"][0]
    values = {name: synthetic.unpack(packed) for name, packed in layer["values"].items()}
    assert page.locator(".word").all_inner_texts()[1] == "two"
    assert value(page, '.caption [data-what="keep"]') == pytest.approx(values["forget"][0].mean(), rel=1e-6)
    assert page.locator('.says, [data-what="moved"], [data-what="grows"], .word.for, .word.against').count() == 0
    page.select_option("#unit", "2")
    place = layer["units"].index(2)
    before = next(n for n in made.data["cells"][0]["diagram"]["nodes"] if (n["kind"], n["value"]) == ("state", "c"))
    assert value(page, f'[data-node="{before["id"]}"] .number') == state[1][0, 1, 2].item()
    page.click("#forward")
    assert value(page, f'[data-node="{before["id"]}"] .number') == values["c"][0, place]
    page.click('.word[data-step="2"]')
    assert view(page)["step"] == 2
    page.get_by_text("All steps as a table").click()
    page.wait_for_selector(".lanes tbody tr")
    assert page.locator(".lanes thead th").all_inner_texts() == ["step", "keep", "write", "expose"]


def test_a_series_in_both_directions(open_page):
    x = torch.randn(30, 1, 2)
    page = open_page(page_of(nn.GRU(2, 5, 2, bidirectional=True), x, series=x[:, 0]).data)
    assert page.locator("svg.series .channel").count() == 2
    assert page.locator("svg.series [data-step]").count() == 0
    page.select_option("#layer", "3")
    page.keyboard.press("ArrowRight")
    assert view(page)["step"] == 1


def test_parts_that_do_not_add_up_are_called_so(open_page):
    data = synthetic.report()
    assert open_page(data).get_by_text("do not rely on them").count() == 0
    data["sequences"][0]["runs"]["lstm"]["completeness_error"] = 0.2
    assert open_page(data).get_by_text("do not rely on them").count() == 1


def test_without_gates(open_page):
    page = open_page(page_of(nn.RNN(2, 5), torch.randn(3, 1, 2)).data)
    assert "no gates" in page.locator(".caption").inner_text()
    assert page.locator(".text").inner_text() == "step 1 step 2 step 3"
