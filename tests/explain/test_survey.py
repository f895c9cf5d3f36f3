"""A survey in batches says what the whole data at once says."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latchwork.explain import survey as surveys
from latchwork.explain.memory import half_lives
from latchwork.explain.survey import survey
from latchwork.tasks.network import SequenceNetwork, Shape

VOCABULARY = ["[PAD]", "[UNK]", *(f"word{i}" for i in range(2, 20))]


def network(cell, **changes):
    torch.manual_seed(0)
    options = {"vocabulary": 20, "features": 5, "outputs": 3, "hidden_size": 6, **changes}
    return SequenceNetwork(cell, Shape(**options)).eval()


def data(seed=0, count=40):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 20, int(n)) for n in rng.integers(0, 9, count)]


def names(rows):
    return lambda row: [VOCABULARY[token] for token in rows[row]]


def alone(made, rows):
    """Each row's trace (T, H) by name, without batches or padding."""
    found = []
    for row in rows:
        if len(row):
            with torch.no_grad():
                _, _, trace = made.recurrent(made.features(torch.from_numpy(row)[:, None]), return_trace=True)
            found.append({name: values[:, 0] for name, values in trace[-made.recurrent.directions].items()})
    return found


@pytest.mark.parametrize("changes", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
@pytest.mark.parametrize("cell", ["lstm", "mgu"])
def test_against_every_row_by_itself(cell, changes, monkeypatch):
    monkeypatch.setattr(surveys, "_STEPS", 24)
    made, rows = network(cell, **changes), data()
    found = survey(made, rows, names(rows), VOCABULARY)
    traces = alone(made, rows)
    keep = torch.cat([t["forget"] if cell == "lstm" else 1 - t["forget"] for t in traces])
    words = np.concatenate(rows)
    assert found.half_life == pytest.approx(half_lives(keep[:, None]), rel=1e-5)
    counts = {VOCABULARY[w]: int((words == w).sum()) for w in range(2, 20)}
    monkeypatch.setattr(surveys, "_COMMON", 8)
    common = survey(made, rows, names(rows), VOCABULARY)
    kept = {
        word: float(keep[torch.from_numpy(words == VOCABULARY.index(word))].mean())
        for word, count in counts.items()
        if count >= 8
    }
    order = sorted(kept, key=lambda word: -kept[word])
    top = min(5, len(order) // 2)
    assert top > 1
    assert [word.word for word in common.keeps] == order[:top]
    assert [word.word for word in common.lets_go] == order[::-1][:top]
    for word in (*common.keeps, *common.lets_go):
        assert word.kept == pytest.approx(kept[word.word], abs=1e-5)
        assert word.count == counts[word.word]
    for unit in found.units:
        for name, bins in unit.histograms.items():
            values = torch.cat([t[name] for t in traces])[:, unit.unit].numpy()
            low = 0 if name in ("forget", "input", "output") else -1
            expected, _ = np.histogram(np.clip(values, low, 1), 20, (low, 1))
            assert np.abs(np.cumsum(bins) - np.cumsum(expected)).max() <= 1, name  # one may lie on a border
            assert sum(bins) == len(words)
        means = {
            VOCABULARY[w]: float(keep[torch.from_numpy(words == w)][:, unit.unit].mean())
            for w in range(2, 20)
            if (words == w).sum() >= 3
        }
        ranked = sorted(means, key=lambda word: means[word])
        assert [word for word, _ in unit.closes] == ranked[:5]
        assert [word for word, _ in unit.opens] == ranked[::-1][:5]
        for word, mean in unit.opens:
            assert mean == pytest.approx(means[word], abs=1e-5)
        peaks = sorted((abs(t["h"][:, unit.unit]).max().item() for t in traces), reverse=True)
        assert [abs(f.value) for f in unit.fires] == pytest.approx(peaks[:5], abs=1e-6)


def test_where_a_unit_fires():
    made = network("rnn")
    with torch.no_grad():
        for parameter in made.recurrent.parameters():
            parameter.zero_()
        made.embedding.weight.zero_()
        made.embedding.weight[7, 0] = 1
        made.recurrent.weight_ih_l0[2, 0] = -3
    rows = [np.array([3, 3, 4, 4, 5, 7, 6]), np.array([], dtype=np.int64), np.array([7, 2])]
    (first, second) = survey(made, rows, names(rows), VOCABULARY).units[2].fires
    places = {(fires.words, fires.at) for fires in (first, second)}
    assert places == {(("word3", "word4", "word4", "word5", "word7", "word6"), 4), (("word7", "word2"), 0)}
    assert first.value == pytest.approx(np.tanh(-3))


def test_a_cell_without_a_gate_and_a_series():
    rows = [np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)]

    def steps(row):
        return [f"step {t + 1}" for t in range(4)]

    found = survey(network("rnn", vocabulary=None), rows, steps)
    assert found.half_life is None
    assert found.keeps is None
    assert found.lets_go is None
    assert found.units[0].opens is None
    assert found.units[0].fires[0].words == ("step 1", "step 2", "step 3", "step 4")
    found = survey(network("lstm_projected", vocabulary=None, options={"proj_size": 2}), rows, steps)
    assert len(found.units) == len(found.half_life) == 6
    assert found.units[0].opens is None
    assert "h" not in found.units[0].histograms


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(any), st.integers(1, 5))
def test_shapes(lengths, units):
    rows = [np.full(n, 2) for n in lengths]
    found = survey(network("gru", hidden_size=units), rows, names(rows), VOCABULARY)
    assert found.half_life.shape == (units,)
    assert [unit.unit for unit in found.units] == list(range(units))
    for unit in found.units:
        assert {len(bins) for bins in unit.histograms.values()} == {20}
        assert len(unit.fires) == min(5, sum(n > 0 for n in lengths))


def test_the_mean_over_all_and_how_sure_each_words_is(monkeypatch):
    monkeypatch.setattr(surveys, "_STEPS", 24)
    monkeypatch.setattr(surveys, "_COMMON", 8)
    made, rows = network("lstm"), data()
    found = survey(made, rows, names(rows), VOCABULARY)
    keep = torch.cat([trace["forget"] for trace in alone(made, rows)]).double().mean(1).numpy()
    assert found.kept == pytest.approx(keep.mean(), rel=1e-5)
    words = np.concatenate(rows)
    for word in (*found.keeps, *found.lets_go):
        at = keep[words == VOCABULARY.index(word.word)]
        assert word.error == pytest.approx(at.std(ddof=1) / np.sqrt(len(at)), rel=1e-2)
