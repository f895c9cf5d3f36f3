"""Options of the modules: what zoneout, recurrent dropout, layer norm and the forget bias do to results and weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latchwork import cells, nn
from latchwork.errors import ConfigError

T, B, I, H = 7, 3, 2, 5  # noqa: E741 (the dimension legend)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def layer(name: str = "gru", **options) -> nn.Recurrent:
    torch.manual_seed(0)
    return nn.Recurrent(name, I, H, dtype=torch.float64, **options)


def test_zoneout_in_training_keeps_units_at_its_rate():
    """Of an RNN whose new state is always 1, started at 0: a unit is 0 for as long as it was kept from the start."""
    rate = 0.4
    module = nn.Recurrent("rnn", 1, 300, zoneout=rate).train()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module.bias_ih_l0.fill_(30.0)
    torch.manual_seed(5)
    output, _ = module(torch.zeros(4, 50, 1))
    assert set(output.unique().tolist()) == {0.0, 1.0}
    for t in range(4):
        kept = (output[t] == 0).double().mean().item()
        expected = rate ** (t + 1)
        assert abs(kept - expected) < 4 * (expected * (1 - expected) / output[t].numel()) ** 0.5


def test_zoneout_in_evaluation_is_the_expectation():
    rate = 0.4
    module, x = layer("lstm", zoneout={"h": rate}).eval(), numbers(1, B, I)
    h0, c0 = numbers(1, B, H), numbers(1, B, H)
    plain = layer("lstm")
    output, (_, c) = module(x, (h0, c0))
    new, (_, new_c) = plain(x, (h0, c0))
    torch.testing.assert_close(output, rate * h0 + (1 - rate) * new)
    torch.testing.assert_close(c, new_c)


def test_zoneout_of_every_state_by_one_number():
    rate = 0.25
    module, x = layer("lstm", zoneout=rate).eval(), numbers(1, B, I)
    h0, c0 = numbers(1, B, H), numbers(1, B, H)
    output, (_, c) = module(x, (h0, c0))
    new, (_, new_c) = layer("lstm")(x, (h0, c0))
    torch.testing.assert_close(output, rate * h0 + (1 - rate) * new)
    torch.testing.assert_close(c, rate * c0 + (1 - rate) * new_c)


def test_the_mean_over_masks_of_one_step_is_the_evaluation():
    for options in ({"zoneout": 0.3}, {"recurrent_dropout": 0.3}):
        # The step is linear in the mask for zoneout; for dropout it is so where the nonlinearity is off.
        module = layer("rnn_relu", **options)
        with torch.no_grad():
            module.bias_ih_l0.fill_(20.0)
        x, h0 = numbers(1, 4000, I)[:, :1].expand(1, 4000, I), numbers(1, 1, H).expand(1, 4000, H).contiguous()
        module.train()
        drawn = module(x, h0)[0][0]
        expected = module.eval()(x, h0)[0][0]
        error = (drawn.mean(0) - expected.mean(0)).abs()
        assert (error < 4.5 * drawn.std(0) / 4000**0.5).all()
        assert (drawn.std(0) > 0).all()


def test_recurrent_dropout_in_evaluation_is_no_dropout():
    module, plain, x = layer("gru", recurrent_dropout=0.5).eval(), layer("gru"), numbers(T, B, I)
    with nn.use_path("reference"):
        torch.testing.assert_close(module(x)[0], plain(x)[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("options", [{"zoneout": 0.3}, {"recurrent_dropout": 0.3}], ids=str)
@pytest.mark.parametrize("name", ["lstm", "gru_reset_before"])
def test_masks_come_from_torchs_seed(name, options):
    module, x = layer(name, num_layers=2, bidirectional=True, **options).train(), numbers(T, B, I)
    torch.manual_seed(1)
    first, second = module(x)[0], module(x)[0]
    torch.manual_seed(1)
    again = module(x)[0]
    assert torch.equal(first, again)
    assert not torch.equal(first, second), "each call draws anew"
    assert torch.equal(module.eval()(x)[0], module(x)[0])


def spied(rate: float, **options) -> tuple[nn.Recurrent, torch.Tensor]:
    """An RNN that shows its dropout mask: h' = mask · h with identity weights, its state kept at 1 by a large reset."""
    module = nn.Recurrent("rnn_relu", 1, 64, recurrent_dropout=rate, bias=False, dtype=torch.float64, **options)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.zero_() if "weight_ih" in name else parameter.copy_(torch.eye(64))
    return module.train(), torch.zeros(5, 40, 1, dtype=torch.float64)


def test_the_recurrent_mask_is_constant_over_time_and_scaled():
    rate = 0.25
    module, x = spied(rate)
    torch.manual_seed(3)
    output, _ = module(x, torch.ones(1, 40, 64, dtype=torch.float64))
    scale = 1 / (1 - rate)
    mask = output[0] / scale
    torch.testing.assert_close(mask, mask.round())
    mask = mask.round()
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    for t in range(5):  # were the mask drawn anew, more units would go out at every step
        torch.testing.assert_close(output[t], mask * scale ** (t + 1))
    assert abs(mask.mean().item() - (1 - rate)) < 4 * (rate * (1 - rate) / mask.numel()) ** 0.5


def test_directions_have_masks_of_their_own():
    module, x = spied(0.5, bidirectional=True)
    torch.manual_seed(3)
    output, _ = module(x, torch.ones(2, 40, 64, dtype=torch.float64))
    forward, backward = output[0, :, :64] > 0, output[-1, :, 64:] > 0
    assert 0.2 < (forward == backward).double().mean().item() < 0.8


def test_rows_and_steps_of_a_mask_are_those_of_the_numpy_reference():
    from latchwork.reference.philox import bernoulli

    module, x = spied(0.5)
    torch.manual_seed(3)
    seed = int(torch.randint(2**62, ()))
    torch.manual_seed(3)
    output, _ = module(x, torch.ones(1, 40, 64, dtype=torch.float64))
    assert np.array_equal((output[0] > 0).numpy(), bernoulli(np, 0.5, seed, 0, 0, 40, 64))


@pytest.mark.parametrize(
    ("name", "gate"),
    [
        (n, g)
        for n, g in [("lstm", "forget"), ("gru", "update"), ("lstm_coupled", "forget"), ("lstm_peephole", "forget")]
    ],
)
def test_the_forget_bias_is_the_sum_of_the_gates_biases(name, gate):
    module, plain = (
        layer(name, num_layers=2, bidirectional=True, forget_bias=1.5),
        layer(name, num_layers=2, bidirectional=True),
    )
    blocks = module._program.layout["bias_ih"].blocks
    index = blocks.index(gate)
    for suffix in ("_l0", "_l0_reverse", "_l1", "_l1_reverse"):
        total = getattr(module, f"bias_ih{suffix}") + getattr(module, f"bias_hh{suffix}")
        before = getattr(plain, f"bias_ih{suffix}") + getattr(plain, f"bias_hh{suffix}")
        for i, (now, then) in enumerate(zip(total.chunk(len(blocks)), before.chunk(len(blocks)), strict=True)):
            if i == index:
                assert (now == 1.5).all()
            else:
                assert torch.equal(now, then)
    module.reset_parameters()
    assert (module.bias_ih_l0.chunk(len(blocks))[index] + module.bias_hh_l0.chunk(len(blocks))[index] == 1.5).all()


def test_the_forget_bias_opens_the_gate():
    module = layer("lstm", forget_bias=50.0)
    (named,) = module(numbers(T, B, I), return_trace=True)[2]
    assert (named["forget"] > 1 - 1e-12).all()


def test_the_forget_bias_of_a_normalised_cell_is_in_its_norm():
    for module in (layer("lstm", layer_norm=True, forget_bias=2.0), layer("lstm_layer_norm", forget_bias=2.0)):
        total = module.norm_bias_ih_l0 + module.norm_bias_hh_l0
        assert [set(block.tolist()) for block in total.chunk(4)] == [{0.0}, {2.0}, {0.0}, {0.0}]
        assert (module.norm_weight_ih_l0 == 1).all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rnn", {}, "no such gate"),
        ("mgu", {}, "no such gate"),
        ("lstm", {"bias": False}, "with bias=False there is none"),
    ],
)
def test_a_forget_bias_that_has_no_place_is_refused(name, options, message):
    with pytest.raises(ConfigError, match=message):
        layer(name, forget_bias=1.0, **options)


def test_layer_norm_makes_gates_blind_to_the_scale_of_the_input():
    module, plain, x = layer("gru", layer_norm=True), layer("gru"), numbers(T, B, I)
    near, far = 1e3 * x, 1e6 * x
    torch.testing.assert_close(module(near)[0], module(far)[0], rtol=1e-6, atol=1e-6)
    assert (plain(x)[0] - plain(10 * x)[0]).abs().max() > 0.1


def test_options_show_in_the_printed_form():
    module = layer("lstm", zoneout={"c": 0.1}, recurrent_dropout=0.2, peephole=True, layer_norm=True, forget_bias=1.0)
    for part in ("zoneout={'c': 0.1}", "recurrent_dropout=0.2", "peephole=True", "layer_norm=True", "forget_bias=1.0"):
        assert part in repr(module)


def test_initial_weights_keep_to_their_ranges():
    for name in cells.names():
        module = nn.Recurrent(name, 20, 64, **({"proj_size": 30} if "projected" in name else {}))
        for parameter_name, parameter in module.named_parameters():
            low, high = (0, 1) if parameter_name.startswith("vector_recurrent") else (-1 / 8, 1 / 8)
            if parameter_name.startswith("norm"):
                assert set(parameter.unique().tolist()) == {float("weight" in parameter_name)}
            else:
                assert low <= parameter.min() < low + 0.2 * (high - low)
                assert high - 0.2 * (high - low) < parameter.max() <= high
