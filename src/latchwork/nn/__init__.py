"""Recurrent layers for torch: those of ``torch.nn`` by the same names, and any cell by ``Recurrent``."""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    from latchwork.errors import MissingExtraError

    raise MissingExtraError('latchwork.nn needs torch: pip install "latchwork[train]"') from error

from latchwork.nn.classic import GRU, LSTM, RNN
from latchwork.nn.dispatch import Dispatch, use_path
from latchwork.nn.one_step import GRUCell, LSTMCell, RecurrentCell, RNNCell
from latchwork.nn.recurrent import Recurrent
from latchwork.nn.trace import Trace

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Dispatch",
    "GRUCell",
    "LSTMCell",
    "RNNCell",
    "Recurrent",
    "RecurrentCell",
    "Trace",
    "use_path",
]
