"""One step of a cell: torch's ``RNNCell``, ``LSTMCell`` and ``GRUCell``, and ``RecurrentCell`` for any cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from latchwork.errors import ConfigError, ShapeError
from latchwork.language.cell import Cell
from latchwork.language.transforms import variant
from latchwork.nn.arguments import check_flags, check_forget_bias, check_sizes
from latchwork.nn.classic import nonlinearity_cell
from latchwork.nn.dispatch import Dispatch, choose
from latchwork.nn.inputs import State, state_tuple
from latchwork.nn.parameters import collect, initialise, keep_gate, register
from latchwork.nn.recurrent import resolve
from latchwork.reference.interpreter import Masks, Program, program
from latchwork.reference.torch import scan


class RecurrentCell(nn.Module):
    """One step of any cell.

    Args:
        cell: a name from the zoo, or a function marked ``@latchwork.cell``.
        input_size: I.
        hidden_size: H.
        bias: whether the cell's ``affine`` maps have biases.
        layer_norm, zoneout, peephole, forget_bias: as in :class:`latchwork.nn.Recurrent`. There is no
            recurrent_dropout: its mask lasts a sequence, which single steps do not know.

    The parameters are those of one layer without its suffix: ``weight_ih`` (G·H, I), ``weight_hh`` (G·H, H) …
    """

    def __init__(
        self,
        cell: str | Cell,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        layer_norm: bool = False,
        zoneout: float | Mapping[str, float] = 0.0,
        peephole: bool = False,
        forget_bias: float | None = None,
    ) -> None:
        super().__init__()
        check_flags(bias=bias, layer_norm=layer_norm, peephole=peephole)
        check_sizes(input_size=input_size, hidden_size=hidden_size)
        check_forget_bias(forget_bias)
        plain = resolve(cell)
        self.cell = variant(plain, layer_norm=layer_norm, zoneout=zoneout, peephole=peephole, bias=bias)
        if any(value.op == "project" for value in self.cell.graph.order):
            raise ConfigError(f"{self.cell.name} has a projection, which single steps do not offer; use Recurrent")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self.forget_bias = forget_bias
        self._keep_gate = None if forget_bias is None else keep_gate(plain)
        register(self, self._program.layout, self._sizes, "", {"device": device, "dtype": dtype})
        if not bias:
            for name in ("bias_ih", "bias_hh"):
                self.register_parameter(name, None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial weights anew: uniform in ±1/√H, as torch does."""
        layout = self._program.layout
        initialise(collect(self, layout, ""), layout, self.hidden_size, self.forget_bias, self._keep_gate)

    def forward(self, input: Tensor, hx: State | None = None) -> Any:
        """One step: input (B, I) or (I,), state (B, H) or (H,), zeros by default → the new state.

        The state of a cell with several is a tuple of them, the output first.

        Raises:
            ShapeError: an argument has the wrong shape.
        """
        title = type(self).__name__
        if input.dim() not in (1, 2):
            raise ShapeError(f"{title}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{title}: input has inconsistent input_size: got {x.shape[-1]}, expected {self.input_size}"
            )
        names = [state.name or "" for state in self.cell.graph.states]
        if hx is None:
            states = tuple(x.new_zeros((x.shape[0], self.hidden_size)) for _ in names)
        else:
            states = tuple(s if batched else s.unsqueeze(0) for s in state_tuple(hx, names, title))
            for name, state in zip(names, states, strict=True):
                expected = (x.shape[0], self.hidden_size)
                if tuple(state.shape) != expected:
                    raise ShapeError(f"{title}: the state `{name}` must be {expected}, got {tuple(state.shape)}")
        operator = self.explain_dispatch().operator
        new = self._run_operator(operator, x, states) if operator else self._run_reference(x, states)
        shaped = new if batched else tuple(s[0] for s in new)
        return shaped[0] if len(shaped) == 1 else shaped

    def explain_dispatch(self) -> Dispatch:
        """Which path a step takes, and why."""
        return choose(self.cell, next(self.parameters()), one_step=True)

    def extra_repr(self) -> str:
        name = f"{self.cell.name!r}, " if type(self) is RecurrentCell else ""
        return f"{name}{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")

    @property
    def _program(self) -> Program:
        return program(self.cell.graph)

    @property
    def _sizes(self) -> dict[str, int]:
        return {"I": self.input_size, "H": self.hidden_size}

    def _run_operator(self, operator: str, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        weights = collect(self, self._program.layout, "")
        arguments = [weights.get(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        run = getattr(torch, f"{operator}_cell")
        new = run(x, states if operator == "lstm" else states[0], *arguments)
        return tuple(new) if isinstance(new, tuple) else (new,)

    def _run_reference(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        random = any(value.op == "bernoulli" for value in self._program.graph.order)
        seed = int(torch.randint(2**62, ())) if random and self.training else None
        weights = collect(self, self._program.layout, "")
        return scan(self.cell.graph, weights, x.unsqueeze(0), states, sizes=self._sizes, masks=Masks(seed)).final


class RNNCell(RecurrentCell):
    """``torch.nn.RNNCell``: ``nonlinearity`` is "tanh" or "relu"."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
        **variant: Any,
    ) -> None:
        super().__init__(nonlinearity_cell(nonlinearity), input_size, hidden_size, bias, device, dtype, **variant)
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        shown = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + shown


class LSTMCell(RecurrentCell):
    """``torch.nn.LSTMCell``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        **variant: Any,
    ) -> None:
        super().__init__("lstm", input_size, hidden_size, bias, device, dtype, **variant)


class GRUCell(RecurrentCell):
    """``torch.nn.GRUCell``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        **variant: Any,
    ) -> None:
        super().__init__("gru", input_size, hidden_size, bias, device, dtype, **variant)
