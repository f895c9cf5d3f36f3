"""``latchwork fit DATA``: which cell suits your data, and the fitted model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fit(
    data: Annotated[Path, typer.Argument(help="A CSV, TSV, JSONL or Parquet file; a row a sequence.")],
    label: Annotated[str, typer.Option(help="The column of classes.")],
    text: Annotated[str | None, typer.Option(help="The column of texts.")] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(
            help="Columns of numeric series: a column of lists is a channel; columns of single numbers are the "
            "steps of one channel. Give it once per column, or a,b,c."
        ),
    ] = None,
    cells: Annotated[str, typer.Option(help="Cells to compare: of the zoo, or file.py:name.")] = "rnn,lstm,gru",
    time_budget: Annotated[str, typer.Option(help="How long the trial may take: 90s, 5m, 2h.")] = "5m",
    out: Annotated[Path, typer.Option(help="The folder for the model and the report.")] = Path("latchwork-fit"),
    group: Annotated[
        str | None, typer.Option(help="A column whose equal values belong together, such as a speaker or document.")
    ] = None,
    metric: Annotated[str, typer.Option(help="accuracy, macro_f1 or balanced_accuracy.")] = "accuracy",
    repeats: Annotated[int, typer.Option(min=3, help="Splits at most.")] = 10,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of a fit at most.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Decides splits, weights and order.")] = 0,
    jobs: Annotated[int, typer.Option(min=0, help="Fits side by side; 0 for one per processor.")] = 0,
) -> None:
    """Compare cells on your data by a fair trial; say which to use; save the model and a report."""
    from latchwork.cli import trial
    from latchwork.cli.columns import read_columns
    from latchwork.cli.options import cell_list, seconds
    from latchwork.datasets.tables import labels, read
    from latchwork.errors import ConfigError
    from latchwork.trial.runner import METRICS

    columns = read_columns(text, series)
    if columns is None:
        raise ConfigError("say what to read: --text COL for a column of texts, --series COL for columns of numbers")
    chosen = cell_list(cells)
    if metric not in METRICS:
        raise ConfigError(f"--metric must be one of {', '.join(METRICS)}, not {metric!r}")
    budget = seconds(time_budget)
    table = read(data)
    X, y = columns.sequences(table), labels(table, label)
    groups = None if group is None else labels(table, group)
    trial.prepare(out)
    study = trial.run(
        X,
        y,
        chosen,
        groups=groups,
        repeats=repeats,
        time_budget=budget,
        metric=metric,
        seed=seed,
        jobs=jobs,
        max_epochs=epochs,
    )
    trial.finish(study, out, columns, data.name, X, y)
