"""The text as parallel streams: nothing is lost, nothing is read twice, and files give what memory gives."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.tasks import corpus
from latchwork.tasks.corpus import Documents, read_corpus
from latchwork.tasks.symbols import END, UNITS, learn
from latchwork.tasks.text_stream import TextStream, numbers_of

CPU = torch.device("cpu")


@given(size=st.integers(1, 200), streams=st.integers(1, 9), chunk=st.integers(1, 20))
def test_every_symbol_is_asked_for_once_in_its_place(size, streams, chunk):
    numbers = np.arange(1, size + 1, dtype=np.uint8)
    if size + 1 < chunk:
        with pytest.raises(DataError, match=f"has {size} symbols, which is less than one chunk={chunk}"):
            TextStream(numbers, streams, chunk)
        return
    stream = TextStream(numbers, streams, chunk)
    chunks = list(stream.epoch(0, None, CPU))
    assert len(chunks) == stream.steps
    assert [c.fresh for c in chunks] == [True] + [False] * (len(chunks) - 1)
    assert all(c.inputs.shape == c.targets.shape and len(c.inputs) <= chunk for c in chunks)
    text = np.array([END, *numbers, END])
    inputs, targets = (
        torch.cat([getattr(c, name) for c in chunks]).T.flatten().numpy() for name in ("inputs", "targets")
    )
    assert (inputs == text[: len(inputs)]).all()
    assert (targets == text[1 : len(targets) + 1]).all()
    assert len(text) - 1 - len(targets) < streams


def test_an_epoch_of_some_steps_begins_where_the_last_ended_and_goes_round():
    stream = TextStream(np.arange(1, 100), streams=2, chunk=10)  # 5 chunks
    whole = list(stream.epoch(0, None, CPU))
    for number, places in [(0, [0, 1, 2]), (1, [3, 4, 0]), (2, [1, 2, 3])]:
        chunks = list(stream.epoch(number, 3, CPU))
        assert all(torch.equal(c.inputs, whole[place].inputs) for c, place in zip(chunks, places, strict=True))
        assert [c.fresh for c in chunks] == [i == 0 or place == 0 for i, place in enumerate(places)]


@pytest.mark.parametrize("unit", UNITS)
def test_a_file_gives_the_symbols_that_the_text_gives(tmp_path, monkeypatch, unit):
    monkeypatch.setattr(corpus, "BLOCK", 64)
    # Blocks are of bytes in a file and of characters in memory, and no sub-word goes over the end of one.
    way = "its" if unit == "subwords" else "naïve"
    text = f"A longer text, {way} in its way, ends here.\n" * 9
    path = tmp_path / "text.txt"
    path.write_text(text, encoding="utf-8")
    encoder = learn(unit, [text], 300, 2)
    kept, filed = numbers_of(Documents([text]), encoder), numbers_of(read_corpus(path, strict=True), encoder)
    assert len(kept) == len(filed)
    assert (filed[0 : len(filed)] == kept).all()
    assert (filed[5:9] == kept[5:9]).all()
    one, other = TextStream(kept, 3, 8), TextStream(filed, 3, 8)
    for ours, theirs in zip(one.epoch(0, None, CPU), other.epoch(0, None, CPU), strict=True):
        assert torch.equal(ours.inputs, theirs.inputs)
    assert all((a == b).all() for a, b in zip(one.contents(), other.contents(), strict=True))


def test_documents_are_parted_by_ends():
    encoder = learn("characters", ["ab"], 10, 1)
    assert numbers_of(Documents(["a", "", "b"]), encoder).tolist() == [2, END, END, 3]
    assert numbers_of(Documents([""]), encoder).tolist() == []


def test_a_file_that_shrinks_is_refused(tmp_path):
    path = tmp_path / "text.bin"
    path.write_bytes(b"abcdef")
    numbers = numbers_of(read_corpus(path, strict=False), learn("bytes", [], 0, 1))
    path.write_bytes(b"ab")
    with pytest.raises(DataError, match="shorter while it was read"):
        numbers[0:6]
