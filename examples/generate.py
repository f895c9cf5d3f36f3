"""Folk tunes, character by character: a network learns O'Neill's tunes, is tested on others, and writes one of its own.

python examples/generate.py [--tunes 2009] [--cell gru]
"""

import argparse
import time

from sklearn.model_selection import GroupShuffleSplit

from latchwork import SequenceGenerator, datasets
from latchwork.trial.baselines import kneser_ney

HEAD = "M:6/8\nL:1/8\nK:D\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tunes", type=int, default=2_009, help="to learn from and to test; there are 2,009")
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--save", help="a folder to keep the model in, for latchwork generate")
    options = parser.parse_args()
    data = datasets.load("tunes")
    tunes, numbers = data.X[: options.tunes], data.groups[: options.tunes]
    learn, test = next(GroupShuffleSplit(1, test_size=0.1, random_state=0).split(tunes, groups=numbers))
    X, X_test = [tunes[i] for i in learn], [tunes[i] for i in test]

    began = time.perf_counter()
    model = SequenceGenerator(options.cell, max_epochs=6, dropout=0.1).fit(X)
    seconds = time.perf_counter() - began
    size = sum(len(tune) + 1 for tune in X_test)
    counted = kneser_ney().learn(X, None, seed=0, order=5).predict(X_test).sum() / size

    print(f"{len(X):,} tunes to learn from, {len(X_test):,} others to test; {seconds:.0f} seconds.")
    print(
        f"Bits per character: {model.bits_per_character(X_test):.2f}; by counting 5-grams (Kneser–Ney): {counted:.2f}."
    )
    print("With all 2,009 tunes it should reach 1.7, and counting 2.4.\n")
    print(HEAD, end="")
    for piece in model.stream(HEAD, length=600, temperature=0.7, seed=1):
        print(piece, end="", flush=True)
    print()
    if options.save:
        print(f"\nSaved: latchwork generate {model.save(options.save)}")


if __name__ == "__main__":
    main()
