"""Measured memory on the adding problem: where a cell must remember, does the one that learned remember further?

The adding problem (Hochreiter & Schmidhuber 1997, experiment 4) as a question of two classes: is the sum of the two
marked numbers above 1? Theory says that a plain RNN's gradient vanishes, so that it cannot learn what is far, and that
gated cells can. Each cell gets the same rows, units and seed; everything is measured on rows that none was fitted on.

    python benchmarks/memory.py
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from adding_problem import batch

from latchwork import SequenceClassifier
from latchwork.explain.gates import gates
from latchwork.explain.memory import gradient_flow, influence
from latchwork.explain.pages.classify import before_training
from latchwork.explain.sentences import flow_sentence, half_life_sentence, influence_sentence
from latchwork.explain.survey import survey


def rows(count: int, steps: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Series (T, 2), and whether the marked numbers add up to more than 1."""
    inputs, sums = batch(count, steps, torch.Generator().manual_seed(seed))
    return list(inputs.transpose(0, 1).double().numpy()), (sums > 1).numpy().astype(int)


def main() -> None:
    """Print each cell's accuracy and how far its memory reaches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=60)
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--rows", type=int, default=8_000)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cells", default="rnn,lstm,gru")
    options = parser.parse_args()
    torch.set_num_threads(1)
    X, y = rows(options.rows, options.length, 0)
    X_valid, y_valid = rows(1_000, options.length, 1)
    X_test, y_test = rows(500, options.length, 2)
    print(vars(options))
    for cell in options.cells.split(","):
        for seed in range(options.seeds):
            began = time.perf_counter()
            gated = {} if cell == "rnn" else {"forget_bias": 1.0}
            model = SequenceClassifier(
                cell,
                hidden_size=options.units,
                dropout=0.0,
                max_epochs=options.epochs,
                patience=None,
                cell_options=gated,
                random_state=seed,
            ).fit(X, y, X_valid, y_valid)
            network, encoded = model.network_.eval(), model.encode(X_test)
            flow = gradient_flow(network, encoded, y_test)
            start = gradient_flow(before_training(model), encoded, y_test)
            moves = influence(network, encoded)
            found = survey(network, encoded, lambda row: [""] * options.length)
            keep = gates(network.recurrent.cell.graph).keep
            seconds = time.perf_counter() - began
            print(f"{cell} seed {seed}: accuracy {model.score(X_test, y_test):.1%}, {seconds:.0f} s")
            print("  " + flow_sentence(cell, flow, start))
            print("  " + influence_sentence(cell, moves, "step"))
            print("  " + half_life_sentence(cell, found.half_life, None if keep is None else keep.label), flush=True)


if __name__ == "__main__":
    main()
