"""Plain calls: the same bits with gradients and without, whatever the shape; the results are the caller's own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils import parametrize

from latchwork import cells
from latchwork.errors import ShapeError
from latchwork.nn import LSTM, Recurrent, use_path


def layer(cell="lstm", units=32, **options):
    torch.manual_seed(0)
    projects = cells.get(cell).graph.output_size == "P"
    return Recurrent(cell, 16, units, **({"proj_size": units // 2} if projects else {}), **options).eval()


def both_ways(module, x):
    """The results without gradients, and those with."""
    with torch.no_grad():
        without = module(x)
    return without, module(x)


def flat(result):
    output, state = result
    return [output, *(state if isinstance(state, tuple) else (state,))]


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2, "bidirectional": True}, {"batch_first": True, "bias": False}, {"layer_norm": True}],
    ids=str,
)
def test_the_same_bits(cell, options):
    if options.get("layer_norm") and "layer_norm" in cell:
        options = {}
    module = layer(cell, **options)
    x = torch.randn(5, 3, 16)
    quick, other = both_ways(module, x)
    for ours, theirs in zip(flat(quick), flat(other), strict=True):
        assert ours.shape == theirs.shape
        assert torch.equal(ours, theirs)


@given(
    st.integers(1, 9), st.integers(1, 40), st.sampled_from([16, 17, 32]), st.sampled_from([1, 2]), st.booleans(),
    st.sampled_from([torch.float32, torch.float64]),
)  # fmt: skip
def test_any_shape(steps, batch, units, threads, turned, dtype):
    module = layer("gru", units).to(dtype)
    x = torch.randn(batch, steps, 16, dtype=dtype).transpose(0, 1)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        quick, other = both_ways(module, x if turned else x.contiguous())
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(flat(quick), flat(other), strict=True))


UNUSUAL = {
    "no steps": torch.zeros(0, 2, 16),
    "no rows": torch.zeros(3, 0, 16),
    "unbatched": torch.zeros(3, 16),
    "negative bit": torch.randn(3, 2, 16, dtype=torch.cfloat).conj().imag,
}


@pytest.mark.parametrize("x", UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_not_plain_is_right_too(x):
    module = layer()
    with torch.no_grad():
        output, _ = module(x)
        again, _ = module(x.resolve_neg().clone())
    assert torch.equal(output, again)


def test_results_are_the_callers_own():
    module = layer()
    x = torch.randn(4, 2, 16)
    with torch.no_grad():
        first, (h, c) = module(x)
        kept = [t.clone() for t in (first, h, c)]
        module(torch.randn(4, 2, 16))
    assert all(torch.equal(a, b) for a, b in zip((first, h, c), kept, strict=True))
    h.detach_()


def test_weights_are_read_anew_at_each_call():
    module = layer()
    x = torch.randn(4, 2, 16)
    with torch.no_grad():
        before, _ = module(x)
        module.weight_hh_l0.data.mul_(0.5)
        after, _ = module(x)
        with use_path("reference"):
            other, _ = module(x)
    assert not torch.equal(before, after)
    torch.testing.assert_close(after, other)


@pytest.mark.parametrize("change", [{"zoneout": 0.5}, {"recurrent_dropout": 0.5}], ids=str)
@pytest.mark.parametrize("layers", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_masks_are_drawn_anew_in_training_with_gradients_and_without(change, layers):
    module = layer(**change, **layers).train()
    x = torch.randn(8, 2, 16)
    torch.manual_seed(3)
    without, other = both_ways(module, x)
    torch.manual_seed(3)
    found = module(x)
    torch.manual_seed(3)
    *traced, _ = module(x, return_trace=True)  # which takes the general way
    for same in (found, traced):
        assert all(torch.equal(a, b) for a, b in zip(flat(without), flat(same), strict=True))
    assert not torch.equal(without[0], other[0])


def test_a_weight_under_a_parametrization_is_followed():
    class Half(torch.nn.Module):
        def forward(self, weight):
            return weight / 2

    module, other = layer(), layer()
    other.weight_hh_l0.data.div_(2)
    parametrize.register_parametrization(module, "weight_hh_l0", Half())
    x = torch.randn(4, 2, 16)
    for found in both_ways(module, x):
        assert torch.equal(found[0], other(x)[0])


def test_wrong_weights_and_inputs_are_refused_as_ever():
    module = LSTM(16, 32).eval()
    with torch.no_grad():
        with pytest.raises(ShapeError, match="float64"):
            module(torch.zeros(3, 2, 16, dtype=torch.float64))
        with pytest.raises(ShapeError, match="Expected 16, got 15"):
            module(torch.zeros(3, 2, 15))
        module.bias_hh_l0 = torch.nn.Parameter(torch.zeros(64))
        with pytest.raises(ShapeError, match="bias_hh"):
            module(torch.zeros(3, 2, 16))
