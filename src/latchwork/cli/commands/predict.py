"""``latchwork predict MODEL DATA``: what a saved model says of each row of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    model: Annotated[Path, typer.Argument(help="The folder of a saved model.")],
    data: Annotated[Path, typer.Argument(help="A file like the one that the model was fitted on.")],
    text: Annotated[str | None, typer.Option(help="The column of texts; the one the model was fitted on.")] = None,
    series: Annotated[list[str] | None, typer.Option(help="A column of a series; give it once per column.")] = None,
    tokens: Annotated[str | None, typer.Option(help="The column of tokens.")] = None,
    out: Annotated[Path | None, typer.Option(help="A CSV file to write; standard output by default.")] = None,
) -> None:
    """Predict, and write a CSV: classes and their probabilities, a row a token and its tag, bits a text, or quantiles a
    step ahead."""
    import csv
    import io
    import sys

    import torch

    from latchwork.cli.readings import reading_of
    from latchwork.cli.readings.generate import is_plain
    from latchwork.cli.readings.reading import no_columns
    from latchwork.cli.readings.tag import is_conll
    from latchwork.files import write_whole
    from latchwork.tasks import load_model

    if is_plain(data) or is_conll(data):
        no_columns(data, text=text, series=",".join(series or ()) or None, tokens=tokens)
    torch.set_num_threads(1)  # rows and steps this small gain nothing from more
    loaded = load_model(model)
    reading = reading_of(model, loaded.task, text, series, tokens)
    sheet = io.StringIO()
    csv.writer(sheet, lineterminator="\n").writerows(reading.sheet(loaded, reading.sequences(data)))
    if out is None:
        sys.stdout.write(sheet.getvalue())
    else:
        write_whole(out, sheet.getvalue())
