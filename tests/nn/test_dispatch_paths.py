"""Which path runs a call and why: told truly, forced on request, never changed in silence."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import latchwork as lw
from latchwork import cells, nn
from latchwork.errors import CompilerError, ConfigError, LatchworkWarning
from latchwork.nn import dispatch, inputs, recurrent, torch_operator
from support import zoo_options

OPERATORS = {"rnn": "rnn_tanh", "rnn_relu": "rnn_relu", "lstm": "lstm", "lstm_projected": "lstm", "gru": "gru"}
x = torch.randn(4, 2, 3)


@pytest.mark.parametrize("name", cells.names())
@pytest.mark.parametrize("bias", [True, False])
def test_torchs_operator_runs_exactly_the_cells_it_computes(name, bias):
    """Where the kernels do not run, as in bfloat16, or where it is asked for."""
    module = nn.Recurrent(name, 3, 4, bias=bias, **zoo_options(name))
    assert module.explain_dispatch().path == "fused"
    assert module.double().explain_dispatch().path == "fused"
    told = module.bfloat16().explain_dispatch()
    assert told.operator == OPERATORS.get(name)
    assert told.path == ("torch" if name in OPERATORS else "reference")
    assert "the kernels compute in float32 and float64, and this is torch.bfloat16" in told.reason
    if name in OPERATORS:
        with nn.use_path("torch"):
            assert module.float().explain_dispatch() == replace(told, reason=told.reason.split("; ")[1])
    else:
        assert "torch has no operator for this cell" in told.reason


def called(monkeypatch, module, x=x, **options) -> list[str]:
    """The operators of torch that a call uses."""
    used = []
    for operator in set(OPERATORS.values()):
        real = getattr(torch, operator)

        def spy(*arguments, operator=operator, real=real):
            used.append(operator)
            return real(*arguments)

        monkeypatch.setattr(torch, operator, spy)
    module(x, **options)
    return used


def test_what_is_told_is_what_runs(monkeypatch):
    module = nn.GRU(3, 4)
    assert called(monkeypatch, module) == []
    assert str(module.explain_dispatch()) == "fused: kernels compiled from the cell's graph run it"
    with nn.use_path("torch"):
        assert called(monkeypatch, module) == ["gru"]
        assert called(monkeypatch, module, lengths=[4, 2]) == ["gru"]
    module, x = module.bfloat16(), globals()["x"].bfloat16()
    assert called(monkeypatch, module, x=x) == ["gru"]
    reset = torch.zeros(4, 2, dtype=torch.bool)
    for call, explained in (({"reset": reset}, {"reset": True}), ({"return_trace": True}, {"return_trace": True})):
        told = module.explain_dispatch(**explained)
        assert (told.path, told.operator) == ("reference", None)
        assert next(iter(explained)) in told.reason
        assert called(monkeypatch, module, x=x, **call) == []
    assert called(monkeypatch, module, x=x, lengths=[4, 2]) == ["gru"]
    with nn.use_path("reference"):
        assert called(monkeypatch, module, x=x) == []
        assert "use_path('reference') asks for it" in str(module.explain_dispatch())
    assert called(monkeypatch, module, x=x) == ["gru"]


def test_each_path_runs_where_it_is_told(monkeypatch):
    """The steps of the reference, the scan of the kernels and the operator of torch: one of them, not another."""
    module, ran = nn.GRU(3, 4), []
    for place, name in ((recurrent, "fused_scan"), (nn.Recurrent, "_run_reference"), (recurrent, "run_operator")):
        real = getattr(place, name)

        def spy(*arguments, name=name, real=real, **options):
            ran.append(name)
            return real(*arguments, **options)

        monkeypatch.setattr(place, name, spy)
    for path, name in (("fused", "fused_scan"), ("torch", "run_operator"), ("reference", "_run_reference")):
        with nn.use_path(path):
            module(x)
        assert ran == [name]
        ran.clear()
    module(x)
    assert ran == ["fused_scan"]


def packings(monkeypatch, call) -> list[str]:
    """What of torch's packing a call uses."""
    used = []
    for name in ("pack_padded_sequence", "pad_packed_sequence"):
        for module in (torch_operator, inputs):
            real = getattr(module, name)

            def spy(*arguments, name=name, real=real, **options):
                used.append(name)
                return real(*arguments, **options)

            monkeypatch.setattr(module, name, spy)
    call()
    monkeypatch.undo()
    return used


def test_rows_are_packed_only_if_some_are_shorter(monkeypatch):
    module = nn.GRU(3, 4, bidirectional=True)
    assert packings(monkeypatch, lambda: module(x, lengths=[4, 3])) == []
    with nn.use_path("torch"):
        assert packings(monkeypatch, lambda: module(x, lengths=[4, 4])) == []
        packs = ["pack_padded_sequence", "pad_packed_sequence"]
        assert packings(monkeypatch, lambda: module(x, lengths=[4, 3])) == packs
        assert "rows of unequal length run packed in it" in module.explain_dispatch(lengths=True).reason
        assert "packed" not in module.explain_dispatch().reason
    for path in ("fused", "torch", "reference"):
        with nn.use_path(path):
            for full, given in zip(module(x), module(x, lengths=torch.tensor([4, 4])), strict=True):
                assert torch.equal(full, given)
    assert "packed" not in nn.Recurrent("mgu", 3, 4).explain_dispatch(lengths=True).reason


def test_torchs_operator_takes_a_packed_sequence_as_it_is(monkeypatch):
    module = nn.GRU(3, 4)
    packed = pack_padded_sequence(x, torch.tensor([2, 4]), enforce_sorted=False)
    for path in ("fused", "torch"):
        with nn.use_path(path):
            assert packings(monkeypatch, lambda: module(packed)) == []
    with nn.use_path("reference"):
        assert packings(monkeypatch, lambda: module(packed)) == ["pad_packed_sequence", "pack_padded_sequence"]


def test_modes_are_torchs():
    for library in (torch.nn, nn):
        assert library.LSTM(3, 4).mode == library.LSTM(3, 4, proj_size=2, bias=False).mode == "LSTM"
        assert library.GRU(3, 4).mode == "GRU"
        assert library.RNN(3, 4).mode == "RNN_TANH"
        assert library.RNN(3, 4, nonlinearity="relu").mode == "RNN_RELU"
    assert nn.LSTM(3, 4, layer_norm=True).mode == nn.Recurrent("lstm", 3, 4).mode == "LSTM"
    assert nn.Recurrent("mgu", 3, 4, zoneout=0.1).mode == "mgu"


@pytest.mark.parametrize(
    "option", [{"zoneout": 0.1}, {"recurrent_dropout": 0.1}, {"layer_norm": True}, {"peephole": True}]
)
def test_a_changed_cell_is_not_torchs(option):
    assert nn.LSTM(3, 4, **option).explain_dispatch().path == "fused"
    assert nn.LSTM(3, 4, dtype=torch.bfloat16, **option).explain_dispatch().path == "reference"


def test_a_users_cell_that_is_torchs_runs_on_torchs_operator():
    @lw.cell
    def elman(inputs, state):
        return lw.tanh(lw.affine(inputs, state))

    module = nn.Recurrent(elman, 3, 4)
    with nn.use_path("torch"):
        assert module.explain_dispatch().operator == "rnn_tanh"
    reference = torch.nn.RNN(3, 4)
    reference.load_state_dict(module.state_dict())
    torch.testing.assert_close(module(x)[0], reference(x)[0])


def test_a_forced_path_that_cannot_run_is_refused():
    reset = torch.zeros(4, 2, dtype=torch.bool)
    with nn.use_path("torch"):
        with pytest.raises(
            ConfigError, match="use_path\\('torch'\\) cannot run this call: torch has no operator for this cell"
        ):
            nn.Recurrent("mgu", 3, 4)(x)
        with pytest.raises(ConfigError, match="reset cuts sequences"):
            nn.GRU(3, 4)(x, reset=reset)
        with pytest.raises(ConfigError, match="return_trace"):
            nn.GRU(3, 4)(x, return_trace=True)
        with pytest.raises(ConfigError, match="without steps or rows"):
            nn.GRU(3, 4)(x[:0])
        with pytest.raises(ConfigError, match="torch has no operator for this cell"):
            nn.RecurrentCell("mgu", 3, 4)(x[0])
    with nn.use_path("fused"):
        with pytest.raises(ConfigError, match="use_path\\('fused'\\) cannot run this call: .* more than one step"):
            nn.GRUCell(3, 4)(x[0])
        with pytest.raises(ConfigError, match="compute in float32 and float64, and this is torch.bfloat16"):
            nn.GRU(3, 4, dtype=torch.bfloat16)(x.bfloat16())
        with pytest.raises(ConfigError, match="run on the CPU, and this is on meta"):
            nn.GRU(3, 4, device="meta")(x.to("meta"))
        with pytest.raises(ConfigError, match="autocast"), torch.autocast("cpu", torch.bfloat16):
            nn.GRU(3, 4)(x)


def test_without_a_compiler_another_path_runs_and_says_so_once(monkeypatch):
    def refuse(*arguments):
        raise CompilerError("no compiler was found\nhere is what to do")

    monkeypatch.setattr(dispatch, "kernels", refuse)
    dispatch._unavailable.cache_clear()
    monkeypatch.setattr(dispatch, "_warned", [])
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for name, path in (("gru", "torch"), ("mgu", "reference"), ("mgu", "reference")):
                module = nn.Recurrent(name, 3, 4)
                module(x)
                assert module.explain_dispatch().path == path
                assert "its kernels cannot be had here (see latchwork doctor)" in module.explain_dispatch().reason
        assert [w.category for w in caught] == [LatchworkWarning]
        assert "no compiler was found" in str(caught[0].message)
    finally:
        dispatch._unavailable.cache_clear()


def test_paths_nest_and_end():
    module = nn.GRU(3, 4)
    with nn.use_path("reference"):
        with nn.use_path("torch"):
            assert module.explain_dispatch().path == "torch"
            with nn.use_path("fused"):
                assert module.explain_dispatch().path == "fused"
        assert module.explain_dispatch().path == "reference"
    assert module.explain_dispatch().path == "fused"
    with pytest.raises(ZeroDivisionError), nn.use_path("reference"):
        1 / 0  # noqa: B018
    assert module.explain_dispatch().path == "fused"


def test_an_unknown_path_is_refused_with_those_there_are():
    with (
        pytest.raises(ConfigError, match="there is no path 'cuda'; the paths are: fused, torch, reference"),
        nn.use_path("cuda"),
    ):
        pass


def test_a_single_step_explains_itself_too():
    assert nn.LSTMCell(3, 4).explain_dispatch().operator == "lstm"
    assert nn.RecurrentCell("mgu", 3, 4).explain_dispatch().path == "reference"


def test_whether_checkpoints_are_kept_is_told():
    module = nn.GRU(3, 4, checkpoint_every=2)
    assert "checkpoint_every=2 keeps a state" in module.explain_dispatch().reason
    nothing = "checkpoint_every does nothing here"
    assert nothing in module.explain_dispatch(return_trace=True).reason
    for path in ("torch", "reference"):
        with nn.use_path(path):
            assert nothing in module.explain_dispatch().reason
    assert "checkpoint_every" not in nn.GRU(3, 4).explain_dispatch().reason
