"""Every task's fit, killed at ten random moments and gone on with: the same weights as undisturbed, to the bit."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, random, signal, sys, time
import numpy as np, torch
from pathlib import Path
from safetensors.torch import load_file
from latchwork import SequenceClassifier, SequenceForecaster, SequenceGenerator, SequenceTagger

torch.set_num_threads(1)
task, folder, moments = sys.argv[1], Path(sys.argv[2]), random.Random(int(sys.argv[3]))
rng = np.random.default_rng(0)


def fit(checkpoint, out):
    same = dict(hidden_size=12, patience=None, dropout=0.3, cell_options={"zoneout": 0.1}, max_epochs=30,
                checkpoint_dir=checkpoint)
    if task == "classify":
        X = [rng.normal(size=(int(n), 2)) for n in rng.integers(5, 30, 200)]
        y = rng.integers(0, 2, 200)
        model = SequenceClassifier("lstm", batch_size=8, **same).fit(X, y)
    elif task == "tag":
        X = [[f"w{i}" for i in rng.integers(0, 40, n)] for n in rng.integers(2, 15, 200)]
        y = [[w[-1] for w in row] for row in X]
        model = SequenceTagger("gru", batch_size=8, **same).fit(X, y)
    elif task == "generate":
        X = ["".join(rng.choice(list("abcd "), 60)) for _ in range(60)]
        model = SequenceGenerator("lstm", batch_size=4, chunk=16, **same).fit(X)
    else:
        X = np.sin(np.arange(600) / 5) + rng.normal(0, 0.1, 600)
        model = SequenceForecaster("gru", horizon=4, season=8, context=32, **same)
        model.fit(X)
    model.save(out)


def child(checkpoint, out):
    if pid := os.fork():
        return pid
    fit(checkpoint, out)
    os._exit(0)


began = time.monotonic()
_, status = os.waitpid(child(None, folder / "whole"), 0)
assert status == 0
took = time.monotonic() - began
killed = 0
for _ in range(10):
    pid = child(folder / "state", folder / "early")
    time.sleep(moments.uniform(0, took / 10))
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    killed += os.WIFSIGNALED(status)
_, status = os.waitpid(child(folder / "state", folder / "resumed"), 0)
assert status == 0
whole, resumed = (load_file(folder / name / "model.safetensors") for name in ("whole", "resumed"))
assert whole.keys() == resumed.keys()
different = [name for name in whole if not torch.equal(whole[name], resumed[name])]
assert not different, different
left = [path.name for path in (folder / "state").iterdir() if not path.name.startswith(".")]
assert left == ["checkpoint.safetensors"], left
print(killed)
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="the fits are forked, so that each begins at once")
@pytest.mark.parametrize("task", ["classify", "tag", "generate", "forecast"])
def test_ten_kills_change_nothing(task, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, task, str(tmp_path), "7"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 5, "the fits ended before they could be killed"
