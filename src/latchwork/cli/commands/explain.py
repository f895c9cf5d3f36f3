"""``latchwork explain MODEL "some text"``: what a model makes of a sequence, and what the memory kept; ``--html`` as a
page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def explain(
    model: Annotated[Path, typer.Argument(help="The folder of a saved model.")],
    sequence: Annotated[
        str, typer.Argument(help="The text to explain; or a data file, with --row where it has several.")
    ],
    row: Annotated[
        int | None, typer.Option(min=1, help="The row, sentence, document or series of a data file; the first is 1.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page with the illustrated cell; with a data file, also what its units remember."),
    ] = None,
    text: Annotated[str | None, typer.Option(help="The column of texts; the one the model was fitted on.")] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(help="A column of a series, once per column; of a forecaster's file, the name of the series."),
    ] = None,
    tokens: Annotated[str | None, typer.Option(help="The column of tokens.")] = None,
) -> None:
    """Explain what a model makes of a sequence, and how much the gates kept of the memory at each step.

    Of a class, how each step moved it; of tags, each token's; of a text model, how surprising each character was; of a
    forecaster, what comes next, and how sure that is.
    """
    import torch
    from rich.text import Text

    from latchwork.cli.asked import asked
    from latchwork.cli.console import err, out
    from latchwork.cli.explanations import printable
    from latchwork.explain import illustrate
    from latchwork.tasks import load_model

    torch.set_num_threads(1)  # rows and steps this small gain nothing from more
    loaded = load_model(model)
    found = asked(model, loaded, sequence, row, text=text, series=series, tokens=tokens)
    out.print(printable(loaded, found))
    if html is not None:
        with err.status("looking inside the cell …"):
            page = illustrate(loaded, found.rows, title=found.title, first=[found.place]).save(html)
        out.print(Text.assemble("\nPage: ", (str(page), "bold")))
