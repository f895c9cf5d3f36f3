"""Integrated gradients: completeness on every cell, and what they are for a network known in closed form."""

import numpy as np
import pytest
import torch

from latchwork import cells
from latchwork.explain import attribution, integrated_gradients
from latchwork.explain.attribution import TRUSTED
from latchwork.tasks.network import SequenceNetwork, Shape


def network(cell, **changes):
    torch.manual_seed(0)
    options = {"vocabulary": 20, "features": 6, "outputs": 3, "hidden_size": 7, **changes}
    return SequenceNetwork(cell, Shape(**options)).eval()


@pytest.mark.parametrize("cell", [name for name in cells.names() if name != "lstm_projected"])
@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_the_parts_add_up_on_every_cell(cell, pooling):
    made = network(cell, pooling=pooling)
    with torch.no_grad():  # away from the flat start, so that there is something to attribute
        for parameter in made.parameters():
            parameter.mul_(2.5)
    found = integrated_gradients(made, torch.tensor([3, 4, 5, 6, 3]), target=1)
    change = found.score - found.baseline
    assert abs(change) > 1e-3
    assert found.steps.sum() == pytest.approx(change, rel=0.01)
    assert found.completeness_error < 0.01


def test_score_is_the_log_odds_of_the_class():
    made = network("gru")
    tokens = torch.tensor([3, 4, 5])
    with torch.no_grad():
        probabilities = made(tokens[:, None], torch.tensor([3])).double().softmax(1)[0]
    found = integrated_gradients(made, tokens, target=2)
    assert found.score == pytest.approx(float(torch.logit(probabilities[2])), abs=1e-5)


def test_a_linear_network_is_attributed_exactly():
    """With one step and a recurrent part that is linear near 0, a step's share is gradient times input."""
    made = network("rnn_relu", vocabulary=None, features=2, outputs=2, hidden_size=2)
    with torch.no_grad():
        layer = made.recurrent
        layer.weight_ih_l0.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        layer.weight_hh_l0.copy_(torch.eye(2))
        for bias in (layer.bias_ih_l0, layer.bias_hh_l0, made.head.bias):
            bias.zero_()
        made.head.weight.copy_(torch.tensor([[0.0, 0.0], [2.0, 3.0]]))
    series = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5]])
    found = integrated_gradients(made, series, target=1)
    assert found.steps == pytest.approx([2.0, 6.0, 2.5], abs=1e-6)
    assert found.baseline == pytest.approx(0.0)


def test_a_step_that_the_network_cannot_see_gets_nothing():
    made = network("gru", vocabulary=None, features=2)
    with torch.no_grad():
        made.recurrent.weight_ih_l0[:, 1] = 0
    blind = torch.zeros(4, 2)
    blind[1, 1] = 5.0
    blind[2, 0] = 1.0
    found = integrated_gradients(made, blind, target=0)
    assert found.steps[[0, 1, 3]] == pytest.approx([0, 0, 0], abs=1e-12)
    assert abs(found.steps[2]) > 1e-4
    assert np.isfinite(found.steps).all()


def test_layer_norm_of_nothing_jumps_and_the_error_says_so():
    made = network("lstm", num_layers=2, bidirectional=True, hidden_size=24, options={"layer_norm": True})
    tokens = torch.arange(1, 20)
    jumping = integrated_gradients(made, tokens, target=0)
    assert jumping.completeness_error > TRUSTED
    assert jumping.points < 5_000
    with torch.no_grad():  # as training does
        for name, parameter in made.named_parameters():
            if parameter.dim() == 1 and "recurrent" in name and not parameter.any():
                parameter.normal_(std=0.05)
    assert integrated_gradients(made, tokens, target=0).completeness_error < 0.01


def test_steps_at_once_bound_the_memory_and_change_nothing(monkeypatch):
    made = network("lstm")
    tokens = torch.arange(1, 20) % 7
    whole = integrated_gradients(made, tokens, target=0)
    widest = []
    run = type(made).forward
    monkeypatch.setattr(type(made), "forward", lambda self, x, *rest: widest.append(x.shape[1]) or run(self, x, *rest))
    monkeypatch.setattr(attribution, "_STEPS_AT_ONCE", 19 * 3)
    assert integrated_gradients(made, tokens, target=0).steps == pytest.approx(whole.steps, rel=1e-9, abs=1e-12)
    assert max(widest) == 3


def test_a_long_sequence_gets_fewer_gradients(monkeypatch):
    monkeypatch.setattr(attribution, "_GOOD_ENOUGH", 0.0)
    made = network("rnn")
    assert 2_048 < integrated_gradients(made, torch.tensor([3, 4]), target=0).points <= 4_096
    monkeypatch.setattr(attribution, "_MOST_STEPS", 1_000)
    assert 128 < integrated_gradients(made, torch.arange(40) % 7, target=0).points <= 256
