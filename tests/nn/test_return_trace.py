"""`return_trace`: every assigned name and state of every layer and direction, with the right values and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import latchwork as lw
from latchwork import cells, nn
from support import zoo_options

T, B, I, H = 5, 3, 2, 4  # noqa: E741 (the dimension legend)


def layer(cell: Any, **options: Any) -> nn.Recurrent:
    torch.manual_seed(2)
    known = zoo_options(cell) if isinstance(cell, str) else {}
    return nn.Recurrent(cell, I, H, dtype=torch.float64, **{**known, **options})


def values(module: nn.Recurrent, x: torch.Tensor, **options: Any) -> dict[str, list[torch.Tensor]]:
    """The trace, name by name, over layers and directions."""
    trace = module(x, return_trace=True, **options)[2]
    return {name: [named[name] for named in trace] for name in trace[0]}


@pytest.mark.parametrize("name", cells.names())
def test_the_names_are_the_cells_in_order(name):
    trace = layer(name)(torch.randn(T, B, I, dtype=torch.float64), return_trace=True)[2]
    assert list(trace[0]) == list(cells.get(name).graph.traced)
    assert {state.name for state in cells.get(name).graph.states} <= set(trace[0])


@pytest.mark.parametrize("name", cells.names())
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_in_the_trace_are_the_outputs_and_the_final_states(name, bidirectional):
    module = layer(name, num_layers=2, bidirectional=bidirectional)
    x, lengths = torch.randn(T, B, I, dtype=torch.float64), torch.tensor([5, 2, 4])
    output, final, trace = module(x, lengths=lengths, return_trace=True)
    directions = 2 if bidirectional else 1
    assert len(trace) == 2 * directions
    last_layer = [trace[directions + d][module._state_names[0]] for d in range(directions)]
    assert torch.equal(output, torch.cat(last_layer, -1))
    states = [final] if isinstance(final, torch.Tensor) else final
    for state_name, state in zip(module._state_names, states, strict=True):
        for index in range(2 * directions):
            backward = index % directions == 1
            for row, length in enumerate(lengths):
                at = 0 if backward else length - 1
                assert torch.equal(trace[index][state_name][at, row], state[index, row])
    for named in trace:
        for value in named.values():
            for row, length in enumerate(lengths):
                assert not value[length:, row].any()


def test_the_gates_make_the_states():
    x = torch.randn(T, B, I, dtype=torch.float64)
    module = layer("lstm")
    h0, c0 = torch.randn(2, 1, B, H, dtype=torch.float64)
    (t,) = module(x, (h0, c0), return_trace=True)[2]
    before = torch.cat([c0, t["c"][:-1]])
    torch.testing.assert_close(t["c"], t["forget"] * before + t["input"] * t["candidate"])
    torch.testing.assert_close(t["h"], t["output"] * torch.tanh(t["c"]))
    gates = x @ module.weight_ih_l0.T + module.bias_ih_l0 + module.bias_hh_l0
    gates = gates + torch.cat([h0, t["h"][:-1]]) @ module.weight_hh_l0.T
    for name, pre, act in zip(
        ("input", "forget", "candidate", "output"),
        gates.chunk(4, -1),
        (torch.sigmoid, torch.sigmoid, torch.tanh, torch.sigmoid),
        strict=True,
    ):
        torch.testing.assert_close(t[name], act(pre))


def test_the_index_is_layer_times_directions_plus_direction():
    """Of four passes, each with weights of its own size: the trace shows which is which."""
    module = layer("rnn", num_layers=2, bidirectional=True)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        for index, suffix in enumerate(("_l0", "_l0_reverse", "_l1", "_l1_reverse")):
            getattr(module, f"bias_ih{suffix}").fill_(0.1 * (index + 1))
    trace = values(module, torch.zeros(T, B, I, dtype=torch.float64))["h"]
    for index, value in enumerate(trace):
        torch.testing.assert_close(value, torch.full_like(value, 0.1 * (index + 1)).tanh())


def test_the_form_of_the_input_is_the_form_of_the_trace():
    x = torch.randn(T, B, I, dtype=torch.float64)
    plain = values(layer("gru"), x)
    by_batch = values(layer("gru", batch_first=True), x.transpose(0, 1))
    alone = values(layer("gru"), x[:, 1])
    for name, (value,) in plain.items():
        assert value.shape == (T, B, H)
        torch.testing.assert_close(by_batch[name][0], value.transpose(0, 1))
        torch.testing.assert_close(alone[name][0], value[:, 1])
    packed = pack_padded_sequence(x, torch.tensor([2, 5, 3]), enforce_sorted=False)
    padded = values(layer("gru"), x, lengths=[2, 5, 3])
    for name, (value,) in values(layer("gru"), packed).items():
        torch.testing.assert_close(value, padded[name][0])


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_asking_for_the_trace_changes_nothing_else(name):
    module, x = layer(name, num_layers=2, bidirectional=True), torch.randn(T, B, I, dtype=torch.float64)
    for path in ("fused", "reference"):
        with nn.use_path(path):
            plain, traced = module(x), module(x, return_trace=True)
        assert torch.equal(plain[0], traced[0])
        for e, r in zip(plain[1], traced[1], strict=True):
            assert torch.equal(e, r)


@pytest.mark.parametrize("name", cells.names())
def test_every_traced_value_is_differentiable(name):
    module = layer(name, bidirectional=True)
    x = torch.randn(3, 2, I, dtype=torch.float64, requires_grad=True)

    def traced(x):
        return tuple(value for named in module(x, lengths=[3, 2], return_trace=True)[2] for value in named.values())

    assert torch.autograd.gradcheck(traced, (x,))


def test_the_gradient_of_a_gate_reaches_its_own_weights_and_no_others():
    module = layer("lstm")
    (named,) = module(torch.randn(1, B, I, dtype=torch.float64), return_trace=True)[2]
    named["forget"].sum().backward()
    blocks = [block.any().item() for block in module.weight_ih_l0.grad.chunk(4)]
    assert blocks == [False, True, False, False]


def test_a_value_made_of_learned_vectors_alone_is_traced_for_every_row_and_step():
    @lw.cell
    def leaky(x, h):
        keep = lw.sigmoid(lw.vector())
        on = h > 0
        h = keep * h + (1 - keep) * lw.where(on, lw.tanh(lw.affine(x)), lw.affine(x))
        return h

    module = layer(leaky)
    (named,) = module(torch.randn(T, B, I, dtype=torch.float64), lengths=[5, 0, 2], return_trace=True)[2]
    gate = module.vector_keep_l0.detach().sigmoid()
    for row, length in enumerate([5, 0, 2]):
        torch.testing.assert_close(named["keep"][:length, row], gate.expand(length, H), rtol=1e-14, atol=0)
        assert not named["keep"][length:, row].any()
    before = torch.cat([torch.zeros(1, B, H), named["h"][:-1]])
    valid = torch.arange(T)[:, None, None] < torch.tensor([5, 0, 2])[:, None]
    assert named["on"].dtype == torch.float64
    assert torch.equal(named["on"], ((before > 0) & valid).double())


def test_a_trace_is_a_sequence():
    trace = layer("rnn", num_layers=3)(torch.randn(T, B, I, dtype=torch.float64), return_trace=True)[2]
    assert len(trace) == 3
    assert [named is trace[i] for i, named in enumerate(trace)] == [True] * 3
    assert trace[-1] is trace[2]
    assert list(trace[1:]) == [trace[1], trace[2]]
    with pytest.raises(IndexError):
        trace[3]
    assert repr(trace) == "Trace(3 × {h}, each about (5, 3, 4))"


def test_no_steps_leave_an_empty_trace():
    (named,) = layer("lstm_projected")(torch.zeros(0, B, I, dtype=torch.float64), return_trace=True)[2]
    assert {name: tuple(value.shape) for name, value in named.items()} == {
        **dict.fromkeys(("input", "forget", "candidate", "output", "c"), (0, B, H)),
        "h": (0, B, 2),
    }
