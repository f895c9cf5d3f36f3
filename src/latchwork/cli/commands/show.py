"""``latchwork show CELL``: a cell's formula, stages, weights and parameter count; or its picture."""

from __future__ import annotations

from typing import Annotated

import typer


def show(
    cell: Annotated[str, typer.Argument(help="A cell of the zoo, or file.py:name for one of your own.")],
    input_size: Annotated[int, typer.Option("--input-size", "-i", min=1, help="I, numbers per step.")] = 64,
    hidden_size: Annotated[int, typer.Option("--hidden-size", "-u", min=1, help="H, units.")] = 64,
    proj_size: Annotated[int, typer.Option(min=1, help="P, for cells that project their output.")] = 32,
    latex: Annotated[bool, typer.Option("--latex", help="Print the formula in LaTeX and nothing else.")] = False,
    svg: Annotated[bool, typer.Option("--svg", help="Print the cell's picture as SVG and nothing else.")] = False,
) -> None:
    """Show a cell: its formula, stages, weights and parameter count."""
    from rich.table import Table
    from rich.text import Text

    from latchwork import cells
    from latchwork.cli.console import out
    from latchwork.cli.options import cell as read_cell
    from latchwork.language.derivative import retention
    from latchwork.language.formula import formula
    from latchwork.language.graph import HOISTED
    from latchwork.language.layout import Layout
    from latchwork.language.lower import lower

    named = read_cell(cell)
    shown = cells.get(named) if isinstance(named, str) else named
    if latex:
        rows = " \\\\\n".join(str(line).replace(" = ", " &= ", 1) for line in formula(shown.graph, "latex"))
        print(f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}")
        return
    if svg:
        from latchwork.explain import diagram

        print(diagram.svg(diagram.scene(shown.graph), title=f"The cell {shown.name}"), end="")
        return
    out.print(f"[bold]{shown.name}[/]")
    out.print(" ".join(shown.doc.split()), markup=False, style="dim")
    out.print()
    lines = formula(shown.graph)
    width = max(len(line.name) for line in lines)
    table = Table.grid(padding=(0, 1))
    table.add_column(min_width=width, justify="right", no_wrap=True)
    table.add_column()
    for line in lines:
        table.add_row(Text(line.name), Text(f"= {line.expression}"))
    out.print(table)
    out.print()

    lowered = lower(shown.graph)
    stages: dict[int, list[str]] = {}
    for name, value in lowered.traced.items():
        stages.setdefault(lowered.stages[value], []).append(name)
    hoisted = [m for m in lowered.order if m.op == "map" and lowered.stages[m] == HOISTED]
    if hoisted:
        gates = ", ".join(dict.fromkeys(lowered.label(m) for m in hoisted))
        out.print(f"Before the loop, for all steps at once: the maps of x for {gates}.")
    inside = sorted(stage for stage in stages if stage > HOISTED)
    for number, stage in enumerate(inside, 1):
        out.print(f"In the loop, stage {number}: {', '.join(stages[stage])}.")
    for state, gate in retention(lowered).items():
        if gate is not None and gate.name:
            out.print(f"What keeps {state}: the {gate.name} gate.")
    out.print()

    layout = Layout.of(lowered)
    sizes = {"I": input_size, "H": hidden_size, "P": proj_size}
    weights = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("weights", "shape", "", "blocks"):
        weights.add_column(title)
    for parameter in layout.parameters:
        blocks = len(parameter.blocks)
        rows_in_letters = f"{blocks}·{parameter.rows}" if blocks > 1 else parameter.rows
        letters = f"({rows_in_letters}, {parameter.columns})" if parameter.columns else f"({rows_in_letters},)"
        numbers = " × ".join(str(n) for n in parameter.shape(sizes))
        weights.add_row(parameter.name, letters, numbers, ", ".join(parameter.blocks))
    out.print(weights)
    used = f"I = {input_size}, H = {hidden_size}"
    projected = f", P = {proj_size}" if any(p.rows == "P" for p in layout.parameters) else ""
    out.print(f"\n[bold]{layout.count(sizes):,}[/] parameters a layer with {used}{projected}")
