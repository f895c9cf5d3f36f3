"""A tagger's page says what the tagger says."""

import json

import numpy as np
import pytest
from report_reader import array, read
from small_models import sentences, tagger

from latchwork import SequenceTagger
from latchwork.errors import DataError
from latchwork.explain import Tagged, explain, illustrate
from latchwork.explain.page_data import page_data


def dumped(data):
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def test_the_page_has_the_tags_and_the_truth():
    X, y = sentences(40)
    models = {"lstm": tagger("lstm"), "gru": tagger("gru")}
    text = dumped(page_data(models, X, y, first=[7], shown=3, held_out=True, title="Tags"))
    data = read(text)
    assert data["task"] == "tag"
    assert data["classes"] == [".", "DET", "NOUN", "VERB"]
    assert len(data["sequences"]) == 3
    first = data["sequences"][0]
    assert first["text"] == " ".join(X[7])
    assert first["truth"] == y[7]
    for name, model in models.items():
        odds = model.predict_proba([X[7]])[0]
        told = first["runs"][name]["tag"]
        assert np.allclose(array(told["probabilities"], 6, 4), -np.sort(-odds, axis=1))
        assert [row[0] for row in told["likely"]] == odds.argmax(1).tolist()
        assert len(first["runs"][name]["layers"]) == 2  # both directions
    memory = data["memory"]
    assert memory["held_out"]
    assert memory["sequences"] == 40
    words = {word for word, _, _ in memory["cells"]["lstm"]["words"]["keeps"]}
    assert words <= {"the", "a", "dog", "bird", "saw", "heard", "."}
    assert len(text.encode()) < 3_000_000


def test_series_are_tagged_too():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(int(n), 2)) for n in rng.integers(3, 9, 30)]
    y = [(row[:, 0] > 0).astype(int).tolist() for row in X]
    model = SequenceTagger("gru", hidden_size=4, max_epochs=1).fit(X, y)
    data = read(dumped(page_data({"gru": model}, X, y, shown=2)))
    assert data["classes"] == ["0", "1"]
    assert data["sequences"][0]["series"]["shape"][1] == 2
    assert data["sequences"][0]["text"] is None
    assert set(data["sequences"][0]["truth"]) <= {"0", "1"}
    assert data["memory"]["cells"]["gru"]["words"] is None


def test_a_true_tag_that_the_models_never_saw_is_shown():
    X, y = sentences(2)
    data = read(dumped(page_data({"it": tagger()}, X, [["NEW", *row[1:]] for row in y], shown=1)))
    assert data["sequences"][0]["truth"][0] == "NEW"
    assert data["memory"] is None


def test_illustrate_takes_one_tagger_and_no_labels():
    page = illustrate(tagger(), sentences(3)[0])
    assert page.data["sequences"][0]["truth"] is None
    assert "lstm" in page.html()


def test_explained_in_python():
    found = explain(tagger(), ["the", "zebra", "saw", "a", "dog", "."])
    assert isinstance(found, Tagged)
    assert found.labels == tagger().predict([["the", "zebra", "saw", "a", "dog", "."]])[0]
    assert found.unseen == (False, True, False, False, False, False)
    assert [found.text[a:b] for a, b in found.spans] == list(found.steps)
    assert ((found.shares.kept > 0) & (found.shares.kept < 1)).all()


def test_what_cannot_be_shown_is_refused_in_words():
    X, _ = sentences(4)
    with pytest.raises(DataError, match="no row has a token"):
        page_data({"it": tagger()}, [[], []])
    with pytest.raises(DataError, match="has 6 tokens, but 1 labels"):
        page_data({"it": tagger()}, X, [["DET"]] * 4)
    with pytest.raises(DataError, match="first must name rows"):
        page_data({"it": tagger()}, X, first=[9])
    with pytest.raises(DataError, match="split"):
        page_data({"it": tagger()}, ["the dog"])
    other = SequenceTagger("rnn", hidden_size=4, max_epochs=1).fit([["a", "b"]] * 4, [["X", "Y"]] * 4)
    with pytest.raises(DataError, match="know other labels"):
        page_data({"it": tagger(), "other": other}, X)
    with pytest.raises(DataError, match="no tokens"):
        explain(tagger(), [])
