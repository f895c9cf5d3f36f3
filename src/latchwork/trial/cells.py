"""The recurrent candidates of a trial: one for each cell, all of about the same size and with the same budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from latchwork.errors import ConfigError
from latchwork.language.cell import Cell
from latchwork.nn.recurrent import resolve
from latchwork.tasks import ESTIMATORS, SequenceEstimator
from latchwork.tasks.network import recurrent_parameters
from latchwork.trial.problem import Part, Problem
from latchwork.trial.results import Kind
from latchwork.trial.runner import Fitted

# Of the estimator's own learning rate. A plain RNN wants a smaller step than a gated cell; all pick from one list.
RATES = (1.0, 0.3)

# What an estimator does that its task is scored by.
_ANSWERS = {
    "classify": "predict",
    "tag": "predict",
    "generate": "code_length",
    "forecast": "predict_quantiles",
}

_FEWEST_UNITS, _MOST_UNITS = 2, 4096


@dataclass(frozen=True)
class CellCandidate:
    """A cell on trial.

    Attributes:
        cell: a name from the zoo, or a ``@cell`` function.
        task: the task, which says by what estimator the cell is trained.
        hidden_size: H, chosen so that all cells have about as many learned numbers.
        options: other arguments of the estimator, the same for all cells.
        settings: the settings to choose from.
    """

    cell: str | Cell
    task: str
    hidden_size: int
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Sequence[Mapping[str, Any]] = ({},)

    @property
    def name(self) -> str:
        """The cell's name."""
        return self.cell if isinstance(self.cell, str) else self.cell.name

    @property
    def kind(self) -> Kind:
        """A cell is what the trial chooses from."""
        return "cell"

    def estimator(self, settings: Mapping[str, Any], seed: int) -> SequenceEstimator:
        """The estimator with these settings."""
        options = {**self.options, **settings, "random_state": seed}
        options["cell_options"] = _with_projection(self.cell, self.hidden_size, options.get("cell_options"))
        return _made(self.task, self.cell, hidden_size=self.hidden_size, **options)

    def trained(self, train: Part, validation: Part, settings: Mapping[str, Any], seed: int) -> Any:
        """The estimator, fitted on the one part and stopped by the other."""
        model: Any = self.estimator(settings, seed)
        truth = {} if validation.y is None else {"y_valid": validation.y}  # texts to go on with have none
        return model.fit(train.X, train.y, X_valid=validation.X, **truth)

    def fit(
        self,
        X_train: Any,
        y_train: Any,
        X_valid: Any,
        y_valid: Any,
        settings: Mapping[str, Any],
        seed: int,
    ) -> Fitted:
        """Train on the training rows, and stop by the validation rows."""
        model = self.trained(Part(X_train, y_train), Part(X_valid, y_valid), settings, seed)
        network = model.network_
        embedding = 0 if network.embedding is None else network.embedding.weight.numel()
        return Fitted(
            predict=getattr(model, _ANSWERS[self.task]),
            parameters=sum(p.numel() for p in network.parameters()) - embedding,
            seconds_per_epoch=float(np.median([epoch.seconds for epoch in model.history_])),
            learning_curve=[vars(epoch) for epoch in model.history_],
            model=model,
        )


def cell_candidates(
    cells: Sequence[str | Cell],
    problem: Problem,
    *,
    units: int | None = None,
    settings: Sequence[Mapping[str, Any]] | None = None,
    **options: Any,
) -> list[CellCandidate]:
    """A candidate for each cell, each about as large as an LSTM of ``units`` units, by default the estimator's own.

    The numbers of an embedding are left out of the count: they are the same for all cells, and would hide the cell's.

    Args:
        cells: names from the zoo, or ``@cell`` functions.
        problem: its task says which estimator is on trial, its data how large the network's two ends are.
        settings: what each cell chooses from; by default two learning rates.
        options: arguments of the estimator for all of them.

    Raises:
        ConfigError: no cells, or one twice; a task that has no estimator.
        DataError: no data.
    """
    if not cells:
        raise ConfigError("a trial needs at least one cell; give for instance rnn, lstm and gru")
    learned = problem.part(problem.final(0), "train")
    model = _made(problem.task, "lstm", **options)
    shape = model.shape_for(learned.X, learned.y)
    settings = settings or [{"learning_rate": rate * model.learning_rate} for rate in RATES]

    def size(cell: str | Cell, hidden_size: int) -> int:
        kept = _with_projection(cell, hidden_size, options.get("cell_options"))
        return recurrent_parameters(cell, replace(shape, hidden_size=hidden_size, options=kept))

    target = size("lstm", units or model.hidden_size)
    candidates = []
    for cell in cells:
        hidden_size = _matching(lambda h, c=cell: size(c, h), target)
        candidates.append(CellCandidate(cell, problem.task, hidden_size, options, settings))
    names = [candidate.name for candidate in candidates]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ConfigError(f"the cell {twice} is given twice; give each cell once")
    return candidates


def _made(task: str, cell: str | Cell, **options: Any) -> SequenceEstimator:
    if task not in ESTIMATORS:
        raise ConfigError(f"no estimator is known for the task {task!r}; there are {', '.join(ESTIMATORS)}")
    estimator: Callable[..., SequenceEstimator] = ESTIMATORS[task]
    return estimator(cell, **options)


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
