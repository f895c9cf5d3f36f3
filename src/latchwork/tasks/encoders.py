"""Turns what a person has, texts or series of numbers, into what a network reads; remembers how."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import NFC, Lowercase
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import WordLevelTrainer

from latchwork.errors import DataError

PADDING, UNSEEN = "[PAD]", "[UNK]"


class TextEncoder:
    """Words and punctuation marks, in lower case, as numbers; 0 is padding and 1 any word unseen in training.

    Args:
        tokenizer: a word-level tokenizer of the tokenizers library.
        max_length: tokens kept of each text, from its start.
    """

    kind = "text"

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length

    @classmethod
    def learn(cls, texts: Iterable[str], vocabulary_size: int, min_count: int, max_length: int) -> TextEncoder:
        """The encoder whose vocabulary is the ``vocabulary_size`` most frequent words that occur ``min_count`` times.

        Rarer words are what it learns to do with a word it does not know.
        """
        tokenizer = Tokenizer(WordLevel({}, unk_token=UNSEEN))
        tokenizer.normalizer = Normalizers([NFC(), Lowercase()])
        # Words keep their apostrophes, since "don't" is no "don".
        tokenizer.pre_tokenizer = Split(Regex(r"\w+(?:['’]\w+)*|[^\w\s]"), behavior="removed", invert=True)
        # Were the first two tokens special to the tokenizer, a text could contain them.
        trainer = WordLevelTrainer(vocab_size=vocabulary_size - 2, min_frequency=min_count, show_progress=False)
        tokenizer.train_from_iterator(texts, trainer)
        words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        numbered = {word: number for number, word in enumerate([PADDING, UNSEEN, *(word for word, _ in words)])}
        tokenizer.model = WordLevel(numbered, unk_token=UNSEEN)
        return cls(tokenizer, max_length)

    @property
    def vocabulary_size(self) -> int:
        """How many token numbers there are."""
        return int(self.tokenizer.get_vocab_size())

    def encode(self, sequences: Sequence[str]) -> list[NDArray[np.int64]]:
        """One array (T,) of token numbers per text; empty for a text without words."""
        encoded = self.tokenizer.encode_batch_fast(list(sequences), add_special_tokens=False)
        return [np.asarray(e.ids[: self.max_length], dtype=np.int64) for e in encoded]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where each token stands in the text: first character, and the one after the last."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).offsets[: self.max_length])

    def to_data(self) -> dict[str, Any]:
        """The tokenizer and its options as plain data."""
        return {"kind": self.kind, "max_length": self.max_length, "tokenizer": json.loads(self.tokenizer.to_str())}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> TextEncoder:
        """The encoder that :meth:`to_data` wrote."""
        try:
            tokenizer = Tokenizer.from_str(json.dumps(data["tokenizer"]))
        except Exception as error:  # the library raises no narrower one
            raise DataError(f"the saved tokenizer is damaged: {error}") from error
        return cls(tokenizer, data["max_length"])


class SeriesEncoder:
    """Series of one or several channels, each scaled by its mean and standard deviation in the training data.

    Args:
        mean, scale: (I,) each.
    """

    kind = "series"

    def __init__(self, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
        self.mean = mean
        self.scale = scale

    @classmethod
    def learn(cls, series: Iterable[NDArray[np.float64]]) -> SeriesEncoder:
        """The encoder for series (T, I) like these, which are gone through once (Chan, Golub & LeVeque 1983)."""
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        with np.errstate(over="ignore", invalid="ignore"):
            for steps in series:
                if not len(steps):
                    continue
                total, ahead = count + len(steps), steps.mean(0) - mean
                squares = squares + ((steps - steps.mean(0)) ** 2).sum(0) + ahead**2 * (count * len(steps) / total)
                mean = mean + ahead * (len(steps) / total)
                count = total
            scale = np.sqrt(squares / max(count, 1))
        if not count:
            raise DataError("every series is empty; give series with at least one step")
        if not np.isfinite(scale).all():
            channel = int(np.argmax(~np.isfinite(scale)))
            raise DataError(f"the values of channel {channel} are too large to be scaled; divide them first")
        return cls(mean, np.where(scale > 0, scale, 1.0))

    @property
    def channels(self) -> int:
        """I."""
        return len(self.mean)

    def encode(self, sequences: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float32]]:
        """One array (T, I) per series. Raises DataError where the number of channels is another."""
        for row, series in enumerate(sequences):
            if series.shape[1] != self.channels:
                raise DataError(
                    f"series {row} has {series.shape[1]} channels, but the model was trained on {self.channels}"
                )
        encoded = []
        for row, series in enumerate(sequences):
            with np.errstate(over="ignore"):
                scaled = ((series - self.mean) / self.scale).astype(np.float32)
            if not np.isfinite(scaled).all():
                channel = int(np.argwhere(~np.isfinite(scaled))[0][1])
                raise DataError(f"series {row} has a value in channel {channel} far beyond all of the training data")
            encoded.append(scaled)
        return encoded

    def to_data(self) -> dict[str, Any]:
        """The means and scales as plain data."""
        return {"kind": self.kind, "mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> SeriesEncoder:
        """The encoder that :meth:`to_data` wrote."""
        return cls(np.asarray(data["mean"]), np.asarray(data["scale"]))


def from_data(data: dict[str, Any]) -> TextEncoder | SeriesEncoder:
    """The encoder that was saved as ``data``. Raises DataError for an unknown kind."""
    if data["kind"] == TextEncoder.kind:
        return TextEncoder.from_data(data)
    if data["kind"] == SeriesEncoder.kind:
        return SeriesEncoder.from_data(data)
    raise DataError(f"the model has an encoder of kind {data['kind']!r}, which this version of Latchwork does not know")
