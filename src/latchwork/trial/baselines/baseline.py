"""What every baseline is: a name, settings to choose from, and how it learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latchwork.trial.results import Kind
from latchwork.trial.runner import Fitted


@dataclass(frozen=True)
class Baseline:
    """A plain learner as a candidate. It learns from the training rows only, as the cells do."""

    name: str
    learn: Callable[..., Fitted]  #: (X_train, y_train, seed, **settings)
    settings: Sequence[Mapping[str, Any]] = ({},)
    kind: Kind = "baseline"

    def fit(
        self,
        X_train: Any,
        y_train: Any,
        X_valid: Any,
        y_valid: Any,
        settings: Mapping[str, Any],
        seed: int,
    ) -> Fitted:
        """Fits on the training rows; the validation rows are not used, as nothing here has to be stopped."""
        return self.learn(X_train, y_train, seed, **settings)
