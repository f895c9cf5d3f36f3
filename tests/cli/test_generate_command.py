"""Text at the terminal and in a pipe."""

import sys

import pytest

from latchwork import SequenceClassifier, SequenceGenerator
from latchwork.cli.readings import remember
from latchwork.cli.readings.generate import GenerateReading


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    texts = ["to be or not", "so do we all"] * 60
    model = SequenceGenerator(
        "gru", hidden_size=24, embedding_size=8, batch_size=8, max_epochs=15, chunk=16, dropout=0, learning_rate=0.02
    )
    return model.fit(texts).save(tmp_path_factory.mktemp("generate") / "model")


def test_the_prompt_and_what_follows_are_written(latchwork, folder):
    done = latchwork("generate", folder, "--prompt", "to b", "--temperature", 0)
    assert done.status == 0, done.err
    assert done.out == f"to b{SequenceGenerator.load(folder).generate('to b', temperature=0)}\n"
    assert done.out == "to be or not\n"
    assert latchwork("generate", folder, "--prompt", "to b", "--temperature", 0, "--stop", " or").out == "to be\n"
    assert latchwork("generate", folder, "--prompt", "s", "--top-k", 1, "--length", 4).out == "so do\n"


def test_a_seed_writes_the_same_again(latchwork, folder):
    options = ("--seed", 5, "--top-p", 0.9, "--length", 40)
    assert latchwork("generate", folder, *options).out == latchwork("generate", folder, *options).out


def test_at_a_terminal_nothing_moves_the_cursor(latchwork, folder, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = latchwork("generate", folder, "--prompt", "\x1b[2J", "--length", 0)
    assert shown.out == "�[2J\n"


def test_errors_are_said_in_words(latchwork, folder, tmp_path):
    for option, value, words in [("--temperature", -1, "temperature must be"), ("--top-p", 2, "top_p must be")]:
        done = latchwork("generate", folder, option, value)
        assert done.status == 1
        assert words in done.err
        assert done.out == ""
    classifier = SequenceClassifier("rnn", hidden_size=2, max_epochs=1).fit(["a b", "c d"] * 5, [0, 1] * 5)
    done = latchwork("generate", classifier.save(tmp_path / "other"))
    assert done.status == 1
    assert "another task" in done.err
    assert "no saved model" in " ".join(latchwork("generate", tmp_path).err.split())


def test_the_users_own_documents_end(latchwork, folder):
    remember(GenerateReading("text"), folder)
    assert len(latchwork("generate", folder, "--seed", 3, "--length", 200).out) < 60
    several = latchwork("generate", folder, "--seed", 3, "--length", 200, "--documents", 3).out
    assert several.count("\n\n") == 2


def test_a_text_that_was_divided_goes_on_until_its_length(latchwork, folder):
    remember(GenerateReading(), folder)
    options = ("--seed", 3, "--length", 200)
    done = latchwork("generate", folder, "--prompt", "to b", *options)
    assert done.status == 0, done.err
    first, *others = done.out.removesuffix("\n").split("\n\n")
    assert first == "to b" + SequenceGenerator.load(folder).generate("to b", seed=3)
    assert len(done.out) == len("to b") + 200 + 1
    assert len(set(others)) > 1
    assert done.out == latchwork("generate", folder, "--prompt", "to b", *options).out
    assert len(latchwork("generate", folder, *options, "--documents", 1).out) < 60
    assert latchwork("generate", folder, "--prompt", "to b", *options, "--stop", " ").out == "to be\n"
    assert latchwork("generate", folder, "--prompt", "to b", "--temperature", 0).out == "to be or not\n"


def test_a_prompt_that_is_no_text_is_said_so(latchwork, folder):
    done = latchwork("generate", folder, "--prompt", "a\ud800")
    assert done.status == 1
    assert "prompt is no valid text" in " ".join(done.err.split())
