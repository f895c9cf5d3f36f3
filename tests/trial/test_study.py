"""The way from data to a model: sizes match, rows count by position, groups stay whole, every cell can take part."""

import numpy as np
import pytest

from latchwork import cells
from latchwork.errors import DataError
from latchwork.trial import cell_candidates
from latchwork.trial.study import run_study


def data(n=120):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    return [rng.normal(0.8 * c, 1, (int(rng.integers(3, 7)), 2)) for c in y], y.astype(str)


def test_cells_are_matched_in_size():
    X, _ = data()
    made = cell_candidates(cells.names(), X, 2)
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
    assert len(told) == 3 * 4
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


def test_no_sequences_are_refused():
    with pytest.raises(DataError, match="X is empty"):
        cell_candidates(["gru"], [], 2)
