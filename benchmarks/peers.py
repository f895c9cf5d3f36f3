"""Inference of LSTM and GRU against ONNX Runtime, OpenVINO, JAX and torch, each at its best settings on this machine.

The peers are no part of the project, so they get an environment of their own:

    python3 -m venv peers
    peers/bin/pip install -c constraints.txt ".[train]" onnx==1.23.2 onnxruntime==1.31.1 openvino==2026.4.1 jax==0.10.2
    peers/bin/python benchmarks/peers.py --json peers.json

A peer that is not installed is left out, and said so. Every output is held against torch's before anything is timed.

How each is set: the same weights, float32, fixed shapes, one layer, input size = hidden size, the sequences in memory
in the peer's own form; nothing but the run itself is timed.

- torch: torch.nn.LSTM and GRU under inference_mode (oneDNN for LSTM).
- ONNX Runtime: its LSTM and GRU operators, all graph optimisations, inputs and outputs bound beforehand, threads that
  stop spinning when a run ends (they would take the processors of whoever is measured next).
- OpenVINO: the same ONNX model, the latency hint, float32, threads set, input shared.
- JAX: one matrix product for the inputs of all steps, then lax.scan under jit, its loop unrolled 1, 4 or 10 times; the
  best of these three is taken. XLA has one number of threads for a process.

So each number of threads has a process of its own, bound to as many processors, for all contenders alike.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from latchwork import nn
from latchwork.cli.measure import disagreement, geometric_mean, in_turn, threads
from latchwork.files import write_whole

Call = Callable[[], object]
LAYERS = {"lstm": (nn.LSTM, torch.nn.LSTM), "gru": (nn.GRU, torch.nn.GRU)}


@dataclass
class Case:
    """A layer's weights, as torch has them, and its input x (T, B, I)."""

    cell: str
    x: torch.Tensor
    layer: torch.nn.RNNBase
    threads: int

    @property
    def hidden(self) -> int:
        return self.layer.hidden_size

    def weight(self, name: str) -> np.ndarray:
        return getattr(self.layer, f"{name}_l0").detach().numpy()


@dataclass
class Contender:
    """What is timed, and how its output (T, B, H) is read."""

    call: Call
    output: Callable[[], np.ndarray]


def run_latchwork(case: Case) -> Contender:
    layer = LAYERS[case.cell][0](case.hidden, case.hidden)
    layer.load_state_dict(case.layer.state_dict())
    path = layer.explain_dispatch()
    if path.path != "fused":
        sys.exit(f"latchwork would not run its kernels here, so there is nothing to compare: {path}")
    return _of_torch(layer, case.x)


def run_torch(case: Case) -> Contender:
    return _of_torch(case.layer, case.x)


def _of_torch(layer: torch.nn.Module, x: torch.Tensor) -> Contender:
    def call() -> torch.Tensor:
        with torch.inference_mode():
            return layer(x)[0]

    return Contender(call, lambda: call().numpy())


def run_onnxruntime(case: Case) -> Contender:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = ort.InferenceSession(onnx_model(case), options, providers=["CPUExecutionProvider"])
    x = ort.OrtValue.ortvalue_from_numpy(case.x.numpy())
    y = ort.OrtValue.ortvalue_from_numpy(np.empty((*case.x.shape[:2], case.hidden), np.float32))
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", x)
    binding.bind_ortvalue_output("y", y)

    def call() -> None:
        session.run_with_iobinding(binding)

    def output() -> np.ndarray:
        call()
        return y.numpy()

    return Contender(call, output)


def run_openvino(case: Case) -> Contender:
    import openvino as ov

    core = ov.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": case.threads,
        "ENABLE_CPU_PINNING": False,  # it would bind this process too, and with it whoever is measured next
    }
    request = core.compile_model(core.read_model(onnx_model(case)), "CPU", settings).create_infer_request()
    request.set_input_tensor(ov.Tensor(case.x.numpy(), shared_memory=True))

    def output() -> np.ndarray:
        request.infer()
        return request.get_output_tensor().data.copy()

    return Contender(request.infer, output)


def onnx_model(case: Case) -> bytes:
    """The layer as an ONNX model: x (T, B, I) → y (T, B, H)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    order = {"lstm": [0, 3, 1, 2], "gru": [1, 0, 2]}[case.cell]  # torch's i f g o as i o f g, and r z n as z r n
    H = case.hidden

    def turned(name: str) -> np.ndarray:
        blocks = case.weight(name).reshape(len(order), H, -1)
        return np.ascontiguousarray(blocks[order].reshape(len(order) * H, -1))

    biases = np.concatenate([turned("bias_ih"), turned("bias_hh")]).reshape(1, -1)
    constants = {"W": turned("weight_ih")[None], "R": turned("weight_hh")[None], "b": biases, "one": np.array([1])}
    options = {"linear_before_reset": 1} if case.cell == "gru" else {}
    nodes = [
        helper.make_node(case.cell.upper(), ["x", "W", "R", "b"], ["directions"], hidden_size=H, **options),
        helper.make_node("Squeeze", ["directions", "one"], ["y"]),
    ]
    T, B, _ = case.x.shape
    graph = helper.make_graph(
        nodes,
        case.cell,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (T, B, H))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (T, B, H))],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def run_jax(case: Case) -> Contender:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_cpu_enable_async_dispatch", False)
    H, sigmoid = case.hidden, jax.nn.sigmoid
    step = {"lstm": _jax_lstm, "gru": _jax_gru}[case.cell]
    # Matrices turned beforehand, so that both products read them along their rows.
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = {n: jnp.asarray(np.ascontiguousarray(case.weight(n).T)) for n in names}
    x = jnp.asarray(case.x.numpy())

    def variant(unroll: int) -> Callable[..., object]:
        def run(x: object, w: dict[str, object]) -> object:
            bias = w["bias_ih"] + w["bias_hh"] if case.cell == "lstm" else w["bias_ih"]
            inputs = x @ w["weight_ih"] + bias
            zeros = jnp.zeros((x.shape[1], H), x.dtype)
            first = (zeros, zeros) if case.cell == "lstm" else (zeros,)
            return jax.lax.scan(lambda s, i: step(jnp, sigmoid, s, i, w), first, inputs, unroll=unroll)[1]

        return jax.jit(run).lower(x, weights).compile()

    def contender(unroll: int) -> Contender:
        compiled = variant(unroll)
        return Contender(lambda: compiled(x, weights).block_until_ready(), lambda: np.asarray(compiled(x, weights)))

    variants = {str(u): contender(u) for u in sorted({min(u, len(case.x)) for u in (1, 4, 10)})}
    for each in variants.values():
        each.call()
    times = in_turn({name: v.call for name, v in variants.items()}, 0.05)
    return variants[min(times, key=lambda name: times[name].median)]


def _jax_lstm(jnp, sigmoid, states, inputs, w):
    h, c = states
    i, f, g, o = jnp.split(inputs + h @ w["weight_hh"], 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def _jax_gru(jnp, sigmoid, states, inputs, w):
    (h,) = states
    ir, iz, n = jnp.split(inputs, 3, axis=-1)
    hr, hz, hn = jnp.split(h @ w["weight_hh"] + w["bias_hh"], 3, axis=-1)
    z = sigmoid(iz + hz)
    h = (1 - z) * jnp.tanh(n + sigmoid(ir + hr) * hn) + z * h
    return (h,), h


# Name → what runs it, and the packages that it needs.
CONTENDERS: dict[str, tuple[Callable[[Case], Contender], tuple[str, ...]]] = {
    "latchwork": (run_latchwork, ()),
    "torch": (run_torch, ("torch",)),
    "onnxruntime": (run_onnxruntime, ("onnxruntime", "onnx")),
    "openvino": (run_openvino, ("openvino", "onnx")),
    "jax": (run_jax, ("jax",)),
}


def measure(options: argparse.Namespace, count: int) -> Iterator[dict[str, object]]:
    """A row for each cell and shape, on ``count`` threads, in this process."""
    torch.manual_seed(0)
    with threads(count):
        for cell in options.cell:
            for T in options.steps:
                for B in options.batch:
                    for H in options.hidden:
                        case = Case(cell, torch.randn(T, B, H), LAYERS[cell][1](H, H), count)
                        yield {
                            "cell": cell,
                            "threads": count,
                            "steps": T,
                            "batch": B,
                            "hidden": H,
                            **_row(case, options),
                        }


def _row(case: Case, options: argparse.Namespace) -> dict[str, object]:
    expected = {"the output": run_torch(case).output()}
    ready, refused = {}, {}
    for name in options.peers:
        contender = CONTENDERS[name][0](case)
        wrong = disagreement({"the output": contender.output()}, expected)
        if wrong is None:
            contender.call()
            ready[name] = contender.call
        else:
            refused[name] = wrong
    timings = in_turn(ready, options.seconds)
    best = min((n for n in timings if n != "latchwork"), key=lambda n: timings[n].median, default=None)
    ratio = timings[best].median / timings["latchwork"].median if best and "latchwork" in timings else None
    return {
        "seconds": {name: timing._asdict() for name, timing in timings.items()},
        "noisy": [name for name, timing in timings.items() if timing.noisy],
        "best_peer": best,
        "ratio": ratio,
        "refused": refused,
    }


def processors() -> list[int]:
    """Those that this process may use."""
    known = hasattr(os, "sched_getaffinity")
    return sorted(os.sched_getaffinity(0)) if known else list(range(os.cpu_count() or 1))


def main() -> int:
    """Measure each number of threads in a process of its own; print the tables."""
    options = read_options()
    if options.rows_to is not None:  # the process of one number of threads
        with Path(options.rows_to).open("w", encoding="utf-8") as file:
            for row in measure(options, options.threads[0]):
                file.write(json.dumps(row) + "\n")
                shape = f"{row['cell']} {row['batch']}×{row['hidden']}, {said(options.threads[0])}"
                print(f"  {shape}: {row['ratio'] or math.nan:.2f}× the best, {row['best_peer']}", file=sys.stderr)
        return 0
    screen, versions = Console(highlight=False), {}
    for name in list(options.peers):
        try:
            versions.update({package: version(package) for package in CONTENDERS[name][1]})
        except PackageNotFoundError as error:
            screen.print(f"{name} is left out: {error.name} is not installed (the first lines of this file say how)")
            options.peers.remove(name)
    rows = []
    for count in options.threads:
        rows += in_own_process(options, count)
        print_tables(screen, [row for row in rows if row["threads"] == count], options.peers)
    means = list(print_means(screen, rows))
    if options.json is not None:
        document = {"versions": versions, "seconds": options.seconds, "rows": rows, "geometric_means": means}
        write_whole(options.json, json.dumps(document, indent=1) + "\n")
    refused = [(row, name, why) for row in rows for name, why in row["refused"].items()]
    for row, name, why in refused:
        screen.print(f"{name}, {row['cell']} {row['batch']}×{row['hidden']}: {why}; it has no speed", markup=False)
    return 1 if refused else 0


def in_own_process(options: argparse.Namespace, count: int) -> list[dict]:
    """The rows of one number of threads, from a process bound to as many processors."""
    bound = processors()[-count:]

    def bind() -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, bound)

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "rows"
        command = [sys.executable, __file__, "--rows-to", str(place), "--threads", str(count)]
        for name in ("cell", "batch", "hidden", "steps", "peers"):
            command += [f"--{name}", ",".join(map(str, getattr(options, name)))]
        command += ["--seconds", str(options.seconds)]
        done = subprocess.run(command, preexec_fn=bind)
        if done.returncode:
            sys.exit(f"the measurements on {said(count)} ended with status {done.returncode}; see above")
        return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]


def print_tables(screen: Console, rows: list[dict], peers: list[str]) -> None:
    """A table for each cell and number of steps: milliseconds, and the best peer's as a multiple of ours."""
    for cell, T in dict.fromkeys((row["cell"], row["steps"]) for row in rows):
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
        for title in ("batch", "hidden", *peers, "ratio"):
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("best peer", no_wrap=True)
        chosen = [row for row in rows if (row["cell"], row["steps"]) == (cell, T)]
        for row in chosen:
            times = [row["seconds"].get(peer) for peer in peers]
            shown = ["differ" if t is None else milliseconds(t["median"]) for t in times]
            ratio = "–" if row["ratio"] is None else f"{row['ratio']:.2f}×"
            table.add_row(str(row["batch"]), str(row["hidden"]), *shown, ratio, row["best_peer"] or "–")
        screen.print(f"\n[bold]{cell}[/], {T} steps, {said(chosen[0]['threads'])}, milliseconds")
        screen.print(table)


def milliseconds(seconds: float) -> str:
    """Three digits that count."""
    ms = seconds * 1e3
    return f"{ms:.{0 if ms >= 100 else 1 if ms >= 10 else 2 if ms >= 1 else 3}f}"


def said(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def print_means(screen: Console, rows: list[dict]) -> Iterator[dict]:
    """The geometric mean of each cell and number of threads; of both cells last."""
    screen.print("\n[bold]best peer / latchwork, geometric mean[/]")
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    for count in dict.fromkeys(row["threads"] for row in rows):
        for chosen in [[cell] for cell in cells] + ([cells] if len(cells) > 1 else []):
            some = [r for r in rows if r["threads"] == count and r["cell"] in chosen and r["ratio"]]
            mean = geometric_mean([row["ratio"] for row in some])
            noisy = sum(bool(row["noisy"]) for row in some)
            quiet = f"; {noisy} of {len(some)} rows are noisy" if noisy else ""
            screen.print(f"{' and '.join(chosen)}, {said(count)}: {mean or math.nan:.2f}×{quiet}")
            yield {"cells": chosen, "threads": count, "ratio": mean, "shapes": len(some)}


def read_options() -> argparse.Namespace:
    def words(text: str) -> list[str]:
        return [word.strip() for word in text.split(",") if word.strip()]

    def numbers(text: str) -> list[int]:
        found = [int(word) for word in words(text)]
        if not found or min(found) < 1:
            raise ValueError(text)
        return found

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", type=words, default=list(LAYERS), help="lstm,gru")
    parser.add_argument("--batch", type=numbers, default=[1, 8, 32, 128])
    parser.add_argument("--hidden", type=numbers, default=[64, 128, 256, 512])
    parser.add_argument("--steps", type=numbers, default=[100])
    parser.add_argument("--threads", type=numbers, default=sorted({1, len(processors())}))
    parser.add_argument("--seconds", type=float, default=0.25, help="for each measurement")
    parser.add_argument("--peers", type=words, default=list(CONTENDERS), help=",".join(CONTENDERS))
    parser.add_argument("--json", type=Path, help="a file for all numbers")
    parser.add_argument("--rows-to", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name, known in (("cell", LAYERS), ("peers", CONTENDERS)):
        if unknown := [word for word in getattr(options, name) if word not in known]:
            parser.error(f"--{name}: there is no {unknown[0]}; there are {', '.join(known)}")
    options.peers = ["latchwork", *(peer for peer in options.peers if peer != "latchwork")]
    return options


if __name__ == "__main__":
    sys.exit(main())
