"""The folder of a saved model: model.safetensors, config.json and a model card; no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

import latchwork
from latchwork.errors import DataError
from latchwork.files import write_whole

FORMAT = 1
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"


def write_folder(folder: Path, weights: Mapping[str, Tensor], config: Mapping[str, Any], card: str) -> None:
    """Write a model's three files, each whole or not at all.

    Raises:
        DataError: ``folder`` is a file, or cannot be written.
    """
    described = {"format": FORMAT, "latchwork": latchwork.__version__, **config}
    try:
        write_whole(folder / WEIGHTS, save({n: t.detach().cpu().contiguous().clone() for n, t in weights.items()}))
        write_whole(folder / CONFIG, json.dumps(described, indent=1, ensure_ascii=False) + "\n")
        write_whole(folder / CARD, card)
    except OSError as error:
        raise DataError(f"the model cannot be saved in {folder}: {error}") from error


def read_folder(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights and the configuration of a saved model.

    Raises:
        DataError: a file is missing or damaged, or of a newer format.
    """
    if not (folder / CONFIG).is_file():
        raise DataError(f"{folder} is no saved model: it has no {CONFIG}; give the folder that save() or fit wrote")
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        weights = load((folder / WEIGHTS).read_bytes())
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"the model in {folder} is damaged: {error}") from error
    if not isinstance(config, dict) or config.get("format", 0) > FORMAT:
        raise DataError(
            f"the model in {folder} has format {config.get('format') if isinstance(config, dict) else '?'}, and this "
            f"Latchwork ({latchwork.__version__}) reads up to {FORMAT}; update Latchwork"
        )
    return weights, config
