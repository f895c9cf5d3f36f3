"""What a trial scores by: a name, words, a unit, and which way is better. The way is known here and nowhere else.

Scores are kept as they were measured. Whatever ranks or compares them turns them by :meth:`Metric.gain` first, so that
more is better; what is shown is turned back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Unit = Literal["share", "number"]
Better = Literal["more", "less", "none"]

_SHARE_DECIMALS = 1  # of per cent and points
_NUMBER_DECIMALS = 3  # of numbers from 1 to 10; as many digits for larger ones, three for smaller ones


@dataclass(frozen=True)
class Metric:
    """A score.

    Attributes:
        name: its key in results.
        words: what it is called.
        unit: a "share" lies in [0, 1], is shown in per cent and differs by points; a "number" is shown as it is.
        better: which way is better; "none" for what is told but cannot decide, as how much an interval covers.
        phrase: how a sentence tells a score.
        independent: whether it is a share of rows, or a mean of such, each right or wrong for itself. Only then does
            the number of rows give a floor under its variance.
    """

    name: str
    words: str
    unit: Unit = "share"
    better: Better = "more"
    phrase: str = "{score} {words}"
    independent: bool = False

    def gain(self, value: float) -> float:
        """A score or a difference turned so that more is better; turned again it is what it was."""
        return -value if self.better == "less" else value

    def shown(self, value: float) -> float:
        """In the unit that people read: per cent and points for shares."""
        return 100 * value if self.unit == "share" else value

    @property
    def points(self) -> str:
        """What differences are called: " points" for shares, nothing for numbers."""
        return " points" if self.unit == "share" else ""

    @property
    def title(self) -> str:
        """For the head of a table's column: numbers say which way is better."""
        return f"{self.words} (less is better)" if self.better == "less" else self.words

    def decimals(self, *shown: float) -> int:
        """Decimals for numbers that are shown beside each other: by the largest."""
        if self.unit == "share":
            return _SHARE_DECIMALS
        largest = max((abs(value) for value in shown if math.isfinite(value)), default=0.0)
        if largest == 0:
            return _NUMBER_DECIMALS
        order = math.floor(math.log10(largest))
        return max(_NUMBER_DECIMALS - order - (order < 0), 0)

    def score(self, value: float, decimals: int | None = None) -> str:
        """A score: "72.8 %", "0.712", "1.034"."""
        value = self.shown(value)
        text = _fixed(value, self.decimals(value) if decimals is None else decimals)
        return f"{text} %" if self.unit == "share" else text

    def interval(self, low: float, high: float) -> str:
        """Two scores: "70.1 … 75.5 %", "0.702 … 0.741"."""
        low, high = self.shown(low), self.shown(high)
        decimals = self.decimals(low, high)
        text = f"{_fixed(low, decimals)} … {_fixed(high, decimals)}"
        return f"{text} %" if self.unit == "share" else text

    def said(self, value: float, decimals: int | None = None) -> str:
        """A score in a sentence: "72.8 % accuracy", "a MASE of 0.712"."""
        return self.phrase.format(score=self.score(value, decimals), words=self.words)

    def signed(self, gain: float, decimals: int) -> str:
        """A gain, in the unit shown, as the difference that it is of the scores: "+2.0", "−0.322"; zero has no sign."""
        text = _fixed(abs(gain), decimals)
        if not text.strip("0."):
            return text
        return f"{'+' if self.gain(gain) > 0 else '−'}{text}"

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """An interval of gains, ordered as the differences of the scores are; still gains."""
        return (high, low) if self.better == "less" else (low, high)

    def apart(self, gain: float, decimals: int) -> str:
        """A gain in a sentence: "+2.0 points", "0.322 less"."""
        if self.unit == "share":
            return f"{self.signed(gain, decimals)} points"
        text = self.signed(gain, decimals)
        way = {"+": "more", "−": "less"}.get(text[0], "apart")
        return f"{text.lstrip('+−')} {way}"

    @property
    def ahead(self) -> str:
        """How the better of two scores lies to the other."""
        return "lower" if self.better == "less" else "higher"


def _fixed(value: float, decimals: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.{decimals}f}".replace("-", "−")
