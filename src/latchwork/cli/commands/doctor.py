"""``latchwork doctor``: versions, threads, and which path runs."""

from __future__ import annotations


def doctor() -> None:
    """Show versions, threads, and which path runs each cell."""
    import os
    import platform
    import sys
    import warnings
    from importlib.metadata import PackageNotFoundError, version

    import torch
    from rich.table import Table

    import latchwork
    from latchwork import cells, nn
    from latchwork.cli.console import out
    from latchwork.datasets.archive import cache_folder
    from latchwork.errors import LatchworkWarning

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
    facts.add_row("kernels", _kernels())
    facts.add_row("data cache", str(cache_folder()))
    out.print(facts)
    out.print()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("cell", "path", "why"):
        table.add_column(title)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LatchworkWarning)  # the row above says it
        for name in cells.names():
            projected = cells.get(name).graph.output_size == "P"
            dispatch = nn.Recurrent(name, 4, 4, proj_size=2 if projected else 0).explain_dispatch()
            table.add_row(name, dispatch.path, dispatch.reason)
    out.print(table)


def _kernels() -> str:
    """Where the kernels of this machine come from, or why there are none."""
    import shlex

    from latchwork.errors import LatchworkError
    from latchwork.kernels import build

    try:
        compiler = build.find_compiler()
        if compiler is None:
            return "no C++ compiler: install g++ or clang++, or name one in CXX; cells run without kernels till then"
        return f"{build.instruction_set()}, by {shlex.join(compiler)}, kept in {build.cache_folder()}"
    except (LatchworkError, RuntimeError) as error:
        return f"none: {error}"
