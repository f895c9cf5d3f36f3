"""The model card: what the model is, how well it did and on what, for whoever finds the folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from latchwork.tasks.training import Epoch


def model_card(
    title: str, facts: Mapping[str, Any], classes: Sequence[Any], history: Sequence[Epoch], usage: str
) -> str:
    """The card in Markdown, with the metadata block that model hubs read."""
    lines = [
        "---",
        "library_name: latchwork",
        "tags: [recurrent, sequence-classification]",
        "---",
        "",
        f"# {title}",
        "",
    ]
    lines += ["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in facts.items()), ""]
    lines += [f"Classes: {', '.join(map(str, classes))}.", ""]
    if history:
        best = min(range(len(history)), key=lambda i: history[i].valid_loss)
        epoch = history[best]
        lines += [
            f"Trained for {len(history)} epochs; kept the weights of epoch {best + 1}, with validation loss "
            f"{epoch.valid_loss:.3f} and accuracy {epoch.valid_score:.3f} on the part of the training data held out "
            "for early stopping. That is no test score: early stopping has seen it.",
            "",
        ]
    return "\n".join([*lines, "## Use", "", "```python", usage, "```", ""])
