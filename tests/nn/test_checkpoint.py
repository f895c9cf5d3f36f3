"""checkpoint_every: the same numbers from less memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from latchwork import nn
from latchwork.errors import ConfigError

T, B, I, H = 23, 5, 3, 8  # noqa: E741 (the dimension legend)


def gradients(module: nn.Recurrent, x: torch.Tensor, every: int | None, **call: object) -> list[torch.Tensor]:
    module.checkpoint_every = every
    module.zero_grad()
    torch.manual_seed(1)
    leaf = x.clone().requires_grad_()
    output, state = module(leaf, **call)
    states = state if isinstance(state, tuple) else (state,)
    (output.pow(2).sum() + sum((s * (i + 2)).sum() for i, s in enumerate(states))).backward()
    return [output.detach(), *(s.detach() for s in states), leaf.grad, *(p.grad for p in module.parameters())]


@pytest.mark.parametrize("every", [1, 4, 23, 100])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lstm", {}),
        ("gru", {"num_layers": 2, "bidirectional": True}),
        ("gru_reset_before", {"zoneout": 0.3}),
        ("lstm_projected", {"proj_size": 5, "recurrent_dropout": 0.2, "bidirectional": True}),
    ],
)
@pytest.mark.parametrize("ragged", [False, True])
def test_every_number_is_the_same(name, options, every, ragged):
    torch.manual_seed(0)
    module = nn.Recurrent(name, I, H, dtype=torch.float64, **options)
    x = torch.randn(T, B, I, dtype=torch.float64)
    call = {"reset": torch.rand(T, B) < 0.2}
    if ragged:
        call["lengths"] = torch.tensor([4, T, 0, 9, 8])
    expected = gradients(module, x, None, **call)
    for found, want in zip(gradients(module, x, every, **call), expected, strict=True):
        torch.testing.assert_close(found, want, rtol=1e-11, atol=1e-11)


def test_without_the_gradient_by_the_output_or_by_the_input():
    torch.manual_seed(0)
    module = nn.LSTM(I, H, checkpoint_every=4)
    x = torch.randn(T, B, I)
    _, (h, _) = module(x)
    h.sum().backward()
    found = module.weight_hh_l0.grad.clone()
    module.zero_grad()
    module.checkpoint_every = None
    module(x)[1][0].sum().backward()
    torch.testing.assert_close(found, module.weight_hh_l0.grad)


def test_a_second_derivative_is_that_of_the_reference():
    torch.manual_seed(0)
    module = nn.GRU(2, 3, dtype=torch.float64, checkpoint_every=2)
    x = torch.randn(5, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: module(x)[0], (x,))


@pytest.mark.parametrize("every", [0, -3, 2.5, True])
def test_a_senseless_number_of_steps_is_refused(every):
    with pytest.raises(ConfigError, match="checkpoint_every must be a number of steps"):
        nn.LSTM(I, H, checkpoint_every=every)


PEAK = """
import re, sys, torch
from latchwork import nn
torch.set_num_threads(1)
module = nn.LSTM(1, 64, checkpoint_every=int(sys.argv[1]) or None)
x = torch.randn(100_000, 1, 1)
module(x[:2000])[0].sum().backward()
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
before = peak()
module(x)[0][-1].sum().backward()
print((peak() - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory as Linux tells it")
def test_a_hundred_thousand_steps_take_little_more_than_their_output():
    """The output and its gradient are 26 MB each; what an LSTM of 64 units keeps of every step is 128 MB."""

    def peak(every: int) -> int:
        command = [sys.executable, "-c", PEAK, str(every)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    everything, checkpoints = peak(0), peak(500)
    assert checkpoints < everything - 64e6, f"{checkpoints / 1e6:.0f} MB against {everything / 1e6:.0f} MB"
