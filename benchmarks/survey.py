"""What a survey of every unit costs: seconds and memory for 1,000 sequences of 100 steps.

python benchmarks/survey.py
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from latchwork.explain.survey import survey
from latchwork.tasks.network import SequenceNetwork, Shape


def megabytes() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print each cell's seconds, and by how much it raised the peak that those before it had reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=1_000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--cells", default="lstm,gru,rnn")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = [rng.integers(2, options.words, options.steps) for _ in range(options.sequences)]
    vocabulary = [f"word{i}" for i in range(options.words)]
    print(f"{options.sequences:,} sequences of {options.steps} steps, {options.units} units, {options.words:,} words")
    for cell in options.cells.split(","):
        torch.manual_seed(0)
        shape = Shape(vocabulary=options.words, features=64, outputs=2, hidden_size=options.units)
        network = SequenceNetwork(cell, shape).eval()
        survey(network, rows[:2], lambda row: [str(t) for t in rows[row]], vocabulary)  # the kernels are loaded
        before, began = megabytes(), time.perf_counter()
        survey(network, rows, lambda row: [str(t) for t in rows[row]], vocabulary)
        seconds = time.perf_counter() - began
        print(f"{cell:5} {seconds:.1f} s, {megabytes() - before:.0f} MB more than before", flush=True)


if __name__ == "__main__":
    main()
