"""What the page must not claim: a mean for a unit, a cell for another, a gate for more than it does."""

from __future__ import annotations

import copy
import re
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import synthetic
from test_page import layer, value, view

import latchwork as lw
from latchwork import SequenceClassifier, cells
from latchwork.explain.page_data import page_data


@lw.cell
def lstm1997(x, h, c):
    """Long short-term memory as of 1997, without a forget gate."""
    input = lw.sigmoid(lw.affine(x, h))
    output = lw.sigmoid(lw.affine(x, h))
    candidate = lw.tanh(lw.affine(x, h))
    c = c + input * candidate
    h = output * lw.tanh(c)
    return h, c


@lw.cell
def apart(x, h):
    """Steers its state in other ways than by a gate."""
    update = lw.sigmoid(lw.affine(x, h))
    candidate = lw.tanh(lw.affine(x, h))
    h = lw.tanh(candidate - h) + lw.where(update > candidate, h, candidate)
    return h


def page_of(cell: Any, **options: Any) -> dict[str, Any]:
    texts = [f"the film was {'good' if i % 2 else 'bad'} {'indeed' if i % 3 else 'so'}" for i in range(40)]
    labels = ["up" if i % 2 else "down" for i in range(40)]
    model = SequenceClassifier(cell, hidden_size=6, embedding_size=4, max_epochs=1, random_state=0, **options)
    data: dict[str, Any] = page_data({"it": model.fit(texts, np.array(labels))}, texts, shown=1)
    return data


def without(data: dict[str, Any], sequence: int, unit: int) -> dict[str, Any]:
    """The report where a sequence has one unit less, as where there are too many for the file."""
    data = copy.deepcopy(data)
    found = data["sequences"][sequence]["runs"]["lstm"]["layers"][0]
    place = found["units"].index(unit)
    found["units"].pop(place)
    found["values"] = {
        name: synthetic.pack(np.delete(synthetic.unpack(values), place, axis=1))
        for name, values in found["values"].items()
    }
    return data


def test_a_mean_is_not_shown_as_a_units_value(open_page):
    data = without(synthetic.report(texts=["Another one."]), 1, 7)
    page = open_page(data)
    page.evaluate("latchwork.choose({unit: 7, pinned: [7, 3]})")
    caption = page.locator(".caption")
    assert "in unit 7" in caption.inner_text()
    page.evaluate("latchwork.choose({sequence: 1})")
    assert page.locator("#sequence").input_value() == "1"
    assert (view(page)["unit"], view(page)["absent"], view(page)["pinned"]) == (None, 7, [3])
    assert "Unit 7 is not in the file for this sequence" in caption.inner_text()
    assert "in unit" not in caption.inner_text()
    assert "Unit 7 is not in the file" in page.locator("#unit-panel").inner_text()
    assert page.locator("#unit").input_value() == ""
    assert "mean of 23 units of 24" in page.locator("#unit").inner_text()
    forget = synthetic.unpack(data["sequences"][1]["runs"]["lstm"]["layers"][0]["values"]["forget"])
    assert value(page, '.caption [data-what="keep"]') == pytest.approx(forget[0].mean(), rel=1e-6)
    page.evaluate("latchwork.choose({sequence: 0})")  # where it is again
    assert (view(page)["unit"], view(page)["absent"]) == (7, None)
    page.evaluate("latchwork.choose({unit: 9999})")
    assert (view(page)["unit"], view(page)["absent"]) == (None, 9999)
    page.keyboard.press("ArrowRight")
    assert "Unit 9999 is not in the file" in caption.inner_text()
    page.select_option("#unit", "5")
    assert "in unit 5" in caption.inner_text()
    assert "not in the file" not in caption.inner_text()
    page.evaluate("latchwork.choose({unit: 9999})")
    page.evaluate("latchwork.choose({unit: null})")
    assert "not in the file" not in caption.inner_text()


def test_a_cell_that_lacks_the_unit_shows_nothing_for_it(open_page):
    """Side by side, where a unit is chosen by a script, each cell has units of its own."""
    data = without(synthetic.report(cells=["gru", "lstm"]), 0, 7)
    page = open_page(data)
    page.evaluate("latchwork.choose({together: true, unit: 7})")
    lstm = page.locator('.inside[data-cell="lstm"]')
    assert "Unit 7 is not in the file" in lstm.locator(".caption").inner_text()
    assert lstm.locator('[data-node="k"] .number').text_content() == ""
    assert lstm.locator('[data-node="k"]').get_attribute("data-open") is None
    gru = page.locator('.inside[data-cell="gru"]')
    assert "in unit 7" in gru.locator(".caption").inner_text()


@pytest.mark.parametrize(
    ("cell", "says", "never"),
    [
        (lstm1997, "all of c is kept, the input gate lets in", "no gates"),
        (cells.get("indrnn"), "no gates here: what a unit keeps of h is set for good", "afresh"),
        (apart, "no gate alone says what is kept here: h is computed from the input", "afresh"),
        (cells.get("rnn"), "no gates here: h is computed afresh from the input and what h was before", "kept"),
    ],
    ids=lambda found: getattr(found, "name", ""),
)
def test_what_is_said_without_a_keep_gate(open_page, cell, says, never):
    data = page_of(cell)
    page = open_page(data)
    caption = page.locator(".caption").inner_text()
    assert says in caption
    assert never not in caption
    memory = "c" if cell is lstm1997 else "h"
    assert page.locator("#shown").input_value() == memory


def test_what_zoneout_keeps_is_not_put_down_to_the_gate(open_page):
    data = page_of("lstm", cell_options={"zoneout": 0.5})
    keep = data["cells"][0]["gates"]["keep"]
    assert keep["value"] == "#keep"
    page = open_page(data)
    caption = page.locator(".caption").inner_text()
    assert "gate keeps" not in caption
    assert re.search(rf": \d+\s% of c is kept \({re.escape(keep['label'])}\)", caption)
    assert value(page, '.caption [data-what="keep"]') == pytest.approx(
        synthetic.unpack(layer(data, "it")["values"]["#keep"])[0].mean(), rel=1e-6
    )


def test_the_keys_say_against_what_and_on_how_many(open_page):
    data = synthetic.report()
    page = open_page(data)
    assert "compared with as many steps that say nothing (zeros)" in page.locator(".reading .note").inner_text()
    card = page.locator(".cards article", has_text="early input still counts")
    assert "gradient. On 1,000 sequences." in card.inner_text()
    assert "in its place. On 150 sequences." in card.inner_text()
    for cell in data["memory"]["cells"].values():
        cell["influence"]["replaced"] = None
    assert "Dashed" not in open_page(data).locator("article", has_text="early input still counts").inner_text()


def test_the_unit_panel(open_page):
    data = synthetic.report(cells=["lstm"])
    data["memory"]["cells"]["lstm"]["half_life"][3] = 2.5
    page = open_page(data)
    page.evaluate("latchwork.choose({unit: 3})")
    panel = page.locator(".unit")
    assert "By its gate alone, half of what it holds is gone after 2.50" in panel.inner_text()
    ends = {
        figure.locator("figcaption").inner_text(): figure.locator(".range span").all_inner_texts()
        for figure in panel.locator("figure").all()
    }
    assert ends["forget"] == ["0", "1"]
    assert ends["c"] == ["≤ −1", "≥ 1"]


def test_the_focus_stays_where_it_was(open_page):
    page = open_page(synthetic.report())
    page.evaluate("latchwork.choose({unit: 3})")
    focused = "document.activeElement.id || document.activeElement.className"
    page.locator("#unit-pin").focus()
    page.keyboard.press("Enter")
    assert view(page)["pinned"] == [3]
    assert page.evaluate(focused) == "unit-pin"
    page.keyboard.press("Enter")
    assert view(page)["pinned"] == []
    page.locator("#unit-close").focus()
    page.keyboard.press("Enter")
    assert view(page)["unit"] is None
    assert page.evaluate(focused) == "heat"


def test_keys_that_are_for_something_else(open_page):
    page = open_page(synthetic.report())
    for key in ("Shift", "Control", "Alt", "Meta"):
        page.keyboard.press(f"{key}+ArrowRight")
    page.locator(".memory summary").first.focus()
    page.keyboard.press("ArrowRight")
    assert view(page)["step"] == 0
    page.locator("#forward").focus()
    page.keyboard.press("ArrowRight")
    assert view(page)["step"] == 1


def test_how_a_difference_is_read(open_page):
    page = open_page(page_of(apart))
    (node,) = (n for n in page.evaluate("latchwork.data.cells[0].diagram.nodes") if n["symbol"] == "−")
    assert node["reads"] == "candidate − h[t−1]"
    part = page.locator(f'[data-node="{node["id"]}"]')
    assert "candidate − h[t−1]" in part.get_attribute("aria-label")
    part.focus()
    assert "candidate − h[t−1]" in page.locator(".facts code").first.inner_text()


def contrast(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    def light(colour: tuple[int, ...]) -> float:
        parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_texts_stand_out_from_what_is_behind_them():
    style = (files("latchwork.explain") / "page" / "style.css").read_text("utf-8")
    schemes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = {
            name: tuple(map(int, numbers.split())) for name, numbers in re.findall(r"--([\w-]+): ([\d ]+);", scheme)
        }
        texts = ["ink", "soft", *(name for name in colours if name.startswith("cell-"))]
        assert len(texts) == 8
        for text in texts:
            for behind in ("paper", "card", "quiet"):
                assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    assert "opacity" not in re.search(r"\.word\.unseen \{(.*?)\}", style, re.DOTALL)[1]
