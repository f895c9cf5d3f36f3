"""The ``.ts`` files of the UCR and UEA archives of series to classify (Bagnall et al. 2018)."""

from __future__ import annotations

import numpy as np

from latchwork.datasets import archive
from latchwork.datasets.dataset import Dataset, LoadedDataset, Series, Split


def load(description: Dataset, package: archive.Package, folder: str) -> LoadedDataset:
    """The rows of ``folder``'s two files, FOLDER_TRAIN.ts and then FOLDER_TEST.ts, with that split.

    Raises:
        DownloadError: the package could not be fetched.
    """
    name = folder.rsplit("/", 1)[-1]
    train = parse(archive.read(package, f"{folder}/{name}_TRAIN.ts"))
    test = parse(archive.read(package, f"{folder}/{name}_TEST.ts"))
    both = train + test
    return LoadedDataset(
        description=description,
        X=[series for series, _ in both],
        y=np.array([label for _, label in both]),
        split=Split(train=np.arange(len(train)), test=np.arange(len(train), len(both))),
    )


def parse(contents: bytes) -> list[tuple[Series, str]]:
    """The rows of a ``.ts`` file, (T, C) and a class each.

    ``#`` and ``@`` lines are the file's header, then comes channel:channel:…:class a line.
    """
    rows = []
    for line in contents.decode("utf-8").splitlines():
        if line and line[0] not in "#@":
            *channels, label = line.split(":")
            steps = np.array([channel.split(",") for channel in channels], dtype=np.float64)  # (C, T)
            rows.append((np.ascontiguousarray(steps.T), label))
    return rows
