"""A compressor's bits: what documents add to what training takes."""

from __future__ import annotations

import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latchwork.trial.baselines import xz


def test_bits_are_what_the_documents_add_spread_by_length() -> None:
    train, test = ["to be or not to be", "that is the question"], ["to be", "", "whether 'tis nobler in the mind é"]
    bits = xz().fit(train, None, [], None, {}, 0).predict(test)
    before = b"".join(text.encode() + b"\xff" for text in train)
    after = before + b"".join(text.encode() + b"\xff" for text in test)
    sizes = [len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)) for data in (before, after)]
    assert bits.sum() == pytest.approx(8 * (sizes[1] - sizes[0]))
    assert bits / bits.sum() == pytest.approx(np.array([6, 1, 34]) / 41)


def test_what_training_has_is_cheap() -> None:
    generator = np.random.default_rng(0)
    text, other = ("".join(map(chr, generator.integers(97, 123, 2000))) for _ in range(2))
    fitted = xz().fit([text], None, [], None, {}, 0)
    assert fitted.predict([text]).sum() < 0.1 * fitted.predict([other]).sum()


@settings(max_examples=5)  # each allocates a dictionary of 64 MiB
@given(st.lists(st.text(max_size=10), min_size=1, max_size=4), st.lists(st.text(max_size=10), max_size=4))
def test_any_texts(train: list[str], test: list[str]) -> None:
    bits = xz().fit(train, None, [], None, {}, 0).predict(test)
    assert bits.shape == (len(test),)
    assert (bits >= 0).all()
