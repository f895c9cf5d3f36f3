"""``latchwork explain`` for models that tag, generate and forecast: in the terminal, and as a page."""

import csv
import io
import json
import re

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from latchwork.cli.explained_forecast import explained_forecast
from latchwork.cli.explained_tags import explained_tags
from latchwork.cli.explained_text import explained_text
from latchwork.cli.readings import remember
from latchwork.cli.readings.forecast import ForecastReading
from latchwork.cli.readings.generate import GenerateReading
from latchwork.cli.readings.tag import TagReading
from latchwork.explain import explain
from latchwork.tasks import SequenceForecaster, SequenceGenerator, SequenceTagger

SMALL = {"hidden_size": 6, "max_epochs": 1}
HOSTILE = ["the", "x" * 300, "فيلم", "👩", "[/bold]", "\x1b[31m", "", "電影電影電影"] * 12


def data_in(path):
    html = path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', html, re.S)
    return json.loads(found[1])


@pytest.fixture(scope="module")
def sentences():
    X = [["the", "dog", "saw", "a", "bird"], ["a", "bird", "sang"]] * 12
    return X, [
        ["DET", "NOUN", "VERB", "DET", "NOUN"][: len(row)] if len(row) > 3 else ["DET", "NOUN", "VERB"] for row in X
    ]


@pytest.fixture(scope="module")
def tagger(sentences):
    return SequenceTagger("lstm", embedding_size=4, **SMALL).fit(*sentences)


@pytest.fixture(scope="module")
def generator():
    return SequenceGenerator("gru", embedding_size=4, chunk=8, batch_size=2, **SMALL).fit(["ab ab\nc", "ab c ab"] * 20)


@pytest.fixture(scope="module")
def wave():
    return np.sin(np.arange(120) / 4)


@pytest.fixture(scope="module")
def forecaster(wave):
    return SequenceForecaster("gru", horizon=5, **SMALL).fit(wave)


def printed(found, width=80, **options):
    console = Console(file=io.StringIO(), width=width, highlight=False, **options)
    console.print(found)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(tagger, generator, forecaster, wave, width):
    for found in (
        explained_tags(explain(tagger, HOSTILE)),
        explained_text(explain(generator, " ".join(HOSTILE))),
        explained_forecast(explain(forecaster, wave)),
    ):
        said = printed(found, width)
        assert "\x1b" not in said
        assert all(cell_len(line) <= width for line in said.splitlines())
        assert "\x1b" in printed(found, width, force_terminal=True, color_system="truecolor")


def test_each_tag_stands_below_its_word(latchwork, tagger, tmp_path):
    model = tagger.save(tmp_path / "model")
    said = latchwork("explain", model, "the dog saw zebras", "--html", tmp_path / "page.html")
    assert said.status == 0, said.err
    words, tags = said.out.splitlines()[2:4]
    predicted = tagger.predict([["the", "dog", "saw", "zebras"]])[0]
    assert words.split() == ["the", "dog", "saw", "zebras"]
    assert tags.split() == predicted
    for word, tag in zip(words.split(), predicted, strict=True):
        assert tags[words.index(word) :].startswith(tag)
    row = next(line for line in said.out.splitlines() if line.startswith("zebras ?"))
    odds = tagger.predict_proba([["the", "dog", "saw", "zebras"]])[0][3]
    assert f"{odds.max():.1%}" in row
    assert "Memory kept by the forget gate" in said.out
    data = data_in(tmp_path / "page.html")
    assert (data["task"], data["sequences"][0]["text"]) == ("tag", "the dog saw zebras")


def test_a_sentence_of_a_file(latchwork, tagger, sentences, tmp_path):
    model = tagger.save(tmp_path / "model")
    remember(TagReading(), model)
    file = tmp_path / "some.conll"
    file.write_text(
        "".join("".join(f"{w} {t}\n" for w, t in zip(*s, strict=True)) + "\n" for s in zip(*sentences, strict=True))
    )
    said = latchwork("explain", model, file, "--row", 2, "--html", tmp_path / "page.html")
    assert said.status == 0, said.err
    assert said.out.splitlines()[2].split() == ["a", "bird", "sang"]
    data = data_in(tmp_path / "page.html")
    assert data["sequences"][0]["text"] == "a bird sang"
    assert data["memory"]["sequences"] == 24
    table = tmp_path / "some.jsonl"
    table.write_text("\n".join(json.dumps({"words": row}) for row in sentences[0]))
    said = latchwork("explain", model, table, "--row", 2, "--tokens", "words")
    assert said.out.splitlines()[2].split() == ["a", "bird", "sang"]


def test_the_most_surprising_places_of_a_text(latchwork, generator, tmp_path):
    model = generator.save(tmp_path / "model")
    said = latchwork("explain", model, "ab ab\nZ ab", "--html", tmp_path / "page.html")
    assert said.status == 0, said.err
    rate = generator.bits_per_character(["ab ab\nZ ab"])
    assert said.out.startswith(f"{rate:.2f} bits per character over 10 characters and the end")
    assert "ab ab↵\nZ ab" in said.out
    worst = next(line for line in said.out.splitlines() if re.match(r" *7 ", line))
    assert "ab␣ab↵  Z" in worst
    assert "does not know: Z." in said.out
    data = data_in(tmp_path / "page.html")
    assert data["sequences"][0]["text"] == "ab ab\nZ ab"
    assert data["sequences"][1]["written"]["by"] == "gru"


def test_a_document_of_a_file(latchwork, generator, tmp_path):
    model = generator.save(tmp_path / "model")
    remember(GenerateReading(), model)
    file = tmp_path / "tunes.txt"
    file.write_text("\n\n".join(["ab ab", "ab c"] * 40))
    said = latchwork("explain", model, file, "--row", 2, "--html", tmp_path / "page.html")
    assert said.status == 0, said.err
    assert "over 4 characters" in said.out
    assert data_in(tmp_path / "page.html")["sequences"][0]["text"] == "ab c"


@pytest.fixture
def shops(wave, tmp_path):
    """A forecaster of two series, and their file."""
    table = tmp_path / "shops.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "shop", "sold"])
        for day, sold in enumerate(wave):
            when = np.datetime64("2024-01-01") + day
            writer.writerows([[when, "north", sold], [when, "south", 10 * sold]])
    reading = ForecastReading("day", ("sold",), 5, group="shop")
    model = SequenceForecaster("lstm", horizon=5, **SMALL).fit(reading.training(table).X)
    remember(reading, model.save(tmp_path / "model"))
    return model, tmp_path / "model", table, reading


def test_a_series_by_its_number_and_by_its_name(latchwork, shops, tmp_path):
    model, folder, table, reading = shops
    said = latchwork("explain", folder, table, "--row", 2, "--html", tmp_path / "page.html")
    assert said.status == 0, said.err
    assert "5 steps after step 120" in said.out
    assert "interval that should hold 80%" in said.out
    south = reading.sequences(table)[1].series
    median = model.predict(south)[:, 0]
    rows = [line for line in said.out.splitlines() if line.startswith("2024-04-30")]
    assert f" {median[0]:.5g} " in rows[0]
    assert "●" in rows[0]
    assert "kept" in said.out
    assert latchwork("explain", folder, table, "--series", "south").out == said.out.split("\nPage")[0]
    data = data_in(tmp_path / "page.html")
    assert data["sequences"][0]["part"] == {"series": 2, "of": 2, "channels": 1}


def test_a_single_series_needs_no_row(latchwork, forecaster, wave, tmp_path):
    model = forecaster.save(tmp_path / "model")
    remember(ForecastReading(None, ("x",), 5), model)
    table = tmp_path / "wave.csv"
    table.write_text("x\n" + "\n".join(map(str, wave)))
    said = latchwork("explain", model, table)
    assert said.status == 0, said.err
    assert "+5" in said.out


def test_what_cannot_be_explained_is_refused_in_words(latchwork, tagger, generator, shops, tmp_path):
    folders = {"tag": tagger.save(tmp_path / "tag"), "generate": generator.save(tmp_path / "generate")}
    remember(TagReading(), folders["tag"])
    remember(GenerateReading(), folders["generate"])
    _, forecasting, table, _ = shops

    def refused(*arguments):
        result = latchwork("explain", *arguments)
        assert result.status != 0
        assert "Traceback" not in result.err
        return " ".join(result.err.split())

    conll = tmp_path / "some.conll"
    conll.write_text("the DET\n")
    assert "say which of its sentences with --row" in refused(folders["tag"], conll)
    assert "has 1 sentences, so there is no sentence 2" in refused(folders["tag"], conll, "--row", 2)
    assert "no tokens" in refused(folders["tag"], "  ")
    assert "there is no file tune.abc" in refused(folders["generate"], "tune.abc")
    assert "no characters" in refused(folders["generate"], "")
    assert "has no such columns" in refused(folders["generate"], conll, "--row", 1, "--series", "a")
    assert "has 2 series; say which with --row" in refused(forecasting, table)
    assert "has 2 series, so there is no series 3" in refused(forecasting, table, "--row", 3)
    assert "has no series 'west'; it has north, south" in refused(forecasting, table, "--series", "west")
    assert "forecasts series; give a data file" in refused(forecasting, "some words")
    assert "there is no file" in refused(forecasting, tmp_path / "none.csv")
