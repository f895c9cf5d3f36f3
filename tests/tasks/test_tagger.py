"""SequenceTagger: rules it must learn, scikit-learn's conventions, saving, resuming, refusals."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from latchwork import SequenceTagger
from latchwork.errors import ConfigError, DataError
from latchwork.tasks import ESTIMATORS, TableRows, load_model, training
from latchwork.tasks.network import recurrent_parameters

LETTERS = np.array(list("abcdefghijklmnop"))


def stem(rng):
    return "".join(rng.choice(LETTERS, int(rng.integers(3, 7))))


def sentences(n, seed=0):
    """Tokens whose label follows from a rule: digits are NUM, words in -ly ADV, capitals NAME, the rest WORD; but
    ``turn`` is VERB before ``the`` and NOUN before anything else, which only the next token tells."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(n):
        tokens, labels = [], []
        for _ in range(int(rng.integers(3, 9))):
            kind = int(rng.integers(6))
            if kind == 0:
                tokens, labels = [*tokens, str(rng.integers(10_000))], [*labels, "NUM"]
            elif kind == 1:
                tokens, labels = [*tokens, stem(rng) + "ly"], [*labels, "ADV"]
            elif kind == 2:
                tokens, labels = [*tokens, stem(rng).capitalize()], [*labels, "NAME"]
            elif kind == 3:
                tokens, labels = [*tokens, "turn", "the"], [*labels, "VERB", "WORD"]
            elif kind == 4:
                tokens, labels = [*tokens, "turn", "a"], [*labels, "NOUN", "WORD"]
            else:
                tokens, labels = [*tokens, stem(rng) + "o"], [*labels, "WORD"]
        X.append(tokens)
        y.append(labels)
    return X, y


def small(cell="gru", **options):
    defaults = {"hidden_size": 12, "embedding_size": 12, "max_epochs": 8, "batch_size": 8, "learning_rate": 0.02}
    return SequenceTagger(cell, **{**defaults, "dropout": 0.1, "patience": None, **options})


def flat(rows):
    return [label for row in rows for label in row]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_learns_rules_of_words_it_never_saw(cell):
    X, y = sentences(300)
    new, truth = sentences(100, seed=1)
    assert small(cell).fit(X, y).score(new, truth) >= 0.99


def test_what_follows_needs_the_second_direction():
    X, y = sentences(300)
    new, truth = sentences(100, seed=1)

    def right(model):
        said = zip(flat(new), flat(truth), flat(model.predict(new)), strict=True)
        return np.mean([a == b for token, a, b in said if token == "turn"])

    assert right(small().fit(X, y)) >= 0.99
    assert right(small(bidirectional=False).fit(X, y)) < 0.75


def test_learns_spans_in_bio_labels():
    rng = np.random.default_rng(0)
    X, y = [], []
    for _ in range(250):
        name = [stem(rng).capitalize() for _ in range(int(rng.integers(1, 4)))]
        X.append(["in", *name, "we", "met", "him"])
        y.append(["O", "B-place", *["I-place"] * (len(name) - 1), "O", "O", "O"])
    model = small().fit(X[:200], y[:200])
    assert model.predict(X[200:]) == y[200:]


def test_a_label_for_each_step_of_a_series():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(int(n), 2)) for n in rng.integers(2, 9, 150)]
    y = [(x[:, 0] > 0).astype(int) for x in X]
    model = small().fit(X[:120], y[:120])
    assert model.score(X[120:], y[120:]) > 0.95
    said = model.predict(X[120:])
    assert [len(row) for row in said] == [len(x) for x in X[120:]]
    assert all(type(label) is int for label in flat(said))
    assert model.predict([np.empty((0, 2)), []]) == [[], []]
    cube = rng.normal(size=(30, 5, 2))
    assert small(max_epochs=1).fit(cube, cube[:, :, 1] > 0).predict(cube[:1]) != []


@pytest.fixture(scope="module")
def fitted():
    return small("lstm", max_epochs=2).fit(*sentences(60))


def test_predictions_are_as_long_as_the_rows_and_in_their_order(fitted):
    X, _ = sentences(40, seed=2)
    X = [[], *X, []]
    together = fitted.predict_proba(X)
    assert [p.shape for p in together] == [(len(row), 5 + 1) for row in X]
    assert all(np.allclose(p.sum(-1), 1) for p in together)
    alone = [fitted.predict_proba([row])[0] for row in X]
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(together, alone, strict=True))
    assert fitted.predict(X) == [fitted.classes_[p.argmax(-1)].tolist() for p in together]
    assert all(type(label) is str for label in flat(fitted.predict(X)))
    assert fitted.predict([]) == []
    assert fitted.predict([[], []]) == [[], []]


@settings(max_examples=15)
@given(X=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5), max_size=4))
def test_any_tokens_are_tagged(fitted, X):
    assert [len(row) for row in fitted.predict(X)] == [len(row) for row in X]


def test_tokens_may_be_tuples_and_arrays(fitted):
    X, y = sentences(20, seed=3)
    said = fitted.predict(X)
    assert fitted.predict([tuple(row) for row in X]) == said
    assert fitted.predict([np.array(row) for row in X]) == said
    assert fitted.predict(row for row in X) == said
    assert fitted.score(X, [np.array(row) for row in y]) == fitted.score(X, y)


def test_score_is_the_share_of_tokens(fitted):
    X, _ = sentences(20, seed=3)
    said = fitted.predict(X)
    assert fitted.score(X, said) == 1
    wrong = [["NUM" if label != "NUM" else "ADV", *row] for label, *row in said]
    assert fitted.score(X, wrong) == pytest.approx(1 - len(X) / sum(map(len, X)))
    assert fitted.score(X, [["never seen"] * len(row) for row in X]) == 0


def test_empty_rows_teach_nothing():
    X, y = sentences(30)
    mixed = small(max_epochs=2).fit([[], *X, []], [[], *y, []])
    assert mixed.predict(X) == small(max_epochs=2).fit(X, y).predict(X)


def test_words_are_forgotten_in_training_alone():
    X, y = sentences(30)
    kept, forgotten = (small(max_epochs=2, word_dropout=p).fit(X, y) for p in (0.0, 0.9))
    assert not np.array_equal(kept.predict_proba(X)[0], forgotten.predict_proba(X)[0])
    assert np.array_equal(forgotten.predict_proba(X)[0], forgotten.predict_proba(X)[0])
    inputs = torch.tensor([[[5, 9, 30]], [[0, 0, 0]]], dtype=torch.int32).repeat(1, 4000, 1)
    read = forgotten._forget_words(inputs)
    assert torch.equal(read[..., 1:], inputs[..., 1:])
    assert torch.equal(read[1], inputs[1])  # padding stays padding
    assert float((read[0, :, 0] == 1).float().mean()) == pytest.approx(0.9, abs=0.02)


def test_same_seed_same_model():
    X, y = sentences(40)
    first = small(max_epochs=2).fit(X, y).predict_proba(X)[0]
    assert np.array_equal(first, small(max_epochs=2).fit(X, y).predict_proba(X)[0])
    assert not np.array_equal(first, small(max_epochs=2, random_state=1).fit(X, y).predict_proba(X)[0])


@pytest.mark.parametrize("kind", ["tokens", "series"])
def test_saved_model_predicts_the_same_to_the_bit(tmp_path, kind):
    X, y = sentences(40)
    if kind == "series":
        rng = np.random.default_rng(0)
        X = [rng.normal(size=(len(row), 3)) for row in X]
    model = small("lstm", max_epochs=2, num_layers=2).fit(X, y)
    model.save(tmp_path)
    loaded = load_model(tmp_path)
    assert isinstance(loaded, SequenceTagger)
    assert all(np.array_equal(a, b) for a, b in zip(model.predict_proba(X), loaded.predict_proba(X), strict=True))
    assert loaded.predict(X) == model.predict(X)
    card = (tmp_path / "README.md").read_text()
    assert "token-classification" in card
    assert "token accuracy" in card


def test_whole_numbers_stay_so_when_saved(tmp_path):
    X, y = sentences(20)
    numbered = [[len(label) for label in row] for row in y]
    model = small(max_epochs=1).fit(X, numbered)
    model.save(tmp_path)
    assert SequenceTagger.load(tmp_path).predict(X) == model.predict(X)
    assert all(type(label) is int for label in flat(model.predict(X)))


class InterruptedFitError(Exception):
    pass


def test_an_interrupted_fit_goes_on_to_the_same_weights_to_the_bit(tmp_path, monkeypatch):
    X, y = sentences(60)
    options = {"max_epochs": 4, "word_dropout": 0.2, "cell_options": {"zoneout": 0.1}}
    whole = small(**options).fit(X, y)

    def stop(self, number, epoch, best):
        if number == 1:
            raise InterruptedFitError

    with monkeypatch.context() as patched:
        patched.setattr(training.Silent, "epoch", stop)
        with pytest.raises(InterruptedFitError):
            small(**options, checkpoint_dir=tmp_path).fit(X, y)
    resumed = small(**options, checkpoint_dir=tmp_path).fit(X, y)
    assert len(resumed.history_) == 4
    ours, theirs = resumed.network_.state_dict(), whole.network_.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    with pytest.raises(DataError, match="other data or options"):
        small(**{**options, "word_dropout": 0.3}, checkpoint_dir=tmp_path).fit(X, y)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tagged.jsonl"
    rows = zip(*sentences(300), strict=True)
    path.write_text("".join(json.dumps({"tokens": tokens, "tags": tags}) + "\n" for tokens, tags in rows))
    return path


def test_a_file_is_learned_from_block_by_block(file):
    model = small(shuffle_buffer=100).fit(TableRows(file, tokens="tokens", label="tags"))
    new, truth = sentences(100, seed=1)
    assert model.score(new, truth) >= 0.99
    assert model.classes_.tolist() == ["ADV", "NAME", "NOUN", "NUM", "VERB", "WORD"]


class Blocks:
    """Sentences in memory that are handed out as if they were streamed."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def blocks(self):
        for i in range(0, len(self.X), 50):
            yield self.X[i : i + 50], self.y[i : i + 50]


def test_streamed_sentences_may_be_empty_and_labels_are_of_one_type():
    X, y = sentences(60)
    model = small(max_epochs=2).fit(Blocks([*X, *[[]] * 100], [*y, *[[]] * 100]), None, X, y)
    assert all(np.isfinite(epoch.train_loss) for epoch in model.history_)
    with pytest.raises(DataError, match="two labels or more are needed, but y has none"):
        small(max_epochs=1).fit(Blocks([[]] * 40, [[]] * 40))
    with pytest.raises(DataError, match="give labels of one type"):
        small(max_epochs=1).fit(Blocks(X, [*y[:-1], [3] * len(X[-1])]))
    with pytest.raises(DataError, match="what was held out to validate on has no tokens"):
        small(max_epochs=1, validation_fraction=0.5).fit(Blocks([*X[:1], *[[]] * 40], [*y[:1], *[[]] * 40]))


def test_clone_and_grid_search():
    X, y = sentences(60)
    assert clone(small("lstm", word_dropout=0.3)).get_params() == small("lstm", word_dropout=0.3).get_params()
    search = GridSearchCV(small(max_epochs=2), {"cell": ["rnn", "gru"], "word_dropout": [0.0, 0.1]}, cv=2).fit(X, y)
    assert len(search.cv_results_["mean_test_score"]) == 4
    assert 0 < search.best_score_ <= 1
    assert search.predict(X) == search.best_estimator_.predict(X)


def test_shape_for_is_the_shape_of_the_fitted_network():
    X, y = sentences(20)
    model = small(max_epochs=1, num_layers=2)
    shape = model.shape_for(X, y)
    fitted = model.fit(X, y).network_.shape
    assert {**shape.to_data(), "vocabulary": None} == {**fitted.to_data(), "vocabulary": None}
    assert recurrent_parameters("gru", shape) == recurrent_parameters("gru", fitted)
    assert small().shape_for([np.zeros((3, 2))], [[0, 1, 1]]).features == 2
    assert ESTIMATORS["tag"] is SequenceTagger


def test_given_validation_data_are_used():
    X, y = sentences(40)
    model = small(max_epochs=2).fit(X[:30], y[:30], X[30:], y[30:])
    assert model.history_[model.best_epoch_].valid_score == pytest.approx(model.score(X[30:], y[30:]))
    of_truth = [
        proba[np.arange(len(row)), np.searchsorted(model.classes_, row)]
        for proba, row in zip(model.predict_proba(X[30:]), y[30:], strict=True)
    ]
    loss = -np.log(np.concatenate(of_truth)).mean()
    assert model.history_[model.best_epoch_].valid_loss == pytest.approx(loss, rel=1e-4)


GOOD = [["a", "b"], ["c"]]
TAGS = [["X", "Y"], ["X"]]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ("a text", TAGS, "X is one text; split it into tokens"),
        (["a text", "b"], TAGS, "row 0 of X is a text.*split each text into them"),
        ([["a", "b"], "c"], TAGS, "row 1 of X is a text"),
        ([["a", "b"], [1]], TAGS, r"row 1 of X has 1 \(int\) at token 0"),
        ([["a", None], ["c"]], TAGS, r"row 0 of X has None \(NoneType\) at token 1"),
        ([["a", "\ud800"], ["c"]], TAGS, "the token 1 of row 0 of X is no valid text"),
        ([["a", "b"], None], TAGS, "row 1 of X is NoneType"),
        (np.arange(2), TAGS, "row 0 of X is int64"),
        (7, TAGS, "X is int"),
        ([np.zeros(2), np.array([np.nan])], [[0, 1], [0]], "row 1 of X is NaN at step 0"),
        ([np.zeros((2, 2)), np.zeros((1, 3))], [[0, 1], [0]], "row 1 of X has 3 channels"),
        ([], [], "X has no tokens"),
        ([[], []], [[], []], "X has no tokens"),
        (GOOD, None, "y is None"),
        (GOOD, "XY", "y is str"),
        (GOOD, TAGS[:1], "X has 2 rows and y has 1"),
        (GOOD, [["X", "Y"], ["X", "Y"]], "row 1 has 1 tokens, but 2 labels in y"),
        (GOOD, [["X", "Y"], "X"], "row 1 of y is 'X'; give a list of labels"),
        (GOOD, ["X", "Y"], "row 0 of y is 'X'; give a list of labels"),
        (GOOD, [["X", None], ["X"]], "row 0 of y has no label at token 1"),
        (GOOD, [["X", float("nan")], ["X"]], "row 0 of y has no label at token 1"),
        (GOOD, [["X", "Y"], [3]], "row 1 of y has the label 3 at token 0, and row 0 has 'X'"),
        (GOOD, [[1.5, 2], [3]], "row 0 of y has the label 1.5 at token 0; give texts or whole numbers"),
        (GOOD, [["X", "\ud800"], ["X"]], "the label at token 1 of row 0 of y is no valid text"),
        (GOOD, [["X", "X"], ["X"]], "two labels or more are needed, but y has only 'X'"),
        ([["a", "b"]], [["X", "Y"]], "1 sample is too few"),
    ],
)
def test_unusable_data_is_refused_in_words(X, y, message):
    with pytest.raises(DataError, match=message):
        small().fit(X, y)


def test_other_refusals(fitted):
    X, y = sentences(10)
    with pytest.raises(ConfigError, match="word_dropout must be a number, at least 0 and below 1"):
        small(word_dropout=1.0).fit(X, y)
    with pytest.raises(NotFittedError):
        small().predict(X)
    with pytest.raises(DataError, match="row 3 of y_valid has the label 'NEW', which y does not have"):
        small().fit(X, y, X, [*y[:3], ["NEW"] * len(X[3]), *y[4:]])
    with pytest.raises(DataError, match="give both or none"):
        small().fit(X, y, X)
    with pytest.raises(DataError, match="row 0 has 1 tokens, but 2 labels in y_valid"):
        small().fit(X, y, [["a"]], [["NUM", "NUM"]])
    with pytest.raises(DataError, match="X_valid has no tokens"):
        small().fit(X, y, [[]], [[]])
    with pytest.raises(DataError, match="trained on tokens, but X holds series"):
        fitted.predict([np.zeros((3, 2))])
    with pytest.raises(DataError, match="row 0 of X is a text"):
        fitted.predict(["turn the"])
    with pytest.raises(DataError, match="no tokens to score"):
        fitted.score([[]], [[]])
    series = small(max_epochs=1).fit([np.zeros((3, 2))] * 4, [[0, 1, 0]] * 4)
    with pytest.raises(DataError, match="trained on series of numbers, but X holds tokens"):
        series.predict(X)
    with pytest.raises(DataError, match="has 1 channels.*trained on 2"):
        series.predict([np.zeros((4, 1))])
