"""Lets the kernels train on torch's own threads.

torch's OpenMP threads go on spinning for milliseconds after each of its operators. Other threads have to share the
processors with them, and a training step goes back and forth between the two. Inference keeps to the kernels' own
threads, which sleep soon and do not mind a fork.
"""

from __future__ import annotations

import ctypes

from latchwork.kernels.native import share_threads


def share() -> None:
    """Give the kernels torch's threads, where its OpenMP is GNU's or takes that one's calls."""
    process = ctypes.CDLL(None)
    try:
        found = [getattr(process, name) for name in ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")]
    except AttributeError:
        return
    share_threads(*(ctypes.cast(function, ctypes.c_void_p).value or 0 for function in found))
