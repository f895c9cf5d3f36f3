"""The still picture: whole, for readers of the screen too, and with names of any kind."""

import xml.etree.ElementTree as ElementTree

import latchwork as lw
from latchwork import cells
from latchwork.explain.diagram import scene, svg

SVG = "{http://www.w3.org/2000/svg}"


def parsed(cell, **options):
    return ElementTree.fromstring(svg(scene(cell.graph), **options))


def test_it_says_what_it_shows():
    root = parsed(cells.get("lstm"), title="An <LSTM> & more")
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "An <LSTM> & more"
    told = root.find(f"{SVG}desc").text
    assert "gate forget (σ)" in told
    assert "the new c from joint c (+)" in told
    words = {text.text for text in root.iter(f"{SVG}text")}
    assert {"σ", "tanh", "+", "forget", "input", "candidate", "output"} <= words
    times = [span.text for span in root.iter(f"{SVG}tspan")]
    assert sorted(times) == ["t", "t", "t", "t−1", "t−1"]


def test_it_stands_alone_in_light_and_dark():
    text = svg(scene(cells.get("gru").graph))
    assert "prefers-color-scheme:dark" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in text


def test_levels_of_gates():
    plain = parsed(cells.get("lstm"))
    levels = parsed(cells.get("lstm"), values={"forget": 0.75, "input": 7.0})

    def bars(root):
        return [float(r.get("height")) for r in root.iter(f"{SVG}rect") if r.get("class") == "level"]

    assert bars(plain) == []
    some, all_ = sorted(bars(levels))
    assert 0 < some < all_


def test_strange_names():
    @lw.cell
    def strange(größe, 状態):
        m = lw.sigmoid(lw.affine(größe, 状態))
        a_name_that_is_much_too_long_for_the_box_of_a_gate = lw.tanh(lw.affine(größe, 状態))
        ___ = a_name_that_is_much_too_long_for_the_box_of_a_gate * m
        状態 = (1 - m) * 状態 + ___
        return 状態

    root = parsed(strange)
    titles = {title.text for title in root.iter(f"{SVG}title")}
    assert {"m", "___", "a_name_that_is_much_too_long_for_the_box_of_a_gate"} <= titles
    assert any((text.text or "").endswith("…") for text in root.iter(f"{SVG}text"))
