"""Pages of models of every make: what is drawn has its numbers, and the browser has nothing to complain of."""

from __future__ import annotations

import json

import numpy as np
import pytest
import synthetic
from report_reader import read

from latchwork import SequenceClassifier, affine, cell, cells, relu, sigmoid, tanh
from latchwork.explain.page_data import page_data


@cell
def ours(x, h, slow):
    """A fast state and a slow one. The slow one leaks into the fast."""
    keep = sigmoid(affine(x, slow))
    slow = keep * slow + (1 - keep) * relu(affine(x, h))
    h = tanh(affine(x, h) + slow)
    return h, slow


PLAIN = {name: (name, {"cell_options": {"proj_size": 3}} if "projected" in name else {}) for name in cells.names()}
MADE = {
    "ours": (ours, {}),
    "ours in two layers": (ours, {"num_layers": 2, "bidirectional": True}),
    "two layers both ways": ("lstm", {"num_layers": 2, "bidirectional": True, "pooling": "max"}),
    "projected both ways": (
        "lstm_projected",
        {"num_layers": 2, "bidirectional": True, "cell_options": {"proj_size": 3}},
    ),
    "lstm, projected": ("lstm", {"cell_options": {"proj_size": 3}}),
    "layer norm": ("lstm", {"cell_options": {"layer_norm": True}}),
    "zoneout": ("lstm", {"cell_options": {"zoneout": 0.1}}),
    "zoneout of one state": ("lstm", {"cell_options": {"zoneout": {"c": 0.5}, "layer_norm": True}}),
    "recurrent dropout": ("gru", {"cell_options": {"recurrent_dropout": 0.2}}),
    "peephole": ("lstm", {"cell_options": {"peephole": True}}),
    "no bias": ("gru", {"cell_options": {"bias": False, "forget_bias": None}}),
}


@pytest.mark.parametrize(("cell", "options"), (PLAIN | MADE).values(), ids=(PLAIN | MADE).keys())
def test_every_model_gets_its_page(open_page, cell, options):
    texts = [f"the film was {'good' if i % 2 else 'bad'} {'indeed' if i % 3 else 'so'}" for i in range(40)]
    labels = np.array(["up" if i % 2 else "down" for i in range(40)])
    model = SequenceClassifier(cell, hidden_size=6, embedding_size=4, max_epochs=1, random_state=0, **options)
    data = read(json.dumps(page_data({"it": model.fit(texts, labels)}, texts, shown=1), allow_nan=False))
    page = open_page(data)
    runs = data["sequences"][0]["runs"]["it"]
    (made,) = data["cells"]
    for place, layer in enumerate(runs["layers"]):
        unit = layer["units"][0]
        page.evaluate("([layer, unit]) => latchwork.choose({layer, unit, step: 2})", [place, unit])
        for node in made["diagram"]["nodes"]:
            if node["value"] is None or node["kind"] not in ("gate", "result"):
                continue
            numbers = synthetic.unpack(layer["values"][node["value"]])
            if numbers.shape[1] == len(layer["units"]):
                shown = page.locator(f'[data-node="{node["id"]}"] .number').get_attribute("data-value")
                assert float(shown) == numbers[2, 0]
        assert page.locator(".caption").inner_text()
    assert not page.locator(".facts").get_by_text("not recorded").count()
