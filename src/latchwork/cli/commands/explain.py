"""``latchwork explain MODEL "some text"``: which words moved the decision, and what the memory kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def explain(
    model: Annotated[Path, typer.Argument(help="The folder of a saved model.")],
    text: Annotated[str, typer.Argument(help="The text to explain.")],
) -> None:
    """Explain a prediction: how each word moved it, and how much the gates kept of the memory at each word."""
    import torch

    from latchwork.cli.console import out
    from latchwork.cli.explained import explained
    from latchwork.errors import DataError
    from latchwork.explain import explain as make
    from latchwork.tasks import SequenceClassifier
    from latchwork.tasks.encoders import TextEncoder

    torch.set_num_threads(1)  # rows and steps this small gain nothing from more
    loaded = SequenceClassifier.load(model)
    if not isinstance(loaded.encoder_, TextEncoder):
        raise DataError(
            f"the model in {model} reads series of numbers, and a text was given; "
            "from Python, latchwork.explain.explain(model, series) explains a series"
        )
    out.print(explained(make(loaded, text)))
