"""The report: one HTML file that opens anywhere, without network.

Its first screen is the trial, where there was one: the verdict, the table, the plots. Below, the page in ``page/``
shows what ``docs/report-format.md`` describes: the cells at work on a sequence, and what they remember.
"""

from __future__ import annotations

import base64
import html as escaping
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

import latchwork
from latchwork.explain.figures import intervals, learning_curves
from latchwork.explain.page_data import page_data
from latchwork.files import write_whole
from latchwork.tasks.estimator import SequenceEstimator
from latchwork.trial.study import Study

_PAGE = files("latchwork.explain") / "page"
# A script ends at "</script", and "<!--" changes how it is read; in JSON either may be written with escapes only.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_HEIGHT = 900


@dataclass(frozen=True)
class Page:
    """The illustrated cells as a page; a notebook shows it inline.

    Attributes:
        data: what the cells did and remember, in the form of ``docs/report-format.md``.
        study: the trial to show first, if there was one.
    """

    data: Mapping[str, Any]
    study: Study | None = None

    def html(self) -> str:
        """The whole page, which needs nothing from elsewhere.

        Raises:
            ValueError: ``data`` holds a number that JSON does not have, such as NaN.
        """
        environment = Environment(
            loader=PackageLoader("latchwork.explain"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        page = environment.get_template("report.html").render(
            title=self.data["title"],
            study=self.study,
            **({} if self.study is None else _trial(self.study)),
            version=latchwork.__version__,
            style=Markup((_PAGE / "style.css").read_text("utf-8")),
            data=Markup(_json(self.data)),
            modules=Markup(_import_map()),
        )
        return page.encode("utf-8", "replace").decode()  # half a character is a legal Python text, but no UTF-8

    def save(self, path: str | Path) -> Path:
        """Write the page to ``path``, whole or not at all. Raises DataError where it cannot be written."""
        write_whole(Path(path), self.html())
        return Path(path)

    def _repr_html_(self) -> str:
        # In a frame, a notebook's own style and scripts stay apart from the page's.
        return (
            f'<iframe srcdoc="{escaping.escape(self.html())}" title="Latchwork report" loading="lazy"'
            f' style="width: 100%; height: {_HEIGHT}px; border: 0"></iframe>'
        )


def illustrate(
    models: SequenceEstimator | Mapping[str, SequenceEstimator],
    rows: Any,
    labels: Sequence[Any] | None = None,
    *,
    title: str = "",
    shown: int = 8,
    first: Sequence[int] = (),
    held_out: bool = False,
) -> Page:
    """The illustrated cells of one model, or of several side by side, on some rows, at best such as none was fitted on.

        illustrate({"lstm": lstm, "gru": gru}, texts, labels).save("inside.html")

    Args:
        models: a fitted model, or name → model, all of the same data.
        rows: texts or series, as the models take them; what the cells remember is measured where there are enough.
        labels: the class of each row, where known.
        title: what the data is called.
        shown: how many sequences to look into.
        first: the places of rows that come before all others.
        held_out: whether it is known that no model was fitted on the rows; the page says so.

    Raises:
        DataError: no models, rows without steps, or models that cannot be shown side by side.
    """
    if isinstance(models, SequenceEstimator):
        cell = models.cell
        models = {cell if isinstance(cell, str) else cell.name: models}
    title = title or " · ".join(models)
    return Page(page_data(models, rows, labels, shown=shown, first=first, title=title, held_out=held_out))


def _trial(study: Study) -> dict[str, Any]:
    """What the first screen shows."""
    result, second = study.result, study.result.second
    others = {} if second is None else {row.candidate: row for row in result.summary(second.name)}
    return {
        "result": result,
        "verdict": study.verdict,
        "metric": result.scored(),
        "second": second,
        "rows": result.summary(),
        "others": others,
        # The figures are drawn from numbers and cell names, and matplotlib escapes the names.
        "intervals": Markup(intervals(result, study.verdict)),
        "curves": Markup(learning_curves(result)),
    }


def _json(data: Mapping[str, Any]) -> str:
    """``data`` as JSON that can stand in a script element whatever texts it holds."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)


@cache
def _import_map() -> str:
    """Every module of the page as it lies on disk, under the name by which the others import it.

    A module in a ``data:`` URL has no folder, so that its imports are names, which the map resolves. This works in a
    file opened from disk, and in a notebook's frame, where a relative address would not.
    """
    modules = sorted(f.name for f in _PAGE.iterdir() if f.name.endswith(".js"))
    addresses = {
        f"page/{name}": "data:text/javascript;base64," + base64.b64encode((_PAGE / name).read_bytes()).decode()
        for name in modules
    }
    return json.dumps({"imports": addresses})
