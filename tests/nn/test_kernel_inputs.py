"""The kernels are given addresses: whatever torch may hand over must be what they take it for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

import latchwork as lw
from latchwork import cells, nn
from latchwork.errors import LatchworkWarning, ShapeError
from support import zoo_options

x = torch.randn(5, 3, 8)


@pytest.mark.parametrize("wrong", [torch.zeros(4, 2), torch.zeros(64, 16, dtype=torch.float64)], ids=["shape", "dtype"])
def test_a_parameter_of_another_shape_or_type_is_refused(wrong):
    module = nn.LSTM(8, 16)
    module.weight_hh_l0 = torch.nn.Parameter(wrong)
    with pytest.raises(ShapeError, match=r"lstm: the parameter weight_hh must be \(64, 16\) of torch.float32"):
        module(x)


def test_a_parameter_on_another_device_is_refused():
    module = nn.GRU(8, 16, num_layers=2)
    module.weight_hh_l1 = torch.nn.Parameter(torch.empty(48, 16, device="meta"))
    with pytest.raises(ShapeError, match="on meta"):
        module(x)


def test_torchs_default_device_does_not_matter():
    module = nn.GRU(8, 16)
    expected = module(x)[0]
    with torch.device("meta"):
        found = module(x)[0]
    assert torch.equal(found, expected)


def test_a_negated_view_is_read_as_torch_reads_it():
    module = nn.GRU(8, 16)
    view = torch._neg_view(x)
    assert view.is_neg()
    assert torch.equal(module(view)[0], module(-x)[0])


def test_saved_tensors_may_come_back_in_another_layout():
    def gradient() -> torch.Tensor:
        return torch.autograd.grad(module(x)[0].pow(2).sum(), module.weight_hh_l0)[0]

    module = nn.LSTM(8, 16)
    expected = gradient()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.t().contiguous() if t.dim() == 2 else t,
                                                  lambda t: t.t() if t.dim() == 2 else t):  # fmt: skip
        found = gradient()
    assert torch.equal(found, expected)


def test_a_cell_that_is_too_large_runs_without_kernels(monkeypatch):
    @lw.cell
    def wide(x, h):
        total = lw.affine(x, h)
        for _ in range(69):
            total = total + lw.tanh(lw.affine(x, h))
        h = lw.tanh(total)
        return h

    monkeypatch.setattr("latchwork.nn.dispatch._warned", [])
    module = nn.Recurrent(wide, 8, 4)
    with pytest.warns(LatchworkWarning, match="too large for the kernels"):
        output, _ = module(x)
    output.sum().backward()
    assert module.explain_dispatch().path == "reference"


def test_a_unit_that_is_not_a_number_passes_its_gradient_on_as_in_torch():
    ours, theirs = nn.RNN(8, 16, nonlinearity="relu"), torch.nn.RNN(8, 16, nonlinearity="relu")
    ours.load_state_dict(theirs.state_dict())
    nan = torch.full((1, 1, 8), torch.nan)
    for module in (ours, theirs):
        module(nan)[0].sum().backward()
    torch.testing.assert_close(ours.bias_ih_l0.grad, theirs.bias_ih_l0.grad, equal_nan=True)


@pytest.mark.filterwarnings("ignore")
def test_torch_jit_trace_sees_the_steps():
    module = nn.GRU(8, 4)
    traced = torch.jit.trace(module, (x,))
    torch.testing.assert_close(traced(x)[0], module(x)[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_may_be_the_first_to_load_the_kernels():
    script = """
import os, torch
from latchwork import nn
torch.set_num_threads(2)
torch.randn(1000, 1000).mul(2).sum()  # torch's threads have run; the kernels have not
child = os.fork()
if child == 0:
    module = nn.LSTM(64, 256)
    module(torch.zeros(20, 16, 64))
    os._exit(0)
raise SystemExit(os.waitpid(child, 0)[1])
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("name", cells.names())
@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
def test_what_is_not_a_number_spreads_as_in_the_reference(name, bad):
    """In one row, at one step, in one feature: in the results and in the gradient by the input."""
    torch.manual_seed(0)
    module = nn.Recurrent(name, 8, 5, dtype=torch.float64, **zoo_options(name))
    given = torch.randn(5, 3, 8, dtype=torch.float64)
    given[2, 1, 3] = bad
    found = []
    for path in ("fused", "reference"):
        with nn.use_path(path):
            leaf = given.clone().requires_grad_()
            output, _ = module(leaf)
            output.sum().backward()
            found.append((output.detach(), leaf.grad))
    for fused, reference in zip(*found, strict=True):
        torch.testing.assert_close(fused, reference, equal_nan=True)
