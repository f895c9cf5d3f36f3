"""``latchwork generate MODEL``: writes text as a language model goes on with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

_BETWEEN = "\n\n"  # documents


def generate(
    model: Annotated[Path, typer.Argument(help="The folder of a saved text generator.")],
    prompt: Annotated[str, typer.Option(help="How the text begins.")] = "",
    length: Annotated[int, typer.Option(help="Characters to write at most; the text may end before.")] = 500,
    temperature: Annotated[float, typer.Option(help="Below 1 more of what is likely; 0 always the likeliest.")] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Choose among so many likeliest symbols alone.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Choose among the likeliest that have this probability.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed writes the same text.")] = None,
    stop: Annotated[str | None, typer.Option(help="Stop before this text.")] = None,
    documents: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Documents to write at most, with blank lines between them. By default one; of a plain text that was "
            "divided at blank lines or cut, as many as the length holds, unless --stop says where to end or each "
            "would be the same, at temperature 0.",
        ),
    ] = None,
) -> None:
    """Write a text that begins with the prompt, as it is generated."""
    import sys

    import torch

    from latchwork.cli.readable import readable
    from latchwork.tasks import SequenceGenerator

    torch.set_num_threads(1)  # steps this small gain nothing from more
    loaded = SequenceGenerator.load(model)
    if documents is None and (stop is not None or temperature == 0 or not _divided(model)):
        documents = 1

    def write(start: str, most: int, seed: int | None) -> Iterator[str]:
        return loaded.stream(start, most, temperature, top_k, top_p, seed, stop)

    pieces = _one_after_another(write, prompt, length, seed, documents)
    # Into a file or another program goes the text as it is.
    shown = readable if sys.stdout.isatty() else str
    for piece in pieces:
        sys.stdout.write(shown(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")


def _divided(model: Path) -> bool:
    """Whether the documents that a model was fitted on are parts of a plain text, not the user's own."""
    from latchwork.cli.readings import reading_of
    from latchwork.errors import ConfigError

    try:
        return getattr(reading_of(model, "generate", None, None), "text", "") is None
    except ConfigError:  # a model that was not fitted on the command line
        return False


def _one_after_another(
    write: Callable[[str, int, int | None], Iterator[str]], prompt: str, length: int, seed: int | None, most: int | None
) -> Iterator[str]:
    """The prompt, what follows on it, and further documents, up to ``length`` characters behind the prompt.

    Args:
        write: writes a document that begins with a text, of so many characters at most, by a seed.
        most: documents; None for as many as there is room for.
    """
    import numpy as np

    first = write(prompt, length, seed)  # finds out what is wrong with the options before anything is written
    yield prompt
    left = length
    for number in count():
        if number:
            gap = _BETWEEN[:left]
            yield gap
            left -= len(gap)
            seed = None if seed is None else int(np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1)[0])
        for piece in write("", left, seed) if number else first:
            yield piece
            left -= len(piece)
        if left <= 0 or number + 1 == most:
            return
