"""See inside the recurrent layers of a plain PyTorch model, while it runs as it always does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from latchwork.errors import ConfigError, DataError
from latchwork.explain.recording import Recording
from latchwork.explain.report_format import LIMIT, cell_data, layers_data, packed, report_data, size_of
from latchwork.nn.classic import GRU, LSTM, RNN
from latchwork.nn.recurrent import Recurrent
from latchwork.nn.trace import Trace

if TYPE_CHECKING:
    from latchwork.explain.report import Page

_KINDS: Mapping[type[nn.Module], Callable[..., Recurrent]] = {nn.LSTM: LSTM, nn.GRU: GRU, nn.RNN: RNN}
_BESIDES = 5_000  # bytes of a run beside its numbers: names and brackets
_FORWARD = inspect.signature(Recurrent.forward)


class Inside(Mapping[str, Trace]):
    """What the recurrent layers of a model did: a module's name in it ("" for itself) → the trace of its last call."""

    def __init__(self) -> None:
        self._recordings: dict[str, Recording | ConfigError] = {}

    def __getitem__(self, name: str) -> Trace:
        return _recorded(self._recordings[name]).trace

    def __iter__(self) -> Iterator[str]:
        return iter(self._recordings)

    def __len__(self) -> int:
        return len(self._recordings)

    def __repr__(self) -> str:
        found = self._recordings.items()
        told = (f"{name!r}: {'failed' if isinstance(one, ConfigError) else repr(one.trace)}" for name, one in found)
        return f"Inside({', '.join(told)})"

    def page(
        self,
        steps: Sequence[str] | None = None,
        *,
        series: Any = None,
        row: int = 0,
        only: Sequence[str] | None = None,
        title: str = "",
    ) -> Page:
        """The page of the illustrated cells at work on one row of the last batch, a cell a module.

        What depends on what the model makes of its layers' output, as attribution and the prediction, is not in it.

        Args:
            steps: (T,) what the row's steps are called: its words; "step 1" … by default.
            series: (T, I) numbers to draw in the place of words.
            row: the row's place in the batch, from 0.
            only: names of modules; all by default. Modules on one page must have read the same number of steps.
            title: the page's title.

        Raises:
            ConfigError: a module could not be followed, the weights have changed since the model ran, or the row was
                cut by ``reset``.
            DataError: the model has not run, there is no such module or row, or the numbers of steps differ.
        """
        from latchwork.explain.report import Page  # what draws it is not needed to record

        chosen = self._chosen(only)
        names = [_title(name, recording.twin) for name, recording in chosen.items()]
        count = _steps(chosen, row)
        if steps is not None and len(steps) != count:
            raise DataError(f"row {row} has {count} steps, and {len(steps)} are named")
        data = report_data(
            title or " · ".join(names), [], [cell_data(n, r.twin) for n, r in zip(names, chosen.values(), strict=True)]
        )
        frame: dict[str, Any] = {
            "text": None,
            "steps": [f"step {t + 1}" for t in range(count)] if steps is None else [str(step) for step in steps],
            "spans": [],
            "unseen": [False] * count,
            "series": None if series is None else _series(series, count),
            "label": None,
        }
        budget = (LIMIT - size_of(data) - size_of(frame)) / len(chosen) - _BESIDES
        unknown = ("probabilities", "predicted", "grows", "moved", "occluded")
        without_head = dict.fromkeys((*unknown, "completeness_error", "score", "baseline"))
        frame["runs"] = {
            name: {**without_head, "layers": layers_data(recording.layers(row, budget))}
            for name, recording in zip(names, chosen.values(), strict=True)
        }
        data["sequences"] = [frame]
        return Page(data)

    def _chosen(self, only: Sequence[str] | None) -> dict[str, Recording]:
        if not self._recordings:
            raise DataError("nothing was recorded; run the model within the with block, then make the page")
        missing = [name for name in only or () if name not in self._recordings]
        if missing:
            raise DataError(f"there is no module {missing[0]!r} that ran; there are: {', '.join(map(repr, self))}")
        return {
            name: _recorded(recording) for name, recording in self._recordings.items() if only is None or name in only
        }


def convert(module: nn.RNNBase) -> Recurrent:
    """The Latchwork layer with the same arguments and weights as a ``torch.nn.LSTM``, ``GRU`` or ``RNN``.

    The weights are copied; outputs and ``state_dict`` are those of ``module``. Weights in a file need no converting,
    for the names are the same::

        layer = latchwork.nn.LSTM(128, 256, num_layers=2)
        layer.load_state_dict(torch.load("lstm.pt"))

    Raises:
        ConfigError: ``module`` is none of these.
    """
    layer = _like(module)
    weight = next(module.parameters())
    layer.to(device=weight.device, dtype=weight.dtype)
    layer.load_state_dict(module.state_dict())
    return layer.train(module.training)


@contextmanager
def attach(model: nn.Module) -> Iterator[Inside]:
    """Record what every recurrent layer in ``model`` does as it runs, those of torch as those of Latchwork.

        with attach(model) as inside:
            model(inputs)
        inside["encoder.lstm"][0]["forget"]  # (T, B, H), or (B, T, H) with batch_first
        inside.page(steps=["It's", "a", …]).save("inside.html")  # the illustrated cell at work

    What is given is a mapping: the module's name in the model ("" for the model itself) → the trace of its last call.
    The model's outputs, gradients and hooks stay as they are, and it is let go of at the end. Where a module cannot be
    followed, as a subclass with a ``forward`` of its own, the model runs on all the same, and asking for that module's
    trace says why. A trace is that of evaluation mode: the dropout that torch draws between layers in training cannot
    be drawn again. It is no part of autograd's graph.

    Raises:
        ConfigError: the model has no recurrent layer.
    """
    found = {name: module for name, module in model.named_modules() if _is_recurrent(module)}
    if not found:
        kinds = ", ".join(f"torch.nn.{kind.__name__}" for kind in _KINDS)
        raise ConfigError(
            f"{type(model).__name__} has nothing recurrent to attach to: none of its modules is one of {kinds}, "
            "or a layer of latchwork.nn"
        )
    inside = Inside()
    hooks = [
        module.register_forward_hook(_recorder(name, inside._recordings), with_kwargs=True)
        for name, module in found.items()
    ]
    try:
        yield inside
    finally:
        for hook in hooks:
            hook.remove()


def _recorder(name: str, recordings: dict[str, Recording | ConfigError]) -> Any:
    """A hook that runs a twin on the module's own weights, whatever they have become; it never fails."""
    twin: Recurrent | None = None

    def follow(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording:
        nonlocal twin
        if not _is_plain(module):
            raise ConfigError(f"{_called(name, module)} has a forward of its own, so what it does cannot be followed")
        twin = _twin(module) if twin is None else twin
        weights = _weights(module, [key for key, _ in twin.named_parameters()])
        arguments = _FORWARD.bind(twin, *args, **{**kwargs, "return_trace": True}).arguments
        del arguments["self"]
        with torch.no_grad():
            _, _, trace = torch.func.functional_call(twin, weights, (), arguments)
        return Recording(twin, weights, arguments, trace)

    def record(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        try:
            recordings[name] = follow(module, args, kwargs)
        except ConfigError as error:
            recordings[name] = error
        except Exception as error:  # the model is someone else's, and must run on
            failure = ConfigError(f"{_called(name, module)} ran, but could not be followed: {error}")
            failure.__cause__ = error
            recordings[name] = failure

    return record


def _recorded(found: Recording | ConfigError) -> Recording:
    if isinstance(found, ConfigError):
        raise found
    return found


def _called(name: str, module: nn.Module) -> str:
    return f"{name} ({type(module).__name__})" if name else type(module).__name__


def _is_plain(module: nn.Module) -> bool:
    """Whether the module runs by a forward that is known."""
    known = (Recurrent.forward, *(kind.forward for kind in _KINDS))
    return type(module).forward in known and "forward" not in vars(module)


def _weights(module: nn.Module, names: Sequence[str]) -> dict[str, Tensor]:
    """The weights that the module computed with: also such as are made of others, by weight norm or pruning."""
    made_by = getattr(module, "parametrizations", nn.ModuleDict())
    training = [part for part in made_by.modules() if part.training]
    made_by.eval()  # spectral norm takes another step at each look in training
    try:
        return {name: getattr(module, name).detach() for name in names}
    finally:
        for part in training:
            part.training = True


def _twin(module: nn.Module) -> Recurrent:
    """A layer of the same arguments in evaluation mode, without weights and hooks."""
    with torch.device("meta"):
        if not isinstance(module, Recurrent):
            assert isinstance(module, nn.RNNBase)
            return _like(module).eval()
        # The cell has its options in it already.
        return Recurrent(
            module.cell,
            module.input_size,
            module.hidden_size,
            module.num_layers,
            module.bias,
            module.batch_first,
            module.dropout,
            module.bidirectional,
            module.proj_size,
        ).eval()


def _title(name: str, twin: Recurrent) -> str:
    """The module's name, after its cell's where it is a number or none."""
    return f"{twin.cell.name} {name}".strip() if not name or name.rpartition(".")[2].isdigit() else name


def _steps(chosen: Mapping[str, Recording], row: int) -> int:
    """The number of steps of a row, which all must agree on."""
    for name, recording in chosen.items():
        if not 0 <= row < recording.rows:
            raise DataError(f"there is no row {row}: {name or 'the layer'} read a batch of {recording.rows}")
    counts = {name: recording.steps(row) for name, recording in chosen.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DataError(f"the modules read different numbers of steps: {told}; choose with only=[…]")
    count = next(iter(counts.values()))
    if not count:
        raise DataError(f"there is nothing to show: row {row} has no steps")
    return count


def _series(series: Any, count: int) -> dict[str, Any]:
    numbers = series.detach().cpu().numpy() if isinstance(series, Tensor) else np.asarray(series)
    if numbers.ndim not in (1, 2) or len(numbers) != count:
        raise DataError(f"series must be (T, I) of {count} steps, but has shape {numbers.shape}")
    return packed(numbers.reshape(count, -1))


def _is_recurrent(module: nn.Module) -> bool:
    return isinstance(module, Recurrent) or _kind(module) is not None


def _kind(module: nn.Module) -> Callable[..., Recurrent] | None:
    return next((ours for theirs, ours in _KINDS.items() if isinstance(module, theirs)), None)


def _like(module: nn.RNNBase) -> Recurrent:
    """A layer with the module's arguments, its weights drawn anew."""
    kind = _kind(module)
    if kind is None:
        kinds = ", ".join(f"torch.nn.{theirs.__name__}" for theirs in _KINDS)
        raise ConfigError(f"{type(module).__name__} cannot be converted; it must be one of {kinds}")
    special: dict[str, Any] = {"nonlinearity": module.nonlinearity} if isinstance(module, nn.RNN) else {}
    if module.proj_size:
        special["proj_size"] = module.proj_size
    return kind(
        module.input_size,
        module.hidden_size,
        module.num_layers,
        bias=module.bias,
        batch_first=module.batch_first,
        dropout=module.dropout if module.num_layers > 1 else 0.0,
        bidirectional=module.bidirectional,
        **special,
    )
