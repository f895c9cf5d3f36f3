"""The data of the report's page, as docs/report-format.md has it: version 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from latchwork.errors import DataError
from latchwork.explain.layers import BYTES
from latchwork.explain.pages import PAGES
from latchwork.explain.report_format import LIMIT, cell_data, report_data, size_of
from latchwork.tasks.estimator import SequenceEstimator

_FEWEST_COLUMNS = 100  # numbers a step: rather fewer sequences than fewer of these
_SHARE_OF_INPUT = 0.25  # of all bytes, for one sequence's text or series


def page_data(
    models: Mapping[str, SequenceEstimator],
    rows: Any,
    labels: Sequence[Any] | None = None,
    *,
    shown: int = 8,
    first: Sequence[int] = (),
    title: str = "",
    held_out: bool = False,
    limit: int = LIMIT,
) -> dict[str, Any]:
    """What the page shows of models side by side on some rows, at best such as none was fitted on.

    Args:
        models: name → a fitted model; all of the same task, classes and data.
        rows: as the models take them: texts or series; lists of tokens; documents; or to forecast ``Windows``, or
            series alone.
        labels: the true class of each row, or the true labels of its tokens, where known. Documents have none, and what
            came of a series is in the series.
        shown: how many sequences to look into; such as the models disagree on take turns with others.
        first: the places of rows that come before all others; of series to forecast, the series' places.
        title: what the data is called.
        held_out: whether it is known that no model was fitted on the rows, or of series on what comes after the first
            origin; the page says so.
        limit: bytes that the JSON may take; where all would take more, units, then sequences at the end are left out.

    Raises:
        DataError: no models, rows without steps, or models that cannot be shown side by side.
    """
    if not models:
        raise DataError("there is no model to show; give at least one")
    task = _task(models)
    page = PAGES[task](models, rows, labels, held_out)
    places = page.places(shown, first, limit)
    data = report_data(
        title,
        page.classes,
        [cell_data(name, recurrent) for name, recurrent in page.recurrents.items()],
        page.memory(limit),
        task=task,
    )
    left = limit - size_of(data)
    frames = [page.sequence(place, _SHARE_OF_INPUT * limit) for place in places]
    while True:
        steps = sum(len(frame["steps"]) for frame in frames)
        runs = sum(page.beside(frame) for frame in frames)
        columns = ((left - size_of(frames)) / len(models) - runs) / (steps * BYTES)
        if len(frames) == 1 or columns >= _FEWEST_COLUMNS:
            break
        frames.pop()
    for place, frame in zip(places, frames, strict=False):
        budget = 0.97 * columns * len(frame["steps"]) * BYTES  # names and brackets take their part
        frame["runs"] = {name: page.run(name, place, budget) for name in models}
    data["sequences"] = frames
    return data


def _task(models: Mapping[str, SequenceEstimator]) -> str:
    tasks = {name: model.task for name, model in models.items()}
    (first, task), *others = tasks.items()
    for name, other in others:
        if other != task:
            raise DataError(f"{first} is for the task {task} and {name} for {other}; show models of one task together")
    return task
