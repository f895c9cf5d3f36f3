"""examples/classify.py on few rows and one seed."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "classify.py"


def test_a_slice_of_the_vowels_is_learned():
    done = subprocess.run(
        [sys.executable, EXAMPLE, "--rows", "150", "--seeds", "1"], capture_output=True, text=True, check=True
    )
    assert "150 series to learn from, 370 to test" in done.stdout
    assert float(re.search(r"gru: ([\d.]+)% right", done.stdout).group(1)) > 80
