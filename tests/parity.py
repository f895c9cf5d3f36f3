"""Holds a ``latchwork.nn.Recurrent`` against the numpy truth: output, final states, traces and every gradient."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from latchwork import nn
from support import double, doubles, run_truth

EPSILON = 2.0**-23  # of float32


@dataclass
class Case:
    """What a module is called with.

    Attributes:
        x: (T, B, I), whatever the module's batch_first.
        hx: (L·D, B, ·) for each state, or None.
        seed: torch's seed for a module in training mode.
        path: "fused", "torch", "reference", or None for what the module chooses.
    """

    x: torch.Tensor
    hx: list[torch.Tensor] | None = None
    lengths: list[int] | None = None
    reset: torch.Tensor | None = None
    seed: int = 0
    path: str | None = None
    trace: bool = False
    weights: dict[str, np.ndarray] = field(default_factory=dict)


def random_case(
    module: nn.Recurrent,
    steps: int,
    batch: int,
    rng: np.random.Generator,
    *,
    hx: bool = True,
    lengths: list[int] | None = None,
    cut: bool = False,
    **options: Any,
) -> Case:
    """A case of random numbers in the module's dtype."""
    dtype = next(module.parameters()).dtype

    def normal(*shape: int) -> torch.Tensor:
        return torch.tensor(rng.normal(size=shape)).to(dtype)

    rows = module.num_layers * module.directions
    return Case(
        normal(steps, batch, module.input_size),
        [normal(rows, batch, width) for width in module._state_widths] if hx else None,
        lengths,
        torch.tensor(rng.random((steps, batch)) < 0.3) if cut else None,
        **options,
    )


def run_module(module: nn.Recurrent, case: Case) -> dict[str, np.ndarray]:
    """Everything that the module computes, by name, in numpy's float64."""
    leaf = case.x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    x = leaf.transpose(0, 1) if module.batch_first else leaf
    reset = case.reset.t() if case.reset is not None and module.batch_first else case.reset
    hx = None if case.hx is None else [h.detach().clone().requires_grad_() for h in case.hx]
    given: Any = None if hx is None else hx[0] if len(hx) == 1 else tuple(hx)
    module.zero_grad()
    torch.manual_seed(case.seed)
    with nn.use_path(case.path) if case.path else contextlib.nullcontext():
        results = module(x, given, lengths=case.lengths, reset=reset, return_trace=case.trace)
    output, state, *trace = results
    if module.batch_first:
        output = output.transpose(0, 1)
    final = [state] if isinstance(state, torch.Tensor) else list(state)
    found = {"output": double(output)}
    for name, value in zip(module._state_names, final, strict=True):
        found[f"final {name}"] = double(value)
    for index, named in enumerate(trace[0] if trace else ()):
        for name, value in named.items():
            found[f"trace {index} {name}"] = double(value.transpose(0, 1) if module.batch_first else value)
    scalar = sum(
        (value * torch.tensor(weight(case, name, value)).to(value.dtype)).sum()
        for name, value in [("output", output), *zip(module._state_names, final, strict=True)]
    )
    if scalar.requires_grad:
        scalar.backward()
    found["gradient x"] = double(grad(leaf))
    if hx is not None:
        for name, value in zip(module._state_names, hx, strict=True):
            found[f"gradient initial {name}"] = double(grad(value))
    for name, parameter in module.named_parameters():
        found[f"gradient {name}"] = double(grad(parameter))
    return found


def grad(tensor: torch.Tensor) -> torch.Tensor:
    """None is what autograd leaves where nothing came: without steps the input has no part in the result."""
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


def weight(case: Case, name: str, value: torch.Tensor) -> np.ndarray:
    """The gradient that comes into a result: drawn once for each case, so that both sides get the same."""
    if name not in case.weights:
        rng = np.random.default_rng(len(case.weights) + 1)
        case.weights[name] = rng.normal(size=tuple(value.shape))
    return case.weights[name]


def truth_of(module: nn.Recurrent, case: Case, dtype: Any = np.float64) -> dict[str, np.ndarray]:
    """The same by the numpy reference, composed to layers and directions, in numpy's ``dtype``."""
    rows, batch = module.num_layers * module.directions, case.x.shape[1]
    zeros = [np.zeros((rows, batch, width), dtype) for width in module._state_widths]
    streams = any(value.op == "bernoulli" for value in module.cell.graph.order)
    torch.manual_seed(case.seed)
    done = run_truth(
        module.cell,
        {name: value.astype(dtype) for name, value in doubles(module).items()},
        double(case.x).astype(dtype),
        zeros if case.hx is None else [double(h).astype(dtype) for h in case.hx],
        layers=module.num_layers,
        directions=module.directions,
        lengths=case.lengths,
        reset=None if case.reset is None else case.reset.numpy(),
        seed=int(torch.randint(2**62, ())) if module.training and streams else None,
    )
    found = {"output": done.output}
    for name, value in zip(module._state_names, done.final, strict=True):
        found[f"final {name}"] = value
    if case.trace:
        for index, named in enumerate(done.trace):
            for name, value in named.items():
                found[f"trace {index} {name}"] = value
    back = done.backward(
        case.weights["output"].astype(dtype), [case.weights[name].astype(dtype) for name in module._state_names]
    )
    found["gradient x"] = back.x
    if case.hx is not None:
        for name, value in zip(module._state_names, back.initial, strict=True):
            found[f"gradient initial {name}"] = value
    for name, value in back.parameters.items():
        found[f"gradient {name}"] = value
    return {name: value.astype(np.float64) for name, value in found.items()}


def largest(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0.0))


def assert_parity(module: nn.Recurrent, case: Case) -> None:
    """float64 within 1e-10 of the truth; float32 within a few roundings of what the numpy reference errs in float32.

    That error is the measure because it knows how sensitive a case is: layer norm over few units is very. How near
    float32 comes on average is held against torch, where torch has the cell, in test_torch_parity.
    """
    found = run_module(module, case)
    truth = truth_of(module, case)
    assert found.keys() == truth.keys()
    single = next(module.parameters()).dtype == torch.float32
    rounded = truth_of(module, case, np.float32) if single else truth
    for name, expected in truth.items():
        assert found[name].shape == expected.shape, name
        assert np.isfinite(found[name]).all(), name
        scale = max(1.0, largest(expected))
        bound = 16 * largest(rounded[name] - expected) + 64 * EPSILON * scale if single else 1e-10 * scale
        error = largest(found[name] - expected)
        assert error <= bound, f"{name}: off by {error:.3g}, more than {bound:.3g}"
