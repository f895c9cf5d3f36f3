"""One sequence from within: every part held against the network itself."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latchwork.errors import DataError
from latchwork.explain.drawn import drawn
from latchwork.explain.inside import inside
from latchwork.explain.layers import BYTES
from latchwork.tasks.network import SequenceNetwork, Shape


def network(cell, **changes):
    torch.manual_seed(0)
    options = {"vocabulary": 20, "features": 5, "outputs": 3, "hidden_size": 8, **changes}
    made = SequenceNetwork(cell, Shape(**options)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2)
    return made


@pytest.mark.parametrize(
    "changes", [{}, {"num_layers": 2, "bidirectional": True}, {"pooling": "mean"}, {"pooling": "max"}], ids=str
)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_what_is_told_is_what_the_network_does(cell, changes):
    made = network(cell, **changes)
    row = np.array([3, 4, 5, 6, 7])
    found = inside(made, row)
    with torch.no_grad():
        for t in range(5):
            alone = made(torch.from_numpy(row[: t + 1, None]), torch.tensor([t + 1])).softmax(1)[0]
            assert found.grows[t] == pytest.approx(alone.numpy(), abs=1e-6)
        _, _, trace = made.recurrent(made.features(torch.from_numpy(row[:, None])), return_trace=True)
    assert found.probabilities == pytest.approx(found.grows[-1])
    assert found.predicted == found.probabilities.argmax()
    assert found.score == pytest.approx(np.log(found.probabilities.max() / (1 - found.probabilities.max())), abs=1e-4)
    assert found.moved.sum() == pytest.approx(found.score - found.baseline, rel=0.01)
    assert found.completeness_error < 0.01
    assert found.occluded.shape == (5,)
    assert len(found.layers) == len(trace)
    for layer, named in zip(found.layers, trace, strict=True):
        assert sorted(layer.units) == list(range(8))
        assert set(layer.values) >= set(drawn(made.recurrent.cell.graph).values)
        for name in named:
            assert layer.values[name] == pytest.approx(named[name][:, 0, list(layer.units)].numpy(), abs=1e-5)


def test_a_layer_with_zoneout_carries_the_shares():
    found = inside(network("lstm", options={"zoneout": {"c": 0.25}}), np.array([3, 4]))
    (layer,) = found.layers
    assert layer.values["#keep"] == pytest.approx(0.25 + 0.75 * layer.values["forget"], abs=1e-6)


def test_units_that_do_the_same_stand_side_by_side():
    made = network("rnn")
    with torch.no_grad():
        for name, parameter in made.recurrent.named_parameters():
            parameter[6] = parameter[1]  # unit 6 as unit 1
            assert name
    units = inside(made, np.arange(2, 12)).layers[0].units
    assert abs(units.index(1) - units.index(6)) == 1


@given(st.integers(1, 12), st.integers(0, 6_000))
def test_the_layers_keep_to_their_budget(steps, budget):
    found = inside(network("lstm"), np.full(steps, 3), budget=budget)
    (layer,) = found.layers
    units = len(layer.units)
    taken = sum(array.size for array in layer.values.values()) * BYTES
    assert taken <= budget or units == 1
    more = taken / units
    assert units == 8 or taken + more > budget
    assert {array.shape for array in layer.values.values()} == {(steps, units)}


def test_the_units_that_move_most_are_kept():
    made = network("rnn", vocabulary=None, features=1)
    with torch.no_grad():
        made.recurrent.weight_ih_l0[:] = torch.arange(8.0)[:, None] / 8
        made.recurrent.weight_hh_l0.zero_()
        made.recurrent.bias_ih_l0.zero_()
        made.recurrent.bias_hh_l0.zero_()
    row = np.array([[1.0], [-1.0], [1.0]], dtype=np.float32)
    taken = len(drawn(made.recurrent.cell.graph).values) * 3 * BYTES
    assert sorted(inside(made, row, budget=2 * taken).layers[0].units) == [6, 7]


def test_nothing_to_look_into():
    with pytest.raises(DataError, match="no steps"):
        inside(network("rnn"), np.array([], dtype=np.int64))
