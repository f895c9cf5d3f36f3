"""Reads options that several commands share."""

from __future__ import annotations

import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latchwork.errors import ConfigError, LatchworkError

if TYPE_CHECKING:
    from latchwork.language.cell import Cell

_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(duration: str) -> float:
    """``90``, ``90s``, ``5m`` or ``2h`` in seconds. Raises ConfigError for anything else."""
    unit = duration[-1:].lower()
    number = duration[:-1] if unit in _UNITS else duration
    try:
        value = float(number) * _UNITS.get(unit, 1)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise ConfigError(f"the time budget {duration!r} is no duration; write for instance 90s, 5m or 1h")
    return value


def names(options: Sequence[str] | None) -> tuple[str, ...]:
    """Columns given one by one or as ``a,b,c``."""
    return tuple(name.strip() for option in options or () for name in option.split(",") if name.strip())


def cell(name: str) -> str | Cell:
    """A cell of the zoo by its name, or ``file.py:name`` for one of the user's own.

    Raises:
        ConfigError: there is no such cell, file, or name in the file.
    """
    from latchwork import cells
    from latchwork.language.cell import Cell

    path, colon, wanted = name.rpartition(":")
    if not colon:
        cells.get(name)
        return name
    if not Path(path).is_file():
        raise ConfigError(f"there is no file {path}; give a cell of your own as file.py:name")
    try:
        defined = runpy.run_path(path, run_name="<latchwork>")
    except LatchworkError:
        raise
    except Exception as error:
        raise ConfigError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    found = defined.get(wanted)
    if not isinstance(found, Cell):
        own = [key for key, value in defined.items() if isinstance(value, Cell)]
        raise ConfigError(f"{path} defines no cell {wanted!r}; its cells are: {', '.join(own) or 'none'}")
    return found


def cell_list(names: str) -> list[str | Cell]:
    """``rnn,lstm,my.py:mine`` as cells. Raises ConfigError, also for none."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    twice = next((name for name in wanted if wanted.count(name) > 1), None)
    if twice:
        raise ConfigError(f"--cells names {twice} twice; give each cell once")
    if not wanted:
        raise ConfigError("--cells is empty; write for instance --cells rnn,lstm,gru")
    return [cell(name) for name in wanted]
