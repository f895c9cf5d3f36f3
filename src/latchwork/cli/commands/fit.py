"""``latchwork fit DATA``: which cell suits your data, and the fitted model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_CLASSIFY, _TAG, _FORECAST = "A class for each row", "A tag for each token", "The next steps of series"

Names = list[str] | None


def fit(
    data: Annotated[Path, typer.Argument(help="A CSV, TSV, JSONL, Parquet, CoNLL or plain text file.")],
    task: Annotated[
        str | None,
        typer.Option(
            help="classify, tag, generate or forecast; inferred from the options and the columns if not given."
        ),
    ] = None,
    cells: Annotated[str, typer.Option(help="Cells to compare: of the zoo, or file.py:name.")] = "rnn,lstm,gru",
    time_budget: Annotated[
        str, typer.Option(help="How long the trial may take: 90s, 5m, 2h; the final fit takes up to a third more.")
    ] = "5m",
    out: Annotated[Path, typer.Option(help="The folder for the model and the report.")] = Path("latchwork-fit"),
    metric: Annotated[
        str | None,
        typer.Option(help="What decides, as accuracy, macro_f1, bits_per_character, mase; the task's own first."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=3, help="Splits at most.")] = 10,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of a fit at most; the task's own number.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides splits, weights and order.")] = 0,
    jobs: Annotated[int, typer.Option(min=0, help="Fits side by side; 0 for one per processor.")] = 0,
    group: Annotated[
        str | None,
        typer.Option(
            help="A column whose equal values belong together, such as a speaker or document; in forecasts, what tells "
            "series apart."
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="The column of texts; with no --label, they are learned to go on with them.")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(help="What a text is written in: characters, bytes or subwords; characters if not given."),
    ] = None,
    label: Annotated[str | None, typer.Option(help="The column of classes.", rich_help_panel=_CLASSIFY)] = None,
    series: Annotated[
        Names,
        typer.Option(
            help="Columns of numeric series: a column of lists is a channel; columns of single numbers are the "
            "steps of one channel. Give it once per column, or a,b,c.",
            rich_help_panel=_CLASSIFY,
        ),
    ] = None,
    tokens: Annotated[str | None, typer.Option(help="The column of tokens.", rich_help_panel=_TAG)] = None,
    tags: Annotated[str | None, typer.Option(help="The column of their tags.", rich_help_panel=_TAG)] = None,
    time: Annotated[str | None, typer.Option(help="The column of times.", rich_help_panel=_FORECAST)] = None,
    target: Annotated[
        Names, typer.Option(help="Columns to forecast: once per column, or a,b,c.", rich_help_panel=_FORECAST)
    ] = None,
    known: Annotated[
        Names,
        typer.Option(help="Columns that are known ahead, as holidays or prices.", rich_help_panel=_FORECAST),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Steps ahead to forecast.", rich_help_panel=_FORECAST)
    ] = None,
    season: Annotated[
        int | None,
        typer.Option(min=1, help="Steps after which it repeats: 24 for hours of days.", rich_help_panel=_FORECAST),
    ] = None,
) -> None:
    """Compare cells on your data by a fair trial; say which to use; save the model and a report."""
    from latchwork.cli import trial
    from latchwork.cli.console import out as screen
    from latchwork.cli.options import cell_list, names, seconds
    from latchwork.cli.readings.infer import Asked, infer

    asked = Asked(
        task=task,
        label=label,
        text=text,
        series=names(series),
        tokens=tokens,
        tags=tags,
        time=time,
        target=names(target),
        known=names(known),
        horizon=horizon,
        season=season,
        group=group,
        unit=unit,
    )
    chosen, budget = cell_list(cells), seconds(time_budget)
    reading, inferred = infer(data, asked)
    given = reading.training(data)
    for sentence in (*inferred, *given.notes):
        screen.print(sentence, markup=False, style="dim")
    trial.prepare(out)
    study = trial.run(
        given.X,
        given.y,
        chosen,
        task=reading.task,
        groups=given.groups,
        repeats=repeats,
        time_budget=budget,
        metric=metric,
        seed=seed,
        jobs=jobs,
        everything=given.everything,
        **({} if epochs is None else {"max_epochs": epochs}),
        **given.options,
    )
    trial.finish(study, out, given.reading or reading, data.name)
