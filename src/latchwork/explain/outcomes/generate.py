"""A language model reading a text: how surprising each character was, and what it expected instead."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from latchwork.explain.outcomes.shares import Shares, features_of, on_cpu, shares
from latchwork.tasks.generator import SequenceGenerator
from latchwork.tasks.network import SequenceNetwork
from latchwork.tasks.sequences import texts
from latchwork.tasks.stepping import read_on
from latchwork.tasks.symbols import END, SymbolEncoder

MOST = 10
"""Symbols that are told as expected at a step."""

LONGEST = 20_000
"""Symbols of a text that are looked at, at most: all of their gates are in memory at once."""

START = "start"
"""What the first step is called, at which nothing but that a text begins is known."""

UNKNOWN = "\ufffd"
"""Stands for any character that the model does not know."""


@dataclass(frozen=True)
class Foretold:
    """What a language model made of one text. Its first step is the text's beginning, each other one a symbol: a
    character, a byte or a sub-word, so that what came after step t is step t + 1.

    Attributes:
        text: the text as far as it was read.
        steps: (T,) "start", then what each symbol stands for.
        spans: (T,) where each stands in the text; empty within a character of several bytes.
        unseen: (T,) whether it is a character that the model does not know.
        whole: whether the text was read to its end, so that its end is the last that came.
        bits: (T,) −log2 of the probability of what came after the step; NaN at the last, where what comes is not known.
        rank: (T,) how many symbols were more probable than what came; −1 where that is not known.
        likely: (T, J) what was most probable to come, the best first; None is the text's end.
        probabilities: (T, J) how probable it was.
        shares: what the gates did at each step.
    """

    text: str
    steps: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    unseen: tuple[bool, ...]
    whole: bool
    bits: NDArray[np.float64]
    rank: NDArray[np.intp]
    likely: tuple[tuple[str | None, ...], ...]
    probabilities: NDArray[np.float64]
    shares: Shares

    @property
    def bits_per_character(self) -> float:
        """Of the characters that were read, and of the end where it was reached."""
        return float(np.nansum(self.bits) / max(len(self.text) + self.whole, 1))


def foretold(
    model: SequenceGenerator,
    text: str,
    most: int = LONGEST,
    network: SequenceNetwork | None = None,
    ended: bool = True,
) -> Foretold:
    """What ``model`` makes of one text, read from its beginning.

    Args:
        most: symbols that are read at most.
        network: the model's own, on the CPU, where the caller has it there.
        ended: whether the text ends where it ends, and was not cut.

    Raises:
        DataError: it is no text.
    """
    (text,) = texts([text])
    encoder, network = model.encoder_, network or on_cpu(model.network_)
    numbers = encoder.numbers(text).astype(np.int64)
    whole = ended and len(numbers) <= most
    numbers = numbers[:most]
    spans = _spans(encoder, text, numbers)
    inputs = torch.from_numpy(np.concatenate([[END], numbers]))[:, None]
    with torch.no_grad():
        scores, _ = read_on(network, inputs, None)
    odds = scores[:, 0].double().log_softmax(-1)
    came = np.concatenate([numbers, [END]])
    own = odds.gather(1, torch.from_numpy(came)[:, None])[:, 0]
    bits = -own.numpy() / np.log(2)
    naming = encoder.naming_bits(text)
    bits[:-1] += naming[: len(numbers)] if naming.ndim else naming
    rank = (odds > own[:, None]).sum(1).numpy()
    if not whole:
        bits[-1], rank[-1] = np.nan, -1
    best = odds.topk(min(MOST, odds.shape[1]))
    names = [name_of(encoder, symbol) for symbol in range(encoder.symbols)]
    text = text[: spans[-1][1]]
    steps = [text[a:b] or names[symbol] or UNKNOWN for (a, b), symbol in zip(spans[1:], numbers.tolist(), strict=True)]
    return Foretold(
        text=text,
        steps=(START, *steps),
        spans=spans,
        unseen=(False, *(encoder.unseen is not None and symbol == encoder.unseen for symbol in numbers.tolist())),
        whole=whole,
        bits=bits,
        rank=rank,
        likely=tuple(tuple(names[symbol] for symbol in row) for row in best.indices.tolist()),
        probabilities=best.values.exp().numpy(),
        shares=shares(network, features_of(network, inputs[:, 0].numpy())),
    )


def name_of(encoder: SymbolEncoder, symbol: int) -> str | None:
    """What a symbol stands for; ‹C3› for bytes that are no whole character; None for a text's end."""
    if symbol == END:
        return None
    if symbol == encoder.unseen:
        return UNKNOWN
    piece = encoder.piece(symbol)
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return f"‹{piece.hex(' ').upper()}›"


def _spans(encoder: SymbolEncoder, text: str, numbers: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """Where the beginning and each symbol stand in the text; a character belongs to the symbol that completes it."""
    if encoder.kind == "characters":
        return ((0, 0), *((i, i + 1) for i in range(len(numbers))))
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    spans, end = [(0, 0)], 0
    for symbol in numbers.tolist():
        start, end = end, end + len(decoder.decode(encoder.piece(symbol)))
        spans.append((start, end))
    return tuple(spans)
