"""A cell of your own in one script: written, shown, trained, traced and saved, with no other edit.

The cell is the LSTM of Jozefowicz, Zaremba & Sutskever 2015 without its output gate: the one variant they found to be
no worse than the whole on some tasks. It must remember which of two marks came first in a sequence of noise.

    python examples/own_cell.py
"""

import tempfile

import numpy as np

import latchwork as lw
from latchwork.language.formula import formula


@lw.cell
def lstm_no_output(x, h, c):
    """LSTM without an output gate: Jozefowicz, Zaremba & Sutskever 2015."""
    input = lw.sigmoid(lw.affine(x, h))
    forget = lw.sigmoid(lw.affine(x, h))
    candidate = lw.tanh(lw.affine(x, h))
    c = forget * c + input * candidate
    h = lw.tanh(c)
    return h, c


def marks(n: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Series (T, 2) of noise with one mark up and one down; the class is which came first."""
    rng = np.random.default_rng(seed)
    series, classes = [], []
    for _ in range(n):
        noise = rng.normal(0, 0.3, (int(rng.integers(20, 40)), 2))
        first, second = sorted(rng.choice(len(noise), 2, replace=False))
        up_first = bool(rng.integers(2))
        noise[first, 0] = 2 if up_first else -2
        noise[second, 0] = -2 if up_first else 2
        series.append(noise)
        classes.append("up, down" if up_first else "down, up")
    return series, np.array(classes)


def main() -> None:
    print(lstm_no_output)
    for line in formula(lstm_no_output.graph):
        print("   ", line)

    X, y = marks(1_200, seed=0)
    options = {"hidden_size": 16, "batch_size": 32, "max_epochs": 40, "patience": 10, "dropout": 0.0}
    model = lw.SequenceClassifier(lstm_no_output, learning_rate=0.01, cell_options={"forget_bias": 1.0}, **options)
    model.fit(X[:1_000], y[:1_000])
    print(f"accuracy on 200 new series: {model.score(X[1_000:], y[1_000:]):.1%}")

    explained = lw.explain.explain(model, X[-1])
    most = int(np.argmax(np.abs(explained.moved)))
    print(f"it says '{explained.predicted}', most because of {explained.steps[most]}, value {X[-1][most, 0]:+.1f}")
    print(f"the {explained.gate} kept {explained.kept.mean():.0%} of the memory at a step, on average")
    print(f"saved in {model.save(tempfile.mkdtemp())}")


if __name__ == "__main__":
    main()
