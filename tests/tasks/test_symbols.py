"""Text to symbols and back, for each unit."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.tasks import symbols
from latchwork.tasks.symbols import END, UNITS, CharacterEncoder, Decoder, code_points

TEXTS = ["the cat sat on the mat", "naïve café 漢字 漢字 🎻🎻"]


def decoded(encoder, numbers):
    decoder = Decoder(encoder)
    return "".join(decoder.add(int(symbol)) for symbol in numbers) + decoder.rest()


@given(text=st.text(st.characters(exclude_categories=["Cs"])), unit=st.sampled_from(UNITS))
def test_what_is_known_comes_back(text, unit):
    encoder = symbols.learn(unit, [text, "ab"], 4096, min_count=1)
    numbers = encoder.numbers(text)
    assert END not in numbers
    assert (numbers < encoder.symbols).all()
    assert decoded(encoder, numbers) == text


@pytest.mark.parametrize("unit", UNITS)
def test_saved_as_plain_data(unit):
    encoder = symbols.learn(unit, TEXTS, 300, min_count=1)
    again = symbols.from_data(json.loads(json.dumps(encoder.to_data())))
    assert again.symbols == encoder.symbols
    for text in (*TEXTS, "unseen: ß"):
        assert again.numbers(text).tolist() == encoder.numbers(text).tolist()
        assert again.naming_bits(text).tolist() == encoder.naming_bits(text).tolist()


def test_rare_characters_are_unseen_ones():
    encoder = CharacterEncoder.learn(["aab", "bc"], 4096, min_count=2)
    assert encoder.numbers("abcd").tolist() == [2, 3, encoder.unseen, encoder.unseen]
    assert encoder.symbols == 4


def test_a_rare_character_is_told_among_the_rare_and_a_new_one_by_its_code_point():
    encoder = CharacterEncoder.learn(["aab", "bcde"], 4096, min_count=2)
    assert encoder.naming_bits("abcez") == pytest.approx([0, 0, 2, 2, 2 + 21])
    # beyond the vocabulary is rare too; without rare ones there is nothing to choose
    assert CharacterEncoder.learn(["aaabbbccd"], 4, 1).naming_bits("acd").tolist() == pytest.approx(
        [0, np.log2(3), np.log2(3)]
    )
    assert CharacterEncoder.learn(["ab"], 4096, 1).naming_bits("az").tolist() == [0, 21]
    # within the symbol the rare ones and all code points are a code
    assert (2.0 ** -encoder.naming_bits("cde")).sum() + 0x110000 * 2.0 ** -encoder.naming_bits("z")[0] <= 1


@pytest.mark.parametrize("unit", ["bytes", "subwords"])
def test_where_nothing_is_unseen_every_symbol_says_it_all(unit):
    assert symbols.learn(unit, TEXTS, 300, 2).naming_bits("ß").sum() == 0


def test_a_model_saved_without_its_rare_characters_has_none():
    again = symbols.from_data({"kind": "characters", "alphabet": "ab"})
    assert again.naming_bits("ac").tolist() == [0, 21]


@given(st.lists(st.text("abcé", max_size=9), max_size=8), st.integers(1, 9))
def test_documents_are_counted_together(blocks, most):
    with pytest.MonkeyPatch.context() as patch:
        counted = []
        patch.setattr(symbols, "_TOGETHER", most)
        patch.setattr(symbols, "code_points", lambda text: counted.append(text) or code_points(text))
        encoder = CharacterEncoder.learn([*blocks, "abab"], 4096, min_count=2)
    assert "".join(counted) == "".join([*blocks, "abab"])
    assert all(len(one) <= max(most, 9) for one in counted)
    assert all(len(one + other) > most for one, other in itertools.pairwise(counted) if one and other)
    everything = "".join(blocks) + "abab"
    assert "".join(map(chr, encoder.points)) == "".join(c for c in "abcé" if everything.count(c) > 1)
    assert "".join(map(chr, encoder.rare)) == "".join(c for c in "abcé" if everything.count(c) == 1)


def test_the_vocabulary_has_the_most_frequent_characters():
    encoder = CharacterEncoder.learn(["aaabbbccd"], 4, min_count=1)
    assert encoder.numbers("abcd").tolist() == [2, 3, 1, 1]


def test_bytes_are_their_numbers_and_one():
    encoder = symbols.learn("bytes", [], 0, 1)
    assert encoder.numbers("aé").tolist() == [0x61 + 1, 0xC3 + 1, 0xA9 + 1]
    assert encoder.numbers(b"\xff".decode(errors="surrogateescape")).tolist() == [256]


def test_frequent_pairs_become_one_subword():
    encoder = symbols.learn("subwords", ["the " * 50], 300, 2)
    assert len(encoder.numbers("the the the")) < len("the the the")
    assert encoder.symbols <= 300


def test_a_character_comes_whole():
    encoder = symbols.learn("bytes", [], 0, 1)
    decoder = Decoder(encoder)
    assert [decoder.add(int(symbol)) for symbol in encoder.numbers("é!")] == ["", "é", "!"]
    assert decoder.add(0xC3 + 1) == ""
    assert decoder.rest() == "�"


def test_refusals():
    with pytest.raises(DataError, match="fewer than two characters occur min_count=3 times"):
        CharacterEncoder.learn(["aab"], 4096, min_count=3)
    with pytest.raises(DataError, match="symbols of kind 'runes'"):
        symbols.from_data({"kind": "runes"})
    with pytest.raises(DataError, match="tokenizer is damaged"):
        symbols.from_data({"kind": "subwords", "tokenizer": {}})
