"""Kneser–Ney: probabilities that sum to 1, and the same as a plain reading of the paper gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.trial.baselines import KneserNey, kneser_ney
from latchwork.trial.baselines.kneser_ney import _discounts

documents = st.lists(st.text("abc ", max_size=25), min_size=1, max_size=8)
orders = st.integers(1, 6)


class ByHand:
    """Chen & Goodman's equations with dictionaries, one probability at a time."""

    def __init__(self, documents: list[str], order: int) -> None:
        padded = [("^", *document, "$") for document in documents]
        self.choices = [*sorted({c for document in documents for c in document}), "$", "?"]
        occurs: list[Counter] = [Counter() for _ in range(order + 1)]
        before: list[defaultdict] = [defaultdict(set) for _ in range(order + 1)]
        for document in padded:
            for k in range(1, order + 1):
                for end in range(max(k, 2), len(document) + 1):
                    gram = document[end - k : end]
                    occurs[k][gram] += 1
                    if end > k:
                        before[k][gram].add(document[end - k - 1])
        self.counts = []
        for k in range(1, order + 1):
            lower = {gram: len(before[k][gram]) or occurs[k][gram] for gram in occurs[k]}
            self.counts.append(occurs[k] if k == order else lower)
        self.discounts = [(0.0, *_discounts(np.array(list(counts.values())))) for counts in self.counts]

    def probability(self, symbol: str, context: tuple[str, ...]) -> float:
        found = 1 / len(self.choices)
        for k, (counts, discounts) in enumerate(zip(self.counts, self.discounts, strict=True), 1):
            if k - 1 > len(context):
                break
            tail = context[len(context) - k + 1 :]
            here = [count for gram, count in counts.items() if gram[:-1] == tail]
            if here:
                count = counts.get((*tail, symbol), 0)
                left = sum(discounts[min(c, 3)] for c in here)
                found = (count - discounts[min(count, 3)] + left * found) / sum(here)
        return found


@given(documents, orders, st.text("abcdé ", max_size=8))
def test_probabilities_after_any_context_sum_to_one(drawn: list[str], order: int, context: str) -> None:
    model = KneserNey.fit(drawn, order)
    found = model.distribution(context)
    assert len(found) == len(set("".join(drawn))) + 2
    assert found.min() > 0
    assert found.sum() == pytest.approx(1, abs=1e-9)


@given(documents, orders, st.text("abcd ", max_size=6))
def test_probabilities_are_those_of_the_paper(drawn: list[str], order: int, text: str) -> None:
    model, truth = KneserNey.fit(drawn, order), ByHand(drawn, order)
    bits = 0.0
    known = set("".join(drawn))
    context = ("^",)
    for symbol in (*text, "$"):
        symbol = symbol if symbol in known or symbol == "$" else "?"
        bits += -np.log2(truth.probability(symbol, context)) + 21 * (symbol == "?")
        context = (*context, symbol)
    assert model.code_length([text]) == pytest.approx([bits])


@given(documents, orders, st.lists(st.text("abcd ", max_size=6), max_size=5))
def test_a_document_costs_what_its_symbols_cost_whatever_stands_beside_it(
    drawn: list[str], order: int, asked: list[str]
) -> None:
    model = KneserNey.fit(drawn, order)
    together = model.code_length(asked)
    assert together.shape == (len(asked),)
    assert together == pytest.approx([model.code_length([document])[0] for document in asked])
    for document, bits in zip(asked, together, strict=True):
        steps = 0.0
        for place, symbol in enumerate((*document, None)):
            symbols = [None, "?", *sorted(set("".join(drawn)))]
            choice = symbols.index(symbol) if symbol in symbols else 1
            steps += 21 * (choice == 1) - np.log2(model.distribution(document[:place])[choice])
        assert bits == pytest.approx(steps)


def test_an_unseen_character_costs_its_probability_and_a_code_point() -> None:
    model = KneserNey.fit(["abab", "abba"], 3)
    unseen = -np.log2(model.distribution("ab")[1])
    end = -np.log2(model.distribution("ab?")[0])
    start = model.code_length(["ab"])[0] + np.log2(model.distribution("ab")[0])
    for character in ("z", "é", "😀", "\0"):
        assert model.code_length(["ab" + character]) == pytest.approx([start + unseen + 21 + end])


def test_what_has_been_read_often_is_cheap_and_order_pays() -> None:
    generator = np.random.default_rng(0)
    words = ["kneser", "ney", "chen", "goodman"]
    texts = [" ".join(generator.choice(words, 6)) for _ in range(300)]
    bits = [KneserNey.fit(texts[:200], order).code_length(texts[200:]).sum() for order in (1, 2, 4, 6)]
    assert bits == sorted(bits, reverse=True)
    # no code can do better that sees 6 letters: 2 bits a word, and after each whether it was the last, one of six
    least = 100 * (6 * 2 - 5 * np.log2(5 / 6) - np.log2(1 / 6))
    assert 0.99 * least < bits[-1] < 1.05 * least


def test_the_discounts_of_the_paper_and_what_stands_in_for_them() -> None:
    counts = np.repeat([1, 2, 3, 4], [100, 40, 20, 12])
    share = 100 / 180
    expected = (1 - 2 * share * 0.4, 2 - 3 * share * 0.5, 3 - 4 * share * 0.6)
    assert _discounts(counts) == pytest.approx(expected)
    assert _discounts(np.array([5, 6])) == (0.5, 1.0, 1.5)
    assert _discounts(np.repeat([1, 2, 3, 4], [1, 5, 100, 1])) == (0.5, 1.0, 1.5)  # 2 would lose more than it has


def test_the_baseline() -> None:
    fitted = kneser_ney().fit(["abc", "abd"], None, ["x"], None, {"order": 2}, 0)
    # a b c d end; ^a ab bc bd c. d.
    assert fitted.parameters == 5 + 6
    assert fitted.predict(["abc", ""]).shape == (2,)
    with pytest.raises(DataError, match="row 1 of X is int"):
        fitted.predict(["abc", 3])


def test_a_million_characters_take_seconds() -> None:
    letters = np.random.default_rng(0).geometric(0.2, 1_000_000) % 60 + 60
    start = perf_counter()
    model = KneserNey.fit(["".join(map(chr, letters))], 5)
    assert len(model.levels) == 5
    assert perf_counter() - start < 20  # about 1 on the machine this was written on
