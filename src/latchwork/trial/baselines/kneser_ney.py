"""Interpolated modified Kneser–Ney: how likely a character is after those before it, by counting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.tasks.sequences import texts
from latchwork.tasks.symbols import UNSEEN_BITS
from latchwork.trial.baselines.baseline import Baseline
from latchwork.trial.baselines.characters import START, UNSEEN, Alphabet
from latchwork.trial.runner import Fitted

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_ORDERS = (5, 6, 8)

# Where the counts of counts are too few to estimate from: half of the first, and as much of each further one.
_PLAIN_DISCOUNTS = (0.5, 1.0, 1.5)


@dataclass(frozen=True)
class _Level:
    """The k-grams, and the probability of their last symbol after the k − 1 before it.

    A context is the number of a (k − 1)-gram: its place in the level below, or the symbol itself where k is 2; with
    k = 1 the only context is 0.

    Attributes:
        keys: (M,) sorted; context · symbols + last symbol.
        discounted: (M,) the count less its discount, as a share of its context's total.
        left: (contexts,) what the discounts leave of the context's total, as a share; 1 for a context that has none.
    """

    keys: Integers
    discounted: Floats
    left: Floats


@dataclass(frozen=True)
class KneserNey:
    """A model of characters with interpolated modified Kneser–Ney smoothing (Chen & Goodman 1999, section 3).

    The highest order counts how often a k-gram occurs, a lower one in how many contexts it occurs: after how many
    different symbols. Those at a document's start have no symbol before them, and are counted as they occur at every
    order. The lowest order is mixed with a uniform distribution over the characters of training, the end of a document
    and an unseen character, so that every probability is positive, and they sum to 1 after any context.

    Attributes:
        alphabet: the characters of the training documents.
        levels: for k from 1 to the order.
    """

    alphabet: Alphabet
    levels: Sequence[_Level]

    @classmethod
    def fit(cls, documents: Sequence[str], order: int) -> KneserNey:
        """Counts k-grams of up to ``order`` symbols; a document's end is one, its start is seen only as context."""
        alphabet = Alphabet.of(documents)
        symbols = alphabet.symbols(documents)
        size = len(alphabet)
        asked = np.flatnonzero(symbols != START)
        context = np.zeros(len(symbols), np.int64)  # of each place; −1 where the document's start lies within it
        shorter = np.zeros(len(symbols), np.int64)  # the (k − 1)-gram that ends at each place
        keys: list[Integers] = []
        counts: list[Integers] = []
        for k in range(1, order + 1):
            places = asked[context[asked] >= 0]
            found, first, number, count = np.unique(
                context[places] * size + symbols[places], return_index=True, return_inverse=True, return_counts=True
            )
            if k > 1:  # each k-gram is one more symbol before the (k − 1)-gram that it ends in
                different = np.bincount(shorter[places[first]], minlength=len(keys[-1]))
                counts[-1] = np.where(different > 0, different, counts[-1])
            keys.append(found)
            counts.append(count)
            shorter = np.full(len(symbols), -1)
            shorter[places] = number
            # a document's start is no 1-gram that is asked for, but it is a context
            context = np.concatenate([[-1], (symbols if k == 1 else shorter)[:-1]])
        contexts = [1, size, *map(len, keys[1:])]
        return cls(alphabet, [_level(*level, size) for level in zip(keys, counts, contexts[:order], strict=True)])

    def code_length(self, X: Sequence[str]) -> Floats:
        """(n,) bits for each document's characters and its end; 21 more for each character that training has not."""
        documents = texts(X)
        symbols = self.alphabet.symbols(documents)
        asked = symbols != START
        bits = -np.log2(self._probabilities(symbols)[asked]) + UNSEEN_BITS * (symbols[asked] == UNSEEN)
        starts = np.cumsum([0, *(len(document) + 1 for document in documents[:-1])])
        return np.add.reduceat(bits, starts) if documents else np.zeros(0)

    def distribution(self, context: str) -> Floats:
        """(V + 2,) of what comes after a document's beginning: its end, an unseen character, the V characters."""
        given = self.alphabet.symbols([context])[:-1]
        choices = np.arange(START + 1, len(self.alphabet))
        every = np.concatenate([np.append(given, symbol) for symbol in choices])
        return self._probabilities(every)[len(given) :: len(given) + 1]

    def _probabilities(self, symbols: Integers) -> Floats:
        """(N,) of each symbol after those before it in its document; at a document's start it means nothing."""
        size = len(self.alphabet)
        found = np.full(len(symbols), 1 / (size - 1))  # a start never comes next
        context = np.zeros(len(symbols), np.int64)
        number = symbols
        for k, level in enumerate(self.levels, 1):
            if k > 1:
                context = np.concatenate([[-1], number[:-1]])
            context[symbols == START] = -1
            places = np.flatnonzero(context >= 0)
            keys = context[places] * size + symbols[places]
            at = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            seen = level.keys[at] == keys
            found[places] = np.where(seen, level.discounted[at], 0) + level.left[context[places]] * found[places]
            if k > 1:
                number = np.full(len(symbols), -1)
                number[places] = np.where(seen, at, -1)
        return found


def kneser_ney() -> Baseline:
    """A character model of order 5, 6 or 8 with interpolated modified Kneser–Ney smoothing. X holds texts."""
    return Baseline("Kneser–Ney", _kneser_ney, [{"order": order} for order in _ORDERS])


def _kneser_ney(X: Sequence[str], y: Any, seed: int, order: int = 5) -> Fitted:
    model = KneserNey.fit(texts(X), order)
    return Fitted(predict=model.code_length, parameters=sum(len(level.keys) for level in model.levels))


def _level(keys: Integers, counts: Integers, contexts: int, size: int) -> _Level:
    context = keys // size
    discounts = np.array([0.0, *_discounts(counts)])[np.minimum(counts, 3)]
    totals = np.bincount(context, weights=counts, minlength=contexts)
    discounted = np.bincount(context, weights=discounts, minlength=contexts)
    left = np.divide(discounted, totals, out=np.ones(contexts), where=totals > 0)
    return _Level(keys, (counts - discounts) / totals[context], left)


def _discounts(counts: Integers) -> tuple[float, float, float]:
    """What is taken of a count of 1, of 2, and of 3 or more: Chen & Goodman 1999, equation 17.

    The estimate holds for counts that thin out evenly. Small or odd data give discounts that are negative, or none at
    all; then plain ones are taken. A discount of 0 would leave nothing for what has not been seen.
    """
    n1, n2, n3, n4 = (int((counts == count).sum()) for count in (1, 2, 3, 4))
    if min(n1, n2, n3) == 0:
        return _PLAIN_DISCOUNTS
    share = n1 / (n1 + 2 * n2)
    found = (1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3)
    return found if min(found) > 0 else _PLAIN_DISCOUNTS
