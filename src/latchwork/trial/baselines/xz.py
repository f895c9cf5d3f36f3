"""A general compressor as a model of text: what the training documents save it on further ones."""

from __future__ import annotations

import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.tasks.sequences import texts
from latchwork.trial.baselines.baseline import Baseline
from latchwork.trial.runner import Fitted

_END = b"\xff"  # of a document: a byte that UTF-8 never has


def xz() -> Baseline:
    """The compressor xz at its best, preset 9 extreme. X holds texts.

    What it costs to code documents is what they add to the compressed training documents. They are compressed all
    together, so that each profits from the others before it, which the models on trial do not; and a compressor tells
    only their sum: it is spread over the documents in proportion to their length. Characters that training has not are
    coded as any others are, byte by byte.
    """
    return Baseline("xz", _xz)


@dataclass(frozen=True)
class _Compressor:
    train: bytes
    size: int  #: of the training documents, compressed, in bytes

    def code_length(self, X: Sequence[str]) -> NDArray[np.float64]:
        documents = texts(X)
        lengths = np.array([len(document) + 1 for document in documents], np.float64)
        added = max(0, _size(self.train + _bytes(documents)) - self.size)
        bits: NDArray[np.float64] = 8 * added * lengths / max(1.0, lengths.sum())
        return bits


def _xz(X: Sequence[str], y: Any, seed: int) -> Fitted:
    train = _bytes(texts(X))
    return Fitted(predict=_Compressor(train, _size(train)).code_length)


def _bytes(documents: Sequence[str]) -> bytes:
    return b"".join(document.encode() + _END for document in documents)


def _size(data: bytes) -> int:
    return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
