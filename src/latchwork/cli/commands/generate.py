"""``latchwork generate MODEL``: writes text as a language model goes on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def generate(
    model: Annotated[Path, typer.Argument(help="The folder of a saved text generator.")],
    prompt: Annotated[str, typer.Option(help="How the text begins.")] = "",
    length: Annotated[int, typer.Option(help="Characters to write at most; the text may end before.")] = 500,
    temperature: Annotated[float, typer.Option(help="Below 1 more of what is likely; 0 always the likeliest.")] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Choose among so many likeliest symbols alone.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Choose among the likeliest that have this probability.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed writes the same text.")] = None,
    stop: Annotated[str | None, typer.Option(help="Stop before this text.")] = None,
) -> None:
    """Write a text that begins with the prompt, as it is generated."""
    import sys

    import torch

    from latchwork.cli.readable import readable
    from latchwork.tasks import SequenceGenerator

    torch.set_num_threads(1)  # steps this small gain nothing from more
    pieces = SequenceGenerator.load(model).stream(prompt, length, temperature, top_k, top_p, seed, stop)
    # Into a file or another program goes the text as it is.
    shown = readable if sys.stdout.isatty() else str
    sys.stdout.write(shown(prompt))
    for piece in pieces:
        sys.stdout.write(shown(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")
