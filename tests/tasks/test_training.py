"""The training loop: exact resume after a kill, refusals of foreign checkpoints, divergence."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from latchwork import SequenceClassifier
from latchwork.errors import DataError
from latchwork.tasks.training import DivergedError

SCRIPT = """
import sys, numpy as np, torch
torch.set_num_threads(1)
from latchwork import SequenceClassifier
rng = np.random.default_rng(0)
X = [rng.normal(size=(int(n), 2)) for n in rng.integers(5, 30, 120)]
y = rng.integers(0, 2, 120)
model = SequenceClassifier("lstm", hidden_size=12, max_epochs=12, patience=None, dropout=0.3, batch_size=8,
                           cell_options={"zoneout": 0.1}, checkpoint_dir=sys.argv[1] or None)
print("ready", flush=True)
model.fit(X, y).save(sys.argv[2])
"""


def start(checkpoint, out):
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(checkpoint), str(out)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def epochs(checkpoint):
    """How many are in the checkpoint; 0 before there is one."""
    file = checkpoint / "checkpoint.safetensors"
    if not file.exists():
        return 0
    with safe_open(file, "pt") as opened:
        return len(json.loads(opened.metadata()["history"]))


def kill_at(number, checkpoint, out):
    """Start or resume the fit and kill it with ``number`` epochs done; returns how many it had in the end."""
    with start(checkpoint, out) as process:
        try:
            patience = time.monotonic() + 60
            while epochs(checkpoint) < number:
                assert process.poll() is None, "the fit ended before it could be killed"
                assert time.monotonic() < patience, "the fit does not get on"
                time.sleep(0.002)
        finally:
            process.kill()  # SIGKILL: nothing of the process runs after it
    return epochs(checkpoint)


def test_a_killed_fit_goes_on_to_the_same_weights_to_the_bit(tmp_path):
    with start("", tmp_path / "whole") as process:
        assert process.wait() == 0
    for number in (2, 5, 8):
        assert 0 < number <= kill_at(number, tmp_path / "state", tmp_path / "resumed") < 12
        assert not (tmp_path / "resumed").exists()
    with start(tmp_path / "state", tmp_path / "resumed") as process:
        assert process.wait() == 0
    whole, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "resumed"))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    left = [p.name for p in (tmp_path / "state").iterdir() if not p.name.startswith(".")]
    assert left == ["checkpoint.safetensors"]


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
