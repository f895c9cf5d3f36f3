"""What ``fit`` and ``demo`` share: run the study with a progress bar, print it, save the model and the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from latchwork.cli.columns import Columns
from latchwork.cli.console import err, out
from latchwork.cli.verdict import trial_table, verdict_text
from latchwork.errors import DataError
from latchwork.explain.explanation import Explanation, explain
from latchwork.explain.report import write_report
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
            note = f"split {step.split + 1}: {step.candidate} {step.score:.1%}"
            bar.update(task, completed=step.done, total=step.total, note=note)

        return run_study(X, y, cells, progress=show, **options)


def finish(
    study: Study, folder: Path, columns: Columns, title: str, example: Any = None, example_label: Any = None
) -> Explanation | None:
    """Print the table, the verdict and the explained example; save the model and the report in ``folder``.

    Args:
        columns: what the data was read from, remembered for predict.
        example: a sequence that the model was not fitted on, or None.
    """
    out.print(trial_table(study))
    out.print()
    out.print(verdict_text(study.verdict))
    explanation = None
    if example is not None:
        explanation = explain(study.model, example)
    study.model.save(folder)
    report = write_report(folder / REPORT, study, title, explanation, example_label)
    out.print()
    columns.remember(folder)
    rows = f"fitted on {study.n_train:,} rows, the rest saying when to stop"
    out.print(Text.assemble(f"Saved the {study.verdict.cell} model, {rows}: ", (str(folder), "bold")))
    if study.verdict.recommended != study.verdict.cell:
        baseline = study.verdict.recommended
        out.print(f"The {baseline} that the verdict recommends is a plain scikit-learn pipeline, and is not saved.")
    out.print(Text.assemble("Report: ", (str(report), "bold")))
    return explanation
