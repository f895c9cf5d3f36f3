"""Carbon dioxide in the air on Mauna Loa, by the week (Keeling & Whorf 2004)."""

from __future__ import annotations

import numpy as np

from latchwork.datasets import archive, packages
from latchwork.datasets.csv_format import columns
from latchwork.datasets.dataset import Dataset, TimeSeriesData

_FILE = "statsmodels/datasets/co2/co2.csv"


def load() -> TimeSeriesData:
    """2,284 weeks, from 29 March 1958 to 29 December 2001, with one channel: ``co2``, in parts per million by volume.

    A value is the mean of a week, which its Saturday dates. 59 weeks have none. The season is a year, taken as 52 weeks
    (it is 52.18, so after some years the weeks of a season no longer match).

    Raises:
        DownloadError: the data could not be fetched.
    """
    table = columns(archive.read(packages.STATSMODELS, _FILE))
    days = [f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in table["date"]]
    return TimeSeriesData(
        description=DATASET,
        values=np.array(table["co2"], dtype=np.float64)[:, None],
        names=("co2",),
        times=np.array(days, dtype="datetime64[s]"),
        step="week",
        season=52,
        targets=("co2",),
    )


DATASET = Dataset(
    name="co2",
    title="Carbon dioxide on Mauna Loa by the week, 1958 to 2001",
    task="forecast",
    inputs="series",
    source=(
        "C. D. Keeling and T. P. Whorf, Scripps Institution of Oceanography: continuous measurements on Mauna Loa, "
        "Hawaii, through the Carbon Dioxide Information Analysis Center of the United States. Read from the package "
        "statsmodels 0.15.0."
    ),
    licence="The package is under the BSD 3-Clause licence, and says of the data that it is in the public domain.",
    citation=(
        "Keeling, C. D. and Whorf, T. P. (2004). Atmospheric CO2 concentrations derived from flask air samples at "
        "sites in the SIO network. In Trends: A Compendium of Data on Global Change. Carbon Dioxide Information "
        "Analysis Center, Oak Ridge National Laboratory."
    ),
    load=load,
)
