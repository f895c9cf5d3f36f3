"""Known truths on real data: spoken digits are told apart by their sound, by LSTM and by GRU."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from latchwork import SequenceClassifier, datasets


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_spoken_digits_above_95_percent_on_a_held_out_fifth(cell):
    digits = datasets.load("spoken_digits")
    rows = np.arange(len(digits))
    train, test = train_test_split(rows, test_size=0.2, random_state=0, stratify=digits.y)
    model = SequenceClassifier(cell, dropout=0.2, patience=5)
    model.fit([digits.X[i] for i in train], digits.y[train])
    assert model.score([digits.X[i] for i in test], digits.y[test]) > 0.95
