"""Files as each task reads them: what a fit is given, what is remembered, and the sheet of predictions."""

import csv
import json
from datetime import datetime, timedelta

import numpy as np
import pytest

from latchwork import SequenceClassifier, SequenceForecaster, SequenceTagger
from latchwork.cli.readings import large, reading_of, remember
from latchwork.cli.readings.classify import ClassifyReading
from latchwork.cli.readings.forecast import ForecastReading, cycles, usual_season
from latchwork.cli.readings.generate import GenerateReading, divided
from latchwork.cli.readings.tag import TagReading
from latchwork.datasets.calendar import regular
from latchwork.errors import ConfigError, DataError
from latchwork.tasks import TableRows

CONLL = "the DET\ndog NOUN\nbarks VERB\n\na DET\ncat NOUN\n\n" * 10


def written(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def load(tmp_path):
    """Ten days of hours, the last twelve of which are yet to come."""
    start = datetime(2024, 3, 1)
    rows = [
        {
            "when": str(start + timedelta(hours=i)),
            "load": "" if i >= 228 else f"{10 + np.sin(i / 24 * 2 * np.pi):.4f}",
            "holiday": i // 24 % 2,
            "site": "a",
        }
        for i in range(240)
    ]
    return written(tmp_path / "load.csv", rows)


def test_hours_to_forecast(load):
    reading = ForecastReading("when", ("load",), 12, ("holiday",))
    given = reading.training(load)
    (series,) = given.X.series
    assert series.values.shape == (228, 1)
    assert series.known.shape == (240, 7)  # hour, weekday, year, as sine and cosine; the holiday
    assert given.options == {"season": 24, "horizon": 12}
    assert "It has steps of 1 hour from 2024-03-01 to 2024-03-10 23:00:00, none missing" in given.notes[0]
    assert "A season of 24 steps is assumed" in given.notes[1]
    assert len(given.X) == 228 - 12


def test_a_forecast_says_when(load):
    reading = ForecastReading("when", ("load",), 12, ("holiday",))
    model = SequenceForecaster("gru", horizon=12, season=24, hidden_size=4, max_epochs=1)
    model.fit(list(reading.training(load).X.series))
    sheet = list(reading.sheet(model, reading.sequences(load)))
    assert sheet[0] == ["time", "target", "q0.1", "q0.5", "q0.9"]
    assert [row[0] for row in sheet[1:]] == [f"2024-03-10 {hour:02}:00:00" for hour in range(12, 24)]
    low, middle, high = np.array([row[2:] for row in sheet[1:]], float).T
    assert (low <= middle).all()
    assert (middle <= high).all()


def test_a_group_is_a_series_of_its_own(tmp_path):
    rows = [{"t": 2000 + i, "y": i * k, "place": f"p{k}"} for k in (1, 2) for i in range(12 + k)]
    path = written(tmp_path / "two.csv", rows)
    reading = ForecastReading("t", ("y",), 2, (), "place", season=1)
    one, two = reading.training(path).X.series
    assert (len(one), len(two)) == (13, 13)  # up to the first end
    assert one.known is None  # nothing of the calendar tells years apart
    model = SequenceForecaster("rnn", horizon=2, hidden_size=3, max_epochs=1).fit([one, two])
    sheet = list(reading.sheet(model, reading.sequences(path)))
    assert [row[:2] for row in sheet[1:]] == [["p1", "2013-01-01"], ["p1", "2014-01-01"], ["p2", "2014-01-01"],
                                              ["p2", "2015-01-01"]]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"t": "2024-01-01", "y": 1}, {"t": "2024-01-01", "y": 2}], "2024-01-01"),
        ([{"t": "2024-01-02", "y": 1}, {"t": "2024-01-01", "y": 2}], "sort"),
        ([{"t": "2024-01-01", "y": 1}, {"t": "yesterday", "y": 2}], "yesterday"),
        ([{"t": "2024-01-01", "y": ""}, {"t": "2024-01-02", "y": ""}], "hold no number"),
        ([{"t": f"2024-01-0{i}", "y": i} for i in range(1, 6)], "has 5 steps, too few .* 9 ahead .* at least 54"),
        ([{"t": "2024-01-01", "y": 1}, {"t": "2024-01-02", "y": "much"}], "no number"),
    ],
)
def test_what_cannot_be_forecast_is_refused(tmp_path, rows, message):
    path = written(tmp_path / "x.csv", rows)
    with pytest.raises(DataError, match=message):
        ForecastReading("t", ("y",), 9).training(path)


def test_what_is_known_ahead_must_have_no_gaps(load):
    text = load.read_text().replace("2024-03-02 05:00:00,", "2024-03-02 05:00:00,7,,a\n#", 1)
    load.write_text("\n".join(line for line in text.splitlines() if not line.startswith("#")) + "\n")
    with pytest.raises(DataError, match=r"'holiday' is to be known ahead, but has no number at step 30"):
        ForecastReading("when", ("load",), 12, ("holiday",)).training(load)


@pytest.mark.parametrize(
    ("step", "season", "told"),
    [("h", 24, ["hour", "weekday", "year"]), ("D", 7, ["weekday", "year"]), ("W", 52, ["year"]), ("M", 12, ["year"]),
     ("Y", 1, [])],
)  # fmt: skip
def test_the_usual_season_of_a_step(step, season, told):
    grid = regular(
        np.datetime64("2024-01-01T00", "s" if step in "hDW" else step) + np.arange(30) * np.timedelta64(1, step)
    )
    assert usual_season(grid) == season
    assert cycles(grid.step) == told


def test_a_token_a_line(tmp_path):
    path = tmp_path / "x.conll"
    path.write_text(CONLL)
    reading = TagReading()
    given = reading.training(path)
    assert given.X[:2] == [["the", "dog", "barks"], ["a", "cat"]]
    assert given.y[:2] == [["DET", "NOUN", "VERB"], ["DET", "NOUN"]]
    model = SequenceTagger("gru", hidden_size=4, embedding_size=4, max_epochs=1).fit(given.X, given.y)
    sheet = list(reading.sheet(model, reading.sequences(path)))
    assert sheet[0] == ["sentence", "token", "tag", "p"]
    assert [row[:2] for row in sheet[1:6]] == [[1, "the"], [1, "dog"], [1, "barks"], [2, "a"], [2, "cat"]]
    with pytest.raises(ConfigError, match="group"):
        TagReading(group="doc").training(path)


@pytest.mark.parametrize(
    ("text", "how", "count"),
    [
        ("\n\n".join(f"part {i}\nof two lines" for i in range(100)), "blank lines", 100),
        ("\n".join(f"line {i}" for i in range(600)), "every 10 lines", 60),
        ("word " * 600, "every 50 characters", 60),
    ],
)
def test_a_text_is_divided_into_documents(text, how, count):
    documents, said = divided(text)
    assert how in said
    assert len(documents) == count
    assert "".join("".join(documents).split()) == "".join(text.split()), "nothing is lost"


def test_a_plain_text_says_how_it_is_divided(tmp_path):
    path = tmp_path / "tunes.abc"
    path.write_text("\n\n".join(f"X:{i}\nabc def" for i in range(80)))
    given = GenerateReading().training(path)
    assert len(given.X) == 80
    assert "80 documents: it is divided at blank lines" in given.notes[0]
    path.write_text("a")
    with pytest.raises(DataError, match="too short"):
        GenerateReading().training(path)


@pytest.mark.parametrize(
    "reading",
    [ClassifyReading("review", ()), ClassifyReading(None, ("a", "b")), TagReading("words", "pos"),
     GenerateReading("text"), ForecastReading("t", ("y",), 3, ("k",), "place", 7)],
)  # fmt: skip
def test_what_is_remembered_is_read_again(tmp_path, reading):
    remember(reading, tmp_path)
    assert reading_of(tmp_path, reading.task, None, None).to_data() == reading.to_data()


def test_options_take_the_place_of_what_is_remembered(tmp_path):
    remember(ClassifyReading("review", ()), tmp_path)
    assert reading_of(tmp_path, "classify", "other", None) == ClassifyReading("other", ())
    with pytest.raises(ConfigError, match="for the task tag"):
        reading_of(tmp_path, "tag", "other", None)
    (tmp_path / "columns.json").write_text(json.dumps({"task": "tag", "tokens": 3}))
    with pytest.raises(ConfigError, match="does not say which columns"):
        reading_of(tmp_path, "tag", None, None)


def test_a_large_table_is_sampled_for_the_trial_and_streamed_for_the_fit(tmp_path, monkeypatch):
    rows = [
        {"text": f"a {'good' if i % 2 else 'bad'} film", "kind": "xy"[i % 2], "by": f"w{i % 9}"} for i in range(900)
    ]
    path = written(tmp_path / "many.csv", rows)
    monkeypatch.setattr(large, "LARGE", 1_000)
    given = ClassifyReading("text", (), "kind", "by").training(path)
    assert given.everything == TableRows(path, "kind", text="text", group="by")
    assert "trial is run on a sample" in given.notes[0]
    assert len(given.X) == len(given.y) == len(given.groups) == 900  # fewer than a sample has at most
    model = SequenceClassifier("gru", hidden_size=4, embedding_size=4, max_epochs=2).fit(given.everything)
    assert model.score(["a good film", "a bad film"], ["y", "x"]) == 1


def test_a_large_table_of_tokens_keeps_its_groups_together(tmp_path, monkeypatch):
    path = tmp_path / "many.jsonl"
    rows = [{"words": ["a", "film"], "pos": ["D", "N"], "by": f"w{i % 9}"} for i in range(90)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(large, "LARGE", 1_000)
    given = TagReading("words", "pos", "by").training(path)
    assert given.everything == TableRows(path, "pos", tokens="words", group="by")
    assert len(given.groups) == 90


def test_a_large_text_is_sampled_in_pieces(tmp_path, monkeypatch):
    path = tmp_path / "large.txt"
    path.write_text("".join(f"line {i} of some length é\n{i % 3 * chr(10)}" for i in range(40_000)))
    monkeypatch.setattr(large, "LARGE", 1_000)
    monkeypatch.setattr(large, "_PIECE", 1_000)
    given = GenerateReading().training(path)
    assert given.everything == path
    # on trial as it is shipped: as one stream in which a blank line is no end
    assert len(given.X) == 64
    assert all(document in path.read_text() and "\n\n" in document for document in given.X)
    lines = {line for document in given.X for line in document.splitlines()}
    assert lines <= set(path.read_text().splitlines())
    assert len(lines) > 1_000


def test_every_row_is_as_likely_to_be_sampled():
    counts = np.zeros(50)
    for seed in range(2_000):
        counts[large.sampled(range(50), 10, seed)] += 1
    assert abs(counts / 2_000 - 0.2).max() < 0.05
    assert large.sampled(range(5), 10) == [0, 1, 2, 3, 4]


def days(count, start=datetime(2024, 1, 1), step=timedelta(1), **columns):
    """Rows with a day, a number without a pattern, and other columns."""
    return [{"t": str(start + i * step), "y": i * i % 11, **columns} for i in range(count)]


def test_series_that_end_later_are_cut_at_the_first_end(tmp_path):
    rows = [*days(40, place="a"), *days(50, place="b"), *days(30, datetime(2024, 1, 8), place="c")]
    path = written(tmp_path / "panel.csv", rows)
    given = ForecastReading("t", ("y",), 2, (), "place").training(path)
    assert [len(one) for one in given.X.series] == [37, 37, 30]
    (note,) = (note for note in given.notes if "end at different times" in note)
    assert "'c' on 2024-02-06 and 'b' on 2024-02-19" in note
    assert "leaves out 16 steps" in note


def test_a_series_that_begins_after_another_ended_is_refused(tmp_path):
    path = written(tmp_path / "p.csv", [*days(40, place="a"), *days(40, datetime(2025, 1, 1), place="b")])
    with pytest.raises(DataError, match=r"'b' begins on 2025-01-01, .* 'a' ended on 2024-02-09"):
        ForecastReading("t", ("y",), 2, (), "place").training(path)


def test_series_of_different_steps_are_refused(tmp_path):
    path = written(tmp_path / "p.csv", [*days(40, place="a"), *days(40, step=timedelta(hours=1), place="b")])
    with pytest.raises(DataError, match=r"'a' has steps of 1 day and 'b' of 1 hour"):
        ForecastReading("t", ("y",), 2, (), "place").training(path)


def test_a_model_remembers_its_step(tmp_path):
    path = written(tmp_path / "days.csv", days(60))
    reading = ForecastReading("t", ("y",), 2).training(path).reading
    assert reading.step == "1 day"
    remember(reading, tmp_path)
    again = reading_of(tmp_path, "forecast", None, None)
    assert again == reading
    again.sequences(path)
    other = written(tmp_path / "hours.csv", days(60, step=timedelta(minutes=30)))
    with pytest.raises(DataError, match=r"steps of 30 minutes, but the model was fitted on steps of 1 day"):
        again.sequences(other)
    data = reading.to_data()
    del data["step"]  # as models of before have it
    assert ForecastReading.from_data(data).step is None


def test_too_few_steps_are_said_of_the_file(tmp_path):
    path = written(tmp_path / "hourly.csv", days(600, step=timedelta(hours=1)))
    with pytest.raises(DataError, match=r"hourly.csv has 600 steps, too few to learn .* 500 ahead .* at least 3,000"):
        ForecastReading("t", ("y",), 500).training(path)
    ForecastReading("t", ("y",), 100).training(path)  # just enough


def test_a_constant_series_is_refused(tmp_path):
    path = written(tmp_path / "flat.csv", [{**row, "y": 3} for row in days(60)])
    with pytest.raises(DataError, match=r"column 'y' is constant: every value is 3"):
        ForecastReading("t", ("y",), 2).training(path)


@pytest.mark.parametrize("missing", ["", "nan", "NaN"])
def test_missing_numbers_in_a_csv(tmp_path, missing):
    rows = days(60)
    rows[7]["y"] = missing
    (series,) = ForecastReading("t", ("y",), 2).training(written(tmp_path / "x.csv", rows)).X.series
    assert np.flatnonzero(np.isnan(series.values[:, 0])).tolist() == [7]


def test_what_is_known_must_reach_as_far_as_the_forecast(tmp_path):
    rows = [{**row, "promo": i % 2} for i, row in enumerate(days(60))]
    reading = ForecastReading("t", ("y",), 7, ("promo",))
    path = written(tmp_path / "x.csv", rows)
    model = SequenceForecaster("rnn", horizon=7, season=7, hidden_size=3, max_epochs=1)
    model.fit(list(reading.training(path).X.series))
    with pytest.raises(DataError, match=r"add 7 rows with 'promo' filled in and 'y' left empty"):
        list(reading.sheet(model, reading.sequences(path)))
    for row in rows[-7:]:
        row["y"] = ""
    list(reading.sheet(model, reading.sequences(written(path, rows))))


def test_a_large_table_of_series_is_read_whole_and_says_so(tmp_path, monkeypatch):
    path = written(tmp_path / "x.csv", days(60))
    monkeypatch.setattr(large, "LARGE", 1_000)
    assert any("read whole" in note for note in ForecastReading("t", ("y",), 2).training(path).notes)


def test_a_large_table_of_texts_is_refused(tmp_path, monkeypatch):
    path = written(tmp_path / "x.csv", [{"text": f"some words {i}"} for i in range(90)])
    monkeypatch.setattr(large, "LARGE", 1_000)
    with pytest.raises(DataError, match=r"too much .* \.txt"):
        GenerateReading("text").training(path)


def test_a_unit_is_given_to_the_model(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("\n\n".join(f"part {i}" for i in range(90)))
    assert GenerateReading(unit="bytes").training(path).options == {"unit": "bytes"}
    assert GenerateReading().training(path).options == {}


def test_pieces_of_a_large_text_do_not_overlap(tmp_path, monkeypatch):
    path = tmp_path / "large.txt"
    path.write_text("".join(f"line {i}\n" for i in range(20_000)))
    monkeypatch.setattr(large, "_PIECE", 3_000)  # nearly all of a stratum, so that free draws would overlap
    for seed in range(5):
        lines = [line for piece in large.pieces(path, seed) for line in piece.splitlines() if line]
        assert len(lines) == len(set(lines))
        assert lines == sorted(lines, key=lambda line: int(line.split()[1]))
        assert len(lines) > 15_000


@pytest.mark.parametrize(
    ("name", "reading"),
    [("x.conll", TagReading(group="doc")), ("x.conll", TagReading("form", "pos")), ("x.txt", GenerateReading("body")),
     ("x.txt", GenerateReading(group="author"))],
)  # fmt: skip
def test_files_without_columns_have_none_to_read(tmp_path, name, reading):
    path = tmp_path / name
    path.write_text(CONLL)
    with pytest.raises(ConfigError, match=rf"{name} has no columns to name; leave out --"):
        reading.training(path)


@pytest.mark.parametrize("text", ["the\ndog\nbarks\n\na\ncat\n", CONLL])
def test_tags_are_not_needed_to_predict_them(tmp_path, text):
    path = tmp_path / "new.conll"
    path.write_text(text)
    assert TagReading().sequences(path)[:2] == [["the", "dog", "barks"], ["a", "cat"]]
