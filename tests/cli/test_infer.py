"""Which task a file is for: by options, by name, by columns; and what is asked where it could be several."""

import csv
import json
from datetime import date, timedelta

import pytest

from latchwork.cli.readings.infer import Asked, infer
from latchwork.errors import ConfigError


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
