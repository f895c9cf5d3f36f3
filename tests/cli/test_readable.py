"""Whatever a text holds, it leaves the terminal as it was."""

import pytest

from latchwork.cli.readable import readable, readable_word


def test_control_characters_get_a_mark_and_places_stay():
    assert readable("a\x1b[31mb\x07\n\tc\ud800") == "a�[31mb�\n\tc�"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("brilliant", "brilliant"),
        ("antidisestablishmentarianism", "antidise…"),
        ("電影電影電影", "電影電影…"),  # each takes two columns
        ("\u200d", "U+200D"),
        (" ", "U+0020"),
        ("a\nb", "a b"),
        ("فيلم", "\u2068فيلم\u2069"),
        ("[bold]", "[bold]"),
        ("👩", "👩"),
    ],
)
def test_a_word_in_nine_columns(word, shown):
    assert readable_word(word, 9).plain == shown
