"""Whatever a text holds, it leaves the terminal as it was."""

import pytest

from latchwork.cli.readable import readable, readable_word


def test_control_characters_get_a_mark_and_places_stay():
    assert readable("a\x1b[31mb\x07\n\tc\ud800") == "a�[31mb�\n\tc�"


def test_what_turns_the_line_around_or_hides_gets_a_mark():
    assert readable("a\u202eb\u2067c\u200bd\ufeffe\u00adf") == "a�b�c�d�e�f"
    assert readable("👩\u200d👧 می\u200cخواهم") == "👩\u200d👧 می\u200cخواهم"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("brilliant", "brilliant"),
        ("antidisestablishmentarianism", "antidise…"),
        ("電影電影電影", "電影電影…"),  # each takes two columns
        ("\u200d", "U+200D"),
        ("\u200b", "U+200B"),
        (" ", "U+0020"),
        ("a\nb", "a b"),
        ("فيلم", "\u2068فيلم\u2069"),
        ("[bold]", "[bold]"),
        ("👩", "👩"),
    ],
)
def test_a_word_in_nine_columns(word, shown):
    assert readable_word(word, 9).plain == shown
