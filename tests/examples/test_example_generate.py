"""examples/generate.py on a slice of the tunes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from latchwork import SequenceGenerator, datasets
from latchwork.errors import DownloadError

EXAMPLE = Path(__file__).parents[2] / "examples" / "generate.py"


def test_a_slice_of_the_tunes_is_learned(tmp_path):
    try:
        datasets.load("tunes")
    except DownloadError as error:
        pytest.skip(f"the tunes cannot be fetched here: {error}")
    command = [sys.executable, EXAMPLE, "--tunes", "120", "--save", tmp_path / "model"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "108 tunes to learn from, 12 others to test" in done.stdout
    bits, counted = map(float, re.search(r"character: ([\d.]+); .*: ([\d.]+)\.\n", done.stdout).groups())
    assert 2 < counted < 4
    assert bits < 5  # characters drawn alike would take 6
    tune = done.stdout.split("counting 2.4.\n\n")[1].split("\n\nSaved:")[0]
    model = SequenceGenerator.load(tmp_path / "model")
    head = "M:6/8\nL:1/8\nK:D\n"
    assert tune == head + model.generate(head, length=600, temperature=0.7, seed=1)
