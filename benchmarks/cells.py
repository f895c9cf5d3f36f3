"""What a changed cell costs beside the plain one of its size; what traces, ragged batches and small calls cost.

    python benchmarks/cells.py --threads 1

Parity is the tests' matter; here everything is timed in turn, in one process, float32, 100 steps, medians.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

import latchwork as lw
from latchwork import cells, nn
from latchwork.cli.measure import in_turn, threads
from latchwork.kernels.native import kernels
from latchwork.kernels.plan import plan
from latchwork.kernels.scan import Memory
from latchwork.kernels.stream import Stream

STEPS = 100
SHAPES = [(1, 64), (8, 128), (32, 64), (32, 256)]  # batch, hidden


@lw.cell
def own(x, h, c):  # type: ignore[no-untyped-def]
    """A cell as a user might write one: coupled gates, a rate of its own, a peephole."""
    forget = lw.sigmoid(lw.affine(x, h))
    candidate = lw.tanh(lw.affine(x, h))
    output = lw.sigmoid(lw.affine(x, h) + lw.vector() * c)
    rate = lw.softplus(lw.affine(x, h))
    c = forget * c + (1 - forget) * candidate * rate / (1 + rate)
    h = output * lw.tanh(c)
    return h, c


# name → how it is made, and the plain cell that it is set against
CELLS: dict[str, tuple[Callable[[int], nn.Recurrent], str]] = {
    "lstm": (lambda h: nn.Recurrent("lstm", h, h), "lstm"),
    "gru": (lambda h: nn.Recurrent("gru", h, h), "gru"),
    "lstm_peephole": (lambda h: nn.Recurrent("lstm_peephole", h, h), "lstm"),
    "lstm_coupled": (lambda h: nn.Recurrent("lstm_coupled", h, h), "lstm"),
    "lstm_projected": (lambda h: nn.Recurrent("lstm_projected", h, h, proj_size=h // 2), "lstm"),
    "lstm_layer_norm": (lambda h: nn.Recurrent("lstm_layer_norm", h, h), "lstm"),
    "gru_layer_norm": (lambda h: nn.Recurrent("gru_layer_norm", h, h), "gru"),
    "gru_reset_before": (lambda h: nn.Recurrent("gru_reset_before", h, h), "gru"),
    "lstm, zoneout": (lambda h: nn.Recurrent("lstm", h, h, zoneout=0.1), "lstm"),
    "a user's own": (lambda h: nn.Recurrent(own, h, h), "lstm"),
}


def inference(layer: torch.nn.Module, x: Tensor, **options: object) -> Callable[[], object]:
    def call() -> object:
        with torch.no_grad():
            return layer(x, **options)

    return call


def training(run: Callable[[Tensor], tuple[Tensor, object]], layer: torch.nn.Module, x: Tensor) -> Callable[[], object]:
    weights = list(layer.parameters())

    def call() -> object:
        output, _ = run(x)
        return torch.autograd.grad(output.sum(), [x, *weights])

    return call


def relative(seconds: float) -> Table:
    table = Table("cell", "against", *(f"{b} × {h}" for b, h in SHAPES), box=None)
    rows: dict[str, list[str]] = {name: [] for name in CELLS}
    for batch, hidden in SHAPES:
        x = torch.randn(STEPS, batch, hidden, requires_grad=True)
        layers = {name: make(hidden) for name, (make, _) in CELLS.items()}
        quick = in_turn({name: inference(layer, x.detach()) for name, layer in layers.items()}, seconds)
        slow = in_turn({name: training(layer, layer, x) for name, layer in layers.items()}, seconds)
        for name, (_, plain) in CELLS.items():
            parts = [times[name].median / times[plain].median for times in (quick, slow)]
            rows[name].append(" / ".join(f"{part:.2f}" for part in parts))
    for name, (_, plain) in CELLS.items():
        table.add_row(name, plain, *rows[name])
    return table


def traces(seconds: float) -> str:
    found = []
    for cell in ("lstm", "gru"):
        for batch, hidden in SHAPES:
            layer, x = nn.Recurrent(cell, hidden, hidden), torch.randn(STEPS, batch, hidden)
            times = in_turn({"plain": inference(layer, x), "traced": inference(layer, x, return_trace=True)}, seconds)
            found.append(times["traced"].median / times["plain"].median)
    return f"with return_trace: {min(found):.2f} to {max(found):.2f} × the time"


def ragged(seconds: float) -> str:
    lengths = torch.randint(1, 401, (64,), generator=torch.Generator().manual_seed(0))
    found = []
    for kind in ("LSTM", "GRU"):
        ours, theirs = getattr(nn, kind)(128, 128), getattr(torch.nn, kind)(128, 128)
        x = torch.randn(400, 64, 128, requires_grad=True)

        def packed(x: Tensor, theirs: torch.nn.Module = theirs) -> tuple[Tensor, object]:
            rows = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
            output, state = theirs(rows)
            return torch.nn.utils.rnn.pad_packed_sequence(output, total_length=400)[0], state

        def padded(x: Tensor, ours: nn.Recurrent = ours) -> tuple[Tensor, object]:
            return ours(x, lengths=lengths)

        times = in_turn({"ours": training(padded, ours, x), "torch": training(packed, theirs, x)}, seconds)
        ratio = times["torch"].median / times["ours"].median
        ours_ms, torch_ms = (times[name].median * 1e3 for name in ("ours", "torch"))
        found.append(f"{kind} {ours_ms:.0f} ms, torch packed {torch_ms:.0f} ms, {ratio:.1f} ×")
    return "64 rows of 1 to 400 steps, 128 units, training: " + "; ".join(found)


def small(seconds: float) -> str:
    found = []
    for batch_first in (False, True):
        x = torch.randn(1, 1, 64)
        calls = {
            "ours": inference(nn.LSTM(64, 64, batch_first=batch_first).eval(), x),
            "torch": inference(torch.nn.LSTM(64, 64, batch_first=batch_first).eval(), x),
        }
        times = in_turn(calls, seconds)
        found.append(f"{times['ours'].median * 1e6:.0f} µs, torch {times['torch'].median * 1e6:.0f} µs")
    return f"one step of LSTM(64, 64), all of the call: {found[0]}; batch first {found[1]}"


def streams(seconds: float) -> str:
    """A step beside its call: the time that 64 units take more than a layer so small that the call is all of it."""
    found = []
    for cell in ("lstm", "gru", "rnn"):
        calls = {}
        for units in (1, 64):
            graph = cells.get(cell).graph
            sizes = {"I": units, "H": units, "P": 0}
            weights = [np.zeros(p.shape(sizes), np.float32) for p in plan(graph).layout.parameters]
            memory = Memory.numpy(np.float32)
            stream = Stream(kernels(graph, "float"), memory, sizes, weights)
            calls[str(units)] = partial(stream.step, np.zeros((1, units), np.float32))
        times = in_turn(calls, seconds)
        more = (times["64"].median - times["1"].median) * 1e6
        found.append(f"{cell} {more:.1f} µs (of {times['64'].median * 1e6:.1f} with the call)")
    return "one step of a stream of 64 units, more than one of 1 unit: " + ", ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.3, help="for each measurement")
    options = parser.parse_args()
    console = Console(highlight=False, width=110)
    with threads(options.threads):
        console.print(f"{options.threads} thread(s); batch × hidden; inference / training against the plain cell = 1\n")
        console.print(relative(options.seconds))
        for line in (traces, ragged, small, streams):
            console.print(line(options.seconds), markup=False)


if __name__ == "__main__":
    main()
