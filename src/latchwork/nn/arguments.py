"""Checks of what modules are constructed with: the errors are of the types that torch raises."""

from __future__ import annotations

import math
import numbers

from latchwork.errors import ConfigError


def check_sizes(**sizes: int) -> None:
    """Each must be a positive integer. Raises TypeError or ConfigError."""
    for name, size in sizes.items():
        _check_integer(name, size)
        if size <= 0:
            raise ConfigError(f"{name} must be greater than zero, got {size}")


def check_flags(**flags: bool) -> None:
    """Each must be True or False. Raises TypeError."""
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(flag).__name__}")


def check_projection(proj_size: int, hidden_size: int) -> None:
    """0 for none, or fewer than the units. Raises TypeError or ConfigError."""
    _check_integer("proj_size", proj_size)
    if proj_size < 0:
        raise ConfigError(f"proj_size should be a positive integer or zero to disable projections, got {proj_size}")
    if proj_size >= hidden_size:
        raise ConfigError(f"proj_size has to be smaller than hidden_size, got {proj_size} and {hidden_size}")


def check_forget_bias(forget_bias: object) -> None:
    """A finite number, or None to leave the bias as it is drawn. Raises ConfigError."""
    if forget_bias is None:
        return
    if (
        isinstance(forget_bias, bool)
        or not isinstance(forget_bias, numbers.Real)
        or not math.isfinite(float(forget_bias))
    ):
        raise ConfigError(f"forget_bias must be a finite number such as 1.0, or None; got {forget_bias!r}")


def check_checkpoint_every(steps: object) -> None:
    """A positive number of steps, or None to keep everything. Raises ConfigError."""
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise ConfigError(f"checkpoint_every must be a number of steps, at least 1, or None; got {steps!r}")


def _check_integer(name: str, size: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int):
        raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
