"""Two thousand Irish tunes in ABC notation (O'Neill 1903)."""

from __future__ import annotations

import re

import numpy as np

from latchwork.datasets import archive
from latchwork.datasets.dataset import Dataset, Documents

_PACKAGE = archive.Package(
    name="music21",
    version="10.5.1",
    filename="music21-10.5.1-py3-none-any.whl",
    sha256="dc3309498c4c95cebdf8d4f20c868deb6b63bce1d929cad4f51a7ccc982987b1",
)
_FOLDER = "music21/corpus/oneills1850"
_FIELD = re.compile(r"([A-Za-z]):(.*)")
_KEPT = "MLK"


def load() -> Documents:
    """2,009 tunes as short texts: the metre, the unit note and the key, then a line of music a line.

    A text begins like this::

        M:2/4
        L:1/16
        K:Gm
        G3-A (Bcd=e) | f4 (g2dB) | ({d}c3-B) G2-E2 | F4 (D2=E^F) |

    A field that changes within a tune stands where it changes. All other fields (title, number, transcriber, notes),
    comments, and the marks that join two lines of print are left out, and runs of spaces are one space. The music is
    as several people transcribed it, each with habits of their own.

    Groups: O'Neill's number, from 1 to 1850. 171 tunes were transcribed twice, so that a model that has seen one
    transcription knows the other; twelve numbers are missing, and tune 1646 is numbered 0. Columns: ``title``.

    Raises:
        DownloadError: the data could not be fetched.
    """
    X: list[str] = []
    titles: list[str] = []
    numbers: list[int] = []
    for contents in archive.read_folder(_PACKAGE, _FOLDER).values():
        for number, block in _blocks(contents.decode("ascii")):
            title, text = _tune(block)
            X.append(text)
            titles.append(title)
            numbers.append(number)
    return Documents(
        description=DATASET, X=X, groups=np.array(numbers, dtype=np.int64), columns={"title": np.array(titles)}
    )


def _blocks(text: str) -> list[tuple[int, list[str]]]:
    """Each tune of a file: its number, and its lines without that of the number."""
    blocks: list[tuple[int, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("X:"):
            blocks.append((int(line[2:]), []))
        elif blocks:
            blocks[-1][1].append(line)
    return blocks


def _tune(lines: list[str]) -> tuple[str, str]:
    """A tune's title, and its text."""
    title = ""
    header: dict[str, str] = {}
    music: list[str] = []
    for line in lines:
        line = " ".join(line.partition("%")[0].rstrip("\\ \t").split())
        if not line:
            if music:  # an empty line ends a tune
                break
        elif (field := _FIELD.fullmatch(line)) is None:
            music.append(line)
        else:
            letter, value = field[1], field[2].strip()
            if letter == "T":
                title = title or value
            elif letter in _KEPT and "K" in header:  # the key is a header's last field: this one is within the tune
                music.append(f"{letter}:{value}")
            elif letter in _KEPT:
                header[letter] = value
    text = [f"{letter}:{header[letter]}" for letter in _KEPT if letter in header]
    return title, "\n".join([*text, *music])


DATASET = Dataset(
    name="tunes",
    title="O'Neill's Music of Ireland, in ABC notation",
    task="generate",
    inputs="text",
    source=(
        "F. O'Neill and J. O'Neill collected and arranged the tunes; volunteers, named in each file, transcribed them "
        "into ABC. Read from the package music21 10.5.1."
    ),
    licence=(
        "The tunes were printed in 1903. The package is under the BSD 3-Clause licence; its corpus's own licence file "
        "says that the encodings are distributed with the encoders' permission and that some in the corpus may not be "
        "used commercially. The files of these tunes state no licence."
    ),
    citation=(
        "O'Neill, F. (1903). O'Neill's Music of Ireland: Eighteen Hundred and Fifty Melodies. Lyon & Healy, Chicago."
    ),
    load=load,
)
