"""The way from data to a model: sizes match, rows count by position, groups stay whole, every cell can take part."""

import numpy as np
import pytest

from latchwork import cells
from latchwork.errors import ConfigError, DataError
from latchwork.tasks.timeseries import TimeSeries, every_origin
from latchwork.trial import ClassifyProblem, cell_candidates
from latchwork.trial.study import run_study


def data(n=120):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    return [rng.normal(0.8 * c, 1, (int(rng.integers(3, 7)), 2)) for c in y], y.astype(str)


def test_cells_are_matched_in_size():
    X, y = data()
    made = cell_candidates(cells.names(), ClassifyProblem(X, y))
    models = [c.estimator({"max_epochs": 1}, 0).fit(X[:20], np.arange(20) % 2).network_ for c in made]
    sizes = [sum(p.numel() for p in model.parameters()) for model in models]
    reference = sizes[cells.names().index("lstm")]
    assert all(abs(size / reference - 1) < 0.05 for size in sizes), dict(zip(cells.names(), sizes, strict=True))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_study_from_end_to_end(jobs):
    X, y = data()
    groups = np.arange(120) // 3
    told = []
    study = run_study(
        X, y, ["gru", "lstm_projected"], groups=groups, repeats=3, jobs=jobs, max_epochs=3, progress=told.append
    )
    assert len(told) == 3 * len(study.result.candidates)
    assert study.verdict.cell in ("gru", "lstm_projected")
    assert 0.6 * 120 < study.n_train < 120
    assert study.model.score(X, y) > 0.6
    alone = run_study(X, y, ["gru", "lstm_projected"], groups=groups, repeats=3, jobs=3 - jobs, max_epochs=3)
    assert [r.scores for r in alone.result.runs] == [r.scores for r in study.result.runs]
    assert (alone.test == study.test).all()
    for cell in ("gru", "lstm_projected"):
        assert alone.side_by_side[cell].predict_proba(X) == pytest.approx(study.side_by_side[cell].predict_proba(X))


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_cells_stand_side_by_side_on_rows_that_none_has_seen(jobs):
    X, y = data()
    study = run_study(X, y, ["rnn", "gru"], repeats=3, jobs=jobs, max_epochs=2)
    assert list(study.side_by_side) == ["rnn", "gru"]
    assert len(study.test) == study.result.sizes[0].test
    unseen = [X[i] for i in study.test]
    assert all(a is b for a, b in zip(study.unseen.X, unseen, strict=True))
    assert (study.unseen.y == y[study.test]).all()
    for cell, model in study.side_by_side.items():
        run = next(run for run in study.result.runs if run.candidate == cell)
        assert run.split == 0
        assert model.score(unseen, y[study.test]) == pytest.approx(run.scores["accuracy"])
        assert model.get_params()["learning_rate"] == run.settings["learning_rate"]


def test_a_time_budget_bounds_even_the_fewest_splits():
    X, y = data(600)
    study = run_study(X, y, ["rnn"], repeats=50, time_budget=3, max_epochs=100_000, patience=None)
    assert study.result.seconds < 12
    assert study.result.repeats >= 3


def test_the_model_to_ship_has_a_third_of_the_budget_for_itself():
    X, y = data(60)
    study = run_study(X, y, ["rnn", "gru"], repeats=3, time_budget=30, max_epochs=2)
    assert study.model.time_budget == pytest.approx(10)
    assert study.side_by_side["gru"].time_budget == pytest.approx(30 / (3 * 2 * 2))


def test_no_sequences_are_refused():
    with pytest.raises(DataError, match="y has no rows"):
        run_study([], [], ["gru"])


def test_a_study_of_taggers():
    rng = np.random.default_rng(0)
    X = [[str(word) for word in rng.choice(["the", "cat", "sees", "dogs"], rng.integers(2, 6))] for _ in range(80)]
    tags = {"the": "D", "cat": "N", "sees": "V", "dogs": "N"}
    y = [[tags[word] for word in sentence] for sentence in X]
    study = run_study(X, y, ["rnn", "gru"], task="tag", repeats=3, max_epochs=2, groups=np.arange(80) // 4)
    assert study.model.task == "tag"
    assert study.result.metric == "accuracy"
    assert len(study.unseen.X) == len(study.unseen.y) == len(study.test)
    assert study.result.split_scores(study.verdict.cell).min() > 0.4
    assert [c.name for c in study.result.candidates][:2] == ["rnn", "gru"]


def test_a_study_of_generators():
    rng = np.random.default_rng(0)
    X = ["ab" * int(rng.integers(2, 9)) for _ in range(60)]
    study = run_study(X, None, ["gru"], task="generate", repeats=3, max_epochs=2)
    assert study.model.task == "generate"
    assert study.unseen.y is None
    bits = study.result.split_scores("gru")
    assert (bits > 0).all()
    # what was scored is what the model says of the documents that it has not seen
    documents = study.unseen.X
    scored = study.side_by_side["gru"].code_length(documents).sum() / sum(len(text) + 1 for text in documents)
    assert bits[0] == pytest.approx(scored, rel=1e-5)


def test_a_study_of_forecasters():
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(240) * 2 * np.pi / 12) + 0.1 * rng.normal(size=240)
    windows = every_origin([TimeSeries(values)], 3)
    study = run_study(windows, None, ["gru"], task="forecast", season=12, repeats=3, max_epochs=2)
    assert study.model.task == "forecast"
    assert (study.model.season, study.model.horizon) == (12, 3)
    assert study.n_train == 240 - 24
    assert study.test[-1] == 239
    forecasts = study.side_by_side["gru"].predict_quantiles(study.unseen.X)
    assert forecasts.shape == (*study.unseen.y.shape, 3)
    assert (study.result.split_scores("gru") > 0).all()
    assert "MASE" in study.verdict.text


def test_options_of_another_task_are_refused():
    X, y = data()
    with pytest.raises(ConfigError, match="task classify has no option season"):
        run_study(X, y, ["gru"], season=3)
    with pytest.raises(ConfigError, match="metric must be one of accuracy, macro_f1"):
        run_study(X, y, ["gru"], metric="mase")
