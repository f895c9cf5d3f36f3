"""The page in a real browser: it steps, plays, can be used by keyboard, and shows the numbers it was given."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
import synthetic
import torch

HOSTILE = (
    "<script>alert(1)</script> </script> <!-- &amp; <img src=x onerror=alert(2)> \u2028 \"quoted' 👩‍👩‍👧 ok "
    + "x" * 300
)


def value(page: Any, selector: str) -> float:
    return float(page.locator(selector).first.get_attribute("data-value"))


def view(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("latchwork.view()")
    return found


def layer(data: dict[str, Any], cell: str) -> dict[str, Any]:
    found: dict[str, Any] = data["sequences"][0]["runs"][cell]["layers"][0]
    return found


def test_the_numbers_on_the_page_are_those_of_the_data(open_page):
    data = synthetic.report(texts=["Another one."])
    page = open_page(data)
    run = data["sequences"][0]["runs"]["lstm"]
    moved, grows = synthetic.unpack(run["moved"]), synthetic.unpack(run["grows"])
    shown = page.eval_on_selector_all(".word[data-step]", "words => words.map(w => Number(w.dataset.value))")
    np.testing.assert_array_equal(np.float32(shown), moved)
    assert value(page, '[data-what="probability"]') == run["probabilities"][run["predicted"]]
    assert value(page, '[data-what="completeness"]') == run["completeness_error"]

    page.evaluate("latchwork.goto(4)")
    values = {name: synthetic.unpack(packed) for name, packed in layer(data, "lstm")["values"].items()}
    assert value(page, '.caption [data-what="keep"]') == pytest.approx(values["forget"][4].mean(), rel=1e-6)
    assert value(page, '.caption [data-what="write"]') == pytest.approx(values["input"][4].mean(), rel=1e-6)
    assert value(page, '.caption [data-what="expose"]') == pytest.approx(values["output"][4].mean(), rel=1e-6)
    assert value(page, '.caption [data-what="moved"]') == moved[4]
    assert value(page, '.caption [data-what="grows"]') == grows[4, run["predicted"]]
    assert value(page, '.lanes [data-what="occluded"]') == synthetic.unpack(run["occluded"])[4]
    opened = float(page.locator('[data-node="k"]').get_attribute("data-open"))
    assert opened == pytest.approx(values["forget"][4].mean(), rel=1e-6)

    unit = 7
    place = layer(data, "lstm")["units"].index(unit)
    page.select_option("#unit", str(unit))
    assert value(page, '[data-node="f"] .number') == values["forget"][4, place]
    assert value(page, '[data-node="c"] .number') == values["c"][4, place]
    assert value(page, '[data-node="c0"] .number') == values["c"][3, place]  # what the step before left
    page.get_by_text("This step as a table").click()
    page.wait_for_selector(".working tbody tr")
    row = page.locator(".working tbody tr", has_text="forget").first.locator("td")
    told = [float(row.nth(i).get_attribute("data-value")) for i in (2, 3, 4, 5)]
    forget = values["forget"][4]
    np.testing.assert_allclose(told, [forget.mean(), forget.min(), forget.max(), forget[place]], rtol=1e-6)

    page.get_by_text("All steps as a table").click()
    page.wait_for_selector(".lanes tbody tr")
    assert page.locator(".lanes tbody tr").count() == len(moved)
    page.evaluate("latchwork.goto(0)")
    assert value(page, '[data-node="c0"] .number') == 0


def test_the_complement_of_a_gate_is_what_it_writes(open_page):
    data = synthetic.report(cells=["gru"])
    page = open_page(data)
    update = synthetic.unpack(layer(data, "gru")["values"]["update"])
    assert value(page, '.caption [data-what="keep"]') == pytest.approx(update[0].mean(), rel=1e-6)
    assert value(page, '.caption [data-what="write"]') == pytest.approx(1 - update[0].mean(), rel=1e-6)


def test_memory_is_plotted_under_its_sentence(open_page):
    data = synthetic.report()
    page = open_page(data)
    memory = data["memory"]
    for cell in memory["cells"].values():
        for sentence in filter(None, cell["sentences"].values()):
            assert page.get_by_text(sentence, exact=True).count() == 1
    assert value(page, '[data-what="sequences"]') == memory["sequences"]
    listed = page.eval_on_selector_all(".lists .amount", "amounts => amounts.map(a => Number(a.dataset.value))")
    assert listed == [0.36, 0.42, 0.57, 0.56] * 2  # lstm and gru
    card = page.locator(".cards article", has_text="gradient reaches")
    assert "On 200 sequences." in card.inner_text()
    assert card.locator("polyline").count() == 6
    card.locator("summary").click()
    card.locator("tbody tr").first.wait_for()
    third = card.locator("tbody tr").nth(2).locator("td")
    flow = memory["cells"]["rnn"]["flow"]
    assert float(third.nth(0).get_attribute("data-value")) == flow["distance"][2]
    assert float(third.nth(1).get_attribute("data-value")) == flow["fitted"][2]
    assert float(third.nth(2).get_attribute("data-value")) == flow["start"][2]
    lives = memory["cells"]["lstm"]["half_life"]
    median = np.median([np.inf if life is None else life for life in lives])
    assert value(page, ".cards .name[data-value]") == pytest.approx(median)


def test_stepping_by_buttons_words_and_scrubber(open_page):
    page = open_page(synthetic.report())
    page.click("#forward")
    page.click("#forward")
    assert view(page)["step"] == 2
    page.click("#back")
    assert view(page)["step"] == 1
    page.click('.word[data-step="6"]')
    assert view(page)["step"] == 6
    assert page.locator('.word[data-step="6"]').get_attribute("aria-current") == "step"
    page.locator("#scrubber").fill("3")
    assert view(page)["step"] == 3
    assert "step 4 of 12" in page.locator('[role="status"]').inner_text().lower()
    page.evaluate("latchwork.goto(99)")
    assert view(page)["step"] == 11
    assert page.locator("#forward").is_disabled()


def test_playing_runs_to_the_end_and_the_values_flow(open_page):
    page = open_page(synthetic.report("one two three four"), still=False)
    page.select_option("#speed", "4")
    page.click("#play")
    page.wait_for_selector(".packet:not([display])", state="attached")  # a value on its way
    assert view(page)["playing"]
    page.wait_for_function("latchwork.view().step === 3 && !latchwork.view().playing")
    page.wait_for_selector(".packet:not([display])", state="detached")
    page.click("#play")  # from the start again
    assert view(page)["step"] < 3
    page.click("#play")
    assert not view(page)["playing"]


def test_who_wants_no_motion_sees_none(open_page):
    page = open_page(synthetic.report())
    page.click("#forward")
    assert page.locator(".packet:not([display])").count() == 0


def test_the_keyboard_alone_is_enough(open_page):
    page = open_page(synthetic.report())
    page.keyboard.press("ArrowRight")
    assert view(page)["step"] == 1
    page.locator(".word[aria-current]").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.step") == "2"
    page.keyboard.press("End")
    assert view(page)["step"] == 11
    page.keyboard.press("Home")
    assert view(page)["step"] == 0
    page.keyboard.press(" ")
    assert view(page)["playing"]
    page.keyboard.press(" ")
    assert not view(page)["playing"]

    page.locator('[role="tab"][aria-selected="true"]').focus()
    page.keyboard.press("ArrowRight")
    assert view(page)["cell"] == "gru"
    assert page.evaluate("document.activeElement.textContent") == "gru"
    page.locator("canvas.heat").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    units = page.evaluate("latchwork.data.sequences[0].runs.gru.layers[0].units")
    assert view(page)["unit"] == units[1]
    assert page.locator("canvas.heat").get_attribute("aria-valuetext") == f"unit {units[1]}"

    node = page.locator('[data-node="z"]')
    node.focus()
    assert "update" in page.locator(".facts").inner_text()
    assert "σ(W_update" in page.locator(".facts code").inner_text()
    page.keyboard.press("Enter")
    assert node.get_attribute("aria-pressed") == "true"


def test_every_control_has_a_name(open_page):
    page = open_page(synthetic.report(texts=["Another."], layers=2))
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, select, input, canvas, svg[role], [role=button], [role=region]")]
        .filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert nameless == []


def test_a_click_on_the_heat_map_opens_a_unit(open_page):
    data = synthetic.report()
    page = open_page(data)
    heat = page.locator("canvas.heat")
    box = heat.bounding_box()
    units = layer(data, "lstm")["units"]
    heat.click(position={"x": 5, "y": box["height"] * 10.5 / len(units)})
    unit = units[10]
    assert view(page)["unit"] == unit
    panel = page.locator(".unit")
    memory = data["memory"]["cells"]["lstm"]
    life = memory["half_life"][unit]
    shown = panel.locator('[data-what="half-life"]')
    assert shown.inner_text() == "never" if life is None else float(shown.get_attribute("data-value")) == life
    assert "<b>never</b>" in panel.inner_text()
    bars = panel.locator("figure").first.locator("rect")
    counts = [int(bars.nth(i).get_attribute("data-value")) for i in range(20)]
    assert counts == memory["units"][unit]["histograms"]["input"]
    now = float(panel.locator('[data-name="c"]').get_attribute("data-value"))
    assert now == synthetic.unpack(layer(data, "lstm")["values"]["c"])[0, 10]
    panel.get_by_role("button", name="Pin to compare").click()
    assert view(page)["pinned"] == [unit]
    panel.get_by_text("Close", exact=True).click()
    assert view(page)["unit"] is None


def test_cells_sequences_layers_and_heat_map_can_be_chosen(open_page):
    data = synthetic.report(texts=["Not bad at all"], layers=2, directions=2)
    page = open_page(data)
    page.get_by_role("tab", name="rnn").click()
    assert "no gates" in page.locator(".caption").inner_text()
    page.get_by_role("tab", name="lstm").click()
    page.select_option("#layer", "3")
    layers = data["sequences"][0]["runs"]["lstm"]["layers"]
    forget = synthetic.unpack(layers[3]["values"]["forget"])
    assert value(page, '.caption [data-what="keep"]') == pytest.approx(forget[0].mean(), rel=1e-6)
    unit = layers[3]["units"][0]
    page.select_option("#unit", str(unit))
    # The second direction comes from the end: what was before stands after.
    assert value(page, '[data-node="c0"] .number') == synthetic.unpack(layers[3]["values"]["c"])[1, 0]
    page.select_option("#shown", "output")
    assert page.locator("canvas.heat").count() == 1
    page.get_by_role("tab", name="Side by side").click()
    assert page.locator(".inside").count() == 3
    assert [p.get_attribute("data-cell") for p in page.locator(".inside").all()] == ["rnn", "lstm", "gru"]
    page.select_option("#sequence", "1")
    assert page.locator(".inside").first.locator(".text").inner_text() == "Not bad at all"


def test_light_and_dark(open_page):
    page = open_page(synthetic.report(), color_scheme="light")
    paint = "getComputedStyle(document.body).backgroundColor"
    picture = "document.querySelector('canvas.heat').toDataURL()"
    settled = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.evaluate(settled)
    light = page.evaluate(paint), page.evaluate(picture)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.evaluate(settled)
    dark = page.evaluate(paint), page.evaluate(picture)
    assert light[0] != dark[0]
    assert light[1] != dark[1]


@pytest.mark.parametrize("width", [380, 800, 1600])
def test_nothing_is_wider_than_the_window(open_page, width):
    page = open_page(synthetic.report(HOSTILE, title=HOSTILE), width)
    for change in ({"unit": 3}, {"together": True}):
        page.evaluate("change => latchwork.choose(change)", change)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_texts_stay_texts(open_page):
    data = synthetic.report(HOSTILE, title="</title><script>alert(3)</script>", classes=["<i>bad</i>", 'a"b'])
    page = open_page(data)
    assert page.evaluate("latchwork.data") == json.loads(json.dumps(data))
    assert page.locator(".text").evaluate("e => e.textContent") == HOSTILE
    words = page.eval_on_selector_all(".word[data-step]", "words => words.map(w => w.textContent)")
    assert words == HOSTILE.split()  # whole characters, emoji included
    assert page.title() == "</title><script>alert(3)</script>: inside the cells"
    assert page.locator("img, .text script, i:has-text('bad')").count() == 0


def test_one_word_one_cell_no_memory_no_label(open_page):
    page = open_page(synthetic.report("كان", cells=["rnn"], memory=False, label=None, classes=[]))
    assert page.locator('[role="tab"]').count() == 0
    assert page.locator(".memory").count() == 0
    assert page.locator("#play").is_disabled()
    assert page.locator(".says").inner_text().startswith("rnn says class ")
    assert page.locator(".word[data-step]").evaluate("e => getComputedStyle(e).direction") == "rtl"
    page.keyboard.press("ArrowRight")
    assert view(page)["step"] == 0


def test_parts_that_are_null(open_page):
    data = synthetic.report()
    data["memory"]["deletion"] = None
    for cell in data["memory"]["cells"].values():
        cell |= {"half_life": None, "units": None, "influence": None, "flow": None}
    data["sequences"][0]["runs"]["lstm"]["completeness_error"] = None
    page = open_page(data)
    page.evaluate("latchwork.choose({unit: 2})")
    assert page.locator(".unit").is_visible()
    page.get_by_role("tab", name="gru").click()
    assert page.locator(".caption").is_visible()


def test_a_series_is_a_plot_that_can_be_clicked(open_page):
    page = open_page(synthetic.report(series=50, classes=["walk", "run", "sit"], label="run"))
    plot = page.locator("svg.series")
    assert plot.locator(".channel").count() == 2
    box = plot.bounding_box()
    plot.click(position={"x": box["width"] * 0.505, "y": 50})
    assert view(page)["step"] == 25


def test_two_thousand_words_stay_fast(open_page):
    data = synthetic.report(" ".join(f"word{i}" for i in range(2000)), cells=["lstm"], memory=False, units=16)
    began = time.perf_counter()
    page = open_page(data)
    assert time.perf_counter() - began < 8  # rather a page that hangs than a slow machine
    page.keyboard.press("ArrowRight")
    page.evaluate("latchwork.goto(1500)")
    assert page.locator(".word[aria-current]").inner_text() == "word1500"
    canvases = page.eval_on_selector_all("canvas", "all => all.map(c => c.width)")
    assert max(canvases) < 4000  # what is in sight, not all 2,000 steps
    seen = """() => {
        const within = (inner, outer) => inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
        const box = e => e.getBoundingClientRect();
        const scroller = document.querySelector(".scroller");
        const word = document.querySelector(".word[aria-current]");
        return [within(box(word), box(document.querySelector(".text"))), scroller.scrollLeft > 1000];
    }"""
    assert page.evaluate(seen) == [True, True]


def test_what_models_really_did(open_page):
    from latchwork import SequenceClassifier
    from latchwork.explain.page_data import page_data

    texts = [f"the film was {'good' if i % 2 else 'bad'} {'indeed' if i % 3 else 'so'}" for i in range(60)]
    labels = np.array(["up" if i % 2 else "down" for i in range(60)])
    cells = ("rnn", "lstm", "gru", "lstm_peephole", "gru_layer_norm")
    models = {
        cell: SequenceClassifier(cell=cell, hidden_size=8, max_epochs=1, random_state=0).fit(texts[:40], labels[:40])
        for cell in cells
    }
    data = page_data(models, texts[40:], labels[40:].tolist(), shown=2, title="Films")
    page = open_page(data)
    for cell in cells:
        page.evaluate("cell => latchwork.choose({cell, step: 3, unit: 5})", cell)
        place = layer(data, cell)["units"].index(5)
        output = synthetic.unpack(layer(data, cell)["values"]["h"])
        result = next(
            n
            for n in data["cells"][cells.index(cell)]["diagram"]["nodes"]
            if (n["kind"], n["value"]) == ("result", "h")
        )
        assert value(page, f'[data-node="{result["id"]}"] .number') == output[3, place]
        assert not page.locator(".facts").get_by_text("not recorded").count()


def test_the_page_shows_what_the_truth_in_float64_says(open_page):
    from latchwork import SequenceClassifier
    from latchwork.explain import illustrate
    from latchwork.explain.passes import passes
    from latchwork.reference.numpy import forward

    texts = [f"the film was {'good' if i % 2 else 'bad'} {'indeed' if i % 3 else 'so'}" for i in range(40)]
    labels = ["up" if i % 2 else "down" for i in range(40)]
    for cell in ("rnn", "lstm", "gru_reset_before"):
        model = SequenceClassifier(cell=cell, hidden_size=16, max_epochs=1, random_state=0).fit(texts, labels)
        page = open_page(illustrate(model, texts[:1]).data)
        network = model.network_
        with torch.no_grad():
            x = network.features(torch.from_numpy(model.encode(texts[:1])[0])[:, None]).double().numpy()
        (only,) = passes(network.recurrent)
        weights = {name: p.detach().double().numpy() for name, p in only.parameters.items()}
        truth = forward(network.recurrent.cell.graph, weights, x).trace
        compared = 0
        for step, unit in ((0, 3), (4, 11)):
            page.evaluate("([step, unit]) => latchwork.choose({step, unit})", [step, unit])
            for node in page.evaluate("latchwork.data.cells[0].diagram.nodes"):
                if node["value"] in truth and node["kind"] != "state":
                    shown = value(page, f'[data-node="{node["id"]}"] .number')
                    assert shown == pytest.approx(truth[node["value"]][step, 0, unit], abs=2e-6), (cell, node)
                    compared += 1
        assert compared >= 4


def test_data_of_another_version_is_refused_in_words(open_page, browser, tmp_path):
    from latchwork.explain.report import Page

    path = tmp_path / "newer.html"
    path.write_text(Page(synthetic.report() | {"version": 99}).html(), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert "version 1" in page.locator('[role="alert"]').inner_text()
    page.close()


def test_in_the_frame_of_a_notebook(open_page):
    from latchwork.explain.report import Page

    html = f"<!doctype html><title>notebook</title>{Page(synthetic.report(HOSTILE))._repr_html_()}"
    page = open_page(html, ready="document.querySelector('iframe').contentWindow.latchwork")
    frame = page.frames[1]
    frame.click("#forward")
    assert frame.evaluate("latchwork.view().step") == 1
