"""From a table to a model, predictions and an explanation."""

import csv
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from latchwork import SequenceClassifier

QUICK = ("--repeats", 3, "--epochs", 6, "--jobs", 1)


@pytest.fixture
def reviews(tmp_path):
    rng = np.random.default_rng(0)
    words = {"good": ["great", "lovely", "fun"], "bad": ["awful", "dull", "poor"]}
    rows = []
    for i in range(120):
        kind = ("good", "bad")[i % 2]
        text = " ".join(rng.permutation(["the", "film", "was", "quite", str(rng.choice(words[kind]))]))
        rows.append({"review": text, "stars": kind, "author": f"a{i // 4}"})
    path = tmp_path / "reviews.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["review", "stars", "author"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_texts_from_the_table_to_the_explanation(latchwork, reviews, tmp_path):
    out = tmp_path / "model"
    fitted = latchwork(
        "fit", reviews, "--text", "review", "--label", "stars", "--cells", "rnn,gru", "--group", "author",
        "--out", out, *QUICK,
    )  # fmt: skip
    assert fitted.status == 0, fitted.err
    for expected in ("rnn", "gru", "majority class", "bag of words", "95 % interval", "How sure"):
        assert expected in fitted.out
    assert sorted(p.name for p in out.iterdir()) == [
        "README.md",
        "columns.json",
        "config.json",
        "model.safetensors",
        "report.html",
    ]
    page = (out / "report.html").read_text()
    assert "reviews.csv" in page
    assert page.count("<svg") == 2
    assert re.findall(r"(?:src|href)\s*=\s*[\"'](?!#)|url\((?!#)", page) == []  # nothing from elsewhere

    predicted = latchwork("predict", out, reviews)
    assert predicted.status == 0, predicted.err
    rows = list(csv.DictReader(predicted.out.splitlines()))
    assert len(rows) == 120
    model = SequenceClassifier.load(out)
    texts = [row["review"] for row in csv.DictReader(reviews.open())]
    assert [row["prediction"] for row in rows] == model.predict(texts).tolist()
    assert float(rows[0]["p_good"]) == pytest.approx(model.predict_proba(texts[:1])[0, 1], abs=1e-6)
    to_file = latchwork("predict", out, reviews, "--out", tmp_path / "p.csv")
    assert to_file.out == ""
    assert (tmp_path / "p.csv").read_text() == predicted.out

    said = latchwork("explain", out, "the film was great")
    assert said.status == 0, said.err
    assert "completeness error" in said.out
    assert "great" in said.out
    assert latchwork("explain", out, "").status == 1


def test_series_in_columns_of_lists(latchwork, tmp_path):
    rng = np.random.default_rng(1)
    drift = [1 if i % 2 else -1 for i in range(100)]
    series = [(d * np.linspace(0, 1, 8) + rng.normal(0, 0.1, 8)).tolist() for d in drift]
    noise = [rng.normal(size=8).tolist() for _ in drift]
    path = tmp_path / "waves.parquet"
    pq.write_table(pa.table({"a": series, "b": noise, "kind": ["up" if d > 0 else "down" for d in drift]}), path)
    out = tmp_path / "model"
    fitted = latchwork("fit", path, "--series", "a,b", "--label", "kind", "--cells", "gru", "--out", out, *QUICK)
    assert fitted.status == 0, fitted.err
    assert SequenceClassifier.load(out).encoder_.channels == 2
    assert latchwork("predict", out, path).out.count("\n") == 101
    refused = latchwork("explain", out, "up or down")
    assert refused.status == 1
    assert "reads series of numbers" in " ".join(refused.err.split())


def test_a_cell_of_ones_own_from_a_file(latchwork, reviews, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "from latchwork import affine, cell, sigmoid, tanh\n\n@cell\ndef leaky(x, h):\n"
        '    """A leaky integrator."""\n    keep = sigmoid(affine(x))\n'
        "    h = keep * h + (1 - keep) * tanh(affine(x, h))\n    return h\n"
    )
    out = tmp_path / "m"
    cells = f"{script}:leaky"
    fitted = latchwork("fit", reviews, "--text", "review", "--label", "stars", "--cells", cells, "--out", out, *QUICK)
    assert fitted.status == 0, fitted.err
    script.unlink()  # the model carries its cell
    assert "kept by the keep gate" in latchwork("explain", out, "a great film").out


@pytest.mark.parametrize(
    ("contents", "options", "message"),
    [
        ("text,kind\n", {}, "header"),
        ("", {}, "empty"),
        ("text,kind\na,x\nb,y\nc,x\n", {}, "x"),
        ("text,kind\n" + "a,x\n" * 50, {}, "x"),
        ("text,kind\na,x\n", {"--text": "words"}, "no column"),
        ("text,kind\na,x\n", {"--label": "label"}, "no column"),
        ("text,kind\na,x\n", {"--cells": "lstn"}, "Did you mean 'lstm'"),
        ("text,kind\na,x\n", {"--cells": ","}, "--cells is empty"),
        ("text,kind\na,x\n", {"--time-budget": "soon"}, "no duration"),
        ("text,kind\na,x\n", {"--series": "kind"}, "not both"),
        (b"text,kind\n\xff\xfe,x\n", {}, "UTF-8"),
    ],
)
def test_bad_input_is_an_error_in_words(latchwork, tmp_path, contents, options, message):
    path = tmp_path / "data.csv"
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    chosen = {"--text": "text", "--label": "kind", "--out": tmp_path / "m", **options}
    result = latchwork("fit", path, *(part for pair in chosen.items() for part in pair), *QUICK)
    assert result.status == 1
    assert message in " ".join(result.err.split())
    assert result.err.strip().startswith("error: ")
    assert "Traceback" not in result.err
    assert not (tmp_path / "m").exists()


def test_missing_files_and_models(latchwork, tmp_path):
    nothing = latchwork("fit", tmp_path / "none.csv", "--text", "t", "--label", "l")
    assert nothing.status == 1
    assert "none.csv" in " ".join(nothing.err.split()).replace(" ", "")
    assert latchwork("explain", tmp_path, "words").status == 1
    (tmp_path / "numbers.csv").write_text("n,l\n" + "1,a\n2,b\n" * 9)
    unsaid = latchwork("fit", tmp_path / "numbers.csv", "--label", "l")
    assert "--text COL" in unsaid.err
    (tmp_path / "file").write_text("")
    table = tmp_path / "t.jsonl"
    table.write_text("\n".join(json.dumps({"t": "a", "l": i % 2}) for i in range(40)))
    blocked = latchwork("fit", table, "--text", "t", "--label", "l", "--out", tmp_path / "file" / "x")
    assert blocked.status == 1
    assert "written" in " ".join(blocked.err.split())


def test_labels_and_paths_are_no_markup(latchwork, tmp_path):
    rows = ["text,kind"] + [f"{('great', 'awful')[i % 2]} film,{('[/x]', '[red]')[i % 2]}" for i in range(60)]
    (tmp_path / "data.csv").write_text("\n".join(rows))
    out = tmp_path / "o[bold]"
    options = ("--text", "text", "--label", "kind", "--cells", "gru", "--out", out)
    fitted = latchwork("fit", tmp_path / "data.csv", *options, *QUICK)
    assert fitted.status == 0, fitted.err
    assert "o[bold]" in "".join(fitted.out.split())
    said = latchwork("explain", out, "great [/] film")
    assert said.status == 0, said.err
    assert "log-odds of [/x]" in said.out
    assert "great [/] film" in said.out
    page = latchwork("predict", out, tmp_path / "data.csv", "--out", tmp_path)
    assert page.status == 1
    assert "cannot be written" in " ".join(page.err.split())


def test_a_folder_with_other_files_is_refused_before_the_trial(latchwork, tmp_path):
    (tmp_path / "README.md").write_text("# mine")
    (tmp_path / "d.csv").write_text("t,k\n" + "a,x\nb,y\n" * 30)
    refused = latchwork("fit", tmp_path / "d.csv", "--text", "t", "--label", "k", "--out", tmp_path, *QUICK)
    assert refused.status == 1
    assert "overwritten" in " ".join(refused.err.split())
    assert (tmp_path / "README.md").read_text() == "# mine"


@pytest.fixture
def hourly(tmp_path):
    start = np.datetime64("2024-01-01T00:00:00")
    path = tmp_path / "hourly.csv"
    values = np.random.default_rng(3).normal(10, 1, 240)
    rows = [f"{str(start + np.timedelta64(i, 'h')).replace('T', ' ')},{value:.3f}" for i, value in enumerate(values)]
    path.write_text("\n".join(["when,load", *rows]))
    return path


def test_hours_from_the_file_to_the_forecast(latchwork, hourly, tmp_path):
    out = tmp_path / "model"
    fitted = latchwork("fit", hourly, "--horizon", 4, "--cells", "gru", "--season", 24, "--out", out, *QUICK)
    assert fitted.status == 0, fitted.err
    assert "'when' is taken as the time" in fitted.out
    assert json.loads((out / "columns.json").read_text())["step"] == "1 hour"
    predicted = latchwork("predict", out, hourly)
    assert [row["time"] for row in csv.DictReader(predicted.out.splitlines())] == [
        f"2024-01-11 0{hour}:00:00" for hour in range(4)
    ]
    days = tmp_path / "days.csv"
    days.write_text("when,load\n" + "".join(f"2024-01-{i:02},{i % 4}\n" for i in range(1, 30)))
    refused = latchwork("predict", out, days)
    assert refused.status == 1
    assert "steps of 1 day, but the model was fitted on steps of 1 hour" in " ".join(refused.err.split())


def test_what_the_trial_notes_is_printed(latchwork, reviews, tmp_path):
    options = ("--text", "review", "--label", "stars", "--cells", "gru", "--out", tmp_path / "m")
    fitted = latchwork("fit", reviews, *options, *QUICK, "--time-budget", "0.01s")
    assert fitted.status == 0, fitted.err
    assert "over the time budget" in " ".join(fitted.out.split())


def test_a_text_in_bytes_goes_on_past_its_paragraphs(latchwork, tmp_path):
    path = tmp_path / "prose.txt"
    path.write_text("\n\n".join(["to be or not", "so do we all"] * 60))
    out = tmp_path / "m"
    fitted = latchwork("fit", path, "--unit", "bytes", "--cells", "gru", "--out", out, *QUICK)
    assert fitted.status == 0, fitted.err
    assert json.loads((out / "config.json").read_text())["parameters"]["unit"] == "bytes"
    written = latchwork("generate", out, "--length", 300, "--seed", 1).out
    assert len(written) == 301
    assert "\n\n" in written


def test_columns_of_a_file_that_has_none(latchwork, tmp_path):
    from latchwork import SequenceTagger
    from latchwork.cli.readings import remember
    from latchwork.cli.readings.tag import TagReading

    model = SequenceTagger("rnn", hidden_size=2, max_epochs=1).fit([["a", "b"]] * 10, [["X", "Y"]] * 10)
    remember(TagReading("words", "pos"), model.save(tmp_path / "m"))
    plain = tmp_path / "new.conll"
    plain.write_text("a\nb\n")
    assert latchwork("predict", tmp_path / "m", plain).out.count("\n") == 3
    refused = latchwork("predict", tmp_path / "m", plain, "--tokens", "form")
    assert refused.status == 1
    assert "has no columns to name" in " ".join(refused.err.split())
