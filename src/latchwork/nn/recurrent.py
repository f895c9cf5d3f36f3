"""``Recurrent``: layers and directions of any cell, with the arguments of torch's recurrent modules."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from latchwork import cells
from latchwork.errors import ConfigError
from latchwork.language.cell import Cell
from latchwork.language.transforms import variant
from latchwork.nn.arguments import check_flags, check_forget_bias, check_projection, check_sizes
from latchwork.nn.dispatch import Dispatch, choose, torch_operator
from latchwork.nn.inputs import Form, State, read_input, read_state
from latchwork.nn.parameters import collect, initialise, keep_gate, register
from latchwork.nn.trace import Trace
from latchwork.reference.interpreter import Masks, Program, program
from latchwork.reference.torch import scan

Output = Tensor | PackedSequence


class Recurrent(nn.Module):
    """Layers of any cell.

    Args:
        cell: a name from the zoo, or a function marked ``@latchwork.cell``.
        input_size: I.
        hidden_size: H.
        num_layers: L; each layer reads the output of the one before.
        bias: whether the cell's ``affine`` maps have biases.
        batch_first: whether sequences are (B, T, ·) rather than (T, B, ·).
        dropout: the probability of zeroing a number between layers, in training.
        bidirectional: D = 2: a second direction reads each row from its end.
        proj_size: P, the size that the output state is projected to; 0 for none (Sak et al. 2014).
        layer_norm: normalise the cell's learned maps (Ba et al. 2016).
        zoneout: the probability that a unit keeps its state, for all states or by name (Krueger et al. 2017).
        recurrent_dropout: dropout of what maps read of the state, one mask a sequence (Gal & Ghahramani 2016).
        peephole: let the gates see the cell state (Gers & Schmidhuber 2000).
        forget_bias: the initial bias of the gate that keeps the memory: ``forget`` of LSTM, ``update`` of GRU.

    The parameters of layer k are ``weight_ih_l{k}`` (G·H, I), ``weight_hh_l{k}`` (G·H, H), ``bias_ih_l{k}`` (G·H,) and
    so on, with ``_reverse`` for the backward direction: torch's names and order for torch's cells.

    Raises:
        ConfigError: an argument has a value it cannot have (a ``ValueError``, as torch raises).
        TypeError: an argument has the wrong type, as torch raises.
    """

    def __init__(
        self,
        cell: str | Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        layer_norm: bool = False,
        zoneout: float | Mapping[str, float] = 0.0,
        recurrent_dropout: float = 0.0,
        peephole: bool = False,
        forget_bias: float | None = None,
    ) -> None:
        super().__init__()
        _check_dropout(dropout, num_layers)
        check_flags(
            bias=bias, batch_first=batch_first, bidirectional=bidirectional, layer_norm=layer_norm, peephole=peephole
        )
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_projection(proj_size, hidden_size)
        check_forget_bias(forget_bias)
        plain = resolve(cell)
        projected_itself = any(value.op == "project" for value in plain.graph.order)
        if projected_itself and not proj_size:
            raise ConfigError(f"{plain.name} has a projection; give the size to project to, as proj_size=")
        self.cell = variant(
            plain,
            peephole=peephole,
            layer_norm=layer_norm,
            projected=bool(proj_size) and not projected_itself,
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout,
            bias=bias,
        )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.forget_bias = forget_bias
        self._keep_gate = None if forget_bias is None else keep_gate(plain)
        operator = torch_operator(plain.graph)
        self._mode = operator.upper() if operator else plain.name
        self._options = {
            "layer_norm": layer_norm,
            "zoneout": zoneout,
            "recurrent_dropout": recurrent_dropout,
            "peephole": peephole,
            "forget_bias": forget_bias,
        }
        self._names: list[list[str]] = []
        factory = {"device": device, "dtype": dtype}
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                self._names.append(register(self, self._program.layout, self._sizes(layer), suffix, factory))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial weights anew: uniform in ±1/√H, as torch does."""
        layout = self._program.layout
        for suffix in self._all_suffixes():
            tensors = collect(self, layout, suffix)
            initialise(tensors, layout, self.hidden_size, self.forget_bias, self._keep_gate)

    @property
    def mode(self) -> str:
        """Torch's name of the cell: LSTM, GRU, RNN_TANH or RNN_RELU, whatever the options; else the cell's name."""
        return self._mode

    @property
    def directions(self) -> int:
        """D."""
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """The last dimension of the output: D·H, or D·P."""
        return self.directions * self._output_width

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction, as in torch's modules."""
        return [[getattr(self, name) for name in names] for names in self._names]

    def flatten_parameters(self) -> None:
        """Does nothing: there for code written for torch's modules, whose weights cuDNN wants in one piece."""

    @overload
    def forward(
        self,
        input: Tensor,
        hx: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | None = None,
        *,
        return_trace: Literal[False] = False,
    ) -> tuple[Tensor, Any]: ...
    @overload
    def forward(
        self,
        input: PackedSequence,
        hx: State | None = None,
        lengths: None = None,
        reset: Tensor | None = None,
        *,
        return_trace: Literal[False] = False,
    ) -> tuple[PackedSequence, Any]: ...
    @overload
    def forward(
        self,
        input: Output,
        hx: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | None = None,
        *,
        return_trace: Literal[True],
    ) -> tuple[Any, Any, Trace]: ...
    def forward(
        self,
        input: Output,
        hx: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | None = None,
        *,
        return_trace: bool = False,
    ) -> tuple[Any, ...]:
        """Run over sequences.

        Args:
            input: (T, B, I), or (B, T, I) with ``batch_first``, or (T, I) for one sequence, or a PackedSequence.
            hx: the initial state (L·D, B, H), or a tuple of them for a cell of several states; zeros by default.
            lengths: the valid steps of each row (B,), unsorted, zero allowed; outputs past the end are 0, the final
                state is the one after the last valid step, and the backward direction starts there.
            reset: (T, B) bool, or (B, T) with ``batch_first``: True cuts the row before that step, and no state is
                carried over the cut in either direction.
            return_trace: also return every named value of every step.

        Returns:
            The output (T, B, D·H) in the input's form; the final state (L·D, B, H), a tuple of them for a cell of
            several states; and, if asked for, the :class:`Trace`.

        Raises:
            ShapeError: an argument has the wrong shape, dtype or device.
        """
        weight = getattr(self, self._names[0][0])
        x, length, cuts, form = read_input(
            input,
            lengths,
            reset,
            layer=self._title,
            input_size=self.input_size,
            batch_first=self.batch_first,
            weight=weight,
        )
        rows = self.num_layers * self.directions
        states = read_state(hx, x, form, self._state_names, self._state_widths, rows, self._title)
        empty = 0 in x.shape[:2]
        path = choose(self.cell.graph, reset=cuts is not None, trace=return_trace, empty=empty)
        trace: Trace | None = None
        out: Output
        final: Sequence[Tensor]
        if path.operator:
            out, final = self._run_operator(path.operator, x, states, length, form.packed)
        else:
            out, final, trace = self._run_reference(form.padded(x), states, length, cuts, return_trace, form)
        result = out if isinstance(out, PackedSequence) else form.output(out, length)
        shaped = form.states(final)
        state: State = shaped[0] if len(shaped) == 1 else shaped
        return (result, state, trace) if return_trace else (result, state)

    def explain_dispatch(self, *, lengths: bool = False, reset: bool = False, return_trace: bool = False) -> Dispatch:
        """Which path a call with these options takes, and why.

        Args:
            lengths: whether rows are shorter than the input, by ``lengths`` or in a PackedSequence.
            reset: whether ``reset`` is given.
            return_trace: whether the trace is asked for.
        """
        return choose(self.cell.graph, lengths=lengths, reset=reset, trace=return_trace)

    def extra_repr(self) -> str:
        shown = [repr(self.cell.name)] if type(self) is Recurrent else []
        shown += [str(self.input_size), str(self.hidden_size)]
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        shown += [f"{k}={getattr(self, k)}" for k, v in defaults.items() if getattr(self, k) != v]
        shown += [f"{k}={v}" for k, v in self._options.items() if v or (k == "forget_bias" and v is not None)]
        return ", ".join(shown)

    def _run_reference(
        self,
        x: Tensor,
        states: tuple[Tensor, ...],
        lengths: Tensor | None,
        reset: Tensor | None,
        with_trace: bool,
        form: Form,
    ) -> tuple[Tensor, list[Tensor], Trace | None]:
        layout = self._program.layout
        streams = sum(value.op == "bernoulli" for value in self._program.graph.order)
        # One seed a call, from torch's generator: torch.manual_seed makes the masks reproducible.
        seed = int(torch.randint(2**62, ())) if streams and self.training else None
        finals: list[tuple[Tensor, ...]] = []
        traces: list[dict[str, Tensor]] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction, suffix in enumerate(self._suffixes(layer)):
                index = layer * self.directions + direction
                done = scan(
                    self.cell.graph,
                    collect(self, layout, suffix),
                    x,
                    [s[index] for s in states],
                    sizes=self._sizes(layer),
                    lengths=lengths,
                    reset=reset,
                    reverse=direction == 1,
                    masks=Masks(seed, index * streams),
                    with_trace=with_trace,
                )
                outputs.append(done.output)
                finals.append(done.final)
                traces.append({name: form.sequence(values) for name, values in done.trace.items()})
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
            if self.dropout and self.training and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout)
        final = [torch.stack(column) for column in zip(*finals, strict=True)]
        return x, final, Trace(traces) if with_trace else None

    def _run_operator(
        self,
        operator: str,
        x: Tensor,
        states: tuple[Tensor, ...],
        lengths: Tensor | None,
        packed: PackedSequence | None,
    ) -> tuple[Output, tuple[Tensor, ...]]:
        run = getattr(torch, operator)
        weights = [weight for group in self.all_weights for weight in group]
        options = (self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
        if lengths is None:
            hx = states if operator == "lstm" else states[0]
            out, *last = run(x, hx, weights, *options, False)
            return out, tuple(last)
        # torch's packing has no rows of length 0: such a row runs one step, whose results are then put aside.
        source = packed
        void = (lengths == 0).to(x.device)[:, None] if bool((lengths == 0).any()) else None
        if source is None:
            if void is not None:
                x = torch.where(void, torch.zeros_like(x), x)
            source = pack_padded_sequence(x, lengths.clamp(min=1), enforce_sorted=False)
        order, back = source.sorted_indices, source.unsorted_indices
        ordered = states if order is None else tuple(s[:, order] for s in states)
        hx = ordered if operator == "lstm" else ordered[0]
        data, *final = run(source.data, source.batch_sizes, hx, weights, *options)
        final = [f if back is None else f[:, back] for f in final]
        result = PackedSequence(data, source.batch_sizes, order, back)
        if packed is not None:
            return result, tuple(final)
        out, _ = pad_packed_sequence(result, total_length=x.shape[0])
        if void is not None:
            out = torch.where(void, torch.zeros_like(out), out)
            final = [torch.where(void, s, f) for s, f in zip(states, final, strict=True)]
        return out, tuple(final)

    @property
    def _program(self) -> Program:
        return program(self.cell.graph)

    @property
    def _title(self) -> str:
        return type(self).__name__ if type(self) is not Recurrent else f"Recurrent({self.cell.name!r})"

    @property
    def _output_width(self) -> int:
        return self.proj_size if self.cell.graph.output_size == "P" else self.hidden_size

    @property
    def _state_names(self) -> list[str]:
        return [state.name or "" for state in self.cell.graph.states]

    @property
    def _state_widths(self) -> list[int]:
        sizes = self._sizes(0)
        return [sizes[letter] for letter in self.cell.graph.state_sizes()]

    def _sizes(self, layer: int) -> dict[str, int]:
        input_size = self.input_size if layer == 0 else self.output_size
        return {"I": input_size, "H": self.hidden_size, "P": self.proj_size}

    def _suffixes(self, layer: int) -> tuple[str, ...]:
        return (f"_l{layer}", f"_l{layer}_reverse")[: self.directions]

    def _all_suffixes(self) -> list[str]:
        return [suffix for layer in range(self.num_layers) for suffix in self._suffixes(layer)]


def resolve(cell: str | Cell) -> Cell:
    """The cell itself, or the zoo's cell of that name. Raises ConfigError or TypeError."""
    if isinstance(cell, Cell):
        return cell
    if isinstance(cell, str):
        return cells.get(cell)
    raise TypeError(
        f"cell must be a name from the zoo or a function marked @latchwork.cell, not {type(cell).__name__}"
        + ("; mark the function with @latchwork.cell" if callable(cell) else "")
    )


def _check_dropout(dropout: object, num_layers: int) -> None:
    if isinstance(dropout, bool) or not isinstance(dropout, numbers.Real) or not 0 <= float(dropout) <= 1:
        raise ConfigError(f"dropout should be a number in range [0, 1], the probability of zeroing; got {dropout!r}")
    if float(dropout) > 0 and num_layers == 1:
        warnings.warn(
            "dropout acts between layers, so it does nothing with num_layers=1; "
            f"got dropout={dropout} and num_layers={num_layers}",
            stacklevel=3,
        )
