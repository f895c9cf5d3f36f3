"""What the kinds of loaded data refuse, and what they say of themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchwork.datasets.dataset import Dataset, Documents, LoadedDataset, TaggedSentences, TimeSeriesData
from latchwork.errors import DataError

CARD = Dataset("probe", "Probe", "forecast", "series", "us", "ours", "none", load=lambda: None)  # type: ignore[arg-type]
WORDS = st.text("abc", min_size=1, max_size=3)


def series(T: int = 4, C: int = 2, **changes: Any) -> TimeSeriesData:
    given: dict[str, Any] = {
        "values": np.arange(T * C, dtype=np.float64).reshape(T, C),
        "names": tuple(f"c{channel}" for channel in range(C)),
        "times": np.datetime64("2020-01-01T00", "s") + np.arange(T) * np.timedelta64(1, "h"),
        "step": "hour",
        "season": 24,
        "targets": ("c0",),
    }
    return TimeSeriesData(CARD, **(given | changes))


@given(st.integers(1, 30), st.integers(1, 4), st.data())
def test_a_series_tells_its_size(T: int, C: int, data: st.DataObject) -> None:
    missing = data.draw(st.integers(0, T))
    values = np.ones((T, C))
    values[:missing, -1] = np.nan
    targets = tuple(data.draw(st.permutations([f"c{channel}" for channel in range(C)])))
    made = series(T, C, values=values, targets=targets, known=np.zeros((T, 1)), known_names=("holiday",))
    assert len(made) == T
    assert [made.names[column] for column in made.target_columns] == list(targets)
    told = made.summary.split(", ")
    assert told[0] == ("1 hour" if T == 1 else f"{T} hours")
    assert told[1] == ("1 channel" if C == 1 else f"{C} channels")
    assert told[2:] == ([f"{missing} missing value{'s' * (missing > 1)}"] if missing else [])


def changed(array: np.ndarray, row: int, to: Any) -> np.ndarray:
    array = array.copy()
    array[row] = to
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": np.zeros(4)}, r"values is float64 \(4,\); it needs float64 \(T, channels\)"),
        ({"values": np.zeros((4, 2), np.float32)}, r"values is float32 \(4, 2\)"),
        ({"values": np.zeros((0, 2))}, r"values is float64 \(0, 2\)"),
        ({"values": changed(np.zeros((4, 2)), 2, np.inf)}, "values has an infinite value in row 2"),
        ({"names": ("c0",)}, r"names is \('c0',\); 2 columns need as many different names"),
        ({"names": ("c0", "c0")}, "2 columns need as many different names"),
        ({"times": np.arange(4)}, r"times is int64 \(4,\); 4 rows need datetime64 \(4,\)"),
        ({"times": series(5).times}, r"times is datetime64\[s\] \(5,\); 4 rows need"),
        ({"times": changed(series().times, 2, series().times[1])}, "do not increase at row 2: 2020-01-01T01:00:00"),
        ({"times": changed(series().times, 3, np.datetime64("NaT"))}, "do not increase at row 3: NaT; sort the rows"),
        ({"times": changed(series().times, 0, np.datetime64("NaT"))}, "do not increase at row 1"),
        ({"season": 0}, "season counts steps and cannot be 0"),
        ({"targets": ()}, "targets is empty; the channels are c0, c1"),
        ({"targets": ("c0", "load")}, "targets names 'load'; the channels are c0, c1"),
        ({"known": np.zeros((3, 1)), "known_names": ("a",)}, "values has 4 rows, but known has 3"),
        ({"known": np.zeros((4, 1))}, r"known_names is \(\); 1 columns need"),
        ({"known_names": ("a",)}, r"known_names is \('a',\); 0 columns need"),
        (
            {"known": changed(np.zeros((4, 1)), 1, np.nan), "known_names": ("a",)},
            "known has a missing or infinite value in row 1; what is known ahead has no gaps",
        ),
    ],
)
def test_a_series_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"data set 'probe': .*{message}"):
        series(**changes)


def test_a_lone_time_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="at row 0: NaT"):
        series(1, times=np.array(["NaT"], "datetime64[s]"))


@given(st.lists(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4), min_size=1, max_size=4), st.data())
def test_every_token_has_its_tag(sentences: list[list[tuple[str, str]]], data: st.DataObject) -> None:
    X = [[token for token, _ in sentence] for sentence in sentences]
    y = [[tag for _, tag in sentence] for sentence in sentences]
    made = TaggedSentences(CARD, X, y)
    assert len(made) == len(sentences)
    assert made.tags == sorted({tag for sentence in sentences for _, tag in sentence})
    row = data.draw(st.integers(0, len(y) - 1))
    with pytest.raises(DataError, match=f"sentence {row} has .* every token needs one tag"):
        TaggedSentences(CARD, X, [tags[1:] if place == row else tags for place, tags in enumerate(y)])
    with pytest.raises(DataError, match=f"sentence {row} has 0 tokens and 0 tags"):
        TaggedSentences(CARD, [*X[:row], [], *X[row:]], [*y[:row], [], *y[row:]])


def test_rows_of_another_number_are_refused() -> None:
    two, three = np.array([0, 1]), np.array([0, 1, 2])
    with pytest.raises(DataError, match=r"X has 2 rows, but \{'y': 1, 'kind': 3, 'groups': 3\}"):
        TaggedSentences(CARD, [["a"], ["b"]], [["x"]], groups=three, columns={"kind": three, "genre": two})
    with pytest.raises(DataError, match=r"X has 2 rows, but \{'title': 3\}"):
        Documents(CARD, ["a", "b"], groups=two, columns={"title": three})
    with pytest.raises(DataError, match=r"X has 1 rows, but \{'y': 2\}"):  # a column may bear a field's name
        LoadedDataset(CARD, ["a"], np.array(["x"]), columns={"y": two})


@given(st.lists(st.text("ab c", min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_documents_tell_their_size(texts: list[str]) -> None:
    told = Documents(CARD, texts).summary.split(", ")
    assert told[0].split()[0] == str(len(texts))
    assert told[1].split()[0] == str(sum(map(len, texts)))
    assert told[2] == f"{len(set(''.join(texts)))} of them different"
    with pytest.raises(DataError, match=f"document {len(texts)} is blank"):
        Documents(CARD, [*texts, " \n"])
