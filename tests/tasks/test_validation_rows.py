"""What is held out while rows go by: the smallest numbers, no more than fit, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from latchwork.tasks.validation_rows import ValidationRows

numbers = st.floats(0, 1, exclude_max=True)


def gone_by(drawn, fraction, most):
    valid, free = ValidationRows(fraction, most), []
    for place, number in enumerate(drawn):
        free += valid.offer(number, (place, number))
    return valid, free


@given(st.lists(numbers, max_size=40, unique=True), numbers, st.integers(1, 9))
def test_the_smallest_numbers_below_the_fraction_are_held_out(drawn, fraction, most):
    valid, free = gone_by(drawn, fraction, most)
    below = sorted(number for number in drawn if number < fraction)[:most]
    expected = below or (sorted(drawn)[:1] if fraction else [])
    assert valid.rows() == [(place, number) for place, number in enumerate(drawn) if number in expected]
    assert sorted([*free, *valid.rows()]) == list(enumerate(drawn))
    assert valid.learned == len(free)
    assert all((number <= valid.threshold) == (number in expected) for number in drawn)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.8]), max_size=40), st.sampled_from([0.05, 0.25, 0.9]))
def test_a_group_is_on_one_side(drawn, fraction):
    valid, free = gone_by(drawn, fraction, 7)
    assert len(valid.rows()) <= 7
    held = {number for _, number in valid.rows()}
    assert {number for number in drawn if number <= valid.threshold} == held
    assert valid.learned == sum(number not in held for number in drawn)
    assert not {place for place, _ in free} & {place for place, number in enumerate(drawn) if number in held}
    assert not drawn or held


def test_without_a_fraction_none_is_held_out():
    valid, free = gone_by([0.0, 0.5], 0.0, 9)
    assert (valid.rows(), len(free), valid.threshold) == ([], 2, -1.0)
