"""``latchwork bench`` from end to end, on shapes so small that it takes seconds. Speed itself is never asserted."""

import json
import os
import re
import subprocess
import sys

import pytest
import torch

from latchwork import cells, nn
from latchwork.cli import contenders, measure
from latchwork.cli.contenders import Shape, operations, pair
from latchwork.kernels.build import find_compiler

TINY = ("--steps", 3, "--seconds", 0.002)
needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="there is no C++ compiler")


@pytest.fixture(autouse=True)
def quick_ceilings(monkeypatch):
    """Ceilings in no time: tests/kernels/test_ceiling.py has the real ones."""
    from latchwork.cli import speeds
    from latchwork.kernels.ceiling import Ceiling, Read

    levels = {name: Read(1 << 13, 1e11) for name in ("L1", "L2", "L3", "memory")}
    monkeypatch.setattr(speeds, "ceiling", lambda threads: Ceiling(threads, 1e11 * threads, levels))


def test_end_to_end(latchwork, tmp_path):
    file = tmp_path / "speeds.json"
    done = latchwork(
        *("bench", "--cell", "lstm,mgu", "--batch", "1,2", "--batch", 5, "--hidden", "4,16", "--threads", "1,2"),
        *TINY,
        *("--json", file),
    )
    assert done.status == 0, done.err
    assert "lstm  3 steps, 1 thread, against torch.nn.LSTM" in done.out
    assert "mgu  3 steps, 2 threads, against a loop in torch" in done.out
    found = json.loads(file.read_text())
    rows = found["rows"]
    assert len(rows) == 2 * 2 * 3 * 2 * 2  # cells, threads, batch, hidden, kinds
    assert len({(r["cell"], r["threads"], r["batch"], r["hidden"], r["kind"]) for r in rows}) == len(rows)
    for row in rows:
        ours, other = row["seconds"]["latchwork"], row["seconds"]["other"]
        assert 0 < ours["low"] <= ours["median"] <= ours["high"]
        assert row["ratio"] == pytest.approx(other["median"] / ours["median"])
        assert row["share_of_peak"] == pytest.approx(row["flops"] / (1e11 * row["threads"]))
        gates = {"lstm": 4, "mgu": 2}[row["cell"]]
        forward = 2 * 3 * row["batch"] * gates * row["hidden"] * 2 * row["hidden"]
        assert row["flops"] * ours["median"] == pytest.approx(forward * {"inference": 1, "training": 3}[row["kind"]])
        assert row["disagreement"] is None
    for mean in found["geometric_means"]:
        ratios = [r["ratio"] for r in rows if all(r[k] == mean[k] for k in ("cell", "threads", "kind"))]
        assert mean["shapes"] == len(ratios) == 6
        assert mean["ratio"] == pytest.approx(torch.tensor(ratios, dtype=torch.float64).log().mean().exp().item())
    assert [c["threads"] for c in found["ceilings"]] == [1, 2]
    assert found["machine"]["torch"] == torch.__version__


def test_pairs_that_disagree_have_no_speed(latchwork, tmp_path, monkeypatch):
    plain = contenders.Contender.numbers

    def wrong(self, kind):
        numbers = plain(self, kind)
        if self.title == "latchwork" and kind == "training" and self.x.shape[1] == 2:
            numbers["the gradient by x"] = numbers["the gradient by x"] * 1.01
        return numbers

    timed = []
    real = measure.in_turn
    monkeypatch.setattr(contenders.Contender, "numbers", wrong)
    monkeypatch.setattr("latchwork.cli.speeds.in_turn", lambda calls, s: timed.append(1) or real(calls, s))
    file = tmp_path / "speeds.json"
    options = ("--cell", "gru", "--batch", "1,2", "--hidden", 4, "--threads", 1, "--json", file)
    done = latchwork("bench", *options, *TINY)
    assert done.status == 1
    assert "1 pairs compute different numbers" in " ".join(done.err.split())
    assert "differ: batch 2, hidden 4, training: the gradient by x differs by 1.0e-02" in done.out
    assert len(timed) == 3  # of four pairs
    refused = [row for row in json.loads(file.read_text())["rows"] if row["disagreement"]]
    assert len(refused) == 1
    assert refused[0]["ratio"] is refused[0]["flops"] is refused[0]["share_of_peak"] is None
    assert refused[0]["seconds"] == {"latchwork": None, "other": None}
    line = next(line for line in done.out.splitlines() if line.split()[:2] == ["2", "4"])
    assert line.split()[-4:] == ["–", "–", "differ", "–"]


def test_rounding_that_a_cell_makes_much_of_is_no_difference():
    """Layer norm over 100 steps: torch's own loop is as far from float64 as the kernels are."""
    made = contenders.pair("lstm_layer_norm", contenders.Shape(100, 8, 64), "loop")
    ours, theirs = (each.numbers("training") for each in (made.ours, made.other))
    assert measure.disagreement(ours, theirs) is not None
    truth = contenders.exact(made).numbers("training")
    assert measure.disagreement(ours, theirs, truth) is None
    for side in (0, 1):
        pair = [ours, theirs]
        pair[side] = pair[side] | {"the output": pair[side]["the output"] * 1.1}
        assert "the output differs" in str(measure.disagreement(*pair, truth))


@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_is_broken(tmp_path, columns):
    options = ["--cell", "lstm_layer_norm", "--batch", "1,128", "--hidden", "4", "--threads", "1", "--steps", "2"]
    command = [sys.executable, "-m", "latchwork.cli", "bench", *options, "--seconds", "0.002"]
    environment = {**os.environ, "COLUMNS": str(columns)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert max(map(len, lines)) <= columns
    assert "…" not in done.stdout
    row = re.compile(r" +(1|128) +4( +[\d.]+ +[\d.]+ +[\d.]+× +(\d+%|–)){2}")
    assert sum(bool(row.fullmatch(line)) for line in lines) == 2
    assert sum(line.startswith("batch hidden") for line in lines) == 1
    assert sum(line.startswith("lstm_layer_norm  2 steps") for line in lines) == 1


@pytest.mark.parametrize("name", cells.names())
def test_every_cell_has_a_pair_that_agrees(name):
    made = pair(name, Shape(3, 2, 6), "torch")
    for kind in ("inference", "training"):
        assert measure.disagreement(made.ours.numbers(kind), made.other.numbers(kind)) is None
    assert ("torch.nn" in made.other.title) == (name in {"lstm", "lstm_projected", "gru", "rnn", "rnn_relu"})
    numbers = made.ours.numbers("training")
    assert {f"the gradient by {n}" for n in ("x", *made.ours.weights)} <= numbers.keys()


def test_against_a_loop():
    made = pair("lstm", Shape(3, 2, 6), "loop")
    assert made.other.title == "a loop in torch"
    assert measure.disagreement(made.ours.numbers("training"), made.other.numbers("training")) is None


@needs_compiler
def test_against_a_compiled_loop():
    made = pair("mgu", Shape(2, 2, 4), "compile")
    assert made.other.title == "torch.compile of a loop"
    assert measure.disagreement(made.ours.numbers("training"), made.other.numbers("training")) is None
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 1


def test_operations_are_those_of_the_matrix_products():
    assert operations(nn.LSTM(3, 5), Shape(7, 2, 5)) == 2 * 7 * 2 * 4 * 5 * (3 + 5)
    assert operations(nn.LSTM(6, 6, proj_size=2), Shape(7, 2, 6)) == 2 * 7 * 2 * (4 * 6 * (6 + 2) + 2 * 6)
    assert operations(nn.Recurrent("indrnn", 4, 4), Shape(1, 1, 4)) == 2 * 4 * 4  # its recurrent weights are no matrix


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--batch", "1,x"], "--batch takes numbers from 1 on"),
        (["--hidden", "0"], "--hidden takes numbers from 1 on"),
        (["--kind", "speed"], "--kind must be one of inference, training, not 'speed'"),
        (["--against", "jax"], "--against must be one of torch, loop, compile, not 'jax'"),
        (["--cell", "lstmm"], "Did you mean 'lstm'"),
        (["--cell", ","], "--cell is empty"),
        (["--json", "."], "is a folder"),
    ],
)
def test_what_cannot_be_is_refused_in_words(latchwork, options, said):
    done = latchwork("bench", *options)
    assert done.status == 1
    assert said in " ".join(done.err.split())
    assert not done.out


def test_without_ceilings_there_are_still_speeds(latchwork, monkeypatch):
    from latchwork.errors import CompilerError

    def none(threads):
        raise CompilerError("there is no compiler\nat all")

    monkeypatch.setattr("latchwork.cli.speeds.ceiling", none)
    done = latchwork("bench", "--cell", "rnn", "--batch", 1, "--hidden", 4, "--threads", 1, *TINY)
    assert done.status == 0
    assert "The ceilings were not measured: there is no compiler" in done.out
    assert "mean" in done.out
