"""examples/tag.py on a slice of the corpus."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from latchwork import datasets
from latchwork.errors import DownloadError

EXAMPLE = Path(__file__).parents[2] / "examples" / "tag.py"


def test_a_slice_of_the_corpus_is_learned():
    try:
        datasets.load("brown")
    except DownloadError as error:
        pytest.skip(f"the corpus cannot be fetched here: {error}")
    done = subprocess.run([sys.executable, EXAMPLE, "--sentences", "600"], capture_output=True, text=True, check=True)
    assert "600 sentences to learn from, 150 of other documents" in done.stdout
    tagged, looked_up = map(float, re.search(r"right: ([\d.]+)%; .* ([\d.]+)%", done.stdout).groups())
    assert tagged > max(looked_up + 2, 85)
