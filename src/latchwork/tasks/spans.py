"""Spans in BIO labels, and how well they are found: B-x begins a span of kind x, I-x goes on in it, O is outside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from latchwork.errors import DataError

_BIO = re.compile(r"O|[BI]-.+", re.DOTALL)


def is_bio(labels: Iterable[Any]) -> bool:
    """Whether labels are B-…, I-… and O, and not O alone."""
    found = set(labels)
    return bool(found - {"O"}) and all(isinstance(label, str) and _BIO.fullmatch(label) for label in found)


def spans(labels: Sequence[str]) -> set[tuple[int, int, str]]:
    """(first, end, kind) of each span in BIO labels; ``end`` is the place after its last.

    As conlleval reads them (Tjong Kim Sang & Buchholz 2000), an I-x after O, after a span of another kind, or at the
    start begins a span too. The older labels that write B- only between two spans of a kind are read right as well.
    """
    found, begun = set(), None
    for place, label in enumerate([*labels, "O"]):
        position, _, kind = label.partition("-")
        if begun is not None and (position != "I" or kind != begun[1]):
            found.add((begun[0], place, begun[1]))
            begun = None
        if begun is None and position in ("B", "I"):
            begun = place, kind
    return found


def span_f1(y_true: Sequence[Sequence[str]], y_pred: Sequence[Sequence[str]]) -> float:
    """F1 over the spans of all sequences; one is found where its first and last place and its kind are right.

    Without a span on either side it is 1, as nothing is missed and nothing is wrong (conlleval prints 0).

    Raises:
        DataError: y_true and y_pred, or a sequence's labels in both, are not as many.
    """
    if len(y_true) != len(y_pred):
        raise DataError(f"y_true has {len(y_true)} sequences and y_pred has {len(y_pred)}; they must be as many")
    right = wanted = said = 0
    for row, (truth, answer) in enumerate(zip(y_true, y_pred, strict=True)):
        if len(truth) != len(answer):
            raise DataError(f"row {row} has {len(truth)} labels in y_true and {len(answer)} in y_pred")
        here, there = spans(truth), spans(answer)
        right, wanted, said = right + len(here & there), wanted + len(here), said + len(there)
    return 2 * right / (wanted + said) if wanted + said else 1.0
