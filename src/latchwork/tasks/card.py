"""The model card: what the model is, how well it did and on what, for whoever finds the folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latchwork.tasks.training import Epoch


@dataclass(frozen=True)
class Card:
    """What a task says of its model.

    Attributes:
        title: the heading.
        tag: as model hubs call the task.
        reads: what the model reads.
        gives: a sentence on what it gives, as its classes.
        usage: Python lines that use it.
    """

    title: str
    tag: str
    reads: str
    gives: str
    usage: str


def model_card(card: Card, facts: Mapping[str, Any], history: Sequence[Epoch], score_name: str) -> str:
    """The card in Markdown, with the metadata block that model hubs read."""
    lines = [
        "---",
        "library_name: latchwork",
        f"tags: [recurrent, {card.tag}]",
        "---",
        "",
        f"# {card.title}",
        "",
    ]
    rows = {**facts, "Reads": card.reads}
    lines += ["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items()), ""]
    lines += [card.gives, ""]
    if history:
        best = min(range(len(history)), key=lambda i: history[i].valid_loss)
        epoch = history[best]
        lines += [
            f"Trained for {len(history)} epochs; kept the weights of epoch {best + 1}, with validation loss "
            f"{epoch.valid_loss:.3f} and {score_name} {epoch.valid_score:.3f} on the part of the training data held "
            "out for early stopping. That is no test score: early stopping has seen it.",
            "",
        ]
    return "\n".join([*lines, "## Use", "", "```python", card.usage, "```", ""])
