"""Files too large to be read whole: the trial is run on a sample, the model fitted on all of the file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

Row = TypeVar("Row")

LARGE = 500_000_000
"""Bytes of a file from which on it is not read whole; as Python objects it takes several times as much."""

SAMPLE = 20_000
"""Rows that the trial is run on."""

_PIECES, _PIECE = 64, 1 << 16  # of a plain text, and the bytes of each


def is_large(path: Path) -> bool:
    """Whether a file should not be read whole."""
    return path.is_file() and path.stat().st_size > LARGE


def sampled(rows: Iterable[Row], size: int = SAMPLE, seed: int = 0) -> list[Row]:
    """``size`` of the rows, each as likely as any other (Vitter 1985, algorithm R); all if they are fewer."""
    generator = np.random.default_rng(seed)
    kept: list[Row] = []
    for number, row in enumerate(rows):
        if number < size:
            kept.append(row)
        elif (place := int(generator.integers(number + 1))) < size:
            kept[place] = row
    return kept


def pieces(path: Path, seed: int = 0) -> list[str]:
    """Pieces of a plain text from all over it, 4 MiB together, of which counting 8-grams takes a gigabyte.

    Each is a document on trial, not divided at blank lines: the model that is fitted on all of the text reads it as one
    stream, and what is shipped should be what was scored.

    One is drawn from each of as many equal strata, so that no two overlap: else the same lines would be trained on and
    tested.
    """
    stratum = path.stat().st_size // _PIECES
    size = min(_PIECE, stratum)
    starts = np.arange(_PIECES) * stratum + np.random.default_rng(seed).integers(0, stratum - size + 1, _PIECES)
    found = []
    with path.open("rb") as file:
        for start in starts.tolist():
            file.seek(start)
            # A piece begins and ends within a line, and perhaps within a character: what is broken is left out.
            lines = file.read(size).decode("utf-8", "ignore").split("\n")
            found.append("\n".join(lines[1:-1] or lines))
    return found


def gigabytes(path: Path) -> str:
    """``x.csv has 1.5 GB``"""
    return f"{path.name} has {path.stat().st_size / 1e9:.1f} GB"


def large_note(path: Path) -> str:
    """What is done with a large file, in words."""
    return (
        f"{gigabytes(path)}, too much to be read whole: the trial is run on a sample of it, and the model "
        "then fitted on all of it, read as it is needed."
    )
