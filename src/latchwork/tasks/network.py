"""The network behind the estimators: an embedding for texts, recurrent layers, a summary of the sequence, a head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from latchwork.errors import ConfigError
from latchwork.language.cell import Cell
from latchwork.nn.recurrent import Recurrent

Pooling = Literal["last", "mean", "max"]
_EMBEDDING_SCALE = 0.1


@dataclass(frozen=True)
class Shape:
    """The sizes and options of a network.

    Attributes:
        vocabulary: token numbers, for texts; None for series.
        features: the embedding's size for texts, the channels I for series.
        outputs: numbers that come out.
        pooling: what of the sequence is scored: "last", the state at its end, or "mean" or "max" over its steps; None
            scores every step.
        options: keyword options of :class:`latchwork.nn.Recurrent`, as ``layer_norm``.
    """

    vocabulary: int | None
    features: int
    outputs: int
    hidden_size: int
    num_layers: int = 1
    bidirectional: bool = False
    pooling: Pooling | None = "last"
    dropout: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        """The shape as plain data."""
        return asdict(self) | {"options": dict(self.options)}


class SequenceNetwork(nn.Module):
    """Sequences in, one vector of scores each out, or one for each of their steps."""

    def __init__(self, cell: str | Cell, shape: Shape) -> None:
        super().__init__()
        if shape.pooling not in (None, *get_args(Pooling)):
            raise ConfigError(f"pooling must be one of {', '.join(get_args(Pooling))}, not {shape.pooling!r}")
        self.shape = shape
        self.embedding = (
            None if shape.vocabulary is None else nn.Embedding(shape.vocabulary, shape.features, padding_idx=0)
        )
        if self.embedding is not None:
            # torch's unit variance saturates the gates and takes several epochs to unlearn.
            with torch.no_grad():
                self.embedding.weight.mul_(_EMBEDDING_SCALE)
        self.recurrent = Recurrent(
            cell,
            shape.features,
            shape.hidden_size,
            shape.num_layers,
            dropout=shape.dropout if shape.num_layers > 1 else 0.0,
            bidirectional=shape.bidirectional,
            **shape.options,
        )
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Linear(self.recurrent.output_size, shape.outputs)

    def forward(self, inputs: Tensor, lengths: Tensor, embedded: bool = False) -> Tensor:
        """(T, B) token numbers or (T, B, I), lengths (B,) → scores (B, outputs), or without pooling (T, B, outputs).

        ``embedded``: the inputs are features (T, B, I) already, as attribution gives them.
        """
        output, state = self.read(inputs if embedded else self.features(inputs), lengths)
        scores: Tensor = self.head(self.dropout(self.summary(output, state, lengths)))
        return scores

    def read(
        self, features: Tensor, lengths: Tensor | None = None, state: Any = None, reset: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Features (T, B, I), read on from ``state`` → output (T, B, D·H) and the state at the end.

        ``reset``: (T, B), where a row begins anew.
        """
        output, state = self.recurrent(self.dropout(features), state, lengths=lengths, reset=reset)
        return output, state

    def features(self, inputs: Tensor) -> Tensor:
        """What the recurrent layers read (T, B, I): the embedded tokens, or the series themselves.

        A token may come as several numbers (T, B, F), as of the word and its ending; their embeddings are summed.
        """
        if self.embedding is None:
            return inputs
        embedded: Tensor = self.embedding(inputs)
        return embedded.sum(-2) if inputs.ndim == 3 else embedded

    def summary(self, output: Tensor, state: Any, lengths: Tensor) -> Tensor:
        """One vector (B, D·H) per sequence: what is left at its end, or the mean or maximum over its steps; without
        pooling all of them (T, B, D·H)."""
        if self.shape.pooling is None:
            return output
        if self.shape.pooling == "last":
            final = state[0] if isinstance(state, tuple) else state
            return torch.cat(list(final[-self.recurrent.directions :]), -1)
        length = lengths.to(output.device).unsqueeze(-1)
        if self.shape.pooling == "mean":
            return output.sum(0) / length.clamp(min=1)
        inside = torch.arange(output.shape[0], device=output.device)[:, None, None] < length
        highest = output.masked_fill(~inside, -torch.inf).amax(0)
        return torch.where(length > 0, highest, torch.zeros_like(highest))


def recurrent_parameters(cell: str | Cell, shape: Shape) -> int:
    """How many learned numbers a network has beside its embedding, without making it."""
    with torch.device("meta"):
        network = SequenceNetwork(cell, shape)
    embedding = 0 if network.embedding is None else network.embedding.weight.numel()
    return sum(p.numel() for p in network.parameters()) - embedding
