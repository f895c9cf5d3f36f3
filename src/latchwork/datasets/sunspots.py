"""Sunspots by the year since 1700 (the Wolf number)."""

from __future__ import annotations

import numpy as np

from latchwork.datasets import archive, packages
from latchwork.datasets.csv_format import columns
from latchwork.datasets.dataset import Dataset, TimeSeriesData

_FILE = "statsmodels/datasets/sunspots/sunspots.csv"


def load() -> TimeSeriesData:
    """309 years, 1700 to 2008, with one channel: ``sunspots``, a year's mean sunspot number (no unit).

    A row is dated 1 January of its year. The season is 11 years, the length that the sun's cycle has on average: single
    cycles are shorter or longer. The numbers are of the first version of the series; in 2015 they were revised.

    Raises:
        DownloadError: the data could not be fetched.
    """
    table = columns(archive.read(packages.STATSMODELS, _FILE))
    return TimeSeriesData(
        description=DATASET,
        values=np.array(table["SUNACTIVITY"], dtype=np.float64)[:, None],
        names=("sunspots",),
        times=np.array(table["YEAR"], dtype="datetime64[Y]").astype("datetime64[s]"),
        step="year",
        season=11,
        targets=("sunspots",),
    )


DATASET = Dataset(
    name="sunspots",
    title="Sunspots by the year, 1700 to 2008",
    task="forecast",
    inputs="series",
    source=(
        "The yearly sunspot numbers of the National Geophysical Data Center of the United States. Read from the "
        "package statsmodels 0.15.0."
    ),
    licence="The package is under the BSD 3-Clause licence, and says of the data that it is in the public domain.",
    citation="National Geophysical Data Center. Yearly (1700-2008) data on sunspots.",
    load=load,
)
