"""What the page draws of a cell, and the values that it needs for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from latchwork.explain.diagram import scene
from latchwork.language.graph import Graph
from latchwork.language.value import Value


@dataclass(frozen=True, eq=False)
class Drawn:
    """diagram: the picture as plain data; values: key in a run → the graph's value that is recorded under it."""

    diagram: dict[str, Any]
    values: Mapping[str, Value]


@lru_cache(maxsize=64)
def drawn(graph: Graph) -> Drawn:
    """The picture of a cell, and what must be recorded for it: every named value among others."""
    picture = scene(graph)
    return Drawn(picture.to_data(), {**graph.traced, **picture.recorded})
