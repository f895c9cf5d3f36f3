"""The page of each task in a real browser: it shows what the models say, step by step, and nothing else."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
import synthetic
from small_models import documents, forecaster, generator, held_out, sentences, tagger, waves

from latchwork import SequenceTagger
from latchwork.explain.page_data import page_data
from latchwork.tasks.timeseries import TimeSeries, Windows

HOSTILE = ["<script>alert(1)</script>", "</script>", "<!--", "&amp;", "👩‍👩‍👧", "كان", "", "x" * 300]


def value(page: Any, selector: str) -> float:
    return float(page.locator(selector).first.get_attribute("data-value"))


def tag_report(**options: Any) -> dict[str, Any]:
    X, y = sentences(30)
    y[0] = ["VERB", *y[0][1:]]  # so that one tag is wrong
    models = {cell: tagger(cell) for cell in ("rnn", "lstm", "gru")}
    return page_data(models, X, y, first=[0], title="Tags", held_out=True, **options)


def text_report() -> dict[str, Any]:
    models = {cell: generator(cell) for cell in ("lstm", "gru")}
    return page_data(models, documents(), first=[0], title="Texts", held_out=True)


def forecast_report(channels: int = 1) -> dict[str, Any]:
    models = {cell: forecaster(cell, channels) for cell in ("lstm", "gru")}
    return page_data(models, held_out(channels), title="Waves", held_out=True)


REPORTS = {"tag": tag_report, "generate": text_report, "forecast": forecast_report}


def test_words_have_their_tags_by_name_and_by_colour(open_page):
    data = tag_report()
    page = open_page(data)
    tags = data["sequences"][0]["runs"]["lstm"]["tag"]
    odds = synthetic.unpack(tags["probabilities"])
    names = page.eval_on_selector_all(".word[data-step]", "words => words.map(w => w.dataset.tag)")
    assert names == [data["classes"][row[0]] for row in tags["likely"]]
    shown = page.eval_on_selector_all(".word[data-step]", "words => words.map(w => Number(w.dataset.value))")
    np.testing.assert_array_equal(np.float32(shown), odds[:, 0])
    colours = page.eval_on_selector_all(
        ".word[data-step]", "words => words.map(w => getComputedStyle(w).backgroundColor)"
    )
    assert len(set(colours)) == len(set(names)) > 2
    word = page.locator('.word[data-step="0"]')
    assert word.locator("small").first.inner_text() == "✗ DET"
    assert word.locator("small.truth").inner_text() == "✓ VERB"
    assert "in truth VERB" in word.get_attribute("title")
    right = sum(name == truth for name, truth in zip(names, data["sequences"][0]["truth"], strict=True))
    assert value(page, '[data-what="right"]') == right
    assert "in truth it is VERB" in page.locator(".caption").inner_text()
    page.click('.word[data-step="3"]')
    bars = page.locator('.bars [data-what="probability"]')
    np.testing.assert_array_equal(np.float32([b.get_attribute("data-value") for b in bars.all()]), odds[3])
    assert value(page, '.caption [data-what="tag"]') == odds[3, 0]
    page.get_by_text("All steps as a table").click()
    page.wait_for_selector(".lanes tbody tr")
    assert page.locator(".lanes tbody tr").count() == 6
    assert "DET" in page.locator(".lanes tbody tr").first.inner_text()
    assert page.locator(".legend li").count() == len(set(names))


def test_spans_share_a_colour_and_rare_tags_go_grey(open_page):
    rng = np.random.default_rng(0)
    kinds = [f"K{i}" for i in range(10)]
    labels = ["O", *(f"{part}-{kind}" for kind in kinds for part in "BI")]
    X = [[f"w{i}" for i in rng.integers(0, 21, 30)] for _ in range(12)]
    y = [[labels[int(word[1:])] for word in row] for row in X]
    model = SequenceTagger("gru", hidden_size=24, max_epochs=30, learning_rate=0.03, patience=None).fit(X, y)
    page = open_page(page_data({"gru": model}, X, y))
    found = page.eval_on_selector_all(
        ".word[data-step]", "ws => ws.map(w => [w.dataset.tag, w.style.getPropertyValue('--tag')])"
    )
    colours = dict(found)
    for kind in kinds:
        both = {colours[tag] for tag in (f"B-{kind}", f"I-{kind}") if tag in colours}
        assert len(both) <= 1
    assert colours.get("O", "rgb(var(--tag-none))") == "rgb(var(--tag-none))"
    assert len(set(colours.values())) <= 9


def test_a_series_of_labels_is_drawn_behind_the_series(open_page):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(20, 2)) for _ in range(24)]
    y = [(row[:, 0] > 0).astype(int).tolist() for row in X]
    model = SequenceTagger("gru", hidden_size=4, max_epochs=1).fit(X, y)
    page = open_page(page_data({"gru": model}, X, y))
    assert page.locator("svg.series rect[data-step]").count() == 20
    assert page.locator("svg.series .channel").count() == 2


def test_characters_are_shaded_by_their_surprise(open_page):
    data = text_report()
    page = open_page(data)
    sequence = data["sequences"][0]
    told = sequence["runs"]["lstm"]["next"]
    bits, odds = synthetic.unpack(told["bits"]), synthetic.unpack(told["probabilities"])
    shown = page.eval_on_selector_all(".char[data-value]", "chars => chars.map(c => Number(c.dataset.value))")
    np.testing.assert_array_equal(np.float32(shown), bits[:-1])
    rate = bits.sum() / (len(sequence["text"]) + 1)
    assert value(page, '[data-what="rate"]') == pytest.approx(rate, rel=1e-5)
    assert page.locator(".says").inner_text().startswith("From the data")
    for step in (0, 5, len(sequence["steps"]) - 1):
        page.evaluate("step => latchwork.goto(step)", step)
        assert value(page, '.caption [data-what="bits"]') == bits[step]
        bars = [float(b.get_attribute("data-value")) for b in page.locator(".bars .amount[data-value]").all()]
        np.testing.assert_array_equal(np.float32(bars[: odds.shape[1]]), odds[step])
        came = page.locator(".bars .marked .barname").inner_text()
        symbol = sequence["steps"][step + 1] if step + 1 < len(sequence["steps"]) else "end"
        assert came.split(". ")[-1] == {"\n": "↵", " ": "␣"}.get(symbol, symbol)
    assert page.locator(".break").count() == sequence["text"].count("\n")


def test_what_a_model_wrote_is_said_to_be_so_and_is_typed_out(open_page):
    data = text_report()
    page = open_page(data)
    page.select_option("#sequence", "1")
    written = data["sequences"][1]["written"]
    assert page.locator(".says").inner_text().startswith(f"Written by {written['by']}, which went on")
    assert page.locator(".char.prompt").count() == written["prompt"]
    assert page.locator(".char.tocome").count() == 0
    page.select_option("#speed", "32")
    page.click("#play")
    page.wait_for_function("latchwork.view().step > 2")
    hidden = page.eval_on_selector_all(".char[data-step]", "all => all.map(c => c.classList.contains('tocome'))")
    assert hidden[-1]
    assert not hidden[1]
    page.click("#play")
    assert page.locator(".char.tocome").count() == 0


def test_the_forecast_moves_with_the_cursor(open_page):
    data = forecast_report()
    page = open_page(data)
    sequence = data["sequences"][0]
    steps, horizon = len(sequence["steps"]), 6
    quantiles = synthetic.unpack(sequence["runs"]["lstm"]["forecast"]["channels"][0]).reshape(steps, horizon, 3)
    series = np.concatenate([synthetic.unpack(sequence["series"])[:, 0], synthetic.unpack(sequence["ahead"])[:, 0]])
    drawn = set()
    for step in (3, 20, steps - 1):
        page.evaluate("step => latchwork.goto(step)", step)
        assert value(page, '.caption [data-what="low"]') == quantiles[step, 0, 0]
        assert value(page, '.caption [data-what="median"]') == quantiles[step, 0, 1]
        assert value(page, '.caption [data-what="high"]') == quantiles[step, 0, 2]
        assert value(page, '.caption [data-what="came"]') == series[step + 1]
        ahead = series[step + 1 : step + 1 + horizon]
        inside = (ahead >= quantiles[step, :, 0]) & (ahead <= quantiles[step, :, 2])
        assert value(page, '.caption [data-what="inside"]') == inside.sum()
        drawn.add(page.locator(".forecastplot .median").get_attribute("d"))
        assert page.locator(".forecastplot .median").get_attribute("d").count("L") == horizon - 1
    assert len(drawn) == 3
    plot = page.locator("svg.forecastplot")
    box = plot.bounding_box()
    plot.click(position={"x": 58 + (box["width"] - 70) * 10.5 / (steps + horizon), "y": 80})
    assert page.evaluate("latchwork.view().step") == 10


def test_channels_can_be_chosen_and_gaps_are_gaps(open_page):
    windows = held_out(3)
    windows.series[0].values[180:184, 2] = np.nan
    page = open_page(page_data({"gru": forecaster("gru", 3)}, windows, shown=1))
    data = page.evaluate("latchwork.data")
    page.evaluate("latchwork.goto(5)")
    page.select_option("#channel", "2")
    told = synthetic.unpack(data["sequences"][0]["runs"]["gru"]["forecast"]["channels"][2])
    assert value(page, '.caption [data-what="median"]') == told[5, 1]
    lines = [page.locator(f".forecastplot .{kind}").get_attribute("d").count("M") for kind in ("known", "came")]
    assert sum(lines) == 3  # one of them has a gap


@pytest.mark.parametrize("task", REPORTS)
def test_what_makes_no_sense_for_a_task_is_left_out(open_page, task):
    data = REPORTS[task]()
    page = open_page(data)
    assert page.locator(".memory").count() == 1
    titles = page.locator(".memory h3").all_inner_texts()
    assert "How long the units hold on" in titles
    assert not {"How far the gradient reaches", "How much an early input still counts"} & set(titles)
    assert "Moved the decision" not in page.locator(".lanes").inner_text()
    page.evaluate("latchwork.choose({unit: 2})")
    assert page.locator(".unit").is_visible()
    page.evaluate("latchwork.choose({together: true})")
    assert page.locator(".inside").count() == len(data["cells"])


@pytest.mark.parametrize("width", [380, 1280])
@pytest.mark.parametrize("task", REPORTS)
def test_nothing_is_wider_than_the_window(open_page, task, width):
    page = open_page(REPORTS[task](), width)
    for change in ({"unit": 3}, {"together": True}):
        page.evaluate("change => latchwork.choose(change)", change)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("task", REPORTS)
def test_the_keyboard_and_names_of_controls(open_page, task):
    page = open_page(REPORTS[task]())
    before = page.evaluate("latchwork.view().step")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("latchwork.view().step") == before + 1
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, select, input, canvas, svg[role], [role=button], [role=region]")]
        .filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert nameless == []


def test_hostile_tokens_and_tags_stay_texts(open_page):
    tags = ["<i>B</i>", 'a"b', "</small>"]
    X = [HOSTILE, HOSTILE[::-1]] * 4
    y = [[tags[i % 3] for i in range(len(row))] for row in X]
    model = SequenceTagger("gru", hidden_size=4, max_epochs=1).fit(X, y)
    data = page_data({"gru": model}, X, y, title="</title><script>alert(3)</script>")
    page = open_page(data, 380)
    assert page.evaluate("latchwork.data") == json.loads(json.dumps(data))
    tokens = page.eval_on_selector_all(".word .token", "words => words.map(w => w.textContent)")
    assert tokens == data["sequences"][0]["steps"]
    assert page.locator(".text script, .text i").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_hostile_texts_stay_texts(open_page):
    text = "</script><!-- <b>👩‍👩‍👧</b> \u2028كان\tab\r\n" * 3
    page = open_page(page_data({"gru": generator("gru", "bytes")}, [text]))
    own = "c => [...c.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join('')"
    characters = page.evaluate(f"[...document.querySelectorAll('.char[data-value]')].map({own}).join('')")
    assert characters == text
    assert page.locator(".text b, .text script").count() == 0


def test_large_pages_open_soon(open_page):
    windows = Windows((TimeSeries(waves(220)),), (np.arange(20, 215),), 6)
    for data in (
        page_data({"gru": forecaster("gru")}, windows),
        page_data({"gru": generator("gru")}, ["ab c\n" * 900]),
    ):
        began = time.perf_counter()
        open_page(data)
        assert time.perf_counter() - began < 8  # rather a page that hangs than a slow machine
