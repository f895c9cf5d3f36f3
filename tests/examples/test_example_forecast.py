"""examples/forecast.py on a slice of the series."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from latchwork import datasets
from latchwork.errors import DownloadError

EXAMPLE = Path(__file__).parents[2] / "examples" / "forecast.py"


def test_a_slice_of_the_series_is_learned(tmp_path):
    try:
        datasets.load("electricity")
    except DownloadError as error:
        pytest.skip(f"the series cannot be fetched here: {error}")
    done = subprocess.run(
        [sys.executable, EXAMPLE, "--steps", "3000", "--plot", tmp_path / "forecast.png"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2,400 steps to learn from, 83 forecasts of the next 24 to test" in done.stdout
    naive = float(re.search(r"The season before, of 24 steps: MASE (\d+\.\d+)", done.stdout)[1])
    reached = float(re.search(r"Seed 0: MASE (\d+\.\d+)", done.stdout)[1])
    assert reached < 1.2 * naive
    assert (tmp_path / "forecast.png").stat().st_size > 10_000
