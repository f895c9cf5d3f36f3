"""Tokens as numbers: what is known, what is not, and that any text is a token."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.tasks.token_encoder import UNSEEN_WORD, TokenEncoder, shape_of

SENTENCES = [["The", "running", "dog"], ["the", "Running", "dog", "42"], ["Walking", "42"]]
ENCODER = TokenEncoder.learn(SENTENCES, 100, 2)


def one(token):
    ((numbers,),) = ENCODER.encode([[token]])
    return numbers.tolist()


def test_case_is_of_the_shape_and_not_of_the_word():
    assert one("The")[:-1] == one("the")[:-1]
    assert one("The")[-1] != one("the")[-1]


def test_an_unseen_word_is_known_by_its_ending():
    assert one("jumping")[0] == one("walking")[0] == UNSEEN_WORD  # "walking" occurs but once
    assert one("jumping")[1:4] == one("running")[1:4]
    assert UNSEEN_WORD not in one("running")


def test_places_share_no_number_and_none_is_padding():
    every = np.concatenate(ENCODER.encode([*SENTENCES, ["", "never", "-"]]))
    seen = [set(column.tolist()) for column in every.T]
    assert sum(map(len, seen)) == len(set().union(*seen))
    assert every.min() >= 1
    assert every.max() < ENCODER.vocabulary_size


def test_the_most_frequent_words_are_known():
    few = TokenEncoder.learn([["a"] * 3 + ["b"] * 2 + ["c"] * 2], 2, 1)
    numbers = few.encode([["a", "b", "c"]])[0][:, 0].tolist()
    assert numbers == [2, 3, UNSEEN_WORD]  # of b and c, equally frequent, the first by name


@given(st.lists(st.lists(st.text(max_size=12), max_size=6), max_size=6), st.lists(st.text(), max_size=5))
def test_any_texts_are_tokens(sentences, new):
    encoder = TokenEncoder.learn(sentences, 10, 1)
    encoded = encoder.encode([*sentences, new])
    assert [len(rows) for rows in encoded] == [len(row) for row in [*sentences, new]]
    assert all(rows.shape[1:] == (6,) and rows.dtype == np.int32 for rows in encoded)
    assert all((rows >= 1).all() and (rows < encoder.vocabulary_size).all() for rows in encoded)
    again = TokenEncoder.from_data(json.loads(json.dumps(encoder.to_data())))
    assert all(np.array_equal(a, b) for a, b in zip(encoded, again.encode([*sentences, new]), strict=True))


def test_odd_tokens():
    huge = "x" * 1_000_000
    encoder = TokenEncoder.learn([["👩‍🚀", "", huge, "café"]] * 2, 100, 2)
    astronaut, empty, long, accented, composed = encoder.encode([["👩‍🚀", "", huge, "café", "cafe\u0301"]])[0].tolist()
    assert len({tuple(numbers) for numbers in (astronaut, empty, long, accented)}) == 4
    assert accented == composed  # the same word, written with one character or with two
    assert len(json.dumps(encoder.to_data())) < 1_000  # a huge token is not kept whole


@pytest.mark.parametrize(
    ("token", "shape"),
    [
        ("McDonald", "XxXx"),
        ("1,500", "0,0"),
        ("re-elect", "x-x"),
        ("U.S.", "X.X."),
        ("", ""),
        ("日本", "x"),
        ("--", "-"),
    ],
)
def test_shapes(token, shape):
    assert shape_of(token) == shape


def test_a_saved_encoder_of_another_kind_is_refused():
    with pytest.raises(DataError, match="reads 2 things of a token"):
        TokenEncoder.from_data({"kind": "tokens", "columns": [[], []]})
