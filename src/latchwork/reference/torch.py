"""One layer and direction of any cell in torch, by autograd: the path that runs every cell and every option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latchwork.language.graph import Graph
from latchwork.reference.interpreter import Environment, Interpreter, Masks, program


@dataclass(frozen=True, eq=False)
class Scan:
    """output: (T, B, H), 0 past a row's end; final: (B, H) for each state; trace: name → (T, B, H), or empty."""

    output: Tensor
    final: tuple[Tensor, ...]
    trace: dict[str, Tensor]


def scan(
    graph: Graph,
    parameters: Mapping[str, Tensor],
    x: Tensor,
    initial: Sequence[Tensor],
    *,
    sizes: Mapping[str, int],
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    reverse: bool = False,
    masks: Masks = Masks(),  # noqa: B008 (frozen)
    with_trace: bool = False,
) -> Scan:
    """Run a cell over sequences.

    Args:
        graph: the cell's graph.
        parameters: name → tensor, as ``program(graph).layout`` lists them.
        x: (T, B, I).
        initial: the first states, (B, H) or (B, P) each.
        sizes: size letter → number.
        lengths: the valid steps of each row, (B,) integers; all by default.
        reset: (T, B) bool; True cuts the row before that step: no state is carried over the cut, in either direction.
        reverse: start at each row's last valid step and go back.
        masks: how random masks are drawn; their expectation by default.
        with_trace: whether to keep every named value.
    """
    prepared = program(graph)
    lowered = prepared.graph
    interpreter = Interpreter(prepared, torch, "torch", parameters, sizes, masks)
    steps, batch, _ = x.shape
    valid, restart, order = schedule(steps, batch, lengths, reset, reverse, x.device)
    if valid is not None:
        x = torch.where(valid, x, torch.zeros_like(x))  # past a row's end there may be NaN, and 0 times NaN is NaN
    scanned = x if order is None else _along_time(x, order)

    before: Environment = {**interpreter.constants, lowered.input: scanned}
    interpreter.evaluate(prepared.hoisted, before, batch, None)
    varying = {v: a.unbind(0) for v, a in before.items() if v in prepared.hoisted and getattr(a, "ndim", 0) == 3}
    varying[lowered.input] = scanned.unbind(0)
    fixed = {v: a for v, a in before.items() if v not in varying}
    for value in (*lowered.traced.values(), *lowered.results):
        if value in fixed:  # computed from learned vectors alone, (H,)
            fixed[value] = fixed[value].expand(batch, -1)

    states = tuple(initial)
    names = list(lowered.traced) if with_trace else [_output(lowered)]
    kept: dict[str, list[Any]] = {name: [] for name in names}
    for t in range(steps):
        if restart is not None:
            states = tuple(torch.where(restart[t], torch.zeros_like(s), s) for s in states)
        environment = {
            **fixed,
            **{v: a[t] for v, a in varying.items()},
            **dict(zip(lowered.states, states, strict=True)),
        }
        interpreter.evaluate(prepared.in_loop, environment, batch, t)
        new = [environment[r] for r in lowered.results]
        for name, collected in kept.items():
            collected.append(environment[lowered.names[name]])
        states = (
            tuple(new)
            if valid is None
            else tuple(torch.where(valid[t], n, s) for n, s in zip(new, states, strict=True))
        )
    trace = {}
    for name, collected in kept.items():
        width = sizes[lowered.sizes[lowered.names[name]]]
        values = torch.stack(collected) if collected else x.new_zeros((0, batch, width))
        if values.dtype == torch.bool:
            values = values.to(x.dtype)
        if valid is not None:
            values = torch.where(valid, values, torch.zeros_like(values))
        trace[name] = values if order is None else _along_time(values, order)
    return Scan(trace[_output(lowered)], states, trace if with_trace else {})


def schedule(
    steps: int, batch: int, lengths: Tensor | None, reset: Tensor | None, reverse: bool, device: torch.device
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """When each row is valid, where it starts anew ((T, B, 1), or None), and the order (T, B) of a reversed scan."""
    time = torch.arange(steps, device=device)[:, None]
    length = torch.full((batch,), steps, device=device) if lengths is None else lengths.to(device)
    valid = time < length
    restart = reset if lengths is None or reset is None else reset & valid
    order = None
    if reverse:
        order = torch.where(valid, length - 1 - time, time.expand(steps, batch))
        if reset is not None:
            # A cut before step t, seen from the other side, is a cut before step t − 1; a row's last step has none.
            shifted = torch.cat([reset[1:], torch.zeros_like(reset[:1])])
            restart = (shifted & (time < length - 1)).gather(0, order)
    return (
        None if lengths is None else valid.unsqueeze(-1),
        None if restart is None else restart.unsqueeze(-1),
        order,
    )


def _output(graph: Graph) -> str:
    name = graph.states[0].name
    assert name
    return name


def _along_time(values: Tensor, order: Tensor) -> Tensor:
    """``values`` (T, B, ·) with each row's steps in the given order (T, B)."""
    return values.gather(0, order.unsqueeze(-1).expand(-1, -1, values.shape[-1]))
