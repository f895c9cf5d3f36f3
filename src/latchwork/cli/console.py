"""Where commands write: results to standard output, all else to standard error."""

from __future__ import annotations

from rich.console import Console

WIDEST = 100  # longer lines are hard to read

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
for _console in (out, err):
    if _console.width > WIDEST:
        _console.width = WIDEST


def complain(message: str) -> None:
    """Say what went wrong."""
    err.print("[bold red]error:[/] ", end="")
    err.print(message, markup=False)
