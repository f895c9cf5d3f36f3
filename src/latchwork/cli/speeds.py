"""What ``latchwork bench`` does: ceilings, then every pair on every number of threads; tables, and a file."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

import latchwork
from latchwork.cli import contenders, measure
from latchwork.cli.console import err, out
from latchwork.cli.contenders import Against, Kind, Pair, Shape
from latchwork.cli.measure import Timing, disagreement, geometric_mean, in_turn
from latchwork.errors import CompilerError, ConfigError
from latchwork.files import write_whole
from latchwork.kernels.build import instruction_set
from latchwork.kernels.ceiling import Ceiling, ceiling
from latchwork.language.cell import Cell

_OPERATIONS = {"inference": 1, "training": 3}  # times the forward pass's


@dataclass(frozen=True)
class Plan:
    """What to measure: every cell × threads × steps × batch × hidden × kind.

    Raises:
        ConfigError: a kind is unknown, or what to compare with.
    """

    cells: Mapping[str, str | Cell]
    batch: Sequence[int]
    hidden: Sequence[int]
    steps: Sequence[int]
    threads: Sequence[int]
    kinds: Sequence[str]
    against: str
    seconds: float

    def __post_init__(self) -> None:
        for option, given, known in (
            ("--kind", self.kinds, get_args(Kind)),
            ("--against", [self.against], get_args(Against)),
        ):
            if wrong := [word for word in given if word not in known]:
                raise ConfigError(f"{option} must be one of {', '.join(known)}, not {wrong[0]!r}")
        if not self.cells or not self.kinds:
            raise ConfigError(f"there is nothing to measure: --{'cell' if self.kinds else 'kind'} is empty")


@dataclass(frozen=True)
class Row:
    """One pair's figures.

    Attributes:
        other: what ours is compared with.
        path: the path that ours took, and why.
        ours, theirs: seconds of a call; None where the numbers differ.
        flops: operations of the matrix products that ours does in a second.
        peak: that as a share of this machine's multiply-add peak on as many threads; None where it is not known.
        disagreement: what differs, or None.
    """

    cell: str
    threads: int
    kind: Kind
    shape: Shape
    other: str
    path: str
    ours: Timing | None = None
    theirs: Timing | None = None
    flops: float | None = None
    peak: float | None = None
    disagreement: str | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as long theirs takes."""
        return self.theirs.median / self.ours.median if self.ours and self.theirs else None

    def numbers(self) -> dict[str, Any]:
        """As it is written to the file."""
        T, B, H = self.shape
        both = {"latchwork": self.ours, "other": self.theirs}
        return {
            "cell": self.cell,
            "threads": self.threads,
            "kind": self.kind,
            "steps": T,
            "batch": B,
            "hidden": H,
            "other": self.other,
            "path": self.path,
            "seconds": {name: t._asdict() if t else None for name, t in both.items()},
            "ratio": self.ratio,
            "flops": self.flops,
            "share_of_peak": self.peak,
            "disagreement": self.disagreement,
        }


def bench(plan: Plan, file: Path | None) -> int:
    """Measure, print, and write all numbers to ``file``. Returns how many pairs were refused: their numbers differ."""
    machine = _machine()
    ceilings = _ceilings(plan.threads)
    out.print(f"[bold]{machine['processor']}[/], torch {machine['torch']}, float32, {machine['kernels']} kernels")
    if ceilings:
        out.print(_ceiling_table(ceilings))
    out.print()
    out.print(
        "Milliseconds, medians of calls in turn; ratio: how many times as long torch takes; peak: share of the "
        "multiply-add peak that the matrix products reach. Input size = hidden size.",
        style="dim",
    )
    rows: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TimeElapsedColumn())
    shapes = [Shape(T, B, H) for T in plan.steps for B in plan.batch for H in plan.hidden]
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=len(plan.threads) * len(plan.cells) * len(shapes) * len(plan.kinds))
        for threads in plan.threads:
            peak = ceilings[threads].flops if threads in ceilings else None
            # Each number of threads in a block of its own: OpenMP starts and stops threads in between.
            with measure.threads(threads):
                for name, cell in plan.cells.items():
                    for T in plan.steps:
                        block = []
                        for shape in (s for s in shapes if s.steps == T):
                            what = f"{name} {shape.batch}×{shape.hidden}, {_threads(threads)}"
                            bar.update(task, description=what)
                            made = contenders.pair(cell, shape, cast(Against, plan.against))
                            for kind in cast(Sequence[Kind], plan.kinds):
                                block.append(_row(name, made, kind, shape, threads, plan.seconds, peak))
                                bar.advance(task)
                        out.print()
                        _print_block(block, plan.kinds)
                        rows += block
    _print_means(rows, plan)
    if file is not None:
        write_whole(file, json.dumps(_document(plan, machine, ceilings, rows), indent=1, ensure_ascii=False) + "\n")
        out.print(Text.assemble("\nAll numbers: ", (str(file), "bold")))
    return sum(row.disagreement is not None for row in rows)


def _row(name: str, made: Pair, kind: Kind, shape: Shape, threads: int, seconds: float, peak: float | None) -> Row:
    said = (name, threads, kind, shape, made.other.title, str(made.path))
    ours, theirs = made.ours.numbers(kind), made.other.numbers(kind)
    if disagreement(ours, theirs) is None:
        wrong = None
    else:
        wrong = disagreement(ours, theirs, contenders.exact(made).numbers(kind))
    if wrong is not None:
        return Row(*said, disagreement=wrong)
    timings = in_turn({"ours": made.ours.call(kind), "theirs": made.other.call(kind)}, seconds)
    flops = made.operations * _OPERATIONS[kind] / timings["ours"].median
    return Row(*said, timings["ours"], timings["theirs"], flops, flops / peak if peak else None)


# What is printed


def _ceiling_table(ceilings: Mapping[int, Ceiling]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("measured ceilings", no_wrap=True)
    table.add_column("multiply-add", justify="right", no_wrap=True)
    levels = list(dict.fromkeys(level for c in ceilings.values() for level in c.read))
    for level in levels:
        table.add_column(f"read {level}" if level == levels[0] else level, justify="right", no_wrap=True)
    for threads, found in ceilings.items():
        rates = [f"{found.read[x].rate / 1e9:.0f} GB/s" if x in found.read else "–" for x in levels]
        table.add_row(_threads(threads), f"{found.flops / 1e9:.0f} GFLOP/s", *rates)
    return table


def _print_block(rows: Sequence[Row], kinds: Sequence[str]) -> None:
    """A table of one cell on one number of threads, for one number of steps: a row a shape, the kinds side by side."""
    first = rows[0]
    title = f"{_steps(first.shape.steps)}, {_threads(first.threads)}, against {first.other}"
    out.print(Text.assemble((first.cell, "bold"), f"  {title}"))
    slow = {row.path for row in rows if not row.path.startswith("fused")}
    for path in sorted(slow):
        out.print(f"Not the kernels, but {path}", style="yellow", markup=False)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", footer_style="bold", show_footer=True)
    table.add_column("\nbatch", justify="right", no_wrap=True)
    table.add_column("\nhidden", "mean", justify="right", no_wrap=True)
    for kind in kinds:
        mean = geometric_mean([r.ratio for r in rows if r.kind == kind and r.ratio])
        # As wide as the widest number, so that the tables of a run line up.
        table.add_column(f"{kind}\nlatchwork", justify="right", no_wrap=True, min_width=11)
        table.add_column("\ntorch", justify="right", no_wrap=True, min_width=7)
        table.add_column("\nratio", _ratio(mean), justify="right", no_wrap=True, min_width=6)
        table.add_column("\npeak", justify="right", no_wrap=True, min_width=5)
    for shape in dict.fromkeys(row.shape for row in rows):
        texts: list[str | Text] = [str(shape.batch), str(shape.hidden)]
        for row in (row for row in rows if row.shape == shape):
            style = "bold red" if row.disagreement else "red" if row.ratio and row.ratio < 1 else ""
            ratio = Text("differ" if row.disagreement else _ratio(row.ratio), style=style)
            texts += [_milliseconds(row.ours), _milliseconds(row.theirs), ratio, _share(row.peak)]
        table.add_row(*texts)
    out.print(table)
    for row in rows:
        if row.disagreement:
            _, B, H = row.shape
            out.print(
                f"differ: batch {B}, hidden {H}, {row.kind}: {row.disagreement}; no speed is given",
                style="red",
                markup=False,
            )


def _print_means(rows: Sequence[Row], plan: Plan) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("geometric mean", "threads", *plan.kinds):
        table.add_column(title, justify="left" if title == "geometric mean" else "right", no_wrap=True)
    for mean in _means(rows):
        if mean["kind"] == plan.kinds[0]:
            of = [m for m in _means(rows) if (m["cell"], m["threads"]) == (mean["cell"], mean["threads"])]
            table.add_row(mean["cell"], str(mean["threads"]), *(_ratio(m["ratio"]) for m in of))
    out.print()
    out.print(table)
    timed = [row for row in rows if row.ours and row.theirs]
    noisy = sum(row.ours.noisy or row.theirs.noisy for row in timed if row.ours and row.theirs)
    if noisy:
        out.print(
            f"\n{noisy} of {len(timed)} pairs: calls of one side took so different times (quartiles more than a "
            "fifth apart) that the ratio is rough. Is the machine quiet?",
            style="yellow",
        )


def _milliseconds(timing: Timing | None) -> str:
    """Three digits that count."""
    if timing is None:
        return "–"
    ms = timing.median * 1e3
    return f"{ms:.3f}" if ms < 1 else f"{ms:.2f}" if ms < 10 else f"{ms:.1f}" if ms < 100 else f"{ms:.0f}"


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return "–"
    return f"{ratio:.2f}×" if ratio < 10 else f"{ratio:.1f}×" if ratio < 100 else f"{ratio:.0f}×"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _steps(count: int) -> str:
    return f"{count} step{'s' if count > 1 else ''}"


# What is written


def _document(
    plan: Plan, machine: dict[str, Any], ceilings: Mapping[int, Ceiling], rows: Sequence[Row]
) -> dict[str, Any]:
    return {
        "machine": machine,
        "settings": {"seconds": plan.seconds, "against": plan.against, "tolerance": measure.TOLERANCE},
        "ceilings": [
            {"threads": n, "flops": c.flops, "read": {level: read._asdict() for level, read in c.read.items()}}
            for n, c in ceilings.items()
        ],
        "rows": [row.numbers() for row in rows],
        "geometric_means": _means(rows),
    }


def _means(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The mean ratio of each cell × threads × kind, over the shapes whose numbers agree."""
    groups: dict[tuple[str, int, Kind], list[float]] = {}
    for row in rows:
        ratios = groups.setdefault((row.cell, row.threads, row.kind), [])
        if row.ratio:
            ratios.append(row.ratio)
    return [
        {"cell": cell, "threads": threads, "kind": kind, "ratio": geometric_mean(ratios), "shapes": len(ratios)}
        for (cell, threads, kind), ratios in groups.items()
    ]


def _machine() -> dict[str, Any]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        processor = ""
    return {
        "processor": processor or platform.processor() or platform.machine(),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "kernels": instruction_set(),
        "latchwork": latchwork.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _ceilings(threads: Sequence[int]) -> dict[int, Ceiling]:
    """The ceilings for each number of threads; none, said so, where they cannot be compiled."""
    found: dict[int, Ceiling] = {}
    try:
        for count in threads:
            found[count] = ceiling(count)
    except (CompilerError, OSError) as error:
        out.print(f"The ceilings were not measured: {str(error).splitlines()[0]}", style="yellow", markup=False)
        return {}
    return found
