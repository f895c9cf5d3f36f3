"""Text files that must be UTF-8."""

from __future__ import annotations

import codecs
from pathlib import Path

from latchwork.errors import DataError


def read(path: Path) -> str:
    """The text of a file, without a byte order mark, its line ends as they are.

    Raises:
        DataError: the file is not UTF-8 (the message says at which byte and line), or holds nothing but blanks.
    """
    contents = path.read_bytes()
    if contents.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in contents:
        raise DataError(f"{path} is not UTF-8 text, but UTF-16 or binary; save it as UTF-8")
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # utf-8-sig counts from behind the mark.
        start = error.start + (len(codecs.BOM_UTF8) if contents.startswith(codecs.BOM_UTF8) else 0)
        line = contents.count(b"\n", 0, start) + 1
        raise DataError(
            f"{path} is not UTF-8: byte 0x{contents[start]:02x} at offset {start}, in line {line}; save it as UTF-8 "
            "(it may be Windows-1252 or Latin-1)"
        ) from None
    if not text.strip():
        raise DataError(f"{path} is empty: it holds nothing but blanks")
    return text
