"""The still picture: whole, for readers of the screen too, and with names of any kind."""

import xml.etree.ElementTree as ElementTree

import latchwork as lw
from latchwork import cells
from latchwork.explain.diagram import scene, svg
from latchwork.explain.diagram.sizes import END_TEXT, TIME_TEXT, width_of

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
    times = [text.text for text in root.iter(f"{SVG}text") if "time" in text.get("class")]
    assert sorted(times) == ["t", "t", "t", "t−1", "t−1"]


def test_it_stands_alone_in_light_and_dark():
    text = svg(scene(cells.get("gru").graph))
    assert "prefers-color-scheme:dark" in text
    # Many viewers know no CSS variables, nor colours by reference.
    assert "var(" not in text
    assert "currentColor" not in text
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


def test_the_order_of_what_is_not_alike():
    @lw.cell
    def ordered(x, h, c):
        forget = lw.sigmoid(lw.affine(x, h))
        update = lw.sigmoid(lw.affine(x, h))
        both = forget - update
        c = lw.where(both > c, c, both / (c * c + 1))
        h = lw.tanh(c) * (1 - forget) - h
        return h, c

    made = scene(ordered.graph)
    reads = {node.symbol: node.reads for node in made.nodes if node.reads and node.label != "h"}
    assert reads["−"] == "forget − update"
    assert reads[">"] == "both > c[t−1]"
    assert reads["÷"].startswith("both ÷ (")
    assert reads["if"] == "if (both > c[t−1]) then c[t−1], else (both ÷ (+1))"
    titles = {title.text for title in ElementTree.fromstring(svg(made)).iter(f"{SVG}title")}
    assert "both = forget − update" in titles
    assert {node.reads for node in made.nodes if node.symbol in ("×", "+", "σ", "tanh")} == {None}


def test_names_of_states_have_room():
    long = "a_memory_whose_name_never_ends"

    @lw.cell
    def named(x, h, a_memory_whose_name_never_ends, mmmmmmm):
        a_memory_whose_name_never_ends = a_memory_whose_name_never_ends + lw.tanh(lw.affine(x, h))
        mmmmmmm = lw.sigmoid(lw.affine(x)) * mmmmmmm
        h = lw.tanh(a_memory_whose_name_never_ends + mmmmmmm)
        return h, a_memory_whose_name_never_ends, mmmmmmm

    made = scene(named.graph)
    ends = [node for node in made.nodes if node.kind in ("state", "result", "input")]
    assert len({node.label for node in ends if node.value == long}) == 1
    for node in ends:
        assert width_of(node.label, END_TEXT) + width_of("t−1", TIME_TEXT) < node.w
