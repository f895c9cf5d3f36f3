"""Compiles the zoo ahead of time, for a wheel: the libraries that a machine would compile at a cell's first use."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

from latchwork import cells
from latchwork.kernels import build
from latchwork.kernels.emit import source
from latchwork.kernels.native import CORE
from latchwork.kernels.plan import plan


def prebuild(folder: Path) -> list[Path]:
    """Compile the time loop and every cell of the zoo into ``folder``, in both precisions, for each instruction set of
    this kind of machine, whether or not this one can run it.

    Raises:
        CompilerError: there is no compiler, or it failed.
        OSError: the folder cannot be written.
    """
    sources = {"core": CORE, **{name: source(plan(cells.get(name).graph)) for name in cells.names()}}
    jobs = [
        (folder, text, real, isa, name)
        for name, text in sources.items()
        for real in get_args(build.Real)
        for isa in build.family()
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda job: build.build_into(*job), jobs))
