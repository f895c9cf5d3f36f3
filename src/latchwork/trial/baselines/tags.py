"""Taggers that look at one token at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latchwork.trial.baselines.baseline import Baseline
from latchwork.trial.runner import Fitted


def majority_tag() -> Baseline:
    """Always the most frequent tag of the training tokens. X holds sequences of anything."""
    return Baseline("majority tag", _majority_tag)


def word_tags() -> Baseline:
    """For each word the tag it had most often in training. X holds lists of words.

    A word that training has not is given the most frequent tag of the words that it has once: new words are rare words,
    and those are more often names and nouns than all words are. It is the plain baseline that Charniak, Hendrickson,
    Jacobson & Perkowitz (1993) found to be right for about nine tokens in ten of English.
    """
    return Baseline("most frequent tag of the word", _word_tags)


@dataclass(frozen=True)
class _Table:
    tags: Mapping[Any, str]
    otherwise: str

    def predict(self, X: Sequence[Sequence[Any]]) -> list[list[str]]:
        return [[self.tags.get(word, self.otherwise) for word in words] for words in X]


@dataclass(frozen=True)
class _Constant:
    tag: str

    def predict(self, X: Sequence[Sequence[Any]]) -> list[list[str]]:
        return [[self.tag] * len(words) for words in X]


def _majority_tag(X: Sequence[Sequence[Any]], y: Sequence[Sequence[str]], seed: int) -> Fitted:
    return Fitted(predict=_Constant(_most_frequent(Counter(tag for tags in y for tag in tags))).predict)


def _word_tags(X: Sequence[Sequence[str]], y: Sequence[Sequence[str]], seed: int) -> Fitted:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for words, tags in zip(X, y, strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts[word][tag] += 1
    rare: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for of_word in counts.values():
        every.update(of_word)
        if of_word.total() == 1:
            rare.update(of_word)
    table = _Table({word: _most_frequent(of_word) for word, of_word in counts.items()}, _most_frequent(rare or every))
    return Fitted(predict=table.predict, parameters=len(table.tags) + 1)


def _most_frequent(counts: Counter[str]) -> str:
    """Of equals the first in alphabetical order, so that the order of the rows does not matter."""
    return min(counts, key=lambda tag: (-counts[tag], str(tag)))
