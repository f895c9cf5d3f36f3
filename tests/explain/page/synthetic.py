"""Page data without a model: random numbers in the form of docs/report-format.md, with cells drawn by hand."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS = "It's a scattershot affair, but when it hits its mark it's brilliant."
GATES: dict[str, dict[str, Any]] = {
    "rnn": {"keep": None, "write": None, "expose": None},
    "gru": {
        "keep": {"value": "update", "of": "h", "label": "update gate", "complement": False},
        "write": {"value": "update", "of": "h", "label": "update gate", "complement": True},
        "expose": None,
    },
    "lstm": {
        "keep": {"value": "forget", "of": "c", "label": "forget gate", "complement": False},
        "write": {"value": "input", "of": "c", "label": "input gate", "complement": False},
        "expose": {"value": "output", "of": "c", "label": "output gate", "complement": False},
    },
}
STATES = {"rnn": ["h"], "gru": ["h"], "lstm": ["h", "c"]}
VALUES = {
    "rnn": {"h": "tanh"},
    "gru": {"reset": "σ", "update": "σ", "candidate": "tanh", "h": "tanh", "#1": "σ", "#2": "tanh", "#3": "tanh"},
    "lstm": {
        "input": "σ", "forget": "σ", "candidate": "tanh", "output": "σ", "c": "wide", "h": "tanh",
        "#1": "wide", "#2": "tanh", "#3": "tanh",
    },
}  # fmt: skip
FORMULAS = {
    "rnn": [("h[t]", "tanh(W_h x[t] + U_h h[t−1] + b_h)")],
    "gru": [
        ("reset[t]", "σ(W_reset x[t] + U_reset h[t−1] + b_reset)"),
        ("update[t]", "σ(W_update x[t] + U_update h[t−1] + b_update)"),
        ("candidate[t]", "tanh(W_candidate x[t] + b_candidate + reset[t] (U_candidate h[t−1] + b′_candidate))"),
        ("h[t]", "(1 − update[t]) candidate[t] + update[t] h[t−1]"),
    ],
    "lstm": [
        ("input[t]", "σ(W_input x[t] + U_input h[t−1] + b_input)"),
        ("forget[t]", "σ(W_forget x[t] + U_forget h[t−1] + b_forget)"),
        ("candidate[t]", "tanh(W_candidate x[t] + U_candidate h[t−1] + b_candidate)"),
        ("output[t]", "σ(W_output x[t] + U_output h[t−1] + b_output)"),
        ("c[t]", "forget[t] c[t−1] + input[t] candidate[t]"),
        ("h[t]", "output[t] tanh(c[t])"),
    ],
}


def pack(values: Any) -> dict[str, Any]:
    array = np.asarray(values, dtype="<f4")
    return {"shape": list(array.shape), "float32": base64.b64encode(array.tobytes()).decode()}


def unpack(packed: Mapping[str, Any]) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(packed["float32"]), "<f4").reshape(packed["shape"])


def report(
    text: str | None = WORDS,
    *,
    cells: Sequence[str] = ("rnn", "lstm", "gru"),
    units: int = 24,
    classes: Sequence[str] = ("bad", "good"),
    label: str | None = "good",
    memory: bool = True,
    series: int = 0,
    layers: int = 1,
    directions: int = 1,
    texts: Sequence[str] = (),
    title: str = "Review sentences",
    seed: int = 0,
) -> dict[str, Any]:
    """A whole report. ``series`` > 0 makes it about series of that many steps, in two channels."""
    rng = np.random.default_rng(seed)
    sources: list[str | int] = [series] if series else [text or "", *texts]
    return {
        "format": "latchwork-report",
        "version": 1,
        "made_by": "latchwork 0.1.0",
        "title": title,
        "classes": list(classes),
        "cells": [_cell(name, units, layers, directions) for name in cells],
        "sequences": [_sequence(rng, s, cells, units, len(classes) or 2, label, layers, directions) for s in sources],
        "memory": _memory(rng, cells, units) if memory else None,
    }


def _cell(name: str, units: int, layers: int, directions: int) -> dict[str, Any]:
    return {
        "name": name,
        "summary": f"The {name}, made up for a test.",
        "formula": [{"name": n, "expression": e} for n, e in FORMULAS[name]],
        "output": "h",
        "states": STATES[name],
        "hidden_size": units,
        "layers": layers,
        "directions": directions,
        "gates": GATES[name],
        "diagram": DIAGRAMS[name],
    }


def _sequence(
    rng: np.random.Generator,
    source: str | int,
    cells: Sequence[str],
    units: int,
    classes: int,
    label: str | None,
    layers: int,
    directions: int,
) -> dict[str, Any]:
    if isinstance(source, int):
        steps, spans = [f"step {t + 1}" for t in range(source)], []
    else:
        steps, spans, end = source.split(), [], 0
        for word in steps:
            start = source.index(word, end)
            end = start + len(word)
            spans.append([start, end])
    T = len(steps)
    waves = np.cumsum(rng.normal(size=(T, 2)), axis=0)
    return {
        "text": None if isinstance(source, int) else source,
        "steps": steps,
        "spans": spans,
        "unseen": [t % 7 == 3 for t in range(T)] if spans else [False] * T,
        "series": pack(waves) if isinstance(source, int) else None,
        "label": label,
        "runs": {name: _run(rng, name, T, units, classes, layers, directions) for name in cells},
    }


def _run(
    rng: np.random.Generator, name: str, T: int, units: int, classes: int, layers: int, directions: int
) -> dict[str, Any]:
    logits = np.cumsum(rng.normal(size=(T, classes)) * 0.6, axis=0)
    grows = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    moved = rng.normal(size=T) * rng.choice([0.1, 0.3, 1.0], T)
    return {
        "probabilities": grows[-1].tolist(),
        "predicted": int(grows[-1].argmax()),
        "grows": pack(grows),
        "moved": pack(moved),
        "occluded": pack(moved + rng.normal(size=T) * 0.1),
        "completeness_error": 0.0004,
        "score": float(moved.sum()) - 0.1,
        "baseline": -0.1,
        "layers": [_layer(rng, name, T, units, i, d) for i in range(layers) for d in range(directions)],
    }


def _layer(rng: np.random.Generator, name: str, T: int, units: int, layer: int, direction: int) -> dict[str, Any]:
    return {
        "layer": layer,
        "direction": direction,
        "units": rng.permutation(units).tolist(),
        "before": None,
        "values": {key: pack(_values(rng, T, units, kind)) for key, kind in VALUES[name].items()},
    }


def _values(rng: np.random.Generator, T: int, units: int, kind: str) -> NDArray[np.float64]:
    """Neighbours behave alike, in steps as in units."""
    groups = np.repeat(rng.normal(size=(T, -(-units // 6))), 6, axis=1)[:, :units]
    raw = groups + 0.4 * rng.normal(size=(T, units))
    raw[1:] += 0.6 * raw[:-1]
    match kind:
        case "σ":
            return np.asarray(1 / (1 + np.exp(-1.5 * raw)))
        case "wide":
            return np.asarray(raw)
        case _:
            return np.asarray(np.tanh(raw))


def _memory(rng: np.random.Generator, cells: Sequence[str], units: int) -> dict[str, Any]:
    share = np.linspace(0, 1, 11)
    return {
        "sequences": 1000,
        "held_out": True,
        "cells": {name: _cell_memory(rng, name, units, 2.0 + 6 * i) for i, name in enumerate(cells)},
        "deletion": {
            name: {
                "share": share.tolist(),
                "by_attribution": ((2 + i) * (1 - np.exp(-5 * share))).tolist(),
                "random": ((2 + i) * share**1.4).tolist(),
                "rows": 40,
            }
            for i, name in enumerate(cells)
        },
    }


def _cell_memory(rng: np.random.Generator, name: str, units: int, reach: float) -> dict[str, Any]:
    distance = list(range(60))
    keeps = name != "rnn"
    lives = np.exp(rng.normal(np.log(reach), 0.8, units))
    decay = np.exp(-np.array(distance) / reach)
    return {
        "half_life": [None if i % 11 == 5 else float(v) for i, v in enumerate(lives)] if keeps else None,
        "flow": {
            "distance": distance,
            "fitted": decay.tolist(),
            "start": (decay**2).tolist(),
            "reach": int(4.6 * reach),
            "start_reach": int(2.3 * reach),
            "rows": 200,
        },
        "influence": {
            "distance": distance[:30],
            "gradient": (0.5 * decay[:30]).tolist(),
            "replaced": (0.4 * decay[:30]).tolist(),
            "rows": 1_000,
            "replaced_rows": 150,
        },
        "words": {
            "keeps": [["great", 0.57, 50], ["funny", 0.56, 31]],
            "lets_go": [["but", 0.36, 214], ["no", 0.42, 70]],
        }
        if keeps
        else None,
        "sentences": {
            "half_life": f"Half of what the {name.upper()} holds is gone after {reach:.1f} steps, in the median unit."
            if keeps
            else "The RNN has no keep gate, and so no half-lives.",
            "flow": f"In the {name.upper()}, training reaches {int(4.6 * reach)} steps back.",
            "influence": f"To the {name.upper()}, an input {int(reach)} steps back counts a third of the last.",
            "words": f"In the {name.upper()}, but lets most of the memory go." if keeps else None,
        },
        "units": [_unit(rng, name, unit) for unit in range(units)] if keeps else None,
    }


def _unit(rng: np.random.Generator, name: str, unit: int) -> dict[str, Any]:
    words = [["great", 0.97], ["truly", 0.91], ["best", 0.88], ["film", 0.85]]
    return {
        "unit": unit,
        "histograms": {
            key: rng.multinomial(500, rng.dirichlet(np.ones(20) * 2)).tolist()
            for key in VALUES[name]
            if not key.startswith("#")
        },
        "opens": words,
        "closes": [["but", 0.12], ["not", 0.18], ["<b>never</b>", 0.2]],
        "fires": [{"words": ["a", "truly", "great", "film"], "at": 2, "value": 0.93}] * 3,
    }


def _diagram(width: int, height: int, nodes: Sequence[tuple[Any, ...]], wires: Sequence[tuple[Any, ...]]) -> Any:
    keys = ("id", "kind", "x", "y", "w", "h", "symbol", "label", "value", "opens")
    parts = {n[0]: dict(zip(keys, n, strict=True)) for n in nodes}
    return {
        "width": width,
        "height": height,
        "nodes": list(parts.values()),
        "wires": [
            {
                "from": a,
                "to": b,
                "value": parts[a]["value"],
                "previous": parts[a]["kind"] == "state",
                "highway": highway,
                "points": _elbow((parts[a]["x"], parts[a]["y"]), (parts[b]["x"], parts[b]["y"])),
            }
            for a, b, highway in wires
        ],
    }  # fmt: skip


def _elbow(a: tuple[int, int], b: tuple[int, int]) -> list[list[int]]:
    """Along, then up or down."""
    corner = [(b[0], a[1])] if a[0] != b[0] and a[1] != b[1] else []
    return [list(point) for point in (a, *corner, b)]


DIAGRAMS = {
    "rnn": _diagram(
        420, 220,
        [
            ("h0", "state", 50, 90, 60, 34, "", "h", "h", None), ("x", "input", 130, 190, 60, 34, "", "x", None, None),
            ("g", "gate", 210, 90, 64, 38, "tanh", "h", "h", None),
            ("h", "result", 370, 90, 60, 34, "", "h", "h", None),
        ],
        [("h0", "g", False), ("x", "g", False), ("g", "h", False)],
    ),
    "gru": _diagram(
        640, 330,
        [
            ("h0", "state", 40, 40, 60, 34, "", "h", "h", None), ("x", "input", 90, 300, 60, 34, "", "x", None, None),
            ("r", "gate", 160, 210, 64, 38, "σ", "reset", "reset", None),
            ("z", "gate", 290, 210, 64, 38, "σ", "update", "update", None),
            ("n", "gate", 430, 210, 64, 38, "tanh", "candidate", "candidate", None),
            ("k", "valve", 290, 40, 30, 30, "×", None, "#2", "update"),
            ("i", "function", 360, 120, 44, 34, "1−", None, "#1", None),
            ("w", "valve", 430, 120, 30, 30, "×", None, "#3", "#1"),
            ("s", "joint", 430, 40, 28, 28, "+", None, "h", None),
            ("h", "result", 590, 40, 60, 34, "", "h", "h", None),
        ],
        [
            ("h0", "k", True), ("k", "s", True), ("s", "h", True),
            ("z", "k", False), ("z", "i", False), ("i", "w", False),
            ("n", "w", False), ("w", "s", False), ("r", "n", False),
            ("x", "r", False), ("x", "z", False), ("x", "n", False),
        ],
    ),
    "lstm": _diagram(
        720, 360,
        [
            ("c0", "state", 40, 40, 60, 34, "", "c", "c", None), ("h0", "state", 40, 290, 60, 34, "", "h", "h", None),
            ("x", "input", 110, 335, 60, 34, "", "x", None, None),
            ("f", "gate", 160, 220, 64, 38, "σ", "forget", "forget", None),
            ("i", "gate", 270, 220, 64, 38, "σ", "input", "input", None),
            ("g", "gate", 370, 220, 64, 38, "tanh", "candidate", "candidate", None),
            ("o", "gate", 480, 220, 64, 38, "σ", "output", "output", None),
            ("k", "valve", 160, 40, 30, 30, "×", None, "#1", "forget"),
            ("w", "valve", 370, 130, 30, 30, "×", None, "#2", "input"),
            ("s", "joint", 370, 40, 28, 28, "+", None, "c", None),
            ("t", "function", 560, 110, 52, 34, "tanh", None, "#3", None),
            ("e", "valve", 560, 220, 30, 30, "×", None, "h", "output"),
            ("c", "result", 670, 40, 60, 34, "", "c", "c", None), ("h", "result", 670, 290, 60, 34, "", "h", "h", None),
        ],
        [
            ("c0", "k", True), ("k", "s", True), ("s", "c", True),
            ("f", "k", False), ("i", "w", False), ("g", "w", False),
            ("w", "s", False), ("s", "t", False), ("t", "e", False), ("o", "e", False), ("e", "h", False),
            ("h0", "f", False), ("h0", "i", False), ("h0", "g", False), ("h0", "o", False), ("x", "f", False),
        ],
    ),
}  # fmt: skip
