"""Rewrites a graph into what the backends evaluate: ``layer_norm`` becomes means over the units and learned vectors."""

from __future__ import annotations

from latchwork.language.graph import Graph
from latchwork.language.value import Value, apply

EPSILON = 1e-5  # as torch.nn.LayerNorm


def lower(graph: Graph) -> Graph:
    """``graph`` in ops of the table, leaves, ``map`` and ``project`` alone; names and results are kept."""

    def replace(value: Value, inputs: tuple[Value, ...]) -> Value | None:
        if value.op != "layer_norm":
            return None
        (source,) = inputs
        weight = Value("vector", norm="weight", source=source)
        bias = Value("vector", norm="bias", source=source)
        centred = source - apply("mean", source)
        return centred * apply("rsqrt", apply("mean", centred * centred) + EPSILON) * weight + bias

    return graph.rewritten(replace)
