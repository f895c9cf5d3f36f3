"""Rows that are streamed: as good as rows in memory, each once, in bounded memory, and resumed to the bit."""

import csv
import tracemalloc

import numpy as np
import pytest
import torch

from latchwork import SequenceClassifier, SequenceForecaster, SequenceGenerator, SequenceTagger
from latchwork.errors import ConfigError, DataError
from latchwork.tasks import TableRows, streaming
from latchwork.tasks.batches import Examples
from latchwork.tasks.estimator import _epochs
from latchwork.tasks.streaming import FirstPass, StreamedExamples

WORDS = {"good": ["great", "lovely", "fun"], "bad": ["awful", "dull", "poor"]}


def reviews(count, seed=0):
    rng = np.random.default_rng(seed)
    kinds = [("good", "bad")[i % 2] for i in range(count)]
    filler = [" ".join(["the", "film", "was"] * int(rng.integers(1, 12))) for _ in kinds]
    return [f"{text} {rng.choice(WORDS[kind])}" for text, kind in zip(filler, kinds, strict=True)], kinds


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "reviews.csv"
    with path.open("w", newline="") as opened:
        csv.writer(opened).writerows([("text", "kind"), *zip(*reviews(9_000), strict=True)])
    return path


class Blocks:
    """Rows in memory that are handed out as if they were streamed."""

    def __init__(self, X, y, size=100):
        self.X, self.y, self.size = X, y, size

    def blocks(self):
        for i in range(0, len(self.X), self.size):
            yield list(self.X[i : i + self.size]), list(self.y[i : i + self.size])


def streamed(count=1_000, buffer=200, fraction=0.1):
    lengths = np.random.default_rng(1).integers(1, 60, count)
    X = [np.full((n, 1), float(i)) for i, n in enumerate(lengths)]
    first = FirstPass(Blocks(X, list(range(count))), fraction, seed=3)
    learned = [int(x[0, 0]) for x in first.training()]
    return first, learned, StreamedExamples(first, lambda X, y: (X, np.asarray(y)), buffer)


def test_a_file_is_learned_from_as_if_it_were_in_memory(file):
    model = SequenceClassifier("gru", hidden_size=8, embedding_size=8, max_epochs=2, random_state=0)
    model.fit(TableRows(file, text="text", label="kind"))
    X, y = reviews(200, seed=5)
    assert model.score(X, y) == 1
    assert model.classes_.tolist() == ["bad", "good"]


def test_every_training_row_comes_once_and_none_that_is_held_out():
    first, learned, source = streamed()
    assert 0 < len(first.held[0]) < 200
    assert sorted([*learned, *first.held[1]]) == list(range(1_000))
    for generator in (None, np.random.default_rng(0)):
        seen = [int(t) for batch in source.batches(16, torch.device("cpu"), generator) for t in batch.targets]
        assert sorted(seen) == sorted(learned)


def test_of_a_sorted_file_all_of_it_is_held_out_from_and_never_more_than_fits(monkeypatch):
    monkeypatch.setattr(streaming, "_MOST_HELD", 300)
    rows = Blocks([np.full((1, 1), float(i)) for i in range(20_000)], ["early"] * 10_000 + ["late"] * 10_000)
    first = FirstPass(rows, 0.1, seed=0)
    learned = [int(x[0, 0]) for x in first.training()]
    held = [int(x[0, 0]) for x in first.held[0]]
    assert len(held) == 300
    assert 120 < first.held[1].count("late") < 180
    assert max(np.histogram(held, 10, (0, 20_000))[0]) < 60
    assert sorted([*learned, *held]) == list(range(20_000))
    source = StreamedExamples(first, lambda X, y: (X, np.array([int(x[0, 0]) for x in X])), 100)
    seen = [int(t) for batch in source.batches(64, torch.device("cpu"), None) for t in batch.targets]
    assert sorted(seen) == sorted(learned)
    assert first.count == len(learned)


def test_a_group_is_held_out_as_a_whole(tmp_path):
    path = tmp_path / "by.csv"
    texts, kinds = reviews(600)
    with path.open("w", newline="") as opened:
        by = [f"writer {i % 40}" for i in range(600)]
        csv.writer(opened).writerows([("text", "kind", "by"), *zip(texts, kinds, by, strict=True)])
    first = FirstPass(GroupSeen(TableRows(path, text="text", label="kind", group="by")), 0.2, seed=1)
    learned, held = set(first.training()), set(first.held[0])
    assert 2 <= len(held) <= 16
    assert not learned & held
    assert learned | held == {f"writer {i}" for i in range(40)}
    SequenceClassifier(max_epochs=1, hidden_size=4).fit(TableRows(path, text="text", label="kind", group="by"))


class GroupSeen:
    """Rows whose sequence is their group."""

    def __init__(self, rows):
        self.rows = rows

    def blocks(self):
        return ((groups, labels, groups) for _, labels, groups in self.rows.blocks())


def test_few_groups_are_enough_and_one_is_not():
    X, y = reviews(60)

    class Grouped(Blocks):
        def __init__(self, groups):
            super().__init__(X, y)
            self.groups = groups

        def blocks(self):
            yield X, y, self.groups

    for seed in range(20):
        first = FirstPass(Grouped(["a"] * 30 + ["b"] * 30), 0.1, seed)
        assert len(list(first.training())) == len(first.held[0]) == 30
    with pytest.raises(DataError, match="all 60 rows are of one group"):
        list(FirstPass(Grouped(["a"] * 60), 0.1, 0).training())


def test_targets_stay_with_their_sequences_and_little_is_padding():
    _, _, source = streamed(20_000, buffer=5_000)
    real = padded = 0
    for batch in source.batches(32, torch.device("cpu"), np.random.default_rng(0)):
        assert batch.inputs[0, :, 0].tolist() == batch.targets.tolist()
        real, padded = real + int(batch.lengths.sum()), padded + batch.inputs.shape[0] * batch.inputs.shape[1]
    assert padded / real < 1.1


def test_the_order_is_random_and_the_same_for_a_seed():
    _, _, source = streamed()

    def order(seed):
        generator = np.random.default_rng(seed)
        return [int(t) for b in source.batches(16, torch.device("cpu"), generator) for t in b.targets]

    assert order(1) == order(1) != order(2)


def test_a_fit_of_streamed_rows_goes_on_from_its_checkpoint_to_the_bit(tmp_path):
    X, y = reviews(400)
    options = {"hidden_size": 6, "embedding_size": 6, "epoch_steps": 3, "patience": None, "batch_size": 32}
    whole = SequenceClassifier("lstm", max_epochs=6, **options).fit(Blocks(X, y))
    part = {"checkpoint_dir": tmp_path, **options}
    SequenceClassifier("lstm", max_epochs=2, **part).fit(Blocks(X, y))
    resumed = SequenceClassifier("lstm", max_epochs=6, **part).fit(Blocks(X, y))
    for a, b in zip(whole.network_.parameters(), resumed.network_.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(DataError, match="other data"):
        SequenceClassifier("lstm", max_epochs=6, **part).fit(Blocks(X[2:], y[2:]))


def test_an_epoch_of_so_many_batches_goes_on_where_the_last_one_ended():
    rows = np.arange(10)
    source = Examples([np.array([i]) for i in rows], rows)
    cpu = torch.device("cpu")
    epochs = _epochs(source, 1, 4, seed=0, device=cpu)
    seen = [int(b.targets[0]) for number in range(5) for b in epochs(number)]
    assert sorted(seen[:10]) == sorted(seen[10:]) == rows.tolist()
    anew = _epochs(source, 1, 4, seed=0, device=cpu)
    assert [int(b.targets[0]) for b in anew(3)] == seen[12:16]


def test_the_rows_are_not_kept(file):
    rows = TableRows(file, text="text", label="kind")
    size = file.stat().st_size
    tracemalloc.start()
    for sequences, labels in rows.blocks():
        assert len(sequences) == len(labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * size  # two blocks of about half of this small file as Python objects, of any longer one too


@pytest.mark.parametrize(
    ("given", "message"),
    [({}, "give one of"), ({"text": "a", "tokens": "b"}, "give one of")],
)
def test_what_holds_the_sequences_must_be_said(given, message):
    with pytest.raises(ConfigError, match=message):
        TableRows("x.csv", label="y", **given)


def test_refusals(file):
    with pytest.raises(DataError, match="no column"):
        SequenceClassifier().fit(TableRows(file, text="words", label="kind"))
    with pytest.raises(DataError, match="two classes"):
        SequenceClassifier().fit(Blocks(["a", "b"] * 30, ["x"] * 60))
    with pytest.raises(DataError, match="no rows"):
        SequenceClassifier().fit(Blocks([], []))
    with pytest.raises(DataError, match="y was given beside rows"):
        SequenceClassifier().fit(TableRows(file, text="text", label="kind"), ["x"])
    with pytest.raises(DataError, match="y was given beside rows"):
        SequenceTagger().fit(TableRows(file, tokens="text", label="kind"), [["x"]])
    with pytest.raises(DataError, match="X is TableRows.* Path of a plain text"):
        SequenceGenerator().fit(TableRows(file, text="text", label="kind"))
    with pytest.raises(DataError, match="X must be a TimeSeries.* but is TableRows"):
        SequenceForecaster(horizon=1).fit(TableRows(file, text="text", label="kind"))
    with pytest.raises(ConfigError, match="class_weight"):
        SequenceClassifier(class_weight="balanced").fit(Blocks(["a", "b"] * 30, ["x", "y"] * 30))
