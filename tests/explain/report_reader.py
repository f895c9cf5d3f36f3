"""Reads the report's data as docs/report-format.md says, and refuses what it does not allow."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

NODES = {"input", "state", "result", "gate", "map", "function", "joint", "valve"}


def read(text: str) -> dict[str, Any]:
    """The data in a JSON text, every part of it checked."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    data: dict[str, Any] = json.loads(text, parse_constant=refuse)
    keys(data, "format version made_by title classes cells sequences memory")
    assert (data["format"], data["version"]) == ("latchwork-report", 1)
    assert data["made_by"].startswith("latchwork ")
    assert all(isinstance(c, str) for c in data["classes"])
    cells = {cell["name"]: cell for cell in data["cells"]}
    assert len(cells) == len(data["cells"]) > 0
    for cell in cells.values():
        check_cell(cell)
    assert data["sequences"]
    for sequence in data["sequences"]:
        check_sequence(sequence, cells, data["classes"])
    if data["memory"] is not None:
        check_memory(data["memory"], cells)
    return data


def keys(data: Mapping[str, Any], names: str) -> None:
    assert set(data) == set(names.split()), set(data) ^ set(names.split())


def array(packed: Mapping[str, Any], *shape: int | None) -> np.ndarray:
    keys(packed, "shape float32")
    numbers = np.frombuffer(base64.b64decode(packed["float32"], validate=True), "<f4").reshape(packed["shape"])
    assert len(packed["shape"]) == len(shape)
    assert all(wanted in (None, given) for wanted, given in zip(shape, packed["shape"], strict=True)), packed["shape"]
    assert np.isfinite(numbers).all()
    return numbers


def numbers(values: Any, length: int | None = None) -> None:
    assert isinstance(values, list)
    assert all(v is None or isinstance(v, (int, float)) for v in values)
    assert length in (None, len(values))


def check_cell(cell: Mapping[str, Any]) -> None:
    keys(cell, "name summary formula output states hidden_size layers directions gates diagram")
    assert cell["formula"]
    for line in cell["formula"]:
        keys(line, "name expression")
    assert cell["output"] == cell["states"][0]
    keys(cell["gates"], "keep write expose")
    for gate in cell["gates"].values():
        if gate is not None:
            keys(gate, "value of label complement")
            assert gate["of"] in cell["states"]
    diagram = cell["diagram"]
    keys(diagram, "width height nodes wires")
    ids = {node["id"] for node in diagram["nodes"]}
    for node in diagram["nodes"]:
        keys(node, "id kind x y w h symbol label value opens reads")
        assert node["kind"] in NODES
    for wire in diagram["wires"]:
        keys(wire, "from to value previous highway points")
        assert {wire["from"], wire["to"]} <= ids


def needed(cell: Mapping[str, Any]) -> set[str]:
    """What the cell's picture and gates ask of a run."""
    parts = [*cell["diagram"]["nodes"], *cell["diagram"]["wires"], *filter(None, cell["gates"].values())]
    found = {part["value"] for part in parts} | {node["opens"] for node in cell["diagram"]["nodes"]}
    return (found | set(cell["states"])) - {None}


def check_sequence(sequence: Mapping[str, Any], cells: Mapping[str, Any], classes: list[str]) -> None:
    keys(sequence, "text steps spans unseen series label runs")
    steps = len(sequence["steps"])
    assert steps == len(sequence["unseen"]) > 0
    if sequence["text"] is None:
        assert sequence["spans"] == []
        if sequence["series"] is not None:
            array(sequence["series"], steps, None)
    else:
        assert sequence["series"] is None
        words = [sequence["text"][a:b] for a, b in sequence["spans"]]
        assert [word if len(word) <= 80 else f"{word[:79]}…" for word in words] == sequence["steps"]
    assert sequence["label"] is None or sequence["label"] in classes
    assert list(sequence["runs"]) == list(cells)
    for name, run in sequence["runs"].items():
        keys(run, "probabilities predicted grows moved occluded completeness_error score baseline layers")
        check_decision(run, steps, classes)
        cell = cells[name]
        assert len(run["layers"]) == cell["layers"] * cell["directions"]
        for i, layer in enumerate(run["layers"]):
            keys(layer, "layer direction units before values")
            assert (layer["layer"], layer["direction"]) == divmod(i, cell["directions"])
            assert len(set(layer["units"])) == len(layer["units"]) > 0
            assert set(layer["units"]) <= set(range(cell["hidden_size"]))
            assert needed(cell) <= set(layer["values"])
            for values in layer["values"].values():
                array(values, steps, None)
            for name, values in (layer["before"] or {}).items():
                array(values, layer["values"][name]["shape"][1])


def check_decision(run: Mapping[str, Any], steps: int, classes: list[str]) -> None:
    """What the model made of the sequence: all of it known, or, where it has no head, nothing."""
    if not classes:
        assert all(value is None for key, value in run.items() if key != "layers")
        return
    numbers(run["probabilities"], len(classes))
    assert 0 <= run["predicted"] < len(classes)
    grows = array(run["grows"], steps, len(classes))
    assert np.allclose(grows.sum(1), 1, atol=1e-5)
    assert np.allclose(grows[-1], run["probabilities"], atol=1e-4)
    array(run["moved"], steps)
    array(run["occluded"], steps)


def check_memory(memory: Mapping[str, Any], cells: Mapping[str, Any]) -> None:
    keys(memory, "sequences held_out cells deletion")
    assert list(memory["cells"]) == list(cells)
    for name, found in memory["cells"].items():
        keys(found, "half_life flow influence words sentences units")
        assert (found["half_life"] is None) == (cells[name]["gates"]["keep"] is None)
        if found["half_life"] is not None:
            numbers(found["half_life"], cells[name]["hidden_size"])
        if found["flow"] is not None:
            keys(found["flow"], "distance fitted start reach start_reach rows")
            numbers(found["flow"]["fitted"], len(found["flow"]["distance"]))
            numbers(found["flow"]["start"], len(found["flow"]["distance"]))
        keys(found["influence"], "distance gradient replaced rows replaced_rows")
        numbers(found["influence"]["gradient"], len(found["influence"]["distance"]))
        if found["influence"]["replaced"] is not None:
            numbers(found["influence"]["replaced"], len(found["influence"]["distance"]))
        keys(found["sentences"], "half_life flow influence words")
        assert all(found["sentences"][which] for which in ("half_life", "flow", "influence"))
        if found["words"] is not None:
            keys(found["words"], "keeps lets_go")
            for word, kept, count in [*found["words"]["keeps"], *found["words"]["lets_go"]]:
                assert isinstance(word, str)
                assert 0 <= kept <= 1
                assert count >= 20
        for unit in found["units"]:
            keys(unit, "unit histograms opens closes fires")
            assert all(len(bins) == 20 for bins in unit["histograms"].values())
            assert (unit["opens"] is None) == (unit["closes"] is None)
            for fires in unit["fires"]:
                keys(fires, "words at value")
                assert 0 <= fires["at"] < len(fires["words"])
    for curves in memory["deletion"].values():
        keys(curves, "share by_attribution random rows")
        numbers(curves["by_attribution"], len(curves["share"]))
        numbers(curves["random"], len(curves["share"]))
