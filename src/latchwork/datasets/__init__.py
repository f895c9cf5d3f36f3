"""Real data: public sets out of pinned packages, and the user's own tables (:mod:`latchwork.datasets.tables`).

A data set is one file of this folder that ends in a ``DATASET``; its name is the file's name.
"""

from __future__ import annotations

import difflib
import inspect
import pkgutil
from functools import cache
from importlib import import_module
from typing import Any, Literal, overload

from latchwork.datasets.dataset import (
    Dataset,
    Documents,
    Loaded,
    LoadedDataset,
    Split,
    TaggedSentences,
    TimeSeriesData,
)
from latchwork.errors import ConfigError

__all__ = [
    "Dataset",
    "Documents",
    "Loaded",
    "LoadedDataset",
    "Split",
    "TaggedSentences",
    "TimeSeriesData",
    "describe",
    "load",
    "names",
]


@cache
def _registry() -> dict[str, Dataset]:
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    found = ((name, getattr(import_module(f"{__name__}.{name}"), "DATASET", None)) for name in sorted(modules))
    return {name: card for name, card in found if isinstance(card, Dataset)}


def names() -> list[str]:
    """The names of all data sets, in alphabetical order."""
    return list(_registry())


def describe(name: str) -> Dataset:
    """The card of the data set of that name; nothing is fetched.

    Raises:
        ConfigError: there is none; the message lists those there are.
    """
    if (card := _registry().get(name)) is None:
        close = difflib.get_close_matches(name, names(), n=1)
        meant = f" Did you mean '{close[0]}'?" if close else ""
        raise ConfigError(f"there is no data set '{name}'.{meant} There are: {', '.join(names())}")
    return card


# What a type checker and an editor know of the names; a test holds it to the files.
@overload
def load(
    name: Literal["basic_motions", "italy_power_demand", "japanese_vowels", "reviews", "spoken_digits"], **options: Any
) -> LoadedDataset: ...
@overload
def load(name: Literal["brown"], **options: Any) -> TaggedSentences: ...
@overload
def load(name: Literal["hamlet", "tunes"], **options: Any) -> Documents: ...
@overload
def load(name: Literal["beijing_air", "co2", "electricity", "sunspots"], **options: Any) -> TimeSeriesData: ...
@overload
def load(name: str, **options: Any) -> Loaded: ...


def load(name: str, **options: Any) -> Loaded:
    """The data set of that name, fetched on first use and from then on read out of the cache.

    What it gives follows the task on the set's card: :class:`LoadedDataset` to classify, :class:`TaggedSentences` to
    tag, :class:`Documents` to generate, :class:`TimeSeriesData` to forecast.

    Args:
        name: one of :func:`names`.
        options: what this data set lets one choose, such as ``neutral_band`` of ``reviews``.

    Raises:
        ConfigError: there is no such data set, or it has no such option.
        DownloadError: it could not be fetched; the message says why and what to do.
    """
    card = describe(name)
    known = list(inspect.signature(card.load).parameters)
    if unknown := [option for option in options if option not in known]:
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise ConfigError(f"data set '{name}' has no option '{unknown[0]}'; {takes}")
    return card.load(**options)
