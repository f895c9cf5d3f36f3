"""What ``fit`` and ``demo`` share: run the study with a progress bar, print it, save the model and the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from latchwork.cli.console import err, out
from latchwork.cli.readings import Reading, remember
from latchwork.cli.verdict import trial_table, verdict_text
from latchwork.errors import DataError
from latchwork.explain.page_data import page_data
from latchwork.explain.report import Page
from latchwork.language.cell import Cell
from latchwork.tasks.folder import check_folder
from latchwork.trial import runner
from latchwork.trial.study import Study, run_study

REPORT = "report.html"


def prepare(folder: Path) -> None:
    """Find out before hours of fitting that the results could not be saved. Raises DataError."""
    check_folder(folder)
    if (folder / REPORT).is_dir():
        raise DataError(f"{folder / REPORT} is a folder; choose another place")


def run(X: Any, y: Any, cells: Sequence[str | Cell], **options: Any) -> Study:
    """Run the study, drawing its progress on standard error."""
    # Steps this small gain nothing from a second thread, and threads that wait for each other on a busy machine lose
    # much; predictions are timed on one thread too.
    torch.set_num_threads(1)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("trial", total=None, note="first fits …")

        def show(step: runner.Progress) -> None:
            note = f"split {step.split + 1}: {step.candidate} {step.metric.score(step.score)}"
            bar.update(task, completed=step.done, total=step.total, note=note)

        return run_study(X, y, cells, progress=show, **options)


def finish(
    study: Study,
    folder: Path,
    reading: Reading,
    title: str,
    examples: Sequence[tuple[Any, Any]] = (),
) -> None:
    """Print the table and the verdict; save the model and the report in ``folder``.

    Args:
        reading: how the data was read, remembered for predict.
        examples: sequences that no model was fitted on, each with its class or None; the report shows them first.
    """
    out.print(trial_table(study, out.width))
    out.print()
    out.print(verdict_text(study.verdict))
    for note in study.result.notes:
        out.print(note, markup=False, style="dim")
    study.model.save(folder)
    remember(reading, folder)
    rows, labels = study.unseen.X, study.unseen.y
    if study.result.rolling:
        labels = None  # what came is in the series
    else:
        rows = [*(sequence for sequence, _ in examples), *rows]
        known = labels.tolist() if isinstance(labels, np.ndarray) else labels
        labels = None if known is None else [*(label for _, label in examples), *known]
    with err.status("looking inside the cells …"):
        first = range(len(examples))
        data = page_data(study.side_by_side, rows, labels, first=first, title=title, held_out=True)
        report = Page(data, study).save(folder / REPORT)
    out.print()
    fitted = "fitted on the whole file"
    if study.n_train is not None:
        fitted = f"fitted on {study.n_train:,} {study.result.rows}, the rest saying when to stop"
    out.print(Text.assemble(f"Saved the {study.verdict.cell} model, {fitted}: ", (str(folder), "bold")))
    if study.verdict.recommended != study.verdict.cell:
        baseline = study.verdict.recommended
        out.print(f"The {baseline} that the verdict recommends is a plain baseline of the trial, and is not saved.")
    out.print(Text.assemble("Report: ", (str(report), "bold")))
