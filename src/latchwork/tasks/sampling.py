"""How the next symbol is chosen: by temperature, among the k likeliest, or among those that make up a share p."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latchwork.errors import ConfigError


@dataclass(frozen=True)
class Sampling:
    """How to choose.

    Attributes:
        temperature: what scores are divided by; below 1 the likely becomes likelier. 0 takes the likeliest.
        top_k: of so many likeliest symbols alone (Fan et al. 2018).
        top_p: of the fewest likeliest symbols that have this share of the probability together, after the
            temperature and ``top_k`` (Holtzman et al. 2020).

    Raises:
        ConfigError: a value it cannot have.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not _is_real(self.temperature) or not 0 <= self.temperature < math.inf:
            raise ConfigError(
                f"temperature must be a number of at least 0, where 0 takes the likeliest, but is {self.temperature!r}"
            )
        if self.top_k is not None and not is_whole(self.top_k, 1):
            raise ConfigError(f"top_k must be a whole number of at least 1, or None for all, but is {self.top_k!r}")
        if self.top_p is not None and not (_is_real(self.top_p) and 0 < self.top_p <= 1):
            raise ConfigError(f"top_p must be a number above 0, at most 1, or None for all, but is {self.top_p!r}")

    def probabilities(self, scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(V,) how likely each symbol is chosen, from scores (V,); of equal scores the first is the likelier."""
        values = scores.astype(np.float64)
        if self.temperature == 0 or self.top_k == 1:
            likeliest: NDArray[np.float64] = np.eye(1, len(values), int(values.argmax()))[0]
            return likeliest
        with np.errstate(over="ignore", invalid="ignore"):  # temperatures so small that they are almost 0
            weights = np.exp((values - values.max()) / self.temperature)
        if self.top_k is not None or self.top_p is not None:
            order = np.argsort(-values, kind="stable")
            if self.top_k is not None:
                weights[order[self.top_k :]] = 0
            if self.top_p is not None:
                before = np.cumsum(weights[order]) - weights[order]
                weights[order[before >= self.top_p * weights.sum()]] = 0
        shares: NDArray[np.float64] = weights / weights.sum()
        return shares

    def draw(self, scores: NDArray[np.floating[Any]], generator: np.random.Generator) -> int:
        """A symbol, given the scores (V,) of all."""
        shares = self.probabilities(scores)
        reached = np.cumsum(shares)
        # Rounding may leave the sum below the number drawn; what has no probability is not drawn in any case.
        drawn = int(np.searchsorted(reached, generator.random() * reached[-1], side="right"))
        return min(drawn, int(np.flatnonzero(shares)[-1]))


def is_whole(value: Any, least: int) -> bool:
    """Whether it is a whole number of at least ``least``."""
    return not isinstance(value, bool) and isinstance(value, numbers.Integral) and int(value) >= least


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
