"""A language model's page says what the model says."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_reader import array, read
from small_models import documents, generator

from latchwork.errors import DataError
from latchwork.explain import Foretold, explain, illustrate
from latchwork.explain.page_data import page_data
from latchwork.explain.pages.generate import beginning


def dumped(data):
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def test_the_page_has_a_text_of_the_data_and_one_of_each_model():
    models = {"lstm": generator("lstm"), "gru": generator("gru")}
    X = documents()
    text = dumped(page_data(models, X, first=[3], held_out=True))
    data = read(text)
    assert len(text.encode()) < 3_000_000
    assert (data["task"], data["classes"]) == ("generate", [])
    first, own, other, *rest = data["sequences"]
    assert first["text"] == X[3]
    assert first["written"] is None
    assert first["whole"]
    assert rest
    for name, sequence in (("lstm", own), ("gru", other)):
        assert sequence["written"]["by"] == name
        prompt = sequence["text"][: sequence["written"]["prompt"]]
        assert X[3].startswith(prompt)
        assert prompt
        written = sequence["text"][len(prompt) :]
        assert models[name].generate(prompt, len(written) + 1, 0.8, seed=0).startswith(written)
    for name, model in models.items():
        bits = array(first["runs"][name]["next"]["bits"], len(X[3]) + 1)
        assert bits.sum() == pytest.approx(model.code_length([X[3]])[0], rel=1e-4)
    assert data["memory"]["held_out"]
    assert data["memory"]["cells"]["gru"]["words"]["keeps"]


@pytest.mark.parametrize("unit", ["bytes", "subwords"])
def test_parts_of_characters_and_sub_words(unit):
    model = generator("gru", unit)
    data = read(dumped(page_data({"gru": model}, ["ab ☃ c\nab"])))
    run = data["sequences"][0]["runs"]["gru"]["next"]
    bits = array(run["bits"], len(data["sequences"][0]["steps"]))
    assert bits.sum() == pytest.approx(model.code_length(["ab ☃ c\nab"])[0], rel=1e-4)
    assert data["sequences"][0]["text"] == "ab ☃ c\nab"
    assert data["memory"] is None


def test_a_long_text_is_cut_and_its_end_is_not_known():
    data = read(dumped(page_data({"it": generator()}, "ab c\n" * 400)))
    (sequence, own) = data["sequences"]
    assert not sequence["whole"]
    assert ("ab c\n" * 400).startswith(sequence["text"])
    assert len(sequence["text"]) < 1_000
    assert data["memory"]["sequences"] == 1
    assert own["whole"] == (len(own["text"]) < 420)


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_text_adds_up(text):
    found = explain(generator(), text)
    assert isinstance(found, Foretold)
    assert found.bits.sum() == pytest.approx(generator().code_length([text])[0], rel=1e-5)
    assert "".join(found.text[a:b] for a, b in found.spans) == text
    assert (np.diff(found.probabilities, axis=1) <= 0).all()
    known = set("abc \n")
    assert found.unseen == (False, *(character not in known for character in text))


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_a_prompt_is_a_part_of_the_text(text):
    assert text.startswith(beginning(text))
    assert len(beginning(text)) <= max(len(text) // 2, 0)


def test_illustrate_takes_one_text():
    page = illustrate(generator(), documents()[0])
    assert page.data["title"] == "lstm"


def test_what_cannot_be_shown_is_refused_in_words():
    with pytest.raises(DataError, match="no document has a character"):
        page_data({"it": generator()}, ["", ""])
    with pytest.raises(DataError, match="have no labels"):
        page_data({"it": generator()}, ["ab"], ["good"])
    with pytest.raises(DataError, match="read other symbols"):
        page_data({"it": generator(), "bytes": generator("gru", "bytes")}, ["ab"])
    with pytest.raises(DataError, match="no characters"):
        explain(generator(), "")
    with pytest.raises(DataError, match="first must name rows"):
        page_data({"it": generator()}, ["ab", ""], first=[1])
