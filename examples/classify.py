"""Series of numbers: who says the vowel, or which digit is said, by the mean of several seeds.

    python examples/classify.py [--data japanese_vowels] [--cell gru] [--seeds 5]

Where the makers of the data have a split of their own it is kept, else each seed holds out another fifth.
"""

import argparse
import time

import numpy as np
from sklearn.model_selection import train_test_split

from latchwork import SequenceClassifier, datasets

EXPECTED = {"japanese_vowels": "97 %", "spoken_digits": "98 %", "italy_power_demand": "95 %", "basic_motions": "98 %"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="japanese_vowels", choices=list(EXPECTED))
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10**9, help="training rows at most")
    options = parser.parse_args()
    data = datasets.load(options.data)
    scores, began = [], time.perf_counter()
    for seed in range(options.seeds):
        if data.split is not None:
            learn, test = data.split
        else:
            learn, test = train_test_split(np.arange(len(data)), test_size=0.2, random_state=seed, stratify=data.y)
        learn = np.random.default_rng(seed).permutation(learn)[: options.rows]
        model = SequenceClassifier(options.cell, dropout=0.3, patience=5, max_epochs=60, random_state=seed)
        model.fit([data.X[i] for i in learn], data.y[learn])
        scores.append(model.score([data.X[i] for i in test], data.y[test]))
    seconds = (time.perf_counter() - began) / options.seeds
    channels = data.X[0].shape[1]
    lengths = [len(x) for x in data.X]
    print(f"{data.description.title}: {len(learn):,} series to learn from, {len(test):,} to test,", end=" ")
    print(f"{channels} channels, {min(lengths)} to {max(lengths)} steps, {len(data.classes)} classes.")
    each = ", ".join(f"{score:.1%}" for score in scores)
    print(f"{options.cell}: {np.mean(scores):.1%} right ({each}); {seconds:.1f} s a fit.")
    print(f"With five seeds it should reach about {EXPECTED[options.data]}.")


if __name__ == "__main__":
    main()
