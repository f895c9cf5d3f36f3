"""What is printed of a sequence, by the task of the model."""

from __future__ import annotations

from rich.console import RenderableType

from latchwork.cli.asked import Asked
from latchwork.cli.explained import explained
from latchwork.cli.explained_forecast import explained_forecast
from latchwork.cli.explained_tags import explained_tags
from latchwork.cli.explained_text import explained_text
from latchwork.explain import Forecasted, Foretold, Tagged, explain
from latchwork.tasks.estimator import SequenceEstimator


def printable(model: SequenceEstimator, asked: Asked) -> RenderableType:
    """The explanation as something rich can print.

    Raises:
        DataError: the sequence is empty, or not what the model reads.
    """
    found = explain(model, asked.rows[asked.place])
    if isinstance(found, Tagged):
        return explained_tags(found)
    if isinstance(found, Foretold):
        return explained_text(found)
    if isinstance(found, Forecasted):
        return explained_forecast(found, asked.ahead, asked.names)
    return explained(found)
