"""Encoders: words, spans, unseen words, scaling."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.tasks.encoders import SeriesEncoder, TextEncoder, from_data

TEXTS = ["It isn't good.", "It is good!", "good GOOD film"]


def test_words_keep_apostrophes_and_lose_case():
    encoder = TextEncoder.learn(TEXTS, 100, 1, 50)
    tokens = encoder.encode(["It isn't good."])[0]
    vocabulary = {number: word for word, number in encoder.tokenizer.get_vocab().items()}
    assert [vocabulary[n] for n in tokens] == ["it", "isn't", "good", "."]


def test_rare_and_unseen_words_are_one_token():
    encoder = TextEncoder.learn(TEXTS, 100, 2, 50)
    film, new = encoder.encode(["film", "never-seen"])
    assert film.tolist() == [1]
    assert set(new.tolist()) == {1}
    assert encoder.encode([""])[0].shape == (0,)


@given(st.text(max_size=80))
def test_spans_cover_the_words_of_any_text(text):
    encoder = TextEncoder.learn(TEXTS, 100, 1, 1000)
    spans = encoder.spans(text)
    assert len(spans) == len(encoder.encode([text])[0])
    for (start, end), following in zip(spans, [*spans[1:], (len(text), len(text))], strict=False):
        assert 0 <= start < end <= following[0]
        assert text[start:end].strip(" \t\n\r")


def test_long_texts_are_cut():
    encoder = TextEncoder.learn(TEXTS, 100, 1, 3)
    assert len(encoder.encode(["good " * 10])[0]) == 3
    assert len(encoder.spans("good " * 10)) == 3


def test_series_are_scaled_by_what_was_learned():
    rng = np.random.default_rng(0)
    series = [rng.normal([5, -2], [3, 0.1], (n, 2)) for n in (10, 20, 30)]
    encoder = SeriesEncoder.learn(series)
    together = np.concatenate(encoder.encode(series))
    assert together.mean(0) == pytest.approx([0, 0], abs=1e-6)
    assert together.std(0) == pytest.approx([1, 1], abs=1e-6)
    constant = SeriesEncoder.learn([np.full((4, 1), 7.0)]).encode([np.full((2, 1), 7.0)])[0]
    assert constant.tolist() == [[0], [0]]
    with pytest.raises(DataError, match="every series is empty"):
        SeriesEncoder.learn([np.zeros((0, 2))])


@pytest.mark.parametrize("encoder", [TextEncoder.learn(TEXTS, 100, 1, 5), SeriesEncoder.learn([np.eye(3)])])
def test_encoders_come_back_from_plain_data(encoder):
    again = from_data(json.loads(json.dumps(encoder.to_data())))
    given_rows = ["is it good"] if isinstance(encoder, TextEncoder) else [np.eye(3)]
    assert np.array_equal(encoder.encode(given_rows)[0], again.encode(given_rows)[0])
    with pytest.raises(DataError, match="does not know"):
        from_data({"kind": "smell"})


def test_no_text_can_contain_padding():
    encoder = TextEncoder.learn(TEXTS, 100, 1, 50)
    assert 0 not in encoder.encode(["[PAD] [UNK] [pad] good"])[0].tolist()
