"""Are explanations true? Completeness of the attribution, and deletion, on real reviews that no model was fitted on.

python benchmarks/explanations.py
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from latchwork import SequenceClassifier, datasets
from latchwork.explain import deletion, integrated_gradients
from latchwork.explain.odds import scores_of


def main() -> None:
    """Print for each cell the completeness errors, and what deleting a fifth of the words costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reviews", type=int, default=200)
    parser.add_argument("--cells", default="rnn,lstm,gru")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = datasets.load("reviews")
    order = np.random.default_rng(0).permutation(len(data.X))
    held, learned = order[:2_000], order[2_000:]
    for cell in options.cells.split(","):
        model = SequenceClassifier(cell, learning_rate=0.0015 if cell == "rnn" else 0.005)
        model.fit([data.X[i] for i in learned], data.y[learned])
        accuracy = model.score([data.X[i] for i in held], data.y[held])
        network = model.network_.eval()
        rows = [row for row in model.encode([data.X[i] for i in held]) if len(row)][: options.reviews]
        began = time.perf_counter()
        targets = scores_of(network, rows).argmax(1).tolist()
        found = [integrated_gradients(network, torch.from_numpy(r), t) for r, t in zip(rows, targets, strict=True)]
        errors = np.array([one.completeness_error for one in found])
        curves = deletion(network, rows, [one.steps for one in found], shares=(0, 0.2), orders=10)
        top, random = float(curves.by_attribution[1]), float(curves.random[1])
        seconds = time.perf_counter() - began
        print(
            f"{cell:5} accuracy {accuracy:.1%}; completeness error of {len(rows)} reviews: mean {errors.mean():.3%}, "
            f"worst {errors.max():.3%}, {np.mean(errors < 0.01):.1%} below 1 %; a fifth of the words costs "
            f"{top:.2f} log-odds by attribution, {random:.2f} at random: {top / random:.1f} times; {seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
