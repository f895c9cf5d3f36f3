"""The page's data is what the format says, for texts and series, one word and two thousand."""

import json

import numpy as np
import pytest
import torch
from report_reader import array, read

from latchwork import SequenceClassifier
from latchwork.errors import DataError
from latchwork.explain.page_data import page_data
from latchwork.explain.pages.classify import before_training
from latchwork.explain.pages.page import ENOUGH

WORDS = {"good": ["great", "lovely"], "bad": ["awful", "dull"]}


def texts(count=120):
    rng = np.random.default_rng(0)
    X, y = [], []
    for i in range(count):
        kind = ("good", "bad")[i % 2]
        X.append(" ".join(rng.permutation(["the", "film", "was", "quite", str(rng.choice(WORDS[kind]))])))
        y.append(kind)
    return X, y


def fit(cell, X, y, **changes):
    options = {"hidden_size": 8, "embedding_size": 6, "max_epochs": 3, "batch_size": 16, "learning_rate": 0.02}
    return SequenceClassifier(cell, patience=None, **{**options, **changes}).fit(X, y)


@pytest.fixture(scope="module")
def readers():
    return {cell: fit(cell, *texts()) for cell in ("rnn", "lstm", "gru")}


def dumped(data):
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def test_texts_side_by_side(readers):
    X, y = texts(40)
    data = read(dumped(page_data(readers, [*X, ""], [*y, None], title="Films & <books>", shown=2, first=[3, 0])))
    assert data["title"] == "Films & <books>"
    assert data["classes"] == ["bad", "good"]
    assert [cell["name"] for cell in data["cells"]] == ["rnn", "lstm", "gru"]
    assert data["cells"][1]["summary"].startswith("Long short-term memory: ")
    assert data["cells"][1]["gates"]["keep"] == {
        "value": "forget",
        "of": "c",
        "label": "forget gate",
        "complement": False,
    }
    assert data["cells"][2]["gates"]["write"]["complement"]
    assert [sequence["text"] for sequence in data["sequences"]] == [X[3], X[0]]
    assert [sequence["label"] for sequence in data["sequences"]] == [y[3], y[0]]
    assert data["memory"]["sequences"] == 40
    for name, model in readers.items():
        run = data["sequences"][0]["runs"][name]
        assert run["probabilities"] == pytest.approx(model.predict_proba([X[3]])[0], abs=1e-4)
        moved = array(run["moved"], 5).sum()
        assert moved == pytest.approx(run["score"] - run["baseline"], rel=0.02, abs=1e-3)
    assert data["memory"]["cells"]["rnn"]["half_life"] is None


def test_series_of_two_layers_and_directions():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(int(n), 2)) for n in rng.integers(3, 8, 40)]
    y = np.arange(40) % 3
    models = {"mine": fit("gru", X, y, num_layers=2, bidirectional=True, pooling="mean")}
    data = read(dumped(page_data(models, X, shown=2)))
    assert len(data["sequences"]) == 2
    sequence = data["sequences"][0]
    assert sequence["text"] is None
    assert sequence["steps"][0] == "step 1"
    assert sequence["label"] is None
    place = next(i for i, row in enumerate(X) if len(row) == len(sequence["steps"]))
    assert array(sequence["series"], len(X[place]), 2) is not None
    assert len(sequence["runs"]["mine"]["layers"]) == 4


@pytest.mark.parametrize("cell", ["lstm_layer_norm", "indrnn", "mgu"])
def test_other_cells(cell):
    X, y = texts(40)
    data = read(dumped(page_data({cell: fit(cell, X, y)}, X, y, shown=1)))
    assert data["cells"][0]["diagram"]["nodes"]


def test_one_word(readers):
    data = read(dumped(page_data(readers, ["lovely"])))
    assert data["sequences"][0]["steps"] == ["lovely"]
    assert data["memory"] is None


def test_many_rows_of_one_word(readers):
    data = read(dumped(page_data(readers, ["lovely"] * ENOUGH, held_out=True)))
    assert data["memory"]["held_out"]
    assert data["memory"]["cells"]["gru"]["influence"]["replaced"] is None  # there is no other word


def test_whatever_is_too_long_is_cut():
    X, y = texts(40)
    model = fit("lstm", X, y, max_length=10)
    words = ["lovely", "x" * 500, *["film"] * 100_000]
    data = read(dumped(page_data({"lstm": model}, [" ".join(words)], limit=100_000)))
    (sequence,) = data["sequences"]
    assert sequence["text"] == " ".join(words[:10])
    assert sequence["steps"][:2] == ["lovely", "x" * 79 + "…"]
    text = dumped(page_data({"lstm": model}, ["x" * 1_000_000 + " lovely", X[0]], shown=2, limit=100_000))
    assert len(text.encode()) < 100_000
    assert read(text)["sequences"][0]["text"] is None


def test_a_wide_series_keeps_the_limit():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(8, 300)) for _ in range(20)]
    model = fit("gru", X, [0, 1] * 10, max_epochs=1)
    text = dumped(page_data({"gru": model}, [rng.normal(size=(600, 300)), *X], first=[0], limit=300_000))
    assert len(text.encode()) <= 300_000
    assert read(text)["sequences"][0]["series"]["shape"] == [600, 8]


def test_which_layer_and_direction_was_measured_is_said():
    X, y = texts(40)
    model = fit("gru", X, y, num_layers=2, bidirectional=True, max_epochs=1)
    said = page_data({"gru": model}, X, y, shown=1)["memory"]["cells"]["gru"]["sentences"]
    assert said["half_life"].startswith("gru (last layer, forward direction): by its update gate")
    assert said["flow"].startswith("gru (last layer, forward direction): ")
    assert said["influence"].startswith("gru: ")


def test_two_thousand_words_fit_with_fewer_units():
    X, y = texts()
    models = {cell: fit(cell, X, y, max_length=5_000, hidden_size=32, max_epochs=1) for cell in ("lstm", "gru")}
    long = " ".join(X[:400] * 4)
    assert len(long.split()) > 2_000
    text = dumped(page_data(models, [long, X[0]], shown=2, first=[0, 1]))
    assert len(text.encode()) <= 2_500_000
    data = read(text)
    assert len(data["sequences"][0]["steps"]) == len(long.split())
    assert 1 <= len(data["sequences"][0]["runs"]["lstm"]["layers"][0]["units"]) < 32


@pytest.mark.parametrize("limit", [60_000, 150_000])
def test_a_limit_is_kept_by_showing_less(readers, limit):
    X, y = texts(60)
    text = dumped(page_data(readers, X, y, shown=30, limit=limit))
    assert len(text.encode()) <= limit
    data = read(text)
    assert 1 <= len(data["sequences"]) < 30


def test_the_start_of_training_is_found_again():
    X, y = texts(40)
    model = fit("gru", X, y, max_epochs=1, learning_rate=1e-9, weight_decay=0.0)
    start = before_training(model)
    for trained, first in zip(model.network_.parameters(), start.parameters(), strict=True):
        assert torch.allclose(trained, first, atol=1e-6)


def test_what_cannot_be_shown_is_refused_in_words(readers):
    X, y = texts(20)
    with pytest.raises(DataError, match="no model"):
        page_data({}, X)
    with pytest.raises(DataError, match="no row has a step"):
        page_data(readers, [" "])
    with pytest.raises(DataError, match="20 rows and 1 labels"):
        page_data(readers, X, ["good"])
    with pytest.raises(DataError, match="'fine' is no class"):
        page_data(readers, X[:1], ["fine"])
    with pytest.raises(DataError, match="0 to 19, not"):
        page_data(readers, X, first=[20])
    other = fit("rnn", X, ["yes", "no"] * 10)
    with pytest.raises(DataError, match="know other classes"):
        page_data({**readers, "other": other}, X)
    short = fit("rnn", X, y, max_length=3)
    with pytest.raises(DataError, match="max_length"):
        page_data({**readers, "short": short}, X)
