"""Text files that must be UTF-8."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from latchwork.errors import DataError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(path: Path) -> str:
    """The text of a file, without a byte order mark, its line ends as they are.

    Raises:
        DataError: the file is not UTF-8 (the message says at which byte and line), or holds nothing but blanks.
    """
    contents = path.read_bytes()
    if contents.startswith(_UTF16) or b"\0" in contents:
        raise _binary(path)
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _undecodable(path, io.BytesIO(contents)) from None
    if not text.strip():
        raise _blank(path)
    return text


def lines(path: Path, newline: Literal["", "\n"]) -> Iterator[str]:
    """The lines of a file as :func:`read` gives its text, each with its end, one in memory at a time.

    Args:
        path: the file.
        newline: ``"\\n"`` if the line feed alone parts lines, ``""`` if a carriage return does so too.

    Raises:
        DataError: as :func:`read`, once the reading comes to the place.
    """
    with path.open("rb") as file:
        if file.read(2).startswith(_UTF16):
            raise _binary(path)
        file.seek(0)
        blank = True
        try:
            for line in io.TextIOWrapper(file, encoding="utf-8-sig", newline=newline):
                if "\0" in line:
                    raise _binary(path)
                blank = blank and not line.strip()
                yield line
        except UnicodeDecodeError:
            with path.open("rb") as again:
                raise _undecodable(path, again) from None
        if blank:
            raise _blank(path)


def _binary(path: Path) -> DataError:
    return DataError(f"{path} is not UTF-8 text, but UTF-16 or binary; save it as UTF-8")


def _blank(path: Path) -> DataError:
    return DataError(f"{path} is empty: it holds nothing but blanks")


def _undecodable(path: Path, file: BinaryIO) -> DataError:
    """The error for a file that does not decode, its first bad byte looked for line by line."""
    offset = 0
    for number, line in enumerate(file, start=1):
        if b"\0" in line:
            return _binary(path)
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return DataError(
                f"{path} is not UTF-8: byte 0x{line[error.start]:02x} at offset {offset + error.start}, in line "
                f"{number}; save it as UTF-8 (it may be Windows-1252 or Latin-1)"
            )
        offset += len(line)
    return DataError(f"{path} changed while it was read; read it again")
