"""How long a start of Python takes."""

from __future__ import annotations

import resource
import subprocess
import sys


def cpu_seconds(*arguments: str, starts: int = 5) -> float:
    """The processor's seconds of the quickest of several starts: what else the machine does hardly adds to them."""
    times = []
    for _ in range(starts):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)
