"""Plain PyTorch models seen from within, and left as they are."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from latchwork.errors import ConfigError
from latchwork.explain import attach, attachment, convert
from latchwork.nn import GRU, Recurrent


class Tagger(nn.Module):
    """A model of someone else: two recurrent parts, one of them called by keyword."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 3)
        self.encoder = nn.ModuleDict({"lstm": nn.LSTM(3, 4, 2, batch_first=True, dropout=0.5)})
        self.decoder = nn.GRU(4, 5, bidirectional=True)

    def forward(self, tokens):
        output, (h, _) = self.encoder["lstm"](self.embedding(tokens))
        return self.decoder(hx=torch.cat([h, h[:, :, :1]], -1), input=output.transpose(0, 1))[0]


KINDS = {
    "rnn": lambda **o: nn.RNN(3, 4, **o),
    "relu": lambda **o: nn.RNN(3, 4, nonlinearity="relu", **o),
    "gru": lambda **o: nn.GRU(3, 4, **o),
    "lstm": lambda **o: nn.LSTM(3, 4, **o),
    "projected": lambda **o: nn.LSTM(3, 4, proj_size=2, **o),
}


@given(
    st.sampled_from(sorted(KINDS)),
    st.fixed_dictionaries(
        {"num_layers": st.integers(1, 2), "bias": st.booleans(), "batch_first": st.booleans()},
        optional={"bidirectional": st.booleans(), "dtype": st.sampled_from([torch.float32, torch.float64])},
    ),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_a_converted_layer_gives_the_same(kind, options, steps, size):
    theirs = KINDS[kind](**options).eval()
    ours = convert(theirs)
    assert isinstance(ours, Recurrent)
    assert not ours.training
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    x = torch.randn(steps, size, 3, dtype=options.get("dtype"))
    (a, a_state), (b, b_state) = theirs(x), ours(x)
    assert torch.allclose(a, b, atol=1e-5)
    if not isinstance(a_state, tuple):
        a_state, b_state = (a_state,), (b_state,)
    for one, other in zip(a_state, b_state, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_the_model_runs_as_before_and_its_traces_are_there():
    torch.manual_seed(0)
    model, tokens = Tagger().eval(), torch.randint(10, (2, 6))
    before = model(tokens)
    with attach(model) as traces:
        assert not traces
        after = model(tokens)
    assert torch.equal(before, after)
    assert set(traces) == {"encoder.lstm", "decoder"}
    first, second = traces["encoder.lstm"]
    assert first["forget"].shape == (2, 6, 4)
    output, _ = model.encoder["lstm"](model.embedding(tokens))
    assert torch.allclose(second["h"], output, atol=1e-6)
    backward = traces["decoder"][1]
    assert backward["update"].shape == (6, 2, 5)
    assert torch.allclose(backward["h"], after[..., 5:], atol=1e-6)
    assert not model.decoder._forward_hooks
    model(tokens[:1])
    assert first["h"].shape[0] == 2


def test_training_under_attach_is_training():
    torch.manual_seed(0)
    plain, watched = Tagger(), Tagger()
    watched.load_state_dict(plain.state_dict())
    tokens = torch.randint(10, (2, 6))
    gates = []
    with attach(watched) as traces:
        for model in (plain, watched):
            torch.manual_seed(1)  # the same dropout: recording draws no random numbers
            optimiser = torch.optim.SGD(model.parameters(), 0.5)
            for _ in range(2):
                optimiser.zero_grad()
                model(tokens).square().sum().backward()
                optimiser.step()
                if model is watched:
                    gates.append(traces["decoder"][0]["update"])
    for a, b in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(*gates)
    assert not gates[0].requires_grad


def test_packed_input_and_the_module_itself():
    layer = nn.GRU(3, 4)
    packed = nn.utils.rnn.pack_sequence([torch.randn(4, 3), torch.randn(2, 3)])
    with attach(layer) as traces:
        output, _ = layer(packed)
    padded, _ = nn.utils.rnn.pad_packed_sequence(output)
    assert torch.allclose(traces[""][0]["h"], padded, atol=1e-6)


def test_layers_of_latchwork_are_seen_too_and_left_alone():
    torch.manual_seed(0)
    calls = []
    layer = GRU(3, 4, zoneout=0.1, dropout=0.5, num_layers=2)
    layer.register_forward_hook(lambda *_: calls.append(1))
    x, hx = torch.randn(5, 2, 3), torch.randn(2, 2, 4)
    with attach(nn.Sequential(layer)) as inside:
        layer(x, hx, lengths=[5, 2])
    assert calls == [1]
    assert layer.training
    _, _, trace = layer.eval()(x, hx, [5, 2], return_trace=True)
    assert torch.equal(inside["0"][1]["update"], trace[1]["update"])


def test_hooks_are_gone_after_an_error():
    layer = nn.GRU(3, 4)
    with pytest.raises(RuntimeError), attach(layer):
        layer(torch.randn(2, 2, 7))
    assert not layer._forward_hooks


def test_nothing_recurrent_is_refused_in_words():
    with pytest.raises(ConfigError, match=r"Sequential has nothing recurrent to attach to.*torch\.nn\.LSTM"):
        attach(nn.Sequential(nn.Linear(2, 2))).__enter__()
    with pytest.raises(ConfigError, match="Linear cannot be converted"):
        convert(nn.Linear(2, 2))


class Scaled(nn.LSTM):
    """Someone's own forward."""

    def forward(self, x, scale):
        return super().forward(x * scale)


def test_what_cannot_be_followed_runs_and_is_told():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.own, self.plain = Scaled(3, 4), nn.GRU(4, 4)

        def forward(self, x):
            return self.plain(self.own(x, scale=2.0)[0])

    torch.manual_seed(0)
    model, x = Two(), torch.randn(5, 2, 3)
    before = model(x)[0]
    with attach(model) as inside:
        assert torch.equal(model(x)[0], before)
    assert set(inside) == {"own", "plain"}
    assert inside["plain"][0]["h"].shape == (5, 2, 4)
    assert "'own': failed" in repr(inside)
    with pytest.raises(ConfigError, match=r"own \(Scaled\) has a forward of its own"):
        inside["own"]
    with pytest.raises(ConfigError, match="forward of its own"):
        inside.page()
    assert inside.page(only=["plain"]).data["cells"]


def test_a_failure_in_recording_is_not_the_models(monkeypatch):
    def fail(*_):
        raise RuntimeError("out of paper")

    monkeypatch.setattr(attachment, "_weights", fail)
    layer, x = nn.GRU(3, 4), torch.randn(5, 2, 3)
    with attach(layer) as inside:
        layer(x)
    with pytest.raises(ConfigError, match="GRU ran, but could not be followed: out of paper"):
        inside[""]


REMADE = {
    "weight norm": lambda layer: nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0"),
    "spectral norm": lambda layer: nn.utils.parametrizations.spectral_norm(layer, "weight_hh_l0"),
    "weight norm of old": lambda layer: nn.utils.weight_norm(layer, "weight_hh_l0"),
    "pruning": lambda layer: prune.l1_unstructured(layer, "weight_hh_l0", 0.5),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*")
@pytest.mark.parametrize("kind", [nn.LSTM, GRU])
@pytest.mark.parametrize("remake", REMADE.values(), ids=REMADE.keys())
def test_weights_made_of_others(remake, kind):
    torch.manual_seed(0)
    layer, x = kind(3, 4), torch.randn(5, 2, 3)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(3)
    remake(layer)
    with attach(layer) as inside:
        output = layer(x)[0]
    buffers = [b.clone() for b in layer.buffers()]
    assert torch.allclose(inside[""][0]["h"], output, atol=1e-6)
    assert all(map(torch.equal, buffers, layer.buffers()))
    assert inside.page().data["sequences"]
