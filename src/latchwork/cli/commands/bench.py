"""``latchwork bench``: how fast each cell runs here, against torch, and against what this machine can do at all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_LIST = "One, several as 1,8,32, or the option again."


def bench(
    cell: Annotated[
        list[str] | None, typer.Option(help="Cells: of the zoo, file.py:name, or all. lstm, gru and rnn by default.")
    ] = None,
    batch: Annotated[list[str] | None, typer.Option(help=f"B, sequences. {_LIST} Default: 1,8,32,128.")] = None,
    hidden: Annotated[
        list[str] | None,
        typer.Option(help=f"H, units, and as many numbers a step come in. {_LIST} Default: 64,128,256,512."),
    ] = None,
    steps: Annotated[list[str] | None, typer.Option(help=f"T. {_LIST} Default: 100.")] = None,
    threads: Annotated[list[str] | None, typer.Option(help=f"{_LIST} Default: 1 and all processors.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="inference, or training: forward and backward. Both by default.")
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            help="torch: its operator, or a loop for a cell without one; loop: always that; compile: the loop under "
            "torch.compile, which takes minutes for each shape."
        ),
    ] = "torch",
    seconds: Annotated[float, typer.Option(min=0.001, help="For each measurement; long calls take more.")] = 0.25,
    json: Annotated[Path | None, typer.Option(help="A file for all numbers.")] = None,
) -> None:
    """Measure speed: latchwork against torch on this machine, inference and training, once their numbers agree."""
    import os

    from latchwork import cells
    from latchwork.cli import speeds
    from latchwork.cli.console import complain
    from latchwork.cli.options import cell as read_cell
    from latchwork.errors import ConfigError

    names = [name for part in cell or ["lstm,gru,rnn"] for name in _parts(part)]
    wanted = dict.fromkeys(n for name in names for n in (cells.names() if name == "all" else [name]))
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if json is not None and json.is_dir():
        raise ConfigError(f"--json {json} is a folder; give a file")
    plan = speeds.Plan(
        cells={name: read_cell(name) for name in wanted},
        batch=_numbers("--batch", batch, [1, 8, 32, 128]),
        hidden=_numbers("--hidden", hidden, [64, 128, 256, 512]),
        steps=_numbers("--steps", steps, [100]),
        threads=_numbers("--threads", threads, sorted({1, available})),
        kinds=[name for part in kind or ["inference,training"] for name in _parts(part)],
        against=against,
        seconds=seconds,
    )
    refused = speeds.bench(plan, json)
    if refused:
        complain(f"{refused} pairs compute different numbers, so they have no speeds; see above")
        raise typer.Exit(1)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(option: str, given: list[str] | None, default: list[int]) -> list[int]:
    """Positive numbers in the order given, each once. Raises ConfigError."""
    from latchwork.errors import ConfigError

    if given is None:
        return default
    words = [word for part in given for word in _parts(part)]
    if not words or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise ConfigError(f"{option} takes numbers from 1 on, as in {option} 1,8,32; not {','.join(given)!r}")
    return list(dict.fromkeys(int(word) for word in words))
