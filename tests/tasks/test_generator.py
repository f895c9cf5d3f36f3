"""SequenceGenerator: a known language is learned, its bits are known; sampling, saving, resuming, odd inputs."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from latchwork import SequenceGenerator
from latchwork.errors import ConfigError, DataError
from latchwork.tasks import corpus, generator, load_model
from latchwork.tasks.stepping import read_on

WORDS = ("abca", "bcab", "cabc", "dcba")


def documents(count, seed=0):
    """A word drawn of four: two bits a document, and nothing more to tell."""
    return [WORDS[i] for i in np.random.default_rng(seed).integers(0, 4, count)]


def small(cell="gru", **options):
    defaults = {"hidden_size": 24, "embedding_size": 8, "batch_size": 8, "chunk": 20, "max_epochs": 15}
    return SequenceGenerator(cell, **{**defaults, "dropout": 0.0, "learning_rate": 0.02, **options})


@pytest.fixture(scope="module")
def model():
    return small().fit(documents(600))


@pytest.mark.parametrize("unit", ["characters", "bytes", "subwords"])
def test_a_language_is_learned_to_the_bits_that_it_has(unit):
    fitted = small(unit=unit, vocabulary_size=260, max_epochs=30).fit(documents(900))
    assert fitted.code_length(WORDS) == pytest.approx([2] * 4, abs=0.4)
    assert fitted.bits_per_character(documents(50, seed=1)) == pytest.approx(2 / 5, abs=0.05)
    assert fitted.score(documents(50, seed=1)) == -fitted.bits_per_character(documents(50, seed=1))
    assert len(set(fitted.predict([""] * 20)) & set(WORDS)) >= 3
    assert fitted.history_[-1].valid_score == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_state_is_carried_over_chunks_and_the_gradient_is_not(monkeypatch, cell):
    seen = []

    def recorded(network, inputs, state):
        scores, after = read_on(network, inputs, state)
        if network.training:
            seen.append((state, after))
        return scores, after

    monkeypatch.setattr(generator, "read_on", recorded)
    small(cell, max_epochs=2).fit("abcd" * 200)
    fresh = [i for i, (state, _) in enumerate(seen) if state is None]
    assert fresh == [0, len(seen) // 2]
    assert len(seen) >= 8
    for i in set(range(len(seen))) - set(fresh):
        for given, before in zip(states(seen[i][0]), states(seen[i - 1][1]), strict=True):
            assert torch.equal(given, before)
            assert before.requires_grad
            assert not given.requires_grad


def states(state):
    return state if isinstance(state, tuple) else (state,)


def test_probabilities_of_all_documents_sum_to_one_at_most(model):
    every = ["".join(letters) for size in range(4) for letters in itertools.product("abcd", repeat=size)]
    assert 0 < (2.0 ** -model.code_length(every)).sum() <= 1


def test_an_unseen_character_costs_its_code_point(model):
    seen, unseen = model.code_length(["abca", "abcz"])
    assert seen + 21 < unseen < math.inf
    assert model.code_length(["z"]) == model.code_length(["ß"])
    assert model.generate("zzz", length=9, seed=0) == model.generate("ßßß", length=9, seed=0)


def test_rare_characters_cost_no_code_point_and_all_documents_are_still_one_code():
    fitted = small(max_epochs=3, min_count=9).fit([*documents(300), "abcx", "abcy", "abcz"], X_valid=documents(50))
    rare, new = fitted.code_length(["abcx", "abcw"])
    assert new - rare == pytest.approx(21)
    assert fitted.code_length(["abcx"]) == fitted.code_length(["abcz"])
    every = ["".join(letters) for size in range(3) for letters in itertools.product("abcdxyz", repeat=size)]
    others = (0x110000 - 7) * (2.0 ** -fitted.code_length(["w", "wa"])).sum()
    assert 0 < (2.0 ** -fitted.code_length(every)).sum() + others <= 1


def test_the_score_of_validation_is_the_bits_per_character():
    valid = [*documents(30, seed=1), "abcx", "abcé"]
    fitted = small(max_epochs=1, min_count=9).fit([*documents(300), "abcx"], X_valid=valid)
    # one stream of all of them, so that the state is the same and every end is told
    assert fitted.history_[0].valid_score == pytest.approx(fitted.bits_per_character(valid), rel=1e-4)


def test_generating(model):
    assert model.generate("ab", temperature=0) == "ca"
    assert model.generate(seed=3) == "".join(model.stream(seed=3))
    assert len({model.generate(seed=i) for i in range(20)}) > 1
    assert model.generate("d", length=2, temperature=0) == "cb"
    assert model.generate(length=0) == ""
    assert model.generate("b", temperature=0, stop="ab") == "c"
    assert model.generate("a", top_k=1) == model.generate("a", top_p=0.5, seed=0) == "bca"


def test_predicting_is_the_same_at_each_call(model):
    assert model.predict(["", "", "a"]) == model.predict(["", "", "a"])
    assert model.predict([]) == []


def test_saved_and_loaded_it_gives_the_same_to_the_bit(model, tmp_path):
    for fitted in (model, small(unit="subwords", vocabulary_size=260, max_epochs=1).fit(documents(200))):
        again = load_model(fitted.save(tmp_path / fitted.unit))
        assert isinstance(again, SequenceGenerator)
        assert np.array_equal(again.code_length(documents(9)), fitted.code_length(documents(9)))
        assert again.predict([""] * 5) == fitted.predict([""] * 5)
    card = (tmp_path / "characters" / "README.md").read_text()
    assert "6 symbols" in card
    assert "bits per character" in card


def test_clone_and_grid_search():
    assert clone(small(chunk=7)).get_params() == small(chunk=7).get_params()
    search = GridSearchCV(small(max_epochs=2), {"hidden_size": [1, 24]}, cv=2).fit(documents(200))
    assert search.best_params_ == {"hidden_size": 24}


class KilledError(Exception):
    pass


@pytest.mark.parametrize("epoch_steps", [None, 7])
def test_a_killed_fit_goes_on_to_the_same_weights_to_the_bit(tmp_path, monkeypatch, epoch_steps):
    options = {"max_epochs": 4, "dropout": 0.3, "epoch_steps": epoch_steps, "patience": None}
    whole = small(**options).fit(documents(300))
    train = SequenceGenerator._train

    def killed_in_the_third_epoch(self, stream, valid, seed):
        epoch = stream.epoch

        def broken(number, limit, device):
            for step, chunk in enumerate(epoch(number, limit, device)):
                if number == 2 and step == 3:
                    raise KilledError
                yield chunk

        stream.epoch = broken
        train(self, stream, valid, seed)

    with monkeypatch.context() as patch:
        patch.setattr(SequenceGenerator, "_train", killed_in_the_third_epoch)
        with pytest.raises(KilledError):
            small(**options, checkpoint_dir=tmp_path).fit(documents(300))
    assert (tmp_path / "checkpoint.safetensors").exists()
    resumed = small(**options, checkpoint_dir=tmp_path).fit(documents(300))
    weights, expected = resumed.network_.state_dict(), whole.network_.state_dict()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert len(resumed.history_) == 4
    with pytest.raises(DataError, match="other data or options"):
        small(**options, checkpoint_dir=tmp_path).fit(documents(300, seed=1))


@pytest.mark.parametrize("unit", ["characters", "bytes"])
def test_a_file_is_learned_as_its_text_is(tmp_path, unit):
    text = "\n".join(documents(300))
    path = tmp_path / "text.txt"
    path.write_text(text)
    kept, filed = (small(unit=unit, max_epochs=2, epoch_steps=9).fit(given) for given in (text, path))
    assert np.array_equal(kept.code_length(["abca\n"]), filed.code_length(["abca\n"]))


@pytest.mark.parametrize("unit", ["characters", "bytes"])
def test_a_file_is_never_in_memory_whole(tmp_path, monkeypatch, unit):
    path = tmp_path / "text.txt"
    with path.open("w") as file:
        for _ in range(150):
            file.write("\n".join(documents(80_000)))
    assert path.stat().st_size > 59_000_000
    monkeypatch.setattr(corpus, "VALIDATION_MOST", 1_000)
    tracemalloc.start()
    try:
        small(unit=unit, max_epochs=2, epoch_steps=3).fit(path)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_validation_text_may_be_given(tmp_path):
    path = tmp_path / "valid.txt"
    path.write_text("".join(documents(20, seed=2)))
    for valid in (documents(20, seed=2), "".join(documents(20, seed=2)), path):
        assert small(max_epochs=1).fit(documents(200), X_valid=valid).history_[0].valid_loss > 0


def test_sizes_without_fitting():
    shape = small().shape_for(documents(100))
    assert (shape.vocabulary, shape.outputs, shape.hidden_size, shape.pooling) == (6, 6, 24, None)
    assert small().fit(documents(100)).network_.shape == shape


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ("", "the text is empty"),
        ([], "X is empty"),
        ("a", "no character"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "only one character, 'a'"),
        (["aaa", "aa", "a"], "only one character, 'a'"),
        ("abababababab", "has 11 symbols, which is less than one chunk=20"),
        (["only one"] * 2, "has 8 symbols"),
        ([["a", "word"]], "list of words"),
        ([1.0, 2.0], "row 0 of X is float"),
    ],
)
def test_texts_that_cannot_be_learned_from(X, words):
    with pytest.raises(DataError, match=words):
        small(validation_fraction=0.1).fit(X)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"chunk": 0}, "chunk must be a whole number, at least 1"),
        ({"unit": "words"}, "unit must be one of 'characters', 'bytes', 'subwords'"),
        ({"epoch_steps": 0}, "epoch_steps must be"),
        ({"hidden_size": 1.5}, "hidden_size must be"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(ConfigError, match=words):
        small(**options).fit(documents(100))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": -1}, "temperature must be"),
        ({"top_k": 0}, "top_k must be"),
        ({"top_p": 0}, "top_p must be"),
        ({"length": -1}, "length must be"),
        ({"length": 1.5}, "length must be"),
        ({"stop": ""}, "stop must be"),
        ({"seed": -1}, "seed must be"),
        ({"prompt": 3}, "prompt must be"),
    ],
)
def test_generating_refuses_before_anything_is_given_out(model, options, words):
    with pytest.raises(ConfigError, match=words):
        model.stream(**options)


def test_scoring_refusals(model, tmp_path):
    with pytest.raises(DataError, match=r"path\.read_text"):
        model.code_length(tmp_path)
    with pytest.raises(DataError, match="X is empty"):
        model.bits_per_character([])
    with pytest.raises(NotFittedError):
        small().generate()
    with pytest.raises(NotFittedError):
        small().code_length(["a"])
