"""Standing, walking, running or badminton: the movements of a smart watch."""

from __future__ import annotations

from latchwork.datasets import packages, ts_format
from latchwork.datasets.dataset import Dataset, LoadedDataset

_FOLDER = "aeon/datasets/data/BasicMotions"


def load() -> LoadedDataset:
    """80 series (100, 6), 20 of each of "Badminton", "Running", "Standing" and "Walking".

    The channels are the three axes of an accelerometer and the three of a gyroscope, ten steps a second for ten
    seconds; units are not stated. ``split`` is the archive's own: 40 series to train on and 40 to test on, 10 of each
    class. Four students made them, five of each movement; which of them made a series is not given, so there are no
    groups.

    Raises:
        DownloadError: the data could not be fetched.
    """
    return ts_format.load(DATASET, packages.AEON, _FOLDER)


DATASET = Dataset(
    name="basic_motions",
    title="Basic motions: four movements of a smart watch",
    task="classify",
    inputs="series",
    source=(
        "A student project, given to the UEA archive of multivariate series (the file's header names no one). Read "
        "from the package aeon 1.6.0."
    ),
    licence=(
        "The package is under the BSD 3-Clause licence. Neither the package nor the data file's header states a "
        "licence for the data."
    ),
    citation=(
        "Bagnall, A., Dau, H. A., Lines, J., Flynn, M., Large, J., Bostrom, A., Southam, P. and Keogh, E. (2018). The "
        "UEA multivariate time series classification archive, 2018. arXiv:1811.00075."
    ),
    load=load,
)
