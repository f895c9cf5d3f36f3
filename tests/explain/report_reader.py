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
    keys(data, "format version task made_by title classes cells sequences memory")
    assert (data["format"], data["version"]) == ("latchwork-report", 1)
    assert data["made_by"].startswith("latchwork ")
    assert all(isinstance(c, str) for c in data["classes"])
    cells = {cell["name"]: cell for cell in data["cells"]}
    assert len(cells) == len(data["cells"]) > 0
    for cell in cells.values():
        check_cell(cell)
    assert data["sequences"]
    assert data["task"] in (None, "classify", "tag", "generate", "forecast")
    for sequence in data["sequences"]:
        check_sequence(sequence, cells, data["classes"], data["task"])
    if data["memory"] is not None:
        check_memory(data["memory"], cells, data["task"])
    return data


def keys(data: Mapping[str, Any], names: str) -> None:
    assert set(data) == set(names.split()), set(data) ^ set(names.split())


def array(packed: Mapping[str, Any], *shape: int | None, missing: bool = False) -> np.ndarray:
    keys(packed, "shape float32")
    numbers = np.frombuffer(base64.b64decode(packed["float32"], validate=True), "<f4").reshape(packed["shape"])
    assert len(packed["shape"]) == len(shape)
    assert all(wanted in (None, given) for wanted, given in zip(shape, packed["shape"], strict=True)), packed["shape"]
    assert not np.isinf(numbers).any() if missing else np.isfinite(numbers).all()
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


OF_SEQUENCES = {"tag": " truth", "generate": " whole written", "forecast": " ahead fitted part"}
OF_RUNS = {"tag": " tag", "generate": " next", "forecast": " forecast"}


def check_sequence(sequence: Mapping[str, Any], cells: Mapping[str, Any], classes: list[str], task: str | None) -> None:
    keys(sequence, "text steps spans unseen series label runs" + OF_SEQUENCES.get(task or "", ""))
    steps = len(sequence["steps"])
    assert steps == len(sequence["unseen"]) > 0
    if sequence["text"] is None:
        assert sequence["spans"] == []
        if sequence["series"] is not None:
            array(sequence["series"], steps, None, missing=task == "forecast")
    else:
        assert sequence["series"] is None
        words = [sequence["text"][a:b] for a, b in sequence["spans"]]
        if task == "generate":
            assert sequence["steps"][0] == "start"
            assert sequence["spans"][0] == [0, 0]
            assert "".join(words) == sequence["text"]
        else:
            assert [word if len(word) <= 80 else f"{word[:79]}…" for word in words] == sequence["steps"]
    assert sequence["label"] is None or sequence["label"] in classes
    assert list(sequence["runs"]) == list(cells)
    for name, run in sequence["runs"].items():
        decision = "probabilities predicted grows moved occluded completeness_error score baseline layers"
        keys(run, decision + OF_RUNS.get(task or "", ""))
        if task in (None, "classify"):
            check_decision(run, steps, classes)
        else:
            assert all(run[key] is None for key in decision.split()[:-1])
            check_steps(run, sequence, classes, task)
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


def check_steps(run: Mapping[str, Any], sequence: Mapping[str, Any], classes: list[str], task: str) -> None:
    """What a model says at each step."""
    steps = len(sequence["steps"])
    if task == "tag":
        keys(run["tag"], "likely probabilities")
        odds = array(run["tag"]["probabilities"], steps, None)
        assert odds.shape[1] == min(5, len(classes))
        assert (np.diff(odds, axis=1) <= 0).all()
        for row in run["tag"]["likely"]:
            assert len(set(row)) == odds.shape[1]
            assert all(0 <= k < len(classes) for k in row)
        assert sequence["truth"] is None or len(sequence["truth"]) == steps
    elif task == "generate":
        keys(run["next"], "bits rank likely probabilities")
        bits, odds = array(run["next"]["bits"], steps, missing=True), array(run["next"]["probabilities"], steps, None)
        assert (bits[:-1] >= 0).all()
        assert np.isfinite(bits[-1]) == sequence["whole"] == (run["next"]["rank"][-1] is not None)
        assert (odds.sum(1) <= 1.0001).all()
        for t, (rank, likely) in enumerate(zip(run["next"]["rank"], run["next"]["likely"], strict=True)):
            assert len(likely) == odds.shape[1]
            if rank is not None and rank < len(likely) and bits[t] < 20:
                assert 2.0 ** -bits[t] == np.float32(odds[t, rank]) or np.isclose(2.0 ** -bits[t], odds[t, rank])
                came = sequence["steps"][t + 1] if t + 1 < steps else None
                assert came == likely[rank] or sequence["unseen"][t + 1]
        if sequence["written"] is not None:
            keys(sequence["written"], "by prompt temperature seed")
    else:
        keys(run["forecast"], "levels horizon channels")
        assert sorted(run["forecast"]["levels"]) == run["forecast"]["levels"]
        assert len(run["forecast"]["channels"]) == sequence["series"]["shape"][1]
        for channel in run["forecast"]["channels"]:
            quantiles = array(channel, steps, 3 * run["forecast"]["horizon"]).reshape(steps, -1, 3)
            assert (np.diff(quantiles, axis=2) >= 0).all()
        keys(sequence["part"], "series of channels")
        if sequence["ahead"] is not None:
            array(sequence["ahead"], None, sequence["series"]["shape"][1], missing=True)


def check_memory(memory: Mapping[str, Any], cells: Mapping[str, Any], task: str | None) -> None:
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
        if task != "classify":
            assert found["flow"] is found["influence"] is memory["deletion"] is None
            keys(found["sentences"], "half_life flow influence words")
            assert found["sentences"]["half_life"]
            check_units(found)
            continue
        keys(found["influence"], "distance gradient replaced rows replaced_rows")
        numbers(found["influence"]["gradient"], len(found["influence"]["distance"]))
        if found["influence"]["replaced"] is not None:
            numbers(found["influence"]["replaced"], len(found["influence"]["distance"]))
        keys(found["sentences"], "half_life flow influence words")
        assert all(found["sentences"][which] for which in ("half_life", "flow", "influence"))
        check_units(found)
    for curves in (memory["deletion"] or {}).values():
        keys(curves, "share by_attribution random rows")
        numbers(curves["by_attribution"], len(curves["share"]))
        numbers(curves["random"], len(curves["share"]))


def check_units(found: Mapping[str, Any]) -> None:
    """What is known of words and of units."""
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
