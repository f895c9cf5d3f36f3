"""Checkpoints of a fit: one safetensors file, written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from latchwork.errors import DataError
from latchwork.files import write_whole


@dataclass
class Checkpoint:
    """What a fit needs beside its network and optimiser: the records of its epochs and the best weights so far."""

    fingerprint: str
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)

    @staticmethod
    def start(network: nn.Module, fingerprint: str) -> Checkpoint:
        """The state before the first epoch."""
        state = Checkpoint(fingerprint)
        state.keep_best(network)
        return state

    def keep_best(self, network: nn.Module) -> None:
        """Remember the network's weights as the best."""
        self.best = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    def restore_best(self, network: nn.Module) -> None:
        """Give the network the best weights."""
        network.load_state_dict(self.best)


def write_checkpoint(path: Path, state: Checkpoint, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Write the state of a fit after an epoch."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in state.best.items()}
    saved = optimiser.state_dict()
    for index, entries in saved["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(entry) for name, entry in entries.items()}
    contents = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {"fingerprint": state.fingerprint, "history": json.dumps(state.history)}
    write_whole(path, save(contents, metadata))


def read_checkpoint(path: Path, fingerprint: str, network: nn.Module, optimiser: torch.optim.Optimizer) -> Checkpoint:
    """Bring the network and optimiser to the state in ``path``.

    Raises:
        DataError: the file is damaged, or of a fit with other data or options.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise DataError(f"the checkpoint {path} cannot be read ({error}); delete it to start anew") from error
    if metadata.get("fingerprint") != fingerprint:
        raise DataError(
            f"the checkpoint {path} is of a fit with other data or options; "
            "delete it to start anew, or give this fit another checkpoint_dir"
        )

    def part(prefix: str) -> dict[str, Tensor]:
        return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

    network.load_state_dict(part("network."))
    saved: dict[str, Any] = optimiser.state_dict()
    for name, tensor in part("optimiser.").items():
        index, _, entry = name.partition(".")
        saved["state"].setdefault(int(index), {})[entry] = tensor
    optimiser.load_state_dict(saved)
    return Checkpoint(fingerprint, json.loads(metadata["history"]), part("best."))
