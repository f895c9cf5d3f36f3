"""The zoo: one short file per cell, found by the file's name."""

from __future__ import annotations

import difflib
import pkgutil
from importlib import import_module

from latchwork.errors import ConfigError
from latchwork.language.cell import Cell


def names() -> list[str]:
    """The names of all cells of the zoo, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name: str) -> Cell:
    """The zoo's cell of that name.

    Raises:
        ConfigError: there is none; the message lists those there are.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        meant = f" Did you mean '{close[0]}'?" if close else ""
        raise ConfigError(
            f"there is no cell '{name}' in the zoo.{meant} The zoo has: {', '.join(names())}. "
            "For a cell of your own, marked @latchwork.cell, pass the function, or file.py:name on the command line."
        )
    found = getattr(import_module(f"{__name__}.{name}"), name)
    assert isinstance(found, Cell)
    return found
