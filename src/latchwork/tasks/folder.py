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


def check_folder(folder: Path) -> None:
    """Find out whether a model can be saved in ``folder`` without harm to what is there.

    Raises:
        DataError: it is a file, cannot be written, or holds files of the same names that are no model.
    """
    if any((folder / name).is_dir() for name in (WEIGHTS, CONFIG, CARD)):
        raise DataError(f"{folder} holds a folder named as a file of a model; choose another place")
    if any((folder / name).exists() for name in (WEIGHTS, CONFIG, CARD)) and not _is_model(folder):
        raise DataError(
            f"{folder} has a {CARD} or {CONFIG} that is no model's and would be overwritten; choose another folder"
        )
    there = folder.exists()
    write_whole(folder / ".latchwork", "")
    (folder / ".latchwork").unlink()
    if not there:
        folder.rmdir()  # nothing is left behind if there is nothing to save in the end


def _is_model(folder: Path) -> bool:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and "latchwork" in config and "format" in config


def write_folder(folder: Path, weights: Mapping[str, Tensor], config: Mapping[str, Any], card: str) -> None:
    """Write a model's three files, each whole or not at all.

    Raises:
        DataError: as :func:`check_folder`.
    """
    check_folder(folder)
    described = {"format": FORMAT, "latchwork": latchwork.__version__, **config}
    write_whole(folder / WEIGHTS, save({n: t.detach().cpu().contiguous().clone() for n, t in weights.items()}))
    write_whole(folder / CONFIG, json.dumps(described, indent=1, ensure_ascii=False) + "\n")
    write_whole(folder / CARD, card)


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
    if not isinstance(config, dict) or not isinstance(config.get("format"), int):
        raise DataError(f"the model in {folder} is damaged: {CONFIG} has no format")
    if config["format"] > FORMAT:
        raise DataError(
            f"the model in {folder} has format {config['format']}, and this Latchwork ({latchwork.__version__}) reads "
            f"up to {FORMAT}; update Latchwork"
        )
    return weights, config
