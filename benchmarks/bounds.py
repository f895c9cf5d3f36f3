"""How far ahead of torch, or of a loop, the measured ceilings of a machine would let any float32 kernel be.

    latchwork bench --json speeds.json
    python benchmarks/bounds.py speeds.json

A kernel at its bound does the matrix products at the multiply-add peak, or, in the products of one row with the
recurrent weights, reads these at the rate of the nearest cache that holds them. Everything else is free to it: the
gates, the packing of weights, the call. What no kernel of that arithmetic can pass, then; to come near it is another
matter, above all where the layer is small.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from latchwork import cells
from latchwork.kernels.plan import plan

_BYTES = 4  # of a number
_PART = 4  # each level's rate was measured on this part of it


def bound(row: dict[str, Any], ceilings: dict[str, Any]) -> float:
    """Seconds that the products of a call take at the ceilings; input size = hidden size."""
    layout = plan(cells.get(row["cell"]).graph).layout
    sizes = {"I": row["hidden"], "H": row["hidden"], "P": max(row["hidden"] // 2, 1)}
    weights = [(p.columns == "I", math.prod(p.shape(sizes))) for p in layout.parameters if p.columns is not None]
    of_input, recurrent = (sum(n for by_input, n in weights if by_input == which) for which in (True, False))
    each = 2 * row["steps"] * row["batch"] / ceilings["flops"]  # seconds for each weight, of a product by all steps
    step_by_step = each * recurrent
    if row["batch"] == 1:
        size = recurrent * _BYTES
        step_by_step = max(step_by_step, row["steps"] * size / _rate(size, ceilings))
    forward = each * of_input + step_by_step
    # Backward: by the states, step by step; by the input and by all weights, all steps at once.
    backward = step_by_step + each * (2 * of_input + recurrent)
    return forward + backward * (row["kind"] == "training")


def _rate(size: int, ceilings: dict[str, Any]) -> float:
    """Bytes a second that so many bytes of weights are read again and again at."""
    held = (level["rate"] for level in ceilings["read"].values() if size <= _PART * level["size"])
    return float(next(held, ceilings["read"]["memory"]["rate"]))


def _mean(numbers: list[float]) -> float:
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speeds", type=Path, help="what latchwork bench --json wrote, of cells of the zoo")
    speeds = json.loads(parser.parse_args().speeds.read_text())
    ceilings = {each["threads"]: each for each in speeds["ceilings"]}
    found = defaultdict(list)
    for row in speeds["rows"]:
        if row["disagreement"]:  # it has no speed
            continue
        ours, theirs = (row["seconds"][side]["median"] for side in ("latchwork", "other"))
        least = bound(row, ceilings[row["threads"]])
        found[row["cell"], row["kind"], row["threads"]].append((theirs / ours, theirs / least))
    for (cell, kind, threads), pairs in found.items():
        ratio, most = (_mean(list(side)) for side in zip(*pairs, strict=True))
        print(f"{cell:16} {kind:9} {threads} thread(s): {ratio:.2f} × measured, {most:.2f} × at the ceilings")


if __name__ == "__main__":
    main()
