"""The main promise in one script of a user's: write a cell that is in no zoo, train it, look into it, print it."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = '''
import json
import torch
import latchwork as lw
from latchwork.language.formula import formula

FLOOR = 0.1

@lw.cell
def guarded(x, h, memory):
    """A unit that writes only where its guard lets it, and never forgets faster than a floor."""
    keep = lw.maximum(lw.sigmoid(lw.affine(x, h)), FLOOR)
    guard = lw.sigmoid(lw.affine(x, memory) + lw.vector() * memory)
    memory = keep * memory + (1 - keep) * guard * lw.tanh(lw.affine(x, guard * h))
    h = lw.tanh(lw.layer_norm(memory))
    return h, memory

torch.manual_seed(0)
torch.set_num_threads(1)
layer = lw.nn.Recurrent(guarded, 1, 12, num_layers=2, batch_first=True)
head = torch.nn.Linear(12, 1)
data = torch.randint(0, 2, (64, 8, 1)).float()
target = data.sum(1) / 8
optimiser = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.02)
losses = []
for _ in range(30):
    optimiser.zero_grad()
    out, (h, memory) = layer(data)
    loss = torch.nn.functional.mse_loss(head(h[-1]), target)
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
out, state, trace = layer.eval()(data, lengths=torch.arange(64) % 9, return_trace=True)
valid = torch.arange(8) < (torch.arange(64) % 9)[:, None]
print(json.dumps({
    "losses": losses,
    "parameters": [name for name, _ in layer.named_parameters()][:9],
    "names": list(trace[1]),
    "shape": list(trace[1]["keep"].shape),
    "least kept": trace[0]["keep"][valid].min().item(),
    "formula": [str(line) for line in formula(guarded.graph)],
    "dispatch": str(layer.explain_dispatch()),
}))
'''


def test_a_cell_of_ones_own_from_definition_to_formula(tmp_path):
    script = tmp_path / "my_cell.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["losses"][-1] < 0.5 * shown["losses"][0]
    assert shown["names"] == ["keep", "guard", "memory", "h"]
    assert shown["shape"] == [64, 8, 12]
    assert shown["least kept"] >= 0.1 - 1e-7
    assert shown["parameters"] == [
        "weight_ih_l0",
        "weight_hh_l0",
        "weight_memoryh_l0",
        "weight_memory_l0",
        "bias_ih_l0",
        "bias_hh_l0",
        "bias_memoryh_l0",
        "bias_memory_l0",
        "norm_weight_memory_2_l0",
    ]
    assert shown["formula"] == [
        "keep[t] = max(σ(W_keep x[t] + U_keep h[t−1] + b_keep), 0.1)",
        "guard[t] = σ(W_guard x[t] + V_guard memory[t−1] + b_guard + w_guard ⊙ memory[t−1])",
        "memory[t] = keep[t] ⊙ memory[t−1] + (1 − keep[t]) ⊙ guard[t]"
        " ⊙ tanh(W_memory x[t] + V_memory (guard[t] ⊙ h[t−1]) + b_memory)",
        "h[t] = tanh(LN(memory[t]))",
    ]
    assert shown["dispatch"] == "fused: kernels compiled from the cell's graph run it"


MISTAKEN = """
import latchwork as lw

@lw.cell
def mine(x, h):
    gate = lw.sigmoid(lw.affine(x, h))
    if gate > 0.5:
        h = gate * h
    return h
"""


def test_a_mistake_in_it_is_told_when_it_is_defined(tmp_path):
    script = tmp_path / "my_cell.py"
    script.write_text(MISTAKEN, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cell 'mine', line 7 of my_cell.py: a comparison is a vector" in done.stderr
    assert "if gate > 0.5:" in done.stderr
    assert "Use where(condition, a, b), or maximum(a, b)." in done.stderr
