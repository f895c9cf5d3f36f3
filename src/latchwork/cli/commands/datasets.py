"""``latchwork datasets``: the real data that Latchwork can fetch."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="List and fetch real data sets.", no_args_is_help=True)


@app.command("list")
def list_sets() -> None:
    """List the data sets, with their task, source and licence."""
    from rich.table import Table
    from rich.text import Text

    from latchwork import datasets
    from latchwork.cli.console import out

    for name in datasets.names():
        about = datasets.describe(name)
        out.print(f"[bold]{name}[/]  {about.title}")
        facts = Table.grid(padding=(0, 1))
        told = {"task": about.task, "source": about.source, "licence": about.licence, "cite": about.citation}
        for title, text in told.items():
            facts.add_row(Text(f"  {title}", style="dim"), Text(" ".join(text.split())))
        out.print(facts)
        out.print()


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="A name from the list, or all.")] = "all",
) -> None:
    """Fetch a data set into the cache, so that it works offline."""
    from latchwork import datasets
    from latchwork.cli.console import out

    for wanted in datasets.names() if name == "all" else [name]:
        out.print(f"{wanted}: {datasets.load(wanted).summary}")
