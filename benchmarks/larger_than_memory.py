"""A file larger than memory: what a fit of it takes of memory, and how much of its batches is padding.

python benchmarks/larger_than_memory.py            # 5 GB of reviews in a table, and 5 GB of plain text
python benchmarks/larger_than_memory.py --gigabytes 0.1

The files are made of the review sentences, drawn anew, in a temporary folder, which needs that much room. A fit that
goes through all of 5 GB takes hours; here it reads all rows once, as every fit of a table does, and then trains for
some epochs of a set number of batches.
"""

from __future__ import annotations

import argparse
import csv
import io
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from latchwork import SequenceClassifier, SequenceGenerator, datasets
from latchwork.tasks import TableRows
from latchwork.tasks.network import SequenceNetwork

_BLOCK = 200_000  # rows that are drawn together; a file repeats few blocks, which is all the same for memory


def main() -> None:
    """Make the files, fit, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--kinds", default="text,table", help="text, table or both")
    options = parser.parse_args()
    torch.set_num_threads(1)
    size = int(options.gigabytes * 1e9)
    reviews = datasets.load("reviews")
    rows = list(zip([str(x) for x in reviews.X], reviews.y.tolist(), strict=True))
    print(f"before anything is read: {_peak():,.0f} MB of memory at most, torch and the reviews included", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if "text" in options.kinds:
            path = _written(Path(folder) / "large.txt", size, lambda r: "".join(f"{text}\n" for text, _ in r), rows)
            _report("bytes of plain text", path, lambda: _generator(path))
            path.unlink()
        if "table" in options.kinds:
            path = _written(Path(folder) / "large.csv", size, _csv, rows, "text,label\n")
            _report("rows of a table", path, lambda: _classifier(path))


def _generator(path: Path) -> str:
    model = SequenceGenerator("gru", unit="bytes", hidden_size=128, max_epochs=3, epoch_steps=200, patience=None)
    model.fit(path)
    return f"{model.history_[-1].valid_loss / np.log(2):.2f} bits a byte after 3 × 200 batches"


def _classifier(path: Path) -> str:
    padding: list[tuple[int, int]] = []

    def count(module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        if isinstance(module, SequenceNetwork) and module.training:
            inputs, lengths = arguments
            padding.append((int(lengths.sum()), inputs.shape[0] * inputs.shape[1]))

    with register_module_forward_pre_hook(count):
        model = SequenceClassifier("gru", max_epochs=3, epoch_steps=500, patience=None)
        model.fit(TableRows(path, text="text", label="label"))
    real, padded = map(sum, zip(*padding, strict=True))
    share = 1 - real / padded
    return f"accuracy {model.history_[-1].valid_score:.1%} after 3 × 500 batches, {share:.1%} of the steps padding"


def _written(
    path: Path, size: int, block: Callable[[list[tuple[str, str]]], str], rows: list[tuple[str, str]], head: str = ""
) -> Path:
    generator = np.random.default_rng(0)
    drawn = [[rows[i] for i in generator.integers(0, len(rows), _BLOCK)] for _ in range(3)]
    blocks = [block(part).encode() for part in drawn]
    with path.open("wb") as file:
        done = file.write(head.encode())
        while done < size:
            done += file.write(blocks[int(generator.integers(len(blocks)))])
    return path


def _csv(rows: list[tuple[str, str]]) -> str:
    sheet = io.StringIO()
    csv.writer(sheet).writerows(rows)
    return sheet.getvalue()


def _report(what: str, path: Path, fit: Callable[[], str]) -> None:
    began = time.perf_counter()
    said = fit()
    seconds = time.perf_counter() - began
    size = path.stat().st_size / 1e9
    print(f"{size:.2f} GB, {what}: {said}; {seconds:,.0f} s; {_peak():,.0f} MB of memory at most", flush=True)


def _peak() -> float:
    """Megabytes that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
