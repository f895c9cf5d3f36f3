"""``latchwork doctor``: versions, threads, and which path runs."""

from __future__ import annotations


def doctor() -> None:
    """Show versions, threads, and which path runs each cell."""
    import os
    import platform
    import sys
    from importlib.metadata import PackageNotFoundError, version

    import torch
    from rich.table import Table

    import latchwork
    from latchwork import cells, nn
    from latchwork.cli.console import out
    from latchwork.datasets.archive import cache_folder

    facts = Table.grid(padding=(0, 2))
    facts.add_row("latchwork", latchwork.__version__)
    facts.add_row("python", f"{sys.version.split()[0]} on {platform.system()} {platform.machine()}")
    for package in ("torch", "numpy", "scikit-learn", "scipy", "tokenizers", "pyarrow", "safetensors"):
        try:
            found = version(package)
        except PackageNotFoundError:
            found = 'not installed: pip install "latchwork[train]"'
        facts.add_row(package, found)
    facts.add_row("threads", f"torch uses {torch.get_num_threads()} of {os.cpu_count()} processors")
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    facts.add_row("GPU", cuda)
    facts.add_row("data cache", str(cache_folder()))
    out.print(facts)
    out.print()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("cell", "path", "why"):
        table.add_column(title)
    for name in cells.names():
        projected = cells.get(name).graph.output_size == "P"
        dispatch = nn.Recurrent(name, 4, 4, proj_size=2 if projected else 0).explain_dispatch()
        table.add_row(name, dispatch.path, dispatch.reason)
    out.print(table)
