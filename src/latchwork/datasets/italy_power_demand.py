"""A winter's or a summer's day, by the electricity that Italy used in it (Keogh et al. 2006)."""

from __future__ import annotations

from latchwork.datasets import packages, ts_format
from latchwork.datasets.dataset import Dataset, LoadedDataset

_FOLDER = "aeon/datasets/data/ItalyPowerDemand"


def load() -> LoadedDataset:
    """1,096 days (24, 1), an hour a step; class "1" or "2".

    The classes are the days from October to March and those from April to September; the file does not say which of
    them is "1". Every day is scaled to mean 0 and deviation 1, so that only its shape tells. ``split`` is the
    archive's own: 67 days to train on (34 and 33) and 1,029 to test on (513 and 516). The dates are not given, so
    neighbouring days cannot be kept together and there are no groups.

    Raises:
        DownloadError: the data could not be fetched.
    """
    return ts_format.load(DATASET, packages.AEON, _FOLDER)


DATASET = Dataset(
    name="italy_power_demand",
    title="Italy's power demand: winter or summer days",
    task="classify",
    inputs="series",
    source=(
        "Twelve monthly series of Italy's electricity demand, made into days by E. Keogh and others for the UCR "
        "archive. Read from the package aeon 1.6.0."
    ),
    licence=(
        "The package is under the BSD 3-Clause licence. Neither the package nor the data file's header states a "
        "licence for the data."
    ),
    citation=(
        "Keogh, E., Wei, L., Xi, X., Lonardi, S., Shieh, J. and Sirowy, S. (2006). Intelligent Icons: Integrating "
        "Lite-Weight Data Mining and Visualization into GUI Operating Systems. Sixth International Conference on Data "
        "Mining (ICDM '06)."
    ),
    load=load,
)
