"""The recurrent candidates of a trial: one for each cell, all of about the same size and with the same budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latchwork.errors import ConfigError, DataError
from latchwork.language.cell import Cell
from latchwork.nn.recurrent import resolve
from latchwork.tasks.classifier import SequenceClassifier
from latchwork.tasks.network import Shape, recurrent_parameters
from latchwork.tasks.sequences import is_text, rows_of, series
from latchwork.trial.results import Kind
from latchwork.trial.runner import Fitted

# A plain RNN wants a smaller step than a gated cell. Each cell picks its own, from the same list.
SETTINGS: tuple[Mapping[str, Any], ...] = ({"learning_rate": 0.005}, {"learning_rate": 0.0015})

_FEWEST_UNITS, _MOST_UNITS = 2, 4096


@dataclass(frozen=True)
class CellCandidate:
    """A cell on trial.

    Attributes:
        cell: a name from the zoo, or a ``@cell`` function.
        hidden_size: H, chosen so that all cells have about as many learned numbers.
        options: other arguments of :class:`SequenceClassifier`, the same for all cells.
        settings: the settings to choose from.
    """

    cell: str | Cell
    hidden_size: int
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Sequence[Mapping[str, Any]] = SETTINGS

    @property
    def name(self) -> str:
        """The cell's name."""
        return self.cell if isinstance(self.cell, str) else self.cell.name

    @property
    def kind(self) -> Kind:
        """A cell is what the trial chooses from."""
        return "cell"

    def estimator(self, settings: Mapping[str, Any], seed: int) -> SequenceClassifier:
        """The estimator with these settings."""
        options = {**self.options, **settings, "random_state": seed}
        options["cell_options"] = _with_projection(self.cell, self.hidden_size, options.get("cell_options"))
        return SequenceClassifier(self.cell, hidden_size=self.hidden_size, **options)

    def fit(
        self,
        X_train: Any,
        y_train: np.ndarray,
        X_valid: Any,
        y_valid: np.ndarray,
        settings: Mapping[str, Any],
        seed: int,
    ) -> Fitted:
        """Train on the training rows, and stop by the validation rows."""
        model = self.estimator(settings, seed).fit(X_train, y_train, X_valid, y_valid)
        network = model.network_
        embedding = 0 if network.embedding is None else network.embedding.weight.numel()
        return Fitted(
            predict=model.predict,
            parameters=sum(p.numel() for p in network.parameters()) - embedding,
            seconds_per_epoch=float(np.median([epoch.seconds for epoch in model.history_])),
            learning_curve=[vars(epoch) for epoch in model.history_],
            model=model,
        )


def cell_candidates(
    cells: Sequence[str | Cell],
    X: Any,
    n_classes: int,
    *,
    units: int = 64,
    settings: Sequence[Mapping[str, Any]] = SETTINGS,
    **options: Any,
) -> list[CellCandidate]:
    """A candidate for each cell, each about as large as an LSTM of ``units`` units.

    The numbers of an embedding are left out of the count: they are the same for all cells, and would hide the cell's.

    Args:
        cells: names from the zoo, or ``@cell`` functions.
        X: the sequences, which tell whether they are texts and how many channels a series has.
        n_classes: K.
        options: arguments of :class:`SequenceClassifier` for all of them.

    Raises:
        ConfigError: no cells, or one twice.
        DataError: no sequences.
    """
    if not cells:
        raise ConfigError("a trial needs at least one cell; give for instance rnn, lstm and gru")
    defaults = SequenceClassifier().get_params() | options
    rows = rows_of(X)
    if not len(rows):
        raise DataError("X is empty; give sequences to compare the cells on")
    text = is_text(rows)
    features = defaults["embedding_size"] if text else series(rows[:1])[0].shape[1]

    def size(cell: str | Cell, hidden_size: int) -> int:
        shape = Shape(
            vocabulary=1 if text else None,
            features=features,
            outputs=n_classes,
            hidden_size=hidden_size,
            num_layers=defaults["num_layers"],
            bidirectional=defaults["bidirectional"],
            options=_with_projection(cell, hidden_size, defaults["cell_options"]),
        )
        return recurrent_parameters(cell, shape)

    target = size("lstm", units)
    candidates = []
    for cell in cells:
        candidates.append(CellCandidate(cell, _matching(lambda h, c=cell: size(c, h), target), options, settings))
    names = [candidate.name for candidate in candidates]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ConfigError(f"the cell {twice} is given twice; give each cell once")
    return candidates


def _with_projection(cell: str | Cell, hidden_size: int, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """The cell's options; a cell that projects its output projects to half of its units, unless told otherwise."""
    projects = resolve(cell).graph.output_size == "P"
    return {**({"proj_size": max(1, hidden_size // 2)} if projects else {}), **(options or {})}


def _matching(size: Any, target: int) -> int:
    """The number of units whose count of learned numbers is nearest to ``target``: it grows with the units."""
    low, high = _FEWEST_UNITS, _MOST_UNITS
    while low < high:
        middle = (low + high) // 2
        if size(middle) < target:
            low = middle + 1
        else:
            high = middle
    return low if low == _FEWEST_UNITS or size(low) - target <= target - size(low - 1) else low - 1
