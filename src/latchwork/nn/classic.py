"""The three classics, with the constructors of ``torch.nn``."""

from __future__ import annotations

from typing import Any

from latchwork.errors import ConfigError
from latchwork.nn.recurrent import Recurrent


class RNN(Recurrent):
    """``torch.nn.RNN``: h = nonlinearity(W x + b + U h + b'), Elman 1990.

    Args:
        nonlinearity: "tanh" or "relu". The others are those of :class:`Recurrent` and of torch.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **variant: Any,
    ) -> None:
        _no_projection("RNN", variant)
        super().__init__(
            nonlinearity_cell(nonlinearity),
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
            **variant,
        )
        self.nonlinearity = nonlinearity


class LSTM(Recurrent):
    """``torch.nn.LSTM``: Hochreiter & Schmidhuber 1997, Gers et al. 2000. Arguments as :class:`Recurrent`."""

    def __init__(
        self,
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
        **variant: Any,
    ) -> None:
        super().__init__(
            "lstm",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
            **variant,
        )


class GRU(Recurrent):
    """``torch.nn.GRU``: Cho et al. 2014, in cuDNN's form. Arguments as :class:`Recurrent`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **variant: Any,
    ) -> None:
        _no_projection("GRU", variant)
        super().__init__(
            "gru",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
            **variant,
        )


def _no_projection(name: str, arguments: dict[str, Any]) -> None:
    if "proj_size" in arguments:
        raise ConfigError(
            f"proj_size is only supported for LSTM, not {name}; for other cells see latchwork.nn.Recurrent"
        )


def nonlinearity_cell(name: str) -> str:
    """The zoo's cell for torch's name of a nonlinearity."""
    zoo = {"tanh": "rnn", "relu": "rnn_relu"}
    if name not in zoo:
        raise ConfigError(f"Unknown nonlinearity {name!r}. Select from 'tanh' or 'relu'.")
    return zoo[name]
