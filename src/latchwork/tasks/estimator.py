"""What all estimators share: options, seeds, the call of the one training loop, checkpoints, and the saved folder."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from latchwork.errors import ConfigError, DataError
from latchwork.language.cell import Cell
from latchwork.language.serial import from_data as cell_from_data
from latchwork.language.serial import to_data as cell_to_data
from latchwork.tasks.batches import Batch, Source
from latchwork.tasks.card import Card, model_card
from latchwork.tasks.folder import read_folder, write_folder
from latchwork.tasks.network import Pooling, SequenceNetwork, Shape
from latchwork.tasks.options import check_options
from latchwork.tasks.progress import ProgressBar
from latchwork.tasks.training import Epoch, Lesson, Listener, Plan, Schedule, Silent, train

PREDICTION_BATCH = 256

_FEWEST_STEPS = 16  # batches of an epoch, by default

# Options that say nothing of the weights a fit comes to: a checkpoint may be gone on from with others.
_NO_MATTER = frozenset(
    {"cell", "checkpoint_dir", "verbose", "random_state", "time_budget", "max_epochs", "patience", "device"}
)


class SequenceEstimator(BaseEstimator, ABC):
    """Base of the estimators, which say how their data is read, what is learned of it, and what they predict.

    Attributes:
        task: what it does with a sequence, as the saved folder calls it.
        score_name: what ``history_`` has as the score on the validation data.
        network_: the trained :class:`latchwork.tasks.network.SequenceNetwork`.
        history_: one record an epoch.
        best_epoch_: the epoch, from 0, whose weights are kept.
    """

    task: ClassVar[str]
    score_name: ClassVar[str]

    cell: str | Cell
    hidden_size: int
    num_layers: int
    dropout: float
    cell_options: Mapping[str, Any] | None
    max_epochs: int
    epoch_steps: int | None
    batch_size: int
    learning_rate: float
    schedule: Schedule
    weight_decay: float
    clip: float
    patience: int | None
    validation_fraction: float
    time_budget: float | None
    checkpoint_dir: str | Path | None
    device: str
    random_state: Any
    verbose: bool

    network_: SequenceNetwork
    history_: list[Epoch]
    best_epoch_: int
    n_iter_: int

    # What a task adds

    @abstractmethod
    def shape_for(self, X: Any, y: Any = None) -> Shape:
        """The sizes that the network would have on this data; nothing is fitted."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """What the task learned beside its weights, as plain data for the saved folder."""

    @abstractmethod
    def _restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`_state` gave."""

    @abstractmethod
    def _describe(self, folder: Path) -> Card:
        """What the model card says of the task."""

    def _network(self, shape: Shape) -> SequenceNetwork:
        """The network, its weights drawn."""
        return SequenceNetwork(self.cell, shape)

    # What they share

    def save(self, folder: str | Path) -> Path:
        """Write the model into ``folder``: model.safetensors, config.json and a model card README.md.

        Raises:
            DataError: the folder cannot be written.
        """
        check_is_fitted(self)
        folder = Path(folder)
        config = {
            "task": self.task,
            "cell": self._cell_data(),
            "parameters": self._plain_parameters(),
            "network": self.network_.shape.to_data(),
            **self._state(),
            "history": [vars(epoch) for epoch in self.history_],
        }
        card = model_card(self._describe(folder), self._facts(), self.history_, self.score_name)
        write_folder(folder, self.network_.state_dict(), config, card)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The model that :meth:`save` wrote; it predicts the same to the bit.

        Raises:
            DataError: the folder holds no such model, or a damaged one.
        """
        weights, config = read_folder(Path(folder))
        if config.get("task") != cls.task:
            raise DataError(
                f"the model in {folder} is of another task ({config.get('task')!r}), and {cls.__name__} is for "
                f"{cls.task!r}; latchwork.tasks.load_model reads any"
            )
        try:
            cell = config["cell"] if isinstance(config["cell"], str) else cell_from_data(config["cell"])
            model = cls(cell, **config["parameters"])
            model._restore(config)
            model._remember([Epoch(**epoch) for epoch in config["history"]])
            model.network_ = model._network(Shape(**config["network"]))
            model.network_.load_state_dict(weights)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DataError(f"the model in {folder} is damaged: {error}") from error
        model.network_.to(model._device()).eval()
        return model

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.three_d_array = True
        return tags

    # For the tasks

    def _keep(self, options: Mapping[str, Any]) -> None:
        """Set the constructor's arguments, given as its ``locals()``; they are looked at when it is fitted."""
        for name, value in options.items():
            if name != "self":
                setattr(self, name, value)

    def _shape(
        self,
        vocabulary: int | None,
        features: int,
        outputs: int,
        pooling: Pooling | None = None,
        bidirectional: bool = False,
    ) -> Shape:
        """The network's sizes by the options that all tasks have; numpy's whole numbers are taken too."""
        return Shape(
            vocabulary=vocabulary,
            features=int(features),
            outputs=int(outputs),
            hidden_size=int(self.hidden_size),
            num_layers=int(self.num_layers),
            bidirectional=bidirectional,
            pooling=pooling,
            dropout=self.dropout,
            options=dict(self.cell_options or {}),
        )

    def _begin(self) -> int:
        """Look at the options; the seed of this fit."""
        check_options(self)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _hold_out(
        self, count: int, seed: int, stratify: NDArray[np.intp] | None = None
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows to learn from and rows to validate on, each in order."""
        if count < 2:
            raise DataError(f"{count} sample is too few to train on and to validate; give at least 2, better 100")
        rows = np.arange(count)
        size = max(round(self.validation_fraction * count), 1)
        if stratify is not None:
            counts = np.bincount(stratify)
            # Stratified where every class can be in both parts.
            if counts.min() < 2 or not size >= len(counts) <= count - size:
                stratify = None
        chosen, held = train_test_split(rows, test_size=size, random_state=seed, stratify=stratify)
        return np.sort(chosen), np.sort(held)

    def _fit_network(
        self,
        shape: Shape,
        source: Source,
        valid: Source,
        seed: int,
        loss_of: Callable[[Batch], tuple[Tensor, int]],
        validate: Callable[[], tuple[float, float]],
    ) -> None:
        """Make the network and train it on the batches of ``source``; see :meth:`_learn`."""
        steps, limit = source.steps(self.batch_size), self.epoch_steps
        if limit is None and steps < _FEWEST_STEPS:
            limit = _FEWEST_STEPS  # through few rows several times, or patience would end before anything is learned
        lesson = Lesson(
            batches=_epochs(source, self.batch_size, limit, seed, self._device()),
            steps=limit or steps,
            loss_of=loss_of,
            validate=validate,
        )
        self._learn(shape, lesson, itertools.chain(source.contents(), valid.contents()), seed)

    def _learn(self, shape: Shape, lesson: Lesson[Any], contents: Iterable[NDArray[Any]], seed: int) -> None:
        """Make the network, and train it.

        Args:
            contents: arrays that say which data it is, so that a checkpoint of other data is not gone on from.
        """
        if self.checkpoint_dir is not None and Path(self.checkpoint_dir).is_file():
            raise ConfigError(f"checkpoint_dir={str(self.checkpoint_dir)!r} is a file; give a folder")
        checkpoint = None if self.checkpoint_dir is None else Path(self.checkpoint_dir) / "checkpoint.safetensors"
        with _own_randomness(seed):
            self.network_ = self._network(shape).to(self._device())
            training = Plan(
                max_epochs=self.max_epochs,
                learning_rate=self.learning_rate,
                schedule=self.schedule,
                weight_decay=self.weight_decay,
                clip=self.clip,
                patience=self.patience,
                time_budget=self.time_budget,
                seed=seed,
                checkpoint=checkpoint,
                fingerprint="" if checkpoint is None else self._fingerprint(contents, seed),
            )
            with self._listener() as listener:
                self._remember(train(self.network_, lesson, training, listener))

    def _device(self) -> torch.device:
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            return torch.empty(0, device=self.device).device
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(f"device={self.device!r} cannot be used here: {error}".splitlines()[0]) from error

    @contextlib.contextmanager
    def _listener(self) -> Iterator[Listener]:
        if not self.verbose:
            yield Silent()
            return
        with ProgressBar(self._cell_name(), self.max_epochs) as bar:
            yield bar

    def _remember(self, history: Sequence[Epoch]) -> None:
        self.history_ = list(history)
        losses = [epoch.valid_loss for epoch in self.history_]
        self.best_epoch_ = losses.index(min(losses)) if losses else 0
        self.n_iter_ = len(self.history_)

    def _fingerprint(self, contents: Iterable[NDArray[Any]], seed: int) -> str:
        """What a checkpoint belongs to: the data, and every option that changes the weights."""
        ignored = set(_NO_MATTER)
        if self.schedule != "constant":
            ignored -= {"max_epochs", "time_budget"}  # the schedule ends with them
        options = {k: v for k, v in self.get_params(deep=False).items() if k not in ignored}
        digest = hashlib.sha256(json.dumps([options, self._cell_data(), seed], default=str, sort_keys=True).encode())
        for array in contents:
            digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def _plain_parameters(self) -> dict[str, Any]:
        """The options as JSON has them; what need not be strings or numbers is left out where prediction has no use
        for it."""
        found = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params(deep=False).items()
            if name != "cell"
        }
        found["checkpoint_dir"] = None if self.checkpoint_dir is None else str(self.checkpoint_dir)
        found["cell_options"] = None if self.cell_options is None else dict(self.cell_options)
        if isinstance(found.get("class_weight"), Mapping):
            found["class_weight"] = None
        if not isinstance(self.random_state, (int, type(None))):
            found["random_state"] = None
        return found

    def _facts(self) -> dict[str, str]:
        shape = self.network_.shape
        directions = 2 if shape.bidirectional else 1
        return {
            "Cell": self._cell_name(),
            "Units, layers, directions": f"{shape.hidden_size}, {shape.num_layers}, {directions}",
            "Parameters": f"{sum(p.numel() for p in self.network_.parameters()):,}",
        }

    def _cell_name(self) -> str:
        return self.cell if isinstance(self.cell, str) else self.cell.name

    def _cell_data(self) -> Any:
        return self.cell if isinstance(self.cell, str) else cell_to_data(self.cell)


def _epochs(
    source: Source, size: int, limit: int | None, seed: int, device: torch.device
) -> Callable[[int], Iterable[Batch]]:
    """Epoch → its batches: all of the data, or with a limit so many batches, each epoch going on where the last ended.

    What an epoch holds depends on its number alone, so that a fit can be gone on with at any.
    """

    def whole(number: int) -> Iterator[Batch]:
        return source.batches(size, device, np.random.default_rng((seed, number)))

    if limit is None:
        return whole
    place = 0
    running: Iterator[Batch] = iter(())

    def endless() -> Iterator[Batch]:
        return itertools.chain.from_iterable(whole(number) for number in itertools.count())

    def part(number: int) -> Iterator[Batch]:
        nonlocal place, running
        if place != number * limit or not place:
            place, running = number * limit, itertools.islice(endless(), number * limit, None)
        for batch in itertools.islice(running, limit):
            place += 1
            yield batch

    return part


@contextlib.contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Draw from ``seed`` inside, and leave the caller's generators as they were."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(seed)
        yield
