"""Taking steps out: each loss is that of the network on what is left."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.explain.occlusion import deletion, occlusion
from latchwork.tasks.network import SequenceNetwork, Shape


def network(cell="gru", **changes):
    torch.manual_seed(0)
    options = {"vocabulary": 20, "features": 5, "outputs": 3, "hidden_size": 8, **changes}
    return SequenceNetwork(cell, Shape(**options)).double().eval()


def odds(made, row, target):
    with torch.no_grad():
        probabilities = made(torch.from_numpy(row)[:, None], torch.tensor([len(row)])).softmax(1)[0]
    return float(torch.logit(probabilities[target]))


@pytest.mark.parametrize("target", [0, 2])
def test_a_word_that_is_taken_out_leaves_no_gap(target):
    made, row = network(), np.array([3, 4, 5, 6])
    found = occlusion(made, row, target)
    for t in range(4):
        assert found[t] == pytest.approx(odds(made, row, target) - odds(made, np.delete(row, t), target), abs=1e-9)


def test_a_step_of_a_series_becomes_the_mean():
    made, row = network(vocabulary=None), np.random.default_rng(0).normal(size=(4, 5))
    found = occlusion(made, row, 1)
    for t in range(4):
        without = row.copy()
        without[t] = 0
        assert found[t] == pytest.approx(odds(made, row, 1) - odds(made, without, 1), abs=1e-9)


def test_the_one_word_of_a_text():
    assert occlusion(network(), np.array([3]), 0).shape == (1,)
    with pytest.raises(DataError, match="no steps"):
        occlusion(network(), np.array([], dtype=np.int64), 0)


def test_in_a_linear_network_deletion_takes_the_largest_parts_first():
    made = network("rnn_relu", vocabulary=None, features=1, outputs=2, hidden_size=1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.recurrent.weight_ih_l0.fill_(1)
        made.recurrent.weight_hh_l0.fill_(1)
        made.head.weight[1] = 1
    row = np.array([[1.0], [4.0], [2.0], [3.0]])
    found = deletion(made, [row], [row[:, 0]], shares=(0, 0.25, 0.5, 1), orders=20)
    assert found.by_attribution == pytest.approx([0, 4, 7, 10])
    assert found.random[0] == 0
    assert 1 <= found.random[1] < 4
    assert found.random[3] == pytest.approx(10)
    again = deletion(made, [row], [row[:, 0]], shares=(0, 0.25, 0.5, 1), orders=20)
    assert again.random == pytest.approx(found.random)


@given(st.lists(st.integers(1, 8), min_size=1, max_size=4))
def test_shapes(lengths):
    made, rng = network(), np.random.default_rng(0)
    rows = [rng.integers(2, 20, n) for n in lengths]
    found = deletion(made, rows, [rng.normal(size=n) for n in lengths])
    assert found.share.shape == found.by_attribution.shape == found.random.shape == (11,)
    assert found.by_attribution[0] == 0
    assert found.by_attribution[-1] == pytest.approx(found.random[-1])
    assert found.rows == len(lengths)


def test_an_attribution_of_another_length_is_refused():
    with pytest.raises(DataError, match="as long as each row"):
        deletion(network(), [np.array([3, 4])], [np.zeros(3)])
