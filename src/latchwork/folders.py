"""Where Latchwork keeps what can be had again: fetched data and compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """The user's folder for ``kind``, which need not exist yet: in ``$LATCHWORK_CACHE``, else in
    ``$XDG_CACHE_HOME/latchwork``, else in ``~/.cache/latchwork``.

    Raises:
        RuntimeError: there is no home folder.
    """
    own, shared = os.environ.get("LATCHWORK_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return Path(own).expanduser().absolute() / kind
    # The XDG specification tells programs to ignore a relative path here.
    base = Path(shared) if shared and Path(shared).is_absolute() else Path.home() / ".cache"
    return base / "latchwork" / kind
