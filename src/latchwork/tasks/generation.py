"""Text as it is generated: symbol by symbol, given out in whole characters, until its end, its length or a stop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latchwork.tasks.sampling import Sampling
from latchwork.tasks.stepping import Reader
from latchwork.tasks.symbols import END, Decoder, SymbolEncoder


def generated(
    reader: Reader, encoder: SymbolEncoder, prompt: str, sampling: Sampling, generator: np.random.Generator
) -> Iterator[str]:
    """The characters that follow on ``prompt`` at a document's start, until the document ends."""
    decoder = Decoder(encoder)
    scores = reader.read([END, *encoder.numbers(prompt).tolist()])
    while True:
        if encoder.unseen is not None:
            scores[encoder.unseen] = -np.inf  # it stands for no character that could be written
        symbol = sampling.draw(scores, generator)
        if symbol == END:
            yield decoder.rest()
            return
        yield decoder.add(symbol)
        scores = reader.read([symbol])


def cut(pieces: Iterator[str], length: int, stop: str | None) -> Iterator[str]:
    """The pieces up to ``length`` characters, and to before the first ``stop``.

    Characters that may be the beginning of a stop are held back until it is known.
    """
    held, left = "", length
    while left > 0 and (piece := next(pieces, None)) is not None:
        held += piece[:left]
        left -= len(piece[:left])
        if stop is None:
            ready = len(held)
        elif (found := held.find(stop)) >= 0:
            if found:
                yield held[:found]
            return
        else:
            ready = len(held) - _begun(held, stop)
        if ready:
            yield held[:ready]
            held = held[ready:]
    if held:
        yield held


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of the text are a beginning of ``stop``."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
