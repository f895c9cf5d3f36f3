"""``latchwork explain MODEL "some text"``: what moved the decision, and what the memory kept; ``--html`` as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_LONGEST_NAME = 255  # longer ones the system will not even look for


def explain(
    model: Annotated[Path, typer.Argument(help="The folder of a saved model.")],
    sequence: Annotated[str, typer.Argument(help="The text to explain, or a data file with --row.")],
    row: Annotated[int | None, typer.Option(min=1, help="The row of a data file; the first is 1.")] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page with the illustrated cell; with a data file, also what its units remember."),
    ] = None,
    text: Annotated[str | None, typer.Option(help="The column of texts; the one the model was fitted on.")] = None,
    series: Annotated[list[str] | None, typer.Option(help="A column of a series; give it once per column.")] = None,
) -> None:
    """Explain a prediction: how each step moved it, and how much the gates kept of the memory at each."""
    import torch
    from rich.text import Text

    from latchwork.cli.columns import read_columns, remembered_columns
    from latchwork.cli.console import err, out
    from latchwork.cli.explained import explained
    from latchwork.datasets.tables import EXTENSIONS, read
    from latchwork.errors import ConfigError, DataError
    from latchwork.explain import explain as make
    from latchwork.explain import illustrate
    from latchwork.tasks import SequenceClassifier
    from latchwork.tasks.encoders import TextEncoder

    torch.set_num_threads(1)  # rows and steps this small gain nothing from more
    if row is None and len(sequence) < _LONGEST_NAME and sequence.lower().endswith(EXTENSIONS):
        if Path(sequence).is_file():
            raise ConfigError(f"{sequence} is a data file; say which of its rows with --row")
        if len(sequence.split()) == 1:  # more may well be a sentence about a file
            raise DataError(f"there is no file {sequence}")
    loaded = SequenceClassifier.load(model)
    rows, place, title = [sequence], 0, "Your text"
    if row is not None:
        table = read(Path(sequence))
        columns = read_columns(text, series) or remembered_columns(model)
        rows, place, title = columns.sequences(table), row - 1, Path(sequence).name
        if row > len(rows):
            raise DataError(f"{sequence} has {len(rows)} rows, so there is no row {row}")
    elif not isinstance(loaded.encoder_, TextEncoder):
        raise DataError(
            f"the model in {model} reads series of numbers, and a text was given; give a data file and --row"
        )
    out.print(explained(make(loaded, rows[place])))
    if html is not None:
        with err.status("looking inside the cell …"):
            page = illustrate(loaded, rows, title=title, first=[place]).save(html)
        out.print(Text.assemble("\nPage: ", (str(page), "bold")))
