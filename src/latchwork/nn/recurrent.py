"""``Recurrent``: layers and directions of any cell, with the arguments of torch's recurrent modules."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from latchwork import cells
from latchwork.errors import ConfigError
from latchwork.language.cell import Cell
from latchwork.language.transforms import variant
from latchwork.nn.arguments import (
    check_checkpoint_every,
    check_flags,
    check_forget_bias,
    check_projection,
    check_sizes,
)
from latchwork.nn.dispatch import Dispatch, choose, torch_operator
from latchwork.nn.fused import fused_scan
from latchwork.nn.inputs import Form, State, read_input, read_state
from latchwork.nn.operator import can_be_traced, traced_scan
from latchwork.nn.packing import Packing
from latchwork.nn.parameters import initialise, keep_gate, register
from latchwork.nn.signature import Signature
from latchwork.nn.torch_operator import run_operator
from latchwork.nn.trace import Layout, Trace
from latchwork.reference.interpreter import Masks, Program, program
from latchwork.reference.torch import Scan, scan

Output = Tensor | PackedSequence
_EXPECTED = Masks()  # masks that are not drawn


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
        checkpoint_every: keep for the gradient the states of every so many steps alone, and compute what lies between
            again: memory that hardly grows with the steps, for one more forward pass. It does so on the fused path,
            unless ``return_trace`` is asked for; elsewhere (torch's operator, the reference path and so transforms,
            graphs of ``torch.compile`` and ``torch.export``) every step is kept. :meth:`explain_dispatch` says which.

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
        checkpoint_every: int | None = None,
    ) -> None:
        super().__init__()
        _check_dropout(dropout, num_layers)
        check_flags(
            bias=bias, batch_first=batch_first, bidirectional=bidirectional, layer_norm=layer_norm, peephole=peephole
        )
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_projection(proj_size, hidden_size)
        check_forget_bias(forget_bias)
        check_checkpoint_every(checkpoint_every)
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
            "checkpoint_every": checkpoint_every,
        }
        self.checkpoint_every = checkpoint_every
        self._signature = Signature.of(self.cell)
        self._names: list[list[str]] = []
        factory = {"device": device, "dtype": dtype}
        for index in range(num_layers * self.directions):
            layer, reverse = divmod(index, self.directions)
            suffix = f"_l{layer}{'_reverse' * reverse}"
            self._names.append(register(self, self._program.layout, self._sizes(index), suffix, factory))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial weights anew: uniform in ±1/√H, as torch does."""
        layout = self._program.layout
        for index in range(len(self._names)):
            initialise(self._named(index), layout, self.hidden_size, self.forget_bias, self._keep_gate)

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
        return [self._weights(index) for index in range(len(self._names))]

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
        if hx is None and lengths is None and reset is None and not return_trace:
            plain = self._run_plain(input)
            if plain is not None:
                return plain
        weight = self._weight(self._names[0][0])
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
        states = None
        if hx is not None:
            states = read_state(hx, x, form, self._state_names, self._state_widths, rows, self._title)
        run = self._run
        if torch.compiler.is_compiling():
            run = self._run_traced if can_be_traced(self._signature.text, x) else torch.compiler.disable(self._run)  # type: ignore[no-untyped-call]
        out, final, trace = run(x, states, length, cuts, return_trace, form)
        result = out if isinstance(out, PackedSequence) else form.output(out, length)
        shaped = form.states(final)
        state: State = shaped[0] if len(shaped) == 1 else shaped
        if trace is None:
            return result, state
        return result, state, Trace(trace, Layout(self.cell.graph, self.directions, form, length))

    def explain_dispatch(self, *, lengths: bool = False, reset: bool = False, return_trace: bool = False) -> Dispatch:
        """Which path a call with these options takes, and why; and whether ``checkpoint_every`` acts there.

        What it says holds outside of graphs that torch compiles or exports.

        Args:
            lengths: whether rows are shorter than the input, by ``lengths`` or in a PackedSequence.
            reset: whether ``reset`` is given.
            return_trace: whether the trace is asked for.
        """
        weight = self._weight(self._names[0][0])
        told = choose(self.cell, weight, lengths=lengths, reset=reset, trace=return_trace)
        if self.checkpoint_every is None:
            return told
        if told.path != "fused":
            memory = "checkpoint_every does nothing here, for autograd keeps every step"
        elif return_trace:
            memory = "checkpoint_every does nothing here, for the trace is as long as the sequence"
        else:
            memory = f"checkpoint_every={self.checkpoint_every} keeps a state at every so many steps"
        return replace(told, reason=f"{told.reason}; {memory}")

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

    def _run_plain(self, input: Any) -> tuple[Tensor, State] | None:
        """One layer on full rows from zeros, straight to the kernels: a step of a small layer takes them less time than
        it takes to read all that could be asked for. None if the call is another, or not right."""
        if type(input) is not Tensor or input.dim() != 3 or len(self._names) > 1 or torch.compiler.is_compiling():
            return None
        x = (input.transpose(0, 1) if self.batch_first else input).contiguous()
        steps, batch, size = x.shape
        cell, weights, signature = self.cell, self._weights(0), self._signature
        right = size == self.input_size and x.dtype is weights[0].dtype and weights[0].is_cpu
        if not right or choose(cell, x).path != "fused":
            return None
        seed = self._seed()
        sizes = (self.hidden_size, self.proj_size, size)
        packing = Packing.of(steps, batch, None)
        done = fused_scan(
            cell.graph,
            cell.name,
            weights,
            x,
            [None] * len(signature.states),
            sizes=sizes,
            packing=packing,
            masks=_EXPECTED if seed is None else Masks(seed),
            every=self.checkpoint_every,
        )
        state = done.final[0] if len(done.final) == 1 else done.final
        return done.output.transpose(0, 1) if self.batch_first else done.output, state

    def _run(
        self,
        x: Tensor,
        states: tuple[Tensor, ...] | None,
        lengths: Tensor | None,
        reset: Tensor | None,
        with_trace: bool,
        form: Form,
    ) -> tuple[Output, Sequence[Tensor], Trace | None]:
        """By the path that suits the call."""
        path = choose(self.cell, x, reset=reset is not None, trace=with_trace)
        if path.operator:
            weights = [weight for group in self.all_weights for weight in group]
            options = (self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
            initial = self._initial(states, x)
            return *run_operator(path.operator, x, initial, weights, options, lengths, form.packed), None
        run = self._run_fused if path.path == "fused" else self._run_reference
        return run(x, states, lengths, reset, with_trace, form)

    def _initial(self, states: tuple[Tensor, ...] | None, x: Tensor) -> tuple[Tensor, ...]:
        """The initial states, (L·D, B, ·) each; zeros for None."""
        if states is not None:
            return states
        rows = self.num_layers * self.directions
        return tuple(x.new_zeros((rows, x.shape[1], width)) for width in self._state_widths)

    def _run_fused(
        self,
        x: Tensor,
        states: tuple[Tensor, ...] | None,
        lengths: Tensor | None,
        reset: Tensor | None,
        with_trace: bool,
        form: Form,
    ) -> tuple[Output, Sequence[Tensor], Trace | None]:
        """Layer after layer over packed rows, so that a ragged batch is packed once."""
        cell, packed = self.cell, form.packed
        packing = Packing.of(x.shape[0], x.shape[1], lengths, packed)

        def one(x: Tensor, initial: Sequence[Any], index: int, masks: Masks) -> Scan:
            return fused_scan(
                cell.graph,
                cell.name,
                self._weights(index),
                x,
                initial if states is None else packing.sort(initial),
                sizes=(self.hidden_size, self.proj_size, x.shape[-1]),
                packing=packing,
                reset=reset,
                reverse=index % self.directions == 1,
                masks=masks,
                with_trace=with_trace,
                every=self.checkpoint_every,
            )

        # Full rows stay (T, B, ·): a view less each way, and a result that is none may be detached in place.
        start = packing.pack(x) if packed is None else packed.data
        data, scans = self._layers(start, states, self._seed(), one)
        joined = [c[0] if len(c) == 1 else torch.cat(c) for c in zip(*[s.final for s in scans], strict=True)]
        final = packing.unsort(joined)
        trace = None
        if with_trace:
            trace = Trace([{n: form.sequence(packing.unpack(v)) for n, v in s.trace.items()} for s in scans])
        if packed is None:
            return packing.unpack(data), final, trace
        result = PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        return result, final, trace

    def _run_reference(
        self,
        x: Tensor,
        states: tuple[Tensor, ...] | None,
        lengths: Tensor | None,
        reset: Tensor | None,
        with_trace: bool,
        form: Form,
    ) -> tuple[Output, Sequence[Tensor], Trace | None]:
        def one(x: Tensor, initial: Sequence[Any], index: int, masks: Masks) -> Scan:
            return scan(
                self.cell.graph,
                self._named(index),
                x,
                initial,
                sizes=self._sizes(index),
                lengths=lengths,
                reset=reset,
                reverse=index % self.directions == 1,
                masks=masks,
                with_trace=with_trace,
            )

        out, scans = self._layers(form.padded(x), self._initial(states, x), self._seed(), one)
        return self._padded_results(out, scans, with_trace, form)

    def _run_traced(
        self,
        x: Tensor,
        states: tuple[Tensor, ...] | None,
        lengths: Tensor | None,
        reset: Tensor | None,
        with_trace: bool,
        form: Form,
    ) -> tuple[Output, Sequence[Tensor], Trace | None]:
        """As an operator for each layer and direction, in a graph that torch traces."""

        def one(x: Tensor, initial: Sequence[Any], index: int, masks: Masks) -> Scan:
            return traced_scan(
                self._signature,
                self._named(index),
                x,
                initial,
                sizes=self._sizes(index),
                lengths=lengths,
                reset=reset,
                reverse=index % self.directions == 1,
                masks=masks,
                with_trace=with_trace,
            )

        seed = torch.randint(2**62, ()) if self._signature.masks and self.training else None
        out, scans = self._layers(form.padded(x), self._initial(states, x), seed, one)
        return self._padded_results(out, scans, with_trace, form)

    @staticmethod
    def _padded_results(
        out: Tensor, scans: list[Scan], with_trace: bool, form: Form
    ) -> tuple[Output, Sequence[Tensor], Trace | None]:
        final = [torch.stack(column) for column in zip(*(s.final for s in scans), strict=True)]
        trace = Trace([{n: form.sequence(v) for n, v in s.trace.items()} for s in scans]) if with_trace else None
        return out, final, trace

    def _seed(self) -> int | None:
        """One seed a call, from torch's generator: torch.manual_seed makes the masks reproducible."""
        return int(torch.randint(2**62, ())) if self._signature.masks and self.training else None

    def _layers(
        self,
        x: Tensor,
        states: tuple[Tensor, ...] | None,
        seed: Any,
        one: Callable[[Tensor, Sequence[Any], int, Masks], Scan],
    ) -> tuple[Tensor, list[Scan]]:
        """All layers and directions, each by ``one(x, initial, index, masks)``: the last output, and all."""
        streams, directions = self._signature.masks, self.directions
        nothing = [None] * len(self._signature.states)
        scans: list[Scan] = []
        for first in range(0, len(self._names), directions):
            if first and self.dropout and self.training:
                x = F.dropout(x, self.dropout)
            outputs = []
            for index in range(first, first + directions):
                initial = nothing if states is None else [s[index] for s in states]
                done = one(x, initial, index, _EXPECTED if seed is None else Masks(seed, index * streams))
                scans.append(done)
                outputs.append(done.output)
            x = outputs[0] if directions == 1 else torch.cat(outputs, -1)
        return x, scans

    @property
    def _program(self) -> Program:
        return program(self.cell.graph)

    @property
    def _title(self) -> str:
        return type(self).__name__ if type(self) is not Recurrent else f"Recurrent({self.cell.name!r})"

    @property
    def _output_width(self) -> int:
        return self.proj_size if self._signature.letters[0] == "P" else self.hidden_size

    @property
    def _state_names(self) -> tuple[str, ...]:
        return self._signature.states

    @property
    def _state_widths(self) -> list[int]:
        return [self.proj_size if letter == "P" else self.hidden_size for letter in self._signature.letters]

    def _weight(self, name: str) -> Tensor:
        own = self._parameters.get(name)  # asked first: torch's way to an attribute is slow
        return getattr(self, name) if own is None else own

    def _weights(self, index: int) -> list[Tensor]:
        """The parameters of one layer and direction."""
        return [self._weight(name) for name in self._names[index]]

    def _named(self, index: int) -> dict[str, Tensor]:
        """The same, by their names without the layer."""
        return dict(zip(self._signature.parameters, self._weights(index), strict=True))

    def _sizes(self, index: int) -> dict[str, int]:
        input_size = self.input_size if index < self.directions else self.output_size
        return {"I": input_size, "H": self.hidden_size, "P": self.proj_size}


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
