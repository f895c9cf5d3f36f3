"""Spoken digits: accuracy on a held-out fifth, for each cell and several seeds.

python benchmarks/spoken_digits.py
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from latchwork import SequenceClassifier, datasets


def main() -> None:
    """Print each cell's accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cells", default="rnn,lstm,gru")
    options = parser.parse_args()
    torch.set_num_threads(1)
    digits = datasets.load("spoken_digits")
    for cell in options.cells.split(","):
        scores = []
        began = time.perf_counter()
        for seed in range(options.seeds):
            train, test = train_test_split(np.arange(len(digits)), test_size=0.2, random_state=seed, stratify=digits.y)
            model = SequenceClassifier(cell, dropout=0.2, patience=5, random_state=seed)
            model.fit([digits.X[i] for i in train], digits.y[train])
            scores.append(model.score([digits.X[i] for i in test], digits.y[test]))
        each = " ".join(f"{score:.1%}" for score in scores)
        seconds = (time.perf_counter() - began) / options.seeds
        print(f"{cell:5} mean {np.mean(scores):.1%}  ({each})  {seconds:.0f} s a fit", flush=True)


if __name__ == "__main__":
    main()
