"""Texts as the symbols that a language model reads: characters, bytes or sub-words. Symbol 0 is a document's end."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from latchwork.errors import DataError

Unit = Literal["characters", "bytes", "subwords"]
UNITS: tuple[Unit, ...] = get_args(Unit)

END = 0
"""The end of a document; read, it is a document's beginning."""

UNSEEN_BITS = 21
"""What it takes to say which character one is that training has not: a Unicode code point, the same for every model."""

_UNSEEN = 1
_CODE_POINTS = 0x110000
_TOGETHER = 1 << 20  # characters that are counted at once: each count goes over all code points
_LEARNED_FROM = 50_000_000  # characters: sub-words do not get better with more
_BYTES = "surrogateescape"  # lets bytes that are no UTF-8 go through str and back


class SymbolEncoder(Protocol):
    """What the encoder of each unit offers.

    Attributes:
        kind: its unit.
        symbols: how many there are, with the end.
        unseen: the symbol of any character that is not known, if there is one.
    """

    kind: Unit

    @property
    def symbols(self) -> int:
        """How many there are, with the end."""

    @property
    def unseen(self) -> int | None:
        """The symbol of any character that is not known, if there is one."""

    def numbers(self, text: str) -> NDArray[Any]:
        """(T,) symbols of the text, in the narrowest dtype that holds them; no end is added."""

    def naming_bits(self, text: str) -> NDArray[np.float64]:
        """(T,) bits that it takes to say which character each symbol is; () where every symbol says it, that is, 0."""

    def piece(self, symbol: int) -> bytes:
        """What a symbol stands for, in UTF-8; it may end within a character."""

    def to_data(self) -> dict[str, Any]:
        """All that the encoder learned, as plain data."""


class CharacterEncoder:
    """Characters; 0 is the end and 1 any character that is not known.

    Within that symbol 1 it is one of the R characters that training has, but too rarely to know them, or a new one: a
    uniform choice of R + 1, and for a new one its code point. So the code is one for all texts, and a character that
    training has is never as dear as one that it has not.

    Args:
        points: (V,) the code points of the known characters, in rising order.
        rare: (R,) those of the characters that training has too rarely, likewise.
    """

    kind: Unit = "characters"
    unseen = _UNSEEN

    def __init__(self, points: NDArray[np.integer[Any]], rare: NDArray[np.integer[Any]] | None = None) -> None:
        self.points = points
        self.rare = points[:0] if rare is None else rare
        self._table = np.full(_CODE_POINTS, _UNSEEN, dtype=_narrowest(self.symbols))
        self._table[points] = np.arange(len(points)) + 2

    @classmethod
    def learn(cls, blocks: Iterable[str], vocabulary_size: int, min_count: int) -> CharacterEncoder:
        """Of the most frequent characters that occur ``min_count`` times; what rarer ones are like is learned as
        what an unknown one is like.

        Raises:
            DataError: there are not two of them.
        """
        counts = np.zeros(_CODE_POINTS, dtype=np.int64)
        for block in _joined(blocks, _TOGETHER):
            counts += np.bincount(code_points(block), minlength=_CODE_POINTS)
        found, known = np.flatnonzero(counts), np.flatnonzero(counts >= min_count)
        known = np.sort(known[np.argsort(-counts[known], kind="stable")][: vocabulary_size - 2])
        if len(known) < 2 <= len(found):
            raise DataError(
                f"fewer than two characters occur min_count={min_count} times; give more text, or, in Python, lower it"
            )
        return cls(known, np.setdiff1d(found, known, assume_unique=True))

    @property
    def symbols(self) -> int:
        """How many there are."""
        return len(self.points) + 2

    def numbers(self, text: str) -> NDArray[Any]:
        """(T,) a symbol for each character."""
        found: NDArray[Any] = self._table[code_points(text)]
        return found

    def naming_bits(self, text: str) -> NDArray[np.float64]:
        """(T,) of a known character 0; of a rare one log2(R + 1); of a new one ``UNSEEN_BITS`` more than that."""
        points = code_points(text)
        bits = np.zeros(len(points))
        places = np.flatnonzero(self._table[points] == _UNSEEN)
        if len(places):
            new = ~np.isin(points[places], self.rare)
            bits[places] = np.log2(len(self.rare) + 1) + UNSEEN_BITS * new
        return bits

    def piece(self, symbol: int) -> bytes:
        """The character in UTF-8."""
        return chr(self.points[symbol - 2]).encode()

    def to_data(self) -> dict[str, Any]:
        """The alphabet, and the rare characters."""
        return {
            "kind": self.kind,
            "alphabet": "".join(map(chr, self.points)),
            "rare": "".join(map(chr, self.rare)),
        }


class ByteEncoder:
    """Bytes of UTF-8: byte b is symbol b + 1, and none is unseen."""

    kind: Unit = "bytes"
    symbols = 257
    unseen = None

    def numbers(self, text: str) -> NDArray[Any]:
        """(T,) a symbol for each byte."""
        return np.frombuffer(text.encode(errors=_BYTES), dtype=np.uint8).astype(np.uint16) + np.uint16(1)

    def naming_bits(self, text: str) -> NDArray[np.float64]:
        """(): 0."""
        return np.zeros(())

    def piece(self, symbol: int) -> bytes:
        """The byte."""
        return bytes([symbol - 1])

    def to_data(self) -> dict[str, Any]:
        """Its kind: there is nothing to learn."""
        return {"kind": self.kind}


class SubwordEncoder:
    """Byte-level sub-words (Sennrich et al. 2016; bytes as their alphabet: Radford et al. 2019); none is unseen.

    Args:
        tokenizer: a byte-level tokenizer of the tokenizers library.
    """

    kind: Unit = "subwords"
    unseen = None

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.symbols = int(tokenizer.get_vocab_size()) + 1
        # The library writes each byte as a printable character; this is the way back.
        byte_of = {letter: byte for byte, letter in enumerate(_byte_letters())}
        words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        self._pieces = [bytes(byte_of[letter] for letter in word) for word, _ in words]

    @classmethod
    def learn(cls, blocks: Iterable[str], vocabulary_size: int, min_count: int) -> SubwordEncoder:
        """At most ``vocabulary_size`` sub-words, the 256 bytes among them; a pair is joined that occurs ``min_count``
        times in the first 50 million characters."""
        tokenizer = Tokenizer(BPE())
        tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
        tokenizer.decoder = ByteLevelDecoder()
        trainer = BpeTrainer(
            vocab_size=max(vocabulary_size - 1, 256),
            min_frequency=min_count,
            initial_alphabet=sorted(ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(_first(blocks, _LEARNED_FROM), trainer)
        return cls(tokenizer)

    def numbers(self, text: str) -> NDArray[Any]:
        """(T,) a symbol for each sub-word."""
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return (np.asarray(ids, dtype=np.int64) + 1).astype(_narrowest(self.symbols))

    def naming_bits(self, text: str) -> NDArray[np.float64]:
        """(): 0."""
        return np.zeros(())

    def piece(self, symbol: int) -> bytes:
        """The bytes of the sub-word."""
        return self._pieces[symbol - 1]

    def to_data(self) -> dict[str, Any]:
        """The tokenizer as plain data."""
        return {"kind": self.kind, "tokenizer": json.loads(self.tokenizer.to_str())}


def learn(unit: Unit, blocks: Iterable[str], vocabulary_size: int, min_count: int) -> SymbolEncoder:
    """The encoder of a unit for texts like these. Raises DataError where they do not suffice."""
    if unit == "characters":
        return CharacterEncoder.learn(blocks, vocabulary_size, min_count)
    return ByteEncoder() if unit == "bytes" else SubwordEncoder.learn(blocks, vocabulary_size, min_count)


def from_data(data: dict[str, Any]) -> SymbolEncoder:
    """The encoder that was saved as ``data``. Raises DataError for an unknown kind, or a damaged one."""
    kind = data["kind"]
    if kind == "characters":
        # models saved before rare characters were told apart have none
        return CharacterEncoder(code_points(data["alphabet"]), code_points(data.get("rare", "")))
    if kind == "bytes":
        return ByteEncoder()
    if kind != "subwords":
        raise DataError(f"the model has symbols of kind {kind!r}, which this version of Latchwork does not know")
    try:
        return SubwordEncoder(Tokenizer.from_str(json.dumps(data["tokenizer"])))
    except Exception as error:  # the library raises no narrower one
        raise DataError(f"the saved tokenizer is damaged: {error}") from error


class Decoder:
    """Symbols as text, as they come: a character is given once all of its bytes are there."""

    def __init__(self, encoder: SymbolEncoder) -> None:
        self._encoder = encoder
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, symbol: int) -> str:
        """The characters that this symbol completes."""
        return self._utf8.decode(self._encoder.piece(symbol))

    def rest(self) -> str:
        """What is left: a mark for a character that was begun and not ended."""
        return self._utf8.decode(b"", final=True)


def code_points(text: str) -> NDArray[np.uint32]:
    """(T,) one for each character."""
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")


def _narrowest(symbols: int) -> np.dtype[Any]:
    return np.min_scalar_type(max(symbols - 1, 0))


def _joined(blocks: Iterable[str], most: int) -> Iterator[str]:
    """The same characters in blocks of up to ``most``, where the given ones are no longer."""
    held: list[str] = []
    size = 0
    for block in blocks:
        if held and size + len(block) > most:
            yield "".join(held)
            held, size = [], 0
        held.append(block)
        size += len(block)
    yield "".join(held)


def _first(blocks: Iterable[str], most: int) -> Iterator[str]:
    for block in blocks:
        if most <= 0:
            return
        yield block[:most]
        most -= len(block)


def _byte_letters() -> Sequence[str]:
    """The printable character by which byte-level tokenizers write each byte: itself, or one from 256 on."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
