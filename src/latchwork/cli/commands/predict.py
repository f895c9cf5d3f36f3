"""``latchwork predict MODEL DATA``: a class and its probability for each row of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    model: Annotated[Path, typer.Argument(help="The folder of a saved model.")],
    data: Annotated[Path, typer.Argument(help="A CSV, TSV, JSONL or Parquet file.")],
    text: Annotated[str | None, typer.Option(help="The column of texts; the one the model was fitted on.")] = None,
    series: Annotated[list[str] | None, typer.Option(help="A column of a series; give it once per column.")] = None,
    out: Annotated[Path | None, typer.Option(help="A CSV file to write; standard output by default.")] = None,
) -> None:
    """Predict the class of each row; writes a CSV with the class and the probability of each class."""
    import csv
    import io
    import sys

    import torch

    from latchwork.cli.columns import read_columns, remembered_columns
    from latchwork.datasets.tables import read
    from latchwork.files import write_whole
    from latchwork.tasks import SequenceClassifier

    torch.set_num_threads(1)  # rows and steps this small gain nothing from more
    loaded = SequenceClassifier.load(model)
    columns = read_columns(text, series) or remembered_columns(model)
    X = columns.sequences(read(data))
    probabilities = loaded.predict_proba(X)
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(["prediction", *(f"p_{c}" for c in loaded.classes_.tolist())])
    for row in probabilities:
        writer.writerow([loaded.classes_[row.argmax()], *(f"{p:.6f}" for p in row)])
    if out is None:
        sys.stdout.write(sheet.getvalue())
    else:
        write_whole(out, sheet.getvalue())
