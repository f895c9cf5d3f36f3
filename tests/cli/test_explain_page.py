"""``latchwork explain`` with a data file and a page, and the page that ``fit`` writes."""

import csv
import json
import re

import numpy as np
import pytest

from latchwork import SequenceClassifier
from latchwork.cli.readings import remember
from latchwork.cli.readings.classify import ClassifyReading

SMALL = {"hidden_size": 6, "max_epochs": 1, "random_state": 0}


def data_in(path):
    html = path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', html, re.S)
    return json.loads(found[1])


@pytest.fixture
def reader(tmp_path):
    """A model of texts, and the table it was fitted on."""
    texts = [f"a {('great', 'awful')[i % 2]} film {i}" for i in range(40)]
    labels = [("good", "bad")[i % 2] for i in range(40)]
    table = tmp_path / "reviews.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("review", "stars"), *zip(texts, labels, strict=True)])
    model = tmp_path / "model"
    SequenceClassifier("lstm", embedding_size=4, **SMALL).fit(texts, labels).save(model)
    remember(ClassifyReading("review", ()), model)
    return model, table


@pytest.fixture
def waves(tmp_path):
    """A model of series in two channels, and the table."""
    rng = np.random.default_rng(0)
    rows = [{"a": rng.normal(size=8).tolist(), "b": rng.normal(size=8).tolist(), "kind": i % 2} for i in range(30)]
    table = tmp_path / "waves.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)))
    X = [np.stack([row["a"], row["b"]], 1) for row in rows]
    model = tmp_path / "model"
    SequenceClassifier("gru", **SMALL).fit(X, [row["kind"] for row in rows]).save(model)
    remember(ClassifyReading(None, ("a", "b")), model)
    return model, table, X


def test_the_page_of_a_text(latchwork, reader, tmp_path):
    said = latchwork("explain", reader[0], "a </script> film", "--html", tmp_path / "page.html")
    assert said.status == 0, said.err
    assert "page.html" in "".join(said.out.split())
    data = data_in(tmp_path / "page.html")
    assert data["title"] == "Your text"
    assert [sequence["text"] for sequence in data["sequences"]] == ["a </script> film"]
    assert data["memory"] is None
    assert data["cells"][0]["name"] == "lstm"


def test_a_row_of_a_table_comes_first_and_the_rest_is_measured(latchwork, reader, tmp_path):
    model, table = reader
    said = latchwork("explain", model, table, "--row", 12, "--html", tmp_path / "page.html")
    assert said.status == 0, said.err
    assert "a awful film 11" in said.out
    data = data_in(tmp_path / "page.html")
    assert data["title"] == "reviews.csv"
    assert data["sequences"][0]["text"] == "a awful film 11"
    assert len(data["sequences"]) > 1
    assert data["memory"]["sequences"] == 40


def test_a_row_of_series(latchwork, waves, tmp_path):
    model, table, X = waves
    said = latchwork("explain", model, table, "--row", 30, "--html", tmp_path / "page.html")
    assert said.status == 0, said.err
    assert "step 8" in said.out
    assert "kept by the update gate" in said.out
    sequence = data_in(tmp_path / "page.html")["sequences"][0]
    assert sequence["series"]["shape"] == list(X[29].shape)
    other = latchwork("explain", model, table, "--row", 1, "--series", "b,a")
    assert other.status == 0, other.err
    assert other.out != latchwork("explain", model, table, "--row", 1).out


def test_wrong_rows_and_files_are_errors_in_words(latchwork, reader, tmp_path):
    model, table = reader

    def refused(*arguments):
        result = latchwork("explain", model, *arguments)
        assert result.status != 0
        assert "Traceback" not in result.err
        return " ".join(result.err.split())

    assert "has 40 rows, so there is no row 41" in refused(table, "--row", 41)
    assert "greater than or equal to 1" in refused(table, "--row", 0)
    assert "--row" in refused(table, "--row", "first")
    assert "is a data file; say which of its rows with --row" in refused(table)
    assert "none.csv" in refused(tmp_path / "none.csv", "--row", 1).replace(" ", "")
    assert "there is no file nofile.csv" in refused("nofile.csv")
    assert "none.csv" in refused(tmp_path / "none.csv").replace(" ", "")
    assert latchwork("explain", model, "a great film.csv").status == 0
    (model / "columns.json").unlink()
    assert "none.csv" in refused(tmp_path / "none.csv", "--row", 1).replace(" ", "")
    assert "no column" in refused(table, "--row", 1, "--text", "words")
    assert "is no number" in refused(table, "--row", 1, "--series", "stars")
    numbers = tmp_path / "numbers.csv"
    numbers.write_text('a\n"[1, 2]"\n')
    assert "trained on texts" in refused(numbers, "--row", 1, "--series", "a")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused("a film", "--html", tmp_path / "file" / "page.html")
    assert "cannot be written" in refused("a film", "--html", tmp_path)


def test_fit_writes_the_page_of_all_its_cells(latchwork, reader, tmp_path):
    out = tmp_path / "fitted"
    fitted = latchwork(
        "fit", reader[1], "--text", "review", "--label", "stars", "--cells", "rnn,lstm", "--out", out,
        "--repeats", 3, "--epochs", 1, "--jobs", 1,
    )  # fmt: skip
    assert fitted.status == 0, fitted.err
    data = data_in(out / "report.html")
    assert [cell["name"] for cell in data["cells"]] == ["rnn", "lstm"]
    assert data["classes"] == ["bad", "good"]
    for sequence in data["sequences"]:
        assert list(sequence["runs"]) == ["rnn", "lstm"]
        assert sequence["label"] in ("bad", "good")
