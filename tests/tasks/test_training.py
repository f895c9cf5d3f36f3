"""The training loop: resumed epochs, refusals of foreign checkpoints, divergence. (Kills: test_kill.py.)"""

import numpy as np
import pytest

from latchwork import SequenceClassifier
from latchwork.errors import DataError
from latchwork.tasks.training import DivergedError


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(6, 2)) for _ in range(30)], rng.integers(0, 2, 30)


def test_resuming_runs_only_the_epochs_that_are_left(tmp_path, data):
    X, y = data
    options = {"hidden_size": 4, "patience": None, "checkpoint_dir": tmp_path}
    first = SequenceClassifier("gru", max_epochs=3, **options).fit(X, y)
    second = SequenceClassifier("gru", max_epochs=5, **options).fit(X, y)
    assert second.history_[:3] == first.history_
    whole = SequenceClassifier("gru", max_epochs=5, hidden_size=4, patience=None).fit(X, y)
    assert np.array_equal(second.predict_proba(X), whole.predict_proba(X))


def test_checkpoints_of_another_fit_and_damaged_ones_are_refused(tmp_path, data):
    X, y = data
    SequenceClassifier("gru", hidden_size=4, max_epochs=1, checkpoint_dir=tmp_path).fit(X, y)
    with pytest.raises(DataError, match="other data or options"):
        SequenceClassifier("gru", hidden_size=5, max_epochs=1, checkpoint_dir=tmp_path).fit(X, y)
    with pytest.raises(DataError, match="other data or options"):
        SequenceClassifier("gru", hidden_size=4, max_epochs=1, checkpoint_dir=tmp_path).fit(X, 1 - y)
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(DataError, match="cannot be read"):
        SequenceClassifier("gru", hidden_size=4, max_epochs=1, checkpoint_dir=tmp_path).fit(X, y)


def test_a_loss_that_is_no_number_stops_with_advice(data, monkeypatch):
    X, y = data
    huge = [x * 1e30 for x in X]
    model = SequenceClassifier("rnn_relu", hidden_size=4, max_epochs=2, learning_rate=1e30)
    with pytest.raises(DivergedError, match="learning rate"):
        model.fit(huge, y)


def test_other_validation_classes_make_another_fit(tmp_path, data):
    X, y = data
    options = {"hidden_size": 4, "max_epochs": 1, "checkpoint_dir": tmp_path}
    SequenceClassifier("gru", **options).fit(X[:20], y[:20], X[20:], y[20:])
    with pytest.raises(DataError, match="other data or options"):
        SequenceClassifier("gru", **options).fit(X[:20], y[:20], X[20:], 1 - y[20:])


def test_a_schedule_that_ends_with_the_time_budget_is_not_gone_on_with_under_another(tmp_path, data):
    def fit(budget, schedule):
        options = {"hidden_size": 4, "max_epochs": 2, "time_budget": budget, "schedule": schedule}
        return SequenceClassifier("rnn", checkpoint_dir=tmp_path / schedule, **options).fit(*data)

    fit(50.0, "cosine")
    with pytest.raises(DataError, match="other data or options"):
        fit(90.0, "cosine")
    fit(50.0, "constant")
    fit(90.0, "constant")
