"""SequenceClassifier: learning, scikit-learn's conventions, saving, odd inputs."""

import json

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import latchwork as lw
from latchwork import SequenceClassifier
from latchwork.errors import ConfigError, DataError

GOOD = ["a wonderful film", "great acting and a great plot", "i loved it", "truly wonderful", "great fun"]
BAD = ["a dull film", "awful acting and an awful plot", "i hated it", "truly dull", "awful bore"]


def reviews(n):
    rng = np.random.default_rng(0)
    texts, classes = [], []
    for i in range(n):
        kind = i % 2
        texts.append(" ".join(rng.permutation([(GOOD, BAD)[kind][rng.integers(5)], "the", "movie", "was"])))
        classes.append(("good", "bad")[kind])
    return texts, np.array(classes)


def waves(n, channels=2):
    """Series of different lengths whose class is the direction that the first channel drifts in."""
    rng = np.random.default_rng(1)
    X, y = [], []
    for i in range(n):
        steps = int(rng.integers(5, 15))
        drift = (1 if i % 2 else -1) * np.linspace(0, 1, steps)
        X.append(np.column_stack([drift] + [np.zeros(steps)] * (channels - 1)) + rng.normal(0, 0.1, (steps, channels)))
        y.append(i % 2)
    return X, np.array(y)


def small(cell="gru", **options):
    defaults = {"hidden_size": 8, "embedding_size": 8, "max_epochs": 12, "batch_size": 8, "learning_rate": 0.02}
    return SequenceClassifier(cell, **{**defaults, "dropout": 0.1, "patience": None, **options})


@parametrize_with_checks([small(max_epochs=8, dropout=0.0, learning_rate=0.03)])
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mgu"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_learns_texts(cell, pooling):
    X, y = reviews(120)
    model = small(cell, pooling=pooling).fit(X[:90], y[:90])
    assert model.score(X[90:], y[90:]) >= 0.9
    assert list(model.classes_) == ["bad", "good"]


@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True}, {"num_layers": 2}, {"cell_options": {"zoneout": 0.1}}]
)
def test_learns_series_of_different_lengths(options):
    X, y = waves(80)
    model = small(**options).fit(X[:60], y[:60])
    assert model.score(X[60:], y[60:]) >= 0.9


def test_series_may_be_arrays_of_three_dimensions_or_lists_of_one():
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(20, 6, 3))
    y = (cube[:, :, 0].sum(1) > 0).astype(int)
    model = small().fit(cube, y)
    assert np.array_equal(model.predict(cube), model.predict(list(cube)))
    ragged = [rng.normal(size=int(n)) for n in rng.integers(2, 9, 20)]
    assert small(max_epochs=1).fit(ragged, y).predict_proba(ragged).shape == (20, 2)


def test_probabilities_sum_to_one_and_keep_the_order_of_the_rows():
    X, y = reviews(60)
    model = small().fit(X, y)
    together = model.predict_proba(X)
    assert np.allclose(together.sum(1), 1)
    alone = np.concatenate([model.predict_proba([text]) for text in X[:10]])
    assert np.allclose(together[:10], alone, atol=1e-5)


def test_empty_texts_and_unseen_words_are_predicted():
    X, y = reviews(60)
    model = small().fit([*X, "", ""], [*y, "good", "bad"])
    probabilities = model.predict_proba(["", "zzz qqq", "wonderful"])
    assert np.isfinite(probabilities).all()
    assert probabilities[2, 1] > 0.5
    assert model.predict_proba([]).shape == (0, 2)


def test_same_seed_same_model_and_the_callers_generators_are_left_alone():
    X, y = reviews(40)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = small(max_epochs=2).fit(X, y).predict_proba(X)
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(first, small(max_epochs=2).fit(X, y).predict_proba(X))
    assert not np.array_equal(first, small(max_epochs=2, random_state=1).fit(X, y).predict_proba(X))


def test_clone_and_grid_search():
    X, y = reviews(60)
    assert clone(small(cell="lstm", dropout=0.3)).get_params() == small(cell="lstm", dropout=0.3).get_params()
    search = GridSearchCV(small(max_epochs=3), {"cell": ["rnn", "gru"], "hidden_size": [4, 6]}, cv=2).fit(X, y)
    assert search.best_params_["cell"] in ("rnn", "gru")
    assert len(search.cv_results_["mean_test_score"]) == 4


def test_early_stopping_keeps_the_weights_of_the_best_epoch():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(4, 2)) for _ in range(60)]
    y = rng.integers(0, 2, 60)  # nothing to learn: the validation loss gets worse
    model = small(max_epochs=50, patience=3, learning_rate=0.05).fit(X[:40], y[:40], X[40:], y[40:])
    losses = [epoch.valid_loss for epoch in model.history_]
    assert len(losses) < 50
    assert model.best_epoch_ == int(np.argmin(losses))
    proba = model.predict_proba(X[40:])
    kept = -np.log(proba[np.arange(20), y[40:]]).mean()
    assert kept == pytest.approx(min(losses), abs=1e-5)


def test_class_weights_move_the_decision_towards_the_rare_class():
    rng = np.random.default_rng(0)
    y = np.array([0] * 90 + [1] * 10)
    X = [rng.normal(0.6 * c, 1, (5, 1)) for c in y]
    plain = small(max_epochs=10).fit(X, y).predict_proba(X)[:, 1].mean()
    balanced = small(max_epochs=10, class_weight="balanced").fit(X, y).predict_proba(X)[:, 1].mean()
    given = small(max_epochs=10, class_weight={0: 1, 1: 9}).fit(X, y).predict_proba(X)[:, 1].mean()
    assert balanced > plain + 0.1
    assert given > plain + 0.1


def test_time_budget_stops_before_the_epoch_that_would_pass_it():
    X, y = reviews(40)
    model = small(max_epochs=10_000, time_budget=0.5).fit(X, y)
    assert 1 <= len(model.history_) < 10_000
    assert sum(e.seconds for e in model.history_) < 0.5 + max(e.seconds for e in model.history_)


@pytest.mark.parametrize("kind", ["text", "series"])
def test_saved_model_predicts_the_same_to_the_bit(tmp_path, kind):
    X, y = reviews(40) if kind == "text" else waves(40)
    model = small("lstm", max_epochs=2, bidirectional=True, cell_options={"layer_norm": True}).fit(X, y)
    model.save(tmp_path / "model")
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    loaded = SequenceClassifier.load(tmp_path / "model")
    assert np.array_equal(model.predict_proba(X), loaded.predict_proba(X))
    assert loaded.predict(X).dtype == model.predict(X).dtype
    assert loaded.get_params()["hidden_size"] == 8
    card = (tmp_path / "model" / "README.md").read_text()
    assert "library_name: latchwork" in card
    assert "validation loss" in card


def test_a_users_own_cell_is_saved_with_the_model(tmp_path):
    @lw.cell
    def leaky(x, h):
        keep = lw.sigmoid(lw.affine(x))
        h = keep * h + (1 - keep) * lw.tanh(lw.affine(x, h))
        return h

    X, y = reviews(40)
    model = small(leaky, max_epochs=2).fit(X, y)
    model.save(tmp_path)
    loaded = SequenceClassifier.load(tmp_path)
    assert loaded.cell.name == "leaky"
    assert loaded.cell.graph.signature == leaky.graph.signature
    assert np.array_equal(model.predict_proba(X), loaded.predict_proba(X))


def test_damaged_models_are_refused_in_words(tmp_path):
    X, y = reviews(20)
    small(max_epochs=1).fit(X, y).save(tmp_path / "m")
    with pytest.raises(DataError, match="no saved model"):
        SequenceClassifier.load(tmp_path)
    config = tmp_path / "m" / "config.json"
    kept = config.read_text()
    config.write_text(kept[:100])
    with pytest.raises(DataError, match="damaged"):
        SequenceClassifier.load(tmp_path / "m")
    config.write_text(json.dumps({**json.loads(kept), "format": 99}))
    with pytest.raises(DataError, match="update Latchwork"):
        SequenceClassifier.load(tmp_path / "m")
    config.write_text(kept)
    weights = tmp_path / "m" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(DataError, match="damaged"):
        SequenceClassifier.load(tmp_path / "m")


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (["a", "b", "c"], ["x", "x", "x"], "1 class"),
        ("just a text", ["x"], "one text"),
        (["a", 3.0, "b"], ["x", "y", "x"], "row 1 of X is float"),
        ([np.zeros((3, 2)), np.zeros((3, 1))], [0, 1], "row 1 of X has 1 channels"),
        ([np.zeros(3), np.array([0, np.nan, 1.0])], [0, 1], "row 1 of X is NaN at step 1"),
        ([np.zeros(3), np.array([0, np.inf])], [0, 1], "row 1 of X is inf"),
        ([np.zeros(3), ["a", "b"]], [0, 1], "row 1 of X is a list of words"),
        ([np.zeros(3), {"a": 1}], [0, 1], "row 1 of X is no series"),
        (["a", "b", "c"], ["x", "y"], "3 sequences"),
        (["a", "b"], ["x", None], "row 1 has no label"),
        (["a", "b"], ["x", 1], "row 1 has the label 1"),
        ([float("nan"), "b"], ["x", "y"], "row 0 of X is float"),
        ([["good", "film"], ["bad"]], ["x", "y"], "row 0 of X is a list of words"),
        (["a", "\ud800"], ["x", "y"], "row 1 of X is no valid text"),
        ([np.full(3, 1e300), np.full(3, -1e300)], [0, 1], "too large to be scaled|far beyond"),
        ([], [], "empty"),
    ],
)
def test_unusable_data_is_refused_in_words(X, y, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X, y)


def test_other_refusals():
    X, y = reviews(20)
    with pytest.raises(ConfigError, match="hidden_size must be a whole number, at least 1"):
        small(hidden_size=0).fit(X, y)
    with pytest.raises(ConfigError, match="pooling"):
        small(pooling="first").fit(X, y)
    with pytest.raises(ConfigError, match="no cell 'lstn'.*lstm"):
        small("lstn").fit(X, y)
    with pytest.raises(ConfigError, match="class_weight"):
        small(class_weight="fair").fit(X, y)
    with pytest.raises(NotFittedError):
        small().predict(X)
    model = small(max_epochs=1).fit(X, y)
    with pytest.raises(DataError, match="trained on texts"):
        model.predict([np.zeros((3, 2))])
    with pytest.raises(DataError, match="does not have"):
        small().fit(X, y, X, ["other"] * 20)
    series, classes = waves(10)
    with pytest.raises(DataError, match="has 1 channels.*trained on 2"):
        small(max_epochs=1).fit(series, classes).predict([np.zeros((4, 1))])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 1.5}, "batch_size must be a whole number"),
        ({"patience": -1}, "patience must be"),
        ({"patience": "a"}, "patience must be"),
        ({"vocabulary_size": 1}, "vocabulary_size must be"),
        ({"learning_rate": float("nan")}, "learning_rate must be"),
        ({"weight_decay": -1}, "weight_decay must be"),
        ({"dropout": 1.0}, "below 1"),
        ({"device": "gpu"}, "device='gpu'"),
        ({"cell_options": {"zone": 1}}, "cell_options has 'zone'"),
        ({"class_weight": {"good": -1}}, "class_weight of 'good'"),
    ],
)
def test_options_that_cannot_be_are_refused_before_training(options, message):
    X, y = reviews(20)
    with pytest.raises(ConfigError, match=message):
        small(**options).fit(X, y)


def test_numbers_of_numpy_do_as_options(tmp_path):
    X, y = reviews(20)
    model = small(hidden_size=np.int64(4), max_epochs=np.int64(1), batch_size=np.int32(8), dropout=np.float64(0.1))
    model.fit(X, y).save(tmp_path)
    assert SequenceClassifier.load(tmp_path).hidden_size == 4


class LabelIndexed:
    """As a pandas Series whose index was shuffled: goes through its rows in order, and finds them by another name."""

    ndim = 1

    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, label):
        return self.rows[-1 - label]


def test_rows_count_by_position_whatever_holds_them():
    X, y = reviews(60)
    lists = small(max_epochs=2).fit(X, y).predict_proba(X)
    assert np.array_equal(small(max_epochs=2).fit(LabelIndexed(X), list(y)).predict_proba(LabelIndexed(X)), lists)
    assert np.array_equal(small(max_epochs=2).fit((x for x in X), y).predict_proba(x for x in X), lists)
    column = np.array(X, dtype=object)[:, None]
    assert np.array_equal(small(max_epochs=2).fit(column, y[:, None]).predict_proba(column), lists)


def test_three_dimensional_tensors_are_series():
    cube = torch.randn(20, 5, 2)
    model = small(max_epochs=1).fit(cube, np.arange(20) % 2)
    assert np.array_equal(model.predict_proba(cube), model.predict_proba(cube.numpy()))


def test_values_far_beyond_the_training_data_are_refused():
    X, y = waves(20)
    model = small(max_epochs=1).fit(X, y)
    with pytest.raises(DataError, match="series 0 has a value in channel 0 far beyond"):
        model.predict([X[0] * 1e300])


def test_saving_leaves_other_files_alone(tmp_path):
    X, y = reviews(20)
    model = small(max_epochs=1).fit(X, y)
    (tmp_path / "README.md").write_text("# my project")
    with pytest.raises(DataError, match="would be overwritten"):
        model.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["README.md"]
    model.save(tmp_path / "m")
    model.save(tmp_path / "m")  # a model may be saved over a model


def test_few_series_are_gone_through_often_enough_to_learn_from():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 4
    X = [np.sin(np.arange(30) * (c + 1) / 4 + rng.uniform(0, 6))[:, None] + rng.normal(0, 0.1, (30, 1)) for c in y]
    assert SequenceClassifier("gru").fit(X, y).score(X, y) == 1
