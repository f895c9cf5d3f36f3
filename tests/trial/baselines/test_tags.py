"""Baselines for tags: words by their most frequent tag, and what happens to words that are new."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latchwork.trial.baselines import majority_tag, word_tags


def test_the_most_frequent_tag_of_each_word() -> None:
    X = [["the", "run", "ended"], ["run", "the", "run"], ["the", "the", "a"]]
    y = [["DET", "NOUN", "VERB"], ["VERB", "DET", "VERB"], ["DET", "DET", "DET"]]
    fitted = word_tags().fit(X, y, [], [], {}, 0)
    assert fitted.predict([["run", "the"], [], ["ended"]]) == [["VERB", "DET"], [], ["VERB"]]
    assert fitted.parameters == 4 + 1


def test_a_new_word_is_tagged_as_rare_words_are() -> None:
    X = [["the", "the", "the", "Ann"], ["the", "Bob", "sang"]]
    y = [["DET", "DET", "DET", "NAME"], ["DET", "NAME", "VERB"]]
    assert word_tags().fit(X, y, [], [], {}, 0).predict([["Eve"]]) == [["NAME"]]
    # where no word is rare, as all words are
    assert word_tags().fit([["a", "a", "b", "b"]], [["X", "X", "Y", "X"]], [], [], {}, 0).predict([["c"]]) == [["X"]]


sentences = st.lists(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("XYZ")), max_size=6), max_size=8)


@given(sentences.filter(any), st.randoms(use_true_random=False))
def test_the_order_of_sentences_does_not_matter_and_no_other_table_is_better(drawn: list, random: object) -> None:
    def split(rows: list) -> tuple[list[list[str]], list[list[str]]]:
        return [[word for word, _ in row] for row in rows], [[tag for _, tag in row] for row in rows]

    shuffled = list(drawn)
    random.shuffle(shuffled)
    X, y = split(drawn)
    asked = [*X, ["new"]]
    predicted = word_tags().fit(X, y, [], [], {}, 0).predict(asked)
    assert predicted == word_tags().fit(*split(shuffled), [], [], {}, 0).predict(asked)
    assert [len(tags) for tags in predicted] == [len(words) for words in asked]
    right = [[a == b for a, b in zip(*pair, strict=True)] for pair in zip(predicted, y, strict=False)]
    every = {tag for tags in y for tag in tags}
    for word in {word for words in X for word in words}:
        hits = sum(
            hit for words, hit in zip(X, right, strict=True) for w, hit in zip(words, hit, strict=True) if w == word
        )
        best = max(sum(pair == (word, tag) for row in drawn for pair in row) for tag in every)
        assert hits == best


def test_series_get_the_most_frequent_tag_of_all() -> None:
    X = [np.zeros((3, 2)), np.zeros((1, 2))]
    fitted = majority_tag().fit(X, [["a", "b", "b"], ["a"]], [], [], {}, 0)
    assert fitted.predict([np.zeros((2, 2)), np.zeros((0, 2))]) == [["a", "a"], []]  # of equals the first by name
    assert fitted.parameters is None
