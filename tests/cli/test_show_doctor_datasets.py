"""Commands that only tell."""

import pytest

from latchwork import __version__, cells
from timing import cpu_seconds


@pytest.mark.parametrize("name", cells.names())
def test_show_every_cell(latchwork, name):
    shown = latchwork("show", name)
    assert shown.status == 0
    graph = cells.get(name).graph
    for value in graph.traced:
        assert f"{value}[t] = " in shown.out
    assert "weight_ih" in shown.out
    assert "parameters a layer with I = 64, H = 64" in shown.out


def test_show_says_what_an_lstm_is(latchwork):
    shown = latchwork("show", "lstm", "-i", 10, "-u", 20).out
    assert "c[t] = forget[t] ⊙ c[t−1] + input[t] ⊙ candidate[t]" in shown
    assert "What keeps c: the forget gate." in shown
    assert "2,560 parameters" in shown  # 4·20·(10 + 20 + 2)
    latex = latchwork("show", "lstm", "--latex").out
    assert latex.startswith("\\begin{aligned}")
    assert latex.count("&=") == 6


def test_show_draws_the_cell(latchwork):
    drawn = latchwork("show", "lstm", "--svg")
    assert drawn.status == 0
    assert drawn.out.startswith("<svg ")
    assert drawn.out.endswith("</svg>\n")
    assert ">forget</text>" in drawn.out


def test_show_refuses_in_words(latchwork):
    assert "Did you mean 'gru'" in latchwork("show", "grru").err
    assert "no file nowhere.py" in latchwork("show", "nowhere.py:mine").err


def test_doctor(latchwork):
    told = latchwork("doctor")
    assert told.status == 0
    assert __version__ in told.out
    for name in cells.names():
        assert name in told.out


def test_datasets(latchwork):
    told = latchwork("datasets", "list").out
    for name in ("reviews", "japanese_vowels", "spoken_digits", "licence"):
        assert name in told
    fetched = latchwork("datasets", "fetch", "japanese_vowels")
    assert "640 sequences, 9 classes" in fetched.out
    assert "no data set" in " ".join(latchwork("datasets", "fetch", "smells").err.split())


def test_version_and_help(latchwork):
    assert latchwork("--version").out.strip() == __version__
    assert "predict" in latchwork("--help").out
    assert latchwork("frobnicate").status == 2


def test_help_is_quick():
    assert cpu_seconds("-m", "latchwork.cli", "--help") < 0.3
