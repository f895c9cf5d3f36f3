"""Spans in BIO labels, held against what conlleval says of the same labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.tasks.spans import is_bio, span_f1, spans

LABELS = st.lists(st.sampled_from(["O", "B-x", "I-x", "B-y", "I-y"]), max_size=12)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ("O B-x I-x O", {(1, 3, "x")}),
        ("B-x B-x I-x", {(0, 1, "x"), (1, 3, "x")}),
        ("I-x I-x O I-y", {(0, 2, "x"), (3, 4, "y")}),
        ("B-x I-y I-y", {(0, 1, "x"), (1, 3, "y")}),
        ("B-a-b I-a-b I-a", {(0, 2, "a-b"), (2, 3, "a")}),
        ("O O", set()),
        ("", set()),
    ],
)
def test_spans_are_read_as_conlleval_reads_them(labels, found):
    assert spans(labels.split()) == found


@given(LABELS)
def test_spans_and_outside_make_up_the_labels(labels):
    found = spans(labels)
    inside = sorted(place for first, end, _ in found for place in range(first, end))
    assert inside == [place for place, label in enumerate(labels) if label != "O"]
    assert all({labels[place][2:] for place in range(first, end)} == {kind} for first, end, kind in found)
    assert all(
        label not in ("B-x", "B-y") or any(first == i for first, _, _ in found) for i, label in enumerate(labels)
    )


def test_f1_counts_whole_spans():
    truth = [["B-x", "I-x", "O", "B-y"], ["B-x"]]
    said = [["B-x", "I-x", "O", "B-x"], ["O"]]
    assert span_f1(truth, said) == pytest.approx(2 * 1 / (3 + 2))
    assert span_f1([["B-x", "I-x"]], [["B-x", "O"]]) == 0  # half a span is none
    assert span_f1([["B-x", "I-x"]], [["I-x", "I-x"]]) == 1  # the same span, written otherwise
    assert span_f1([["O"]], [["B-x"]]) == 0
    assert span_f1([["O"]], [["O"]]) == 1


@given(LABELS)
def test_f1_is_whole_for_the_truth_itself(labels):
    assert span_f1([labels], [labels]) == 1


def test_labels_must_be_as_many():
    with pytest.raises(DataError, match="y_true has 1 sequences and y_pred has 0"):
        span_f1([["O"]], [])
    with pytest.raises(DataError, match="row 1 has 1 labels in y_true and 2 in y_pred"):
        span_f1([["O"], ["O"]], [["O"], ["O", "O"]])


@pytest.mark.parametrize(
    ("labels", "answer"),
    [
        (["O", "B-x", "I-x"], True),
        (["I-x", "O"], True),
        (["B-x"], True),
        (["O"], False),
        ([], False),
        (["O", "B-"], False),
        (["B-x", "NOUN"], False),
        (["B-x", 1], False),
        ([0, 1], False),
    ],
)
def test_which_labels_are_bio(labels, answer):
    assert is_bio(labels) is answer
