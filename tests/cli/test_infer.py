"""Which task a file is for: by options, by name, by columns; and what is asked where it could be several."""

import csv
import json
from datetime import date, datetime, timedelta

import pytest

from latchwork.cli.readings.infer import Asked, infer
from latchwork.errors import ConfigError, DataError


def table(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def reviews(tmp_path):
    return table(
        tmp_path / "reviews.csv",
        [{"id": f"r{i}", "review": f"a film number {i}", "stars": ("good", "bad")[i % 2]} for i in range(40)],
    )


@pytest.fixture
def hours(tmp_path):
    start = date(2024, 1, 1)
    rows = [{"day": str(start + timedelta(i)), "load": i % 7 + 0.5, "wind": i % 3} for i in range(60)]
    return table(tmp_path / "load.csv", rows)


@pytest.fixture
def sentences(tmp_path):
    path = tmp_path / "tagged.jsonl"
    row = {"words": ["the", "old", "man"], "pos": ["DET", "ADJ", "NOUN"]}
    other = {"words": ["a", "dog"], "pos": ["DET", "NOUN"]}
    path.write_text("".join(json.dumps(r) + "\n" for r in [row, other] * 10))
    return path


def test_a_column_of_texts_and_one_of_classes(reviews):
    reading, said = infer(reviews, Asked())
    assert (reading.task, reading.text, reading.label) == ("classify", "review", "stars")
    assert "'stars' is taken as the classes" in said[0]
    assert "'review' is taken as the text" in said[0]
    assert "a class is learned for each row" in said[0]


def test_what_is_said_is_not_inferred(reviews):
    reading, said = infer(reviews, Asked(text="review", label="stars"))
    assert (reading.text, reading.label, said) == ("review", "stars", [])
    reading, said = infer(reviews, Asked(task="generate", text="review"))
    assert (reading.task, reading.text, said) == ("generate", "review", [])


def test_texts_alone_are_gone_on_with(tmp_path):
    path = table(tmp_path / "tunes.csv", [{"tune": f"A B c d {i} e f"} for i in range(30)])
    reading, said = infer(path, Asked())
    assert (reading.task, reading.text) == ("generate", "tune")
    assert "the text is learned" in said[0]


def test_times_and_numbers_are_forecast(hours):
    reading, said = infer(hours, Asked(horizon=7))
    assert (reading.task, reading.time, reading.targets, reading.horizon) == ("forecast", "day", ("load", "wind"), 7)
    assert "'load', 'wind' are to be forecast" in said[0]
    reading, _ = infer(hours, Asked(horizon=7, target=("load",), known=("wind",)))
    assert (reading.targets, reading.known) == (("load",), ("wind",))


def test_a_horizon_must_be_said(hours):
    with pytest.raises(ConfigError, match=r"looks like series over time .*--horizon"):
        infer(hours, Asked())


def test_lists_of_words_and_as_many_tags(sentences):
    reading, said = infer(sentences, Asked())
    assert (reading.task, reading.tokens, reading.tags) == ("tag", "words", "pos")
    assert "'words' is taken as the tokens and 'pos' as their tags" in said[0]


@pytest.mark.parametrize(
    ("name", "task"),
    [("x.conll", "tag"), ("x.CONLLU", "tag"), ("x.iob2", "tag"), ("x.txt", "generate"), ("x.abc", "generate")],
)
def test_files_known_by_their_names(tmp_path, name, task):
    reading, said = infer(tmp_path / name, Asked())
    assert reading.task == task
    assert name in said[0]
    with pytest.raises(ConfigError, match="options are of"):
        infer(tmp_path / name, Asked(horizon=3))


def test_lists_of_numbers_are_channels(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(json.dumps({"speed": [1, 2, i], "state": "ab"[i % 2]}) + "\n" for i in range(40)))
    reading, said = infer(path, Asked())
    assert (reading.task, reading.series, reading.label) == ("classify", ("speed",), "state")
    assert "'speed' is taken as the channels of a series" in said[0]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(task="sort"), "--task must be one of"),
        (Asked(label="stars", horizon=3), "belong to different tasks"),
        (Asked(task="tag", horizon=3), "are no options of the task tag"),
        (Asked(text="review", series=("a",)), "not both"),
        (Asked(task="tag"), "--tokens COL"),
        (Asked(task="forecast", horizon=2), "no column of numbers"),
    ],
)
def test_refusals(reviews, asked, message):
    with pytest.raises(ConfigError, match=message):
        infer(reviews, asked)


def test_several_columns_of_classes_are_for_the_user_to_choose_from(tmp_path):
    rows = [{"text": f"some words {i}", "kind": "ab"[i % 2], "size": "xyz"[i % 3]} for i in range(60)]
    path = table(tmp_path / "two.csv", rows)
    with pytest.raises(ConfigError, match=r"several columns could be the classes: kind, size; say which with --label"):
        infer(path, Asked())
    assert infer(path, Asked(label="size"))[0].text == "text"


def test_nothing_to_learn(tmp_path):
    path = table(tmp_path / "ids.csv", [{"id": f"r{i}"} for i in range(40)])
    with pytest.raises(ConfigError, match="do not tell what to learn"):
        infer(path, Asked())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(known=("load",), target=("load",), horizon=2), r"'load' is given with --target and with --known"),
        (Asked(text="a", label="a"), r"'a' is given with --label and with --text"),
        (Asked(time="day", group="day", horizon=2), r"'day' is given with --time and with --group"),
        (Asked(target=("load", "load"), horizon=2), r"--target names the column 'load' twice"),
    ],
)
def test_a_column_has_one_role(hours, asked, message):
    with pytest.raises(ConfigError, match=message):
        infer(hours, asked)


@pytest.fixture
def hourly(tmp_path):
    """Times as pandas writes them, with a blank."""
    start = datetime(2024, 1, 1)
    rows = [{"when": str(start + timedelta(hours=i)), "load": i % 24 + i % 7 / 10} for i in range(300)]
    return table(tmp_path / "hourly.csv", rows)


def test_times_with_a_blank_are_no_texts(hourly):
    reading, _ = infer(hourly, Asked(horizon=24))
    assert (reading.task, reading.time, reading.targets) == ("forecast", "when", ("load",))
    with pytest.raises(ConfigError, match=r"looks like series over time .*--horizon"):
        infer(hourly, Asked())


@pytest.mark.parametrize("bad", ["yesterday", "2024-13-01 00:00:00", ""])
def test_one_bad_time_does_not_hide_the_times(hourly, bad):
    hourly.write_text(hourly.read_text().replace("2024-01-03 05:00:00", bad))
    reading, _ = infer(hourly, Asked(horizon=24))
    assert reading.time == "when"
    with pytest.raises(DataError, match=r"row 54 .*'when'"):
        reading.training(hourly)


def test_falling_times_are_times_and_then_refused(tmp_path):
    rows = [{"day": str(date(2024, 5, 1) - timedelta(i)), "y": i * i % 7} for i in range(60)]
    path = table(tmp_path / "falling.csv", rows)
    reading, _ = infer(path, Asked(horizon=3))
    assert reading.time == "day"
    with pytest.raises(DataError, match="sort"):
        reading.training(path)


@pytest.mark.parametrize("first", [1900, 1_600_000_000])
def test_rising_years_and_unix_seconds_are_times(tmp_path, first):
    step = 1 if first < 3000 else 3600
    path = table(tmp_path / "years.csv", [{"at": first + i * step, "y": i * i % 11} for i in range(90)])
    reading, said = infer(path, Asked(horizon=3))
    assert (reading.time, reading.targets) == ("at", ("y",))
    assert "'at' is taken as the time" in said[0]
    assert infer(path, Asked(horizon=3, target=("at",)))[0].time is None


def test_years_of_several_series_rise_in_each(tmp_path):
    rows = [{"place": p, "year": 1950 + i, "y": i * i % 11} for p in "ab" for i in range(40)]
    reading, _ = infer(table(tmp_path / "panel.csv", rows), Asked(horizon=3, group="place"))
    assert (reading.time, reading.targets) == ("year", ("y",))


def test_numbers_in_the_range_of_years_are_no_times(tmp_path):
    path = table(tmp_path / "sold.csv", [{"sold": 1500 + i * i % 700} for i in range(90)])
    reading, _ = infer(path, Asked(horizon=3))
    assert (reading.time, reading.targets) == (None, ("sold",))


def test_a_counter_of_steps_is_not_forecast(tmp_path):
    path = table(tmp_path / "steps.csv", [{"step": i, "y": i * i % 11} for i in range(90)])
    reading, said = infer(path, Asked(horizon=3))
    assert (reading.time, reading.targets) == (None, ("y",))
    assert "'step' counts the steps and is left out" in said[0]
    assert infer(path, Asked(horizon=3, target=("step",)))[0].targets == ("step",)
    rows = [{"place": p, "step": i, "y": i * i % 11} for p in "ab" for i in range(40)]
    assert infer(table(tmp_path / "p.csv", rows), Asked(horizon=3, group="place"))[0].targets == ("y",)
    alone = table(tmp_path / "alone.csv", [{"step": i} for i in range(90)])
    with pytest.raises(ConfigError, match=r"no column of numbers to forecast but 'step', which only counts the steps"):
        infer(alone, Asked(horizon=3))


def test_texts_that_look_like_numbers_are_not_forecast(tmp_path):
    path = tmp_path / "stations.jsonl"
    rows = [{"day": str(date(2024, 1, 1) + timedelta(i)), "station": f"{17 + i}", "y": i * i % 11} for i in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert infer(path, Asked(horizon=3))[0].targets == ("y",)


@pytest.mark.parametrize(("bad", "message"), [("inf", "infinite"), ("much", "'much' is no number"), ("NA", "'NA'")])
def test_one_bad_number_does_not_hide_a_column(hourly, bad, message):
    hourly.write_text(hourly.read_text().replace("2024-01-03 05:00:00,5.4", f"2024-01-03 05:00:00,{bad}"))
    reading, _ = infer(hourly, Asked(horizon=24))
    assert reading.targets == ("load",)
    with pytest.raises(DataError, match=rf"row 54 .*'load'.*{message}"):
        reading.training(hourly)


def test_a_ragged_row_does_not_hide_tags(sentences):
    ragged = json.dumps({"words": ["a", "dog", "barks"], "pos": ["DET", "NOUN"]})
    sentences.write_text(sentences.read_text() + ragged + "\n")
    reading, _ = infer(sentences, Asked())
    assert (reading.task, reading.tokens, reading.tags) == ("tag", "words", "pos")
    with pytest.raises(DataError, match=r"row 21 .*3 tokens .* 2 tags"):
        reading.training(sentences)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("x.conll", Asked(group="doc")),
        ("x.conll", Asked(tokens="form")),
        ("x.conllu", Asked(tags="upos")),
        ("x.txt", Asked(group="author")),
        ("x.txt", Asked(text="body")),
    ],
)
def test_files_without_columns_refuse_their_names(tmp_path, name, asked):
    with pytest.raises(ConfigError, match=rf"{name} has no columns to name; leave out --"):
        infer(tmp_path / name, asked)


def test_a_unit_tells_that_texts_are_gone_on_with(reviews, tmp_path):
    reading, _ = infer(reviews, Asked(unit="bytes"))
    assert (reading.task, reading.unit) == ("generate", "bytes")
    assert infer(tmp_path / "x.txt", Asked(unit="subwords"))[0].unit == "subwords"
    with pytest.raises(ConfigError, match="--unit must be one of characters, bytes, subwords"):
        infer(reviews, Asked(unit="words"))
    with pytest.raises(ConfigError, match="belong to different tasks"):
        infer(reviews, Asked(unit="bytes", label="stars"))
