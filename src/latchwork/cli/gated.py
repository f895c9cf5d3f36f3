"""What the gates kept and wrote at each step, as columns of a table, and in words."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from latchwork.explain.outcomes.shares import Shares

_SHARE = 8  # columns of a gate's bar


def gate_columns(table: Table, shares: Shares) -> None:
    """A column for each gate that the cell has."""
    for name, share in (("kept", shares.kept), ("written", shares.written)):
        if share is not None:
            table.add_column(name, no_wrap=True, min_width=_SHARE + 5)


def share_cells(shares: Shares, step: int) -> Iterator[Text]:
    """What stands in these columns at a step."""
    for share in (shares.kept, shares.written):
        if share is not None:
            yield Text.assemble(f"{share[step]:4.0%} ", ("█" * round(share[step] * _SHARE), "cyan"))


def gate_notes(shares: Shares) -> list[str]:
    """Which gates they are, in one sentence, or none for a cell without any."""
    parts = [("memory kept", shares.gate), ("new content written", shares.writer)]
    named = ", ".join(f"{what} by the {gate}" for what, gate in parts if gate is not None)
    return [f"{named[0].upper()}{named[1:]}: mean over the units of the last layer."] if named else []
