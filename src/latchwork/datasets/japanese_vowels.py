"""Which of nine men says /ae/: short series of speech features (Kudo, Toyama & Shimbo 1999)."""

from __future__ import annotations

from latchwork.datasets import packages, ts_format
from latchwork.datasets.dataset import Dataset, LoadedDataset

_FOLDER = "aeon/datasets/data/JapaneseVowels"


def load() -> LoadedDataset:
    """640 series (T, 12), T from 7 to 29; the class, "1" to "9", is the speaker.

    ``split`` is the authors' own: 270 series to train on (30 a speaker) and 370, of other occasions, to test on
    (24 to 88 a speaker). There are no groups: the speaker is what is asked for.

    Raises:
        DownloadError: the data could not be fetched.
    """
    return ts_format.load(DATASET, packages.AEON, _FOLDER)


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
