"""The report of a study: one HTML file that opens anywhere, without network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

import latchwork
from latchwork.explain.explanation import Explanation
from latchwork.explain.figures import intervals, learning_curves
from latchwork.files import write_whole
from latchwork.trial.study import Study


@dataclass(frozen=True)
class Word:
    """A piece of the explained text: how strongly it moved the decision (−1…1), and what was kept at it (0…1)."""

    text: str
    moved: float
    strength: float
    kept: float | None


def write_report(
    path: Path, study: Study, title: str, explanation: Explanation | None = None, label: Any = None
) -> Path:
    """Write the report of ``study`` to ``path``, whole or not at all.

    Args:
        title: what the data is called.
        explanation: of a sequence that no fit has seen.
        label: its true class.
    """
    environment = Environment(
        loader=PackageLoader("latchwork.explain"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    second = "macro_f1" if study.result.metric != "macro_f1" else "accuracy"
    page = environment.get_template("report.html").render(
        title=title,
        study=study,
        result=study.result,
        verdict=study.verdict,
        rows=list(zip(study.result.summary(), study.result.summary(second), strict=True)),
        second=second,
        # The figures are drawn from numbers and cell names, and matplotlib escapes the names.
        intervals=Markup(intervals(study.result, study.verdict)),
        curves=Markup(learning_curves(study.result)),
        explanation=explanation,
        words=[] if explanation is None else _words(explanation),
        label=label,
        version=latchwork.__version__,
    )
    write_whole(path, page)
    return path


def _words(explanation: Explanation) -> list[Word]:
    """The text in pieces, the gaps between words among them; the steps of a series one by one."""
    strongest = max((abs(float(m)) for m in explanation.moved), default=1.0) or 1.0
    pieces: list[Word] = []
    position = 0
    for t, step in enumerate(explanation.steps):
        if explanation.text is not None:
            start, end = explanation.spans[t]
            pieces.append(Word(explanation.text[position:start], 0.0, 0.0, None))
            position = end
        moved = float(explanation.moved[t])
        kept = None if explanation.kept is None else float(explanation.kept[t])
        pieces.append(Word(step, moved, moved / strongest, kept))
    if explanation.text is not None:
        pieces.append(Word(explanation.text[position:], 0.0, 0.0, None))
    return [piece for piece in pieces if piece.text]
