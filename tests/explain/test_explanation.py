"""Explaining a classifier's decision about a text and about a series."""

import numpy as np
import pytest

from latchwork import SequenceClassifier
from latchwork.errors import DataError
from latchwork.explain import explain

WORDS = {"good": ["great", "lovely"], "bad": ["awful", "dull"]}


@pytest.fixture(scope="module")
def reader():
    rng = np.random.default_rng(0)
    X, y = [], []
    for i in range(160):
        kind = ("good", "bad")[i % 2]
        words = ["the", "film", "was", "quite", str(rng.choice(WORDS[kind]))]
        X.append(" ".join(rng.permutation(words)))
        y.append(kind)
    options = {"hidden_size": 8, "embedding_size": 8, "max_epochs": 15, "batch_size": 16, "learning_rate": 0.02}
    return SequenceClassifier("lstm", patience=None, dropout=0.1, **options).fit(X, y)


def test_the_word_that_decides_is_found(reader):
    found = explain(reader, "The film was  quite LOVELY, wasn't it")
    assert found.predicted == "good"
    assert found.steps == ("The", "film", "was", "quite", "LOVELY", ",", "wasn't", "it")
    assert found.steps[int(np.argmax(found.moved))] == "LOVELY"
    assert [found.text[a:b] for a, b in found.spans] == list(found.steps)
    assert found.unseen == (False, False, False, False, False, True, True, True)
    assert found.moved.sum() == pytest.approx(found.score - found.baseline, rel=0.01)
    assert found.completeness_error < 0.01
    assert found.gate == "forget gate"
    assert ((found.kept > 0) & (found.kept < 1)).all()
    assert found.writer == "input gate"
    assert found.written.shape == (8,)
    assert sum(found.probabilities.values()) == pytest.approx(1)


def test_an_empty_text_is_refused_in_words(reader):
    with pytest.raises(DataError, match="no words"):
        explain(reader, "  ")
    with pytest.raises(DataError, match="trained on texts"):
        explain(reader, np.zeros((3, 1)))


@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_series(cell):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(int(n), 2)) for n in rng.integers(3, 8, 40)]
    y = np.arange(40) % 2
    model = SequenceClassifier(cell, hidden_size=4, max_epochs=2, bidirectional=True).fit(X, y)
    found = explain(model, X[0])
    assert found.text is None
    assert found.steps[0] == "step 1"
    assert len(found.steps) == len(found.moved) == len(X[0])
    assert (found.kept is None) == (cell == "rnn")
