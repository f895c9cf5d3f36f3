"""The parts of the report's data that every page has, as docs/report-format.md describes them: version 1."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import latchwork
from latchwork.explain.drawn import drawn
from latchwork.explain.gates import gates
from latchwork.explain.layers import Layer
from latchwork.language.formula import formula
from latchwork.nn.recurrent import Recurrent

FORMAT, VERSION = "latchwork-report", 1
LIMIT = 2_500_000
"""Bytes of the JSON, unless said otherwise."""


def report_data(
    title: str,
    classes: Sequence[str],
    cells: Sequence[dict[str, Any]],
    memory: dict[str, Any] | None = None,
    task: str | None = None,
) -> dict[str, Any]:
    """The whole, without its sequences."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "task": task,
        "made_by": f"latchwork {latchwork.__version__}",
        "title": title,
        "classes": list(classes),
        "cells": list(cells),
        "sequences": [],
        "memory": memory,
    }


def cell_data(name: str, recurrent: Recurrent) -> dict[str, Any]:
    """CELL."""
    graph = recurrent.cell.graph
    return {
        "name": name,
        "summary": _first_sentence(recurrent.cell.doc),
        "formula": [{"name": line.name, "expression": line.expression} for line in formula(graph)],
        "output": graph.states[0].name,
        "states": [state.name for state in graph.states],
        "hidden_size": recurrent.hidden_size,
        "layers": recurrent.num_layers,
        "directions": recurrent.directions,
        "gates": {
            part: None
            if gate is None
            else {"value": gate.value, "of": gate.of, "label": gate.label, "complement": gate.complement}
            for part, gate in gates(graph).parts.items()
        },
        "diagram": drawn(graph).diagram,
    }


def layers_data(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """The layers of RUN."""
    return [
        {
            "layer": layer.layer,
            "direction": layer.direction,
            "units": list(layer.units),
            "before": None if layer.before is None else {name: packed(array) for name, array in layer.before.items()},
            "values": {key: packed(array) for key, array in layer.values.items()},
        }
        for layer in layers
    ]


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """An array as the format has it."""
    numbers = np.ascontiguousarray(array, dtype="<f4")
    return {"shape": list(numbers.shape), "float32": base64.b64encode(numbers.tobytes()).decode("ascii")}


def size_of(data: Any) -> int:
    """Bytes of the JSON."""
    return len(json.dumps(data, ensure_ascii=False, allow_nan=False).encode())


def _first_sentence(doc: str) -> str:
    text = " ".join(doc.split())
    return re.split(r"(?<=\.)\s+(?=[A-Z])", text, maxsplit=1)[0]
