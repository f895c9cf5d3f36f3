"""The adding problem: can a cell carry two numbers over 150 steps?

Hochreiter & Schmidhuber 1997, experiment 4, in the form used since: each sequence has a channel of numbers in 0…1 and
one of markers, which is 1 at two steps and 0 elsewhere; the target is the sum of the two marked numbers. Predicting
always 1 gives a mean squared error of 1/6 ≈ 0.167, the variance. Every cell gets the same steps, batches and seed.

    python benchmarks/adding_problem.py
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor, nn

from latchwork.nn import Recurrent

TRIVIAL = 1 / 6


def batch(size: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs (T, B, 2) and targets (B,); one marker in each half, as in the paper one early and one late."""
    numbers = torch.rand(steps, size, generator=generator)
    markers = torch.zeros(steps, size)
    rows = torch.arange(size)
    first = torch.randint(0, steps // 2, (size,), generator=generator)
    second = torch.randint(steps // 2, steps, (size,), generator=generator)
    markers[first, rows] = 1
    markers[second, rows] = 1
    return torch.stack([numbers, markers], -1), numbers[first, rows] + numbers[second, rows]


def learn(cell: str, *, length: int, units: int, updates: int, size: int, rate: float, seed: int) -> tuple[float, int]:
    """Train ``cell``; returns its mean squared error on 1,000 fresh sequences and the updates made.

    Training ends early once the error is below a hundredth of the trivial one.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    gated = cell not in ("rnn", "rnn_relu", "indrnn")
    layer, head = Recurrent(cell, 2, units, forget_bias=1.0 if gated else None), nn.Linear(units, 1)
    weights = [*layer.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(weights, lr=rate)
    fresh, truth = batch(1_000, length, torch.Generator().manual_seed(seed + 1_000))
    error = float("nan")
    for update in range(1, updates + 1):
        inputs, targets = batch(size, length, generator)
        loss = (head(layer(inputs)[0][-1])[:, 0] - targets).square().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        if update % 250 == 0 or update == updates:
            with torch.no_grad():
                error = float((head(layer(fresh)[0][-1])[:, 0] - truth).square().mean())
            if error < TRIVIAL / 100:
                return error, update
    return error, updates


def main() -> None:
    """Print each cell's error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=150)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--updates", type=int, default=4_000)
    parser.add_argument("--size", type=int, default=32, help="sequences an update")
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate of Adam")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cells", default="rnn,lstm,gru")
    options = vars(parser.parse_args())
    torch.set_num_threads(1)
    cells, seeds = options.pop("cells").split(","), options.pop("seeds")
    print(", ".join(f"{name} {value}" for name, value in options.items()), f"trivial error {TRIVIAL:.3f}", sep="; ")
    for cell in cells:
        for seed in range(seeds):
            began = time.perf_counter()
            error, made = learn(cell, seed=seed, **options)
            seconds = time.perf_counter() - began
            print(f"{cell:5} seed {seed}  error {error:.4f} after {made:,} updates  {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
