"""The page of someone else's model holds what torch itself computes."""

import json

import numpy as np
import pytest
import torch
from report_reader import array, read
from torch import nn

from latchwork import affine, cell, sigmoid, tanh
from latchwork.errors import ConfigError, DataError
from latchwork.explain import attach
from latchwork.nn import GRU, Recurrent

WORDS = ["It's", "a", "scattershot", "affair", "</script>"]


class Classifier(nn.Module):
    """As in many a tutorial."""

    def __init__(self, **options):
        super().__init__()
        self.embedding = nn.Embedding(20, 3)
        self.lstm = nn.LSTM(3, 6, batch_first=True, **options)
        self.head = nn.Linear(6, 2)

    def forward(self, tokens, state=None):
        output, _ = self.lstm(self.embedding(tokens), state)
        return self.head(output[:, -1, :6])


def data_of(page):
    assert page.html()
    return read(json.dumps(page.data, ensure_ascii=False, allow_nan=False))


def layers_of(data, name):
    return data["sequences"][0]["runs"][name]["layers"]


def by_hand(lstm, x, h, c):
    """Every value of torch's LSTM, step by step, as its documentation has it: name → (T, H)."""
    found = []
    for step in x:
        maps = lstm.weight_ih_l0 @ step + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
        i, f, g, o = maps.chunk(4)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        kept, written = f * c, i * g
        c = kept + written
        h = o * c.tanh()
        found.append({"input": i, "forget": f, "candidate": g, "output": o, "c": c, "h": h, "kept": kept})
    return {name: torch.stack([step[name] for step in found]).detach().numpy() for name in found[0]}


@pytest.mark.parametrize("with_state", [False, True])
def test_values_are_those_of_torch(with_state):
    torch.manual_seed(0)
    model, tokens = Classifier(), torch.randint(20, (3, 5))
    state = (torch.randn(1, 3, 6), torch.randn(1, 3, 6)) if with_state else None
    with attach(model) as inside:
        model(tokens, state)
    data = data_of(inside.page(WORDS, row=1, title="Not ours"))
    assert data["title"] == "Not ours"
    assert data["classes"] == []
    assert data["sequences"][0]["steps"] == WORDS
    assert data["cells"][0]["gates"]["keep"]["value"] == "forget"
    (layer,) = layers_of(data, "lstm")
    h, c = (s[0, 1] for s in state) if state else (torch.zeros(6), torch.zeros(6))
    expected = by_hand(model.lstm, model.embedding(tokens[1]), h, c)
    valve = next(n for n in data["cells"][0]["diagram"]["nodes"] if n["opens"] == "forget")
    for name, key in {**{n: n for n in expected if n != "kept"}, "kept": valve["value"]}.items():
        np.testing.assert_allclose(array(layer["values"][key], 5, 6), expected[name][:, layer["units"]], atol=1e-6)
    traced = inside["lstm"][0]["forget"][1].numpy()
    assert np.array_equal(array(layer["values"]["forget"], 5, 6), traced[:, layer["units"]])
    if state:
        np.testing.assert_array_equal(array(layer["before"]["c"], 6), c[layer["units"]])
    else:
        assert layer["before"] is None


def test_packed_rows_both_directions_and_projections():
    torch.manual_seed(0)
    model = nn.LSTM(3, 6, 2, bidirectional=True, proj_size=2)
    rows = [torch.randn(n, 3) for n in (2, 4)]
    with attach(model) as inside:
        output, _ = model(nn.utils.rnn.pack_sequence(rows, enforce_sorted=False))
    padded, _ = nn.utils.rnn.pad_packed_sequence(output)
    data = data_of(inside.page(row=0, series=rows[0]))
    assert data["sequences"][0]["steps"] == ["step 1", "step 2"]
    assert np.array_equal(array(data["sequences"][0]["series"], 2, 3), rows[0].numpy())
    last = layers_of(data, "lstm(projected)")[3]
    shown = array(last["values"]["h"], 2, 2)
    expected = padded[:2, 0, 2:].detach().numpy()
    assert sorted(shown[0]) == pytest.approx(sorted(expected[0]), abs=1e-6)


def test_a_cell_of_ones_own_in_a_torch_model_and_layers_side_by_side():
    @cell
    def leaky(x, h):
        """A leaky integrator. It leaks."""
        keep = sigmoid(affine(x))
        h = keep * h + (1 - keep) * tanh(affine(x, h))
        return h

    class Stack(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = Recurrent(leaky, 3, 4), GRU(4, 4)

        def forward(self, x):
            return self.two(self.one(x)[0], reset=None)[0]

    with attach(Stack()) as inside:
        assert not len(inside)
    with pytest.raises(DataError, match="nothing was recorded"):
        inside.page()
    model = Stack().double()
    with attach(model) as inside:
        model(torch.randn(5, 2, 3, dtype=torch.float64))
    data = data_of(inside.page())
    assert [c["name"] for c in data["cells"]] == ["one", "two"]
    assert data["cells"][0]["summary"] == "A leaky integrator."
    assert [c["name"] for c in data_of(inside.page(only=["two"]))["cells"]] == ["two"]


def test_unbatched_input_and_inference_mode():
    layer = nn.GRU(3, 4)
    with torch.inference_mode(), attach(layer) as inside:
        layer(torch.randn(5, 3))
    (found,) = layers_of(data_of(inside.page()), "gru")
    assert np.array_equal(array(found["values"]["h"], 5, 4), inside[""][0]["h"][:, found["units"]].numpy())


def test_a_long_sequence_fits_with_fewer_units():
    layer = nn.LSTM(2, 64, 2)
    with attach(layer) as inside:
        layer(torch.randn(1_500, 1, 2))
    page = inside.page()
    assert len(json.dumps(page.data).encode()) <= 2_500_000
    assert 1 <= len(layers_of(data_of(page), "lstm")[0]["units"]) < 64


def test_what_cannot_be_shown_is_refused_in_words():
    layer = nn.GRU(3, 4)
    with attach(layer) as inside:
        layer(torch.randn(5, 2, 3))
    with pytest.raises(DataError, match="no row 2: the layer read a batch of 2"):
        inside.page(row=2)
    with pytest.raises(DataError, match="5 steps, and 2 are named"):
        inside.page(["a", "b"])
    with pytest.raises(DataError, match="no module 'lstm' that ran; there are: ''"):
        inside.page(only=["lstm"])
    with pytest.raises(DataError, match=r"shape \(4, 3\)"):
        inside.page(series=np.zeros((4, 3)))
    with torch.no_grad():
        layer.weight_ih_l0.mul_(2)
    with pytest.raises(ConfigError, match="weights have changed"):
        inside.page()

    cut = GRU(3, 4)
    with attach(cut) as inside:
        cut(torch.randn(5, 1, 3), reset=torch.tensor([0, 0, 1, 0, 0])[:, None].bool())
    with pytest.raises(ConfigError, match="row 0 is cut by reset="):
        inside.page()

    two = nn.Sequential(nn.GRU(3, 4), nn.GRU(3, 4))
    with attach(two) as inside:
        two[0](torch.randn(5, 1, 3))
        two[1](torch.randn(6, 1, 3))
    with pytest.raises(DataError, match="0 5, 1 6; choose with only="):
        inside.page()
    with attach(layer) as inside:
        cut_short = nn.utils.rnn.pack_sequence([torch.randn(1, 3)])
        layer(cut_short)
    assert data_of(inside.page())["sequences"][0]["steps"] == ["step 1"]
