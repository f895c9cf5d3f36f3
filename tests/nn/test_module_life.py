"""What is done with modules beside calling them: copies, files, dtypes, autocast, no gradients, functional calls."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch

import latchwork as lw
from latchwork import cells, nn
from support import zoo_options

x = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))


def layer(name: str, **options) -> nn.Recurrent:
    torch.manual_seed(0)
    return nn.Recurrent(name, 3, 4, **{**zoo_options(name), **options})


def close(a, b, **tolerance):
    torch.testing.assert_close(a, b, **tolerance)


@pytest.mark.parametrize("name", cells.names())
def test_copies_and_pickles_compute_the_same(name):
    module = layer(name, num_layers=2, bidirectional=True, zoneout=0.2).eval()
    saved = io.BytesIO()
    torch.save(module, saved)
    saved.seek(0)
    copies = [
        copy.deepcopy(module),
        copy.copy(module),
        pickle.loads(pickle.dumps(module)),
        torch.load(saved, weights_only=False),
    ]
    for other in copies:
        assert repr(other) == repr(module)
        assert torch.equal(other(x)[0], module(x)[0])
    changed = copies[0]
    with torch.no_grad():
        changed.weight_ih_l0.add_(1.0)
    assert not torch.equal(changed(x)[0], module(x)[0])
    assert torch.equal(copies[2](x)[0], module(x)[0])


def test_a_pickled_classic_still_runs_on_torchs_operator():
    module = pickle.loads(pickle.dumps(nn.LSTM(3, 4)))
    with nn.use_path("torch"):
        assert module.explain_dispatch().operator == "lstm"


@pytest.mark.parametrize("name", cells.names())
def test_a_state_dict_is_tensors_alone_and_loads_into_a_new_module(name):
    module = layer(name, num_layers=2, layer_norm="layer_norm" not in name)
    saved = io.BytesIO()
    torch.save(module.state_dict(), saved)
    saved.seek(0)
    other = layer(name, num_layers=2, layer_norm="layer_norm" not in name)
    other.reset_parameters()
    other.load_state_dict(torch.load(saved, weights_only=True), strict=True)
    assert torch.equal(other(x)[0], module(x)[0])


def test_a_long_cell_of_ones_own_is_copied_and_pickled():
    @lw.cell
    def long(x, h):
        h = lw.affine(x, h)
        for _ in range(400):
            h = lw.tanh(h)
        return h

    module = nn.Recurrent(long, 3, 4)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(x)[0], module(x)[0])


@pytest.mark.parametrize("path", ["automatic", "reference"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", cells.names())
def test_low_precision_is_near_the_truth(name, dtype, path):
    module = layer(name, bidirectional=True)
    expected, _ = copy.deepcopy(module).double()(x.double(), lengths=[5, 3])
    low = module.to(dtype)
    with nn.use_path("reference") if path == "reference" else torch.no_grad():
        output, state = low(x.to(dtype), lengths=[5, 3])
    assert output.dtype == dtype
    assert (state if isinstance(state, torch.Tensor) else state[0]).dtype == dtype
    close(output.double(), expected, rtol=0, atol=60 * torch.finfo(dtype).eps)


def test_a_choice_of_numbers_keeps_the_dtype():
    @lw.cell
    def stepped(x, h):
        rate = lw.where(h > 0, 0.1, 0.7)
        h = rate * h + lw.tanh(lw.affine(x, h))
        return h

    module = nn.Recurrent(stepped, 3, 4)
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        output, _, (named,) = copy.deepcopy(module).to(dtype)(x.to(dtype), return_trace=True)
        assert output.dtype == named["rate"].dtype == dtype
        assert set(named["rate"].unique().tolist()) == {torch.tensor(v, dtype=dtype).item() for v in (0.1, 0.7)}


def test_to_double_and_back():
    module = nn.LSTM(3, 4)
    before = module(x)[0]
    close(module.double()(x.double())[0].float(), before)
    close(module.float()(x)[0], before)


@pytest.mark.parametrize("path", ["torch", "reference"])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_autocast_carries_a_state_from_call_to_call(kind, path):
    module = getattr(nn, kind)(3, 4, num_layers=2)
    expected, state = module(x)
    expected_next, _ = module(x, state)
    with nn.use_path(path), torch.autocast("cpu", torch.bfloat16):
        output, state = module(x)
        following, _ = module(x, state)
        ragged, _ = module(x, state, lengths=[5, 2])
    close(output.float(), expected, rtol=0, atol=0.05)
    close(following.float(), expected_next, rtol=0, atol=0.05)
    close(ragged[:, 0].float(), expected_next[:, 0], rtol=0, atol=0.05)


@pytest.mark.parametrize("name", cells.names())
def test_autocast_runs_every_cell_with_every_feature(name):
    module = layer(name, bidirectional=True, zoneout=0.2, recurrent_dropout=0.1).eval()
    reset = torch.zeros(5, 2, dtype=torch.bool)
    reset[2] = True
    expected = module(x, lengths=[5, 3], reset=reset)[0]
    with torch.autocast("cpu", torch.bfloat16):
        output, _, _ = module(x, lengths=[5, 3], reset=reset, return_trace=True)
    close(output.float(), expected, rtol=0, atol=0.05)
    output.float().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("path", ["fused", "torch", "reference"])
def test_no_grad_and_inference_mode(path):
    module = nn.GRU(3, 4, bidirectional=True)
    with nn.use_path(path):
        expected = module(x, lengths=[5, 2])[0]
        for mode in (torch.no_grad, torch.inference_mode):
            with mode():
                output, state = module(x, lengths=[5, 2])
            assert torch.equal(output, expected)
            assert not output.requires_grad
            assert not state.requires_grad


@pytest.mark.parametrize("path", ["fused", "torch", "reference"])
def test_frozen_weights_get_no_gradient(path):
    module = nn.LSTM(3, 4)
    module.requires_grad_(False)
    module.weight_hh_l0.requires_grad_()
    with nn.use_path(path):
        module(x)[0].sum().backward()
    assert module.weight_hh_l0.grad.any()
    assert module.weight_ih_l0.grad is None
    module.requires_grad_(False)
    with nn.use_path(path):
        assert not module(x)[0].requires_grad


@pytest.mark.parametrize("path", ["fused", "torch", "reference"])
def test_the_arguments_are_left_as_they_were(path):
    module = nn.LSTM(3, 4, bidirectional=True)
    hx = (torch.randn(2, 2, 4), torch.randn(2, 2, 4))
    lengths, reset = torch.tensor([2, 5]), torch.zeros(5, 2, dtype=torch.bool)
    before = [t.clone() for t in (x, *hx, lengths)]
    with nn.use_path(path):
        module(x, hx, lengths=lengths, **({"reset": reset} if path != "torch" else {}))
    assert all(torch.equal(a, b) for a, b in zip(before, (x, *hx, lengths), strict=True))


def test_functional_call_uses_the_given_weights():
    module = layer("mgu")
    doubled = {name: 2 * parameter.detach() for name, parameter in module.named_parameters()}
    output = torch.func.functional_call(module, doubled, (x,))[0]
    other = layer("mgu")
    other.load_state_dict(doubled)
    assert torch.equal(output, other(x)[0])


def test_a_parametrized_weight_is_followed():
    module = nn.GRU(3, 4)
    plain = copy.deepcopy(module)
    torch.nn.utils.parametrizations.weight_norm(module, "weight_hh_l0")
    close(module(x)[0], plain(x)[0])
    with torch.no_grad():
        module.parametrizations.weight_hh_l0.original0.mul_(2)
        plain.weight_hh_l0.mul_(2)
    close(module(x)[0], plain(x)[0])


def test_modules_on_the_meta_device_have_shapes_alone():
    module = nn.Recurrent("gru_layer_norm", 3, 4, num_layers=2, device="meta")
    assert all(p.is_meta for p in module.parameters())
    module.to_empty(device="cpu")
    module.reset_parameters()
    torch.manual_seed(0)
    module.reset_parameters()
    assert torch.equal(module(x)[0], layer("gru_layer_norm", num_layers=2)(x)[0])


@pytest.mark.parametrize("name", cells.names())
def test_nothing_is_made_on_another_device_than_the_inputs(name):
    """torch refuses to mix devices, the meta device included: this needs no GPU."""
    module = layer(name, num_layers=2, bidirectional=True, zoneout=0.1, recurrent_dropout=0.2, device="meta")
    far, reset = torch.zeros(5, 2, 3, device="meta"), torch.zeros(5, 2, dtype=torch.bool)
    output, _, trace = module(far, lengths=[5, 2], reset=reset, return_trace=True)
    output.sum().backward()
    assert output.is_meta
    assert all(value.is_meta for named in trace for value in named.values())
    assert all(parameter.grad.is_meta for parameter in module.parameters())


def test_training_lowers_the_loss():
    torch.manual_seed(0)
    module, head = nn.Recurrent("gru_reset_before", 3, 16), torch.nn.Linear(16, 1)
    data = torch.randn(12, 32, 3)
    target = data[..., 0].cumsum(0).tanh().unsqueeze(-1)
    optimiser = torch.optim.Adam([*module.parameters(), *head.parameters()], lr=0.02)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(head(module(data)[0]), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
