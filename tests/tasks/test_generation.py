"""Text as it comes: cut to its length and at its stop, however it is parted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.tasks.generation import cut


@given(
    pieces=st.lists(st.text("ab", max_size=4), max_size=12),
    length=st.integers(0, 30),
    stop=st.none() | st.text("ab", min_size=1, max_size=4),
)
def test_a_text_is_cut_the_same_however_it_is_parted(pieces, length, stop):
    given_out = list(cut(iter(pieces), length, stop))
    whole = "".join(pieces)[:length]
    assert "".join(given_out) == (whole if stop is None else whole.split(stop)[0])
    assert "" not in given_out


def test_pieces_come_at_once_unless_a_stop_may_have_begun():
    assert list(cut(iter("abcabd"), 9, None)) == list("abcabd")
    assert list(cut(iter("abcabd"), 9, "abd")) == ["abc"]
    assert list(cut(iter("abcab"), 9, "abd")) == ["abc", "ab"]


def test_no_more_is_asked_for_than_is_needed():
    def pieces():
        yield "abc"
        pytest.fail("one piece was enough")

    assert list(cut(pieces(), 2, None)) == ["ab"]
