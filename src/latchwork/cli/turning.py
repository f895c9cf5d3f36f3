"""A sequence in two lines: what a model says of it, and where its memory went and stayed."""

from __future__ import annotations

import numpy as np
from rich.text import Text

from latchwork.cli.readable import readable
from latchwork.explain.explanation import Explanation


def turning(explanation: Explanation) -> Text:
    """The sequence; the prediction, and the steps at which least and most of the memory was kept."""
    probability = explanation.probabilities[explanation.predicted]
    said = Text.assemble(
        readable(explanation.text or f"a series of length {len(explanation.steps)}") + "\n  ",
        (readable(str(explanation.predicted)), "bold"),
        f" {probability:.1%}",
    )
    # Before the first step there is nothing to keep; a comma is no word.
    words = [t for t, step in enumerate(explanation.steps) if t and any(c.isalnum() for c in step)]
    if explanation.kept is not None and words:
        kept = explanation.kept[words]
        least, most = words[int(np.argmin(kept))], words[int(np.argmax(kept))]
        said.append(
            f"; kept least at “{readable(explanation.steps[least])}” ({explanation.kept[least]:.0%}), "
            f"most at “{readable(explanation.steps[most])}” ({explanation.kept[most]:.0%})"
        )
    return said
