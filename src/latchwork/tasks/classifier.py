"""``SequenceClassifier``: a class for each text or series, in scikit-learn's manner."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from latchwork.errors import ConfigError, DataError
from latchwork.language.cell import Cell
from latchwork.language.serial import from_data as cell_from_data
from latchwork.language.serial import to_data as cell_to_data
from latchwork.tasks import encoders
from latchwork.tasks.batches import Batch, collate, plan
from latchwork.tasks.card import model_card
from latchwork.tasks.encoders import SeriesEncoder, TextEncoder
from latchwork.tasks.folder import read_folder, write_folder
from latchwork.tasks.labels import class_labels
from latchwork.tasks.network import SequenceNetwork, Shape
from latchwork.tasks.options import check_options
from latchwork.tasks.progress import ProgressBar
from latchwork.tasks.sequences import is_table, is_text, rows_of, series, texts
from latchwork.tasks.training import Epoch, Listener, Plan, Silent, train

_PREDICTION_BATCH = 256


class SequenceClassifier(ClassifierMixin, BaseEstimator):
    """Classifies texts, or numeric series of one or several channels and any lengths, by a recurrent network.

    Args:
        cell: a name from the zoo, or a function marked ``@latchwork.cell``.
        hidden_size: H.
        num_layers: L.
        bidirectional: whether a second direction reads from the end.
        embedding_size: numbers per word, for texts.
        pooling: what of the sequence is classified: "last", the state at its end, or "mean" or "max" over its steps.
        dropout: the probability of zeroing a number before, between and after the recurrent layers, in training.
        cell_options: keyword options of :class:`latchwork.nn.Recurrent`: ``{"layer_norm": True}``, ``zoneout``,
            ``recurrent_dropout``, ``peephole``, ``forget_bias``.
        max_epochs: epochs at most.
        batch_size: sequences a step.
        learning_rate: of AdamW (Loshchilov & Hutter 2019).
        weight_decay: of AdamW.
        clip: the largest norm of the gradient.
        patience: epochs without a better validation loss before training stops; None to run all.
        validation_fraction: the part of the training data held out for that, if ``fit`` is given no validation data.
        time_budget: seconds; training stops before an epoch that would pass it.
        class_weight: None, "balanced" or {class: weight}: how much a mistake on each class counts.
        vocabulary_size: the most frequent words that are known, for texts.
        min_count: how often a word must occur to be known; rarer ones teach the network what to do with new words.
        max_length: words read of each text.
        checkpoint_dir: where the state is saved after each epoch; a fit of the same data and options goes on from it.
        device: "cpu", "cuda" …; "auto" is cuda where there is one.
        random_state: seed of weights, order and dropout.
        verbose: whether to draw a progress bar.

    Attributes:
        classes_: the classes (K,), sorted.
        network_: the trained :class:`latchwork.tasks.network.SequenceNetwork`.
        encoder_: how texts or series become numbers.
        history_: one record an epoch.
        best_epoch_: the epoch, from 0, whose weights are kept.
    """

    def __init__(
        self,
        cell: str | Cell = "lstm",
        *,
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        embedding_size: int = 64,
        pooling: str = "last",
        dropout: float = 0.4,
        cell_options: Mapping[str, Any] | None = None,
        max_epochs: int = 30,
        batch_size: int = 64,
        learning_rate: float = 0.005,
        weight_decay: float = 0.01,
        clip: float = 1.0,
        patience: int | None = 3,
        validation_fraction: float = 0.1,
        time_budget: float | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        vocabulary_size: int = 20_000,
        min_count: int = 2,
        max_length: int = 256,
        checkpoint_dir: str | Path | None = None,
        device: str = "auto",
        random_state: Any = 0,
        verbose: bool = False,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.embedding_size = embedding_size
        self.pooling = pooling
        self.dropout = dropout
        self.cell_options = cell_options
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clip = clip
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.time_budget = time_budget
        self.class_weight = class_weight
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.max_length = max_length
        self.checkpoint_dir = checkpoint_dir
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, X_valid: Any = None, y_valid: Any = None) -> SequenceClassifier:
        """Train on sequences X and their classes y.

        Args:
            X: texts, or series: (N, T, I), (N, T) for one channel, or a list of (T, I) or (T,) of any lengths.
            y: classes (N,).
            X_valid, y_valid: data for early stopping; by default a part of X and y is held out for it.

        Raises:
            DataError: X or y cannot be used; the message names the row.
            ConfigError: an option has a value it cannot have.
        """
        check_options(self)
        sequences, classes = self._read_training(X, y)
        self.classes_, targets = np.unique(classes, return_inverse=True)
        like = TextEncoder if isinstance(sequences[0], str) else SeriesEncoder
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if X_valid is None:
            chosen, held = self._hold_out(targets, seed)
            valid = [sequences[i] for i in held], targets[held]
            sequences, targets = [sequences[i] for i in chosen], targets[chosen]
        else:
            valid = self._read_validation(X_valid, y_valid, like)
        self.encoder_ = self._learn_encoder(sequences)
        encoded, encoded_valid = self.encoder_.encode(sequences), self.encoder_.encode(valid[0])
        weights = self._class_weights(targets)
        device = self._device()
        with _own_randomness(seed):
            self.network_ = SequenceNetwork(self.cell, self._shape()).to(device)
            self._train(encoded, targets, encoded_valid, valid[1], weights, seed, device)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each class (N, K), in the order of ``classes_``."""
        return self._probabilities(self.encode(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each sequence (N,)."""
        best = self.predict_proba(X).argmax(1)
        most: NDArray[Any] = self.classes_[best]
        return most

    def encode(self, X: Any) -> list[NDArray[Any]]:
        """What the network reads of each sequence: (T,) token numbers, or (T, I) scaled numbers."""
        check_is_fitted(self)
        encoded: list[NDArray[Any]] = self.encoder_.encode(self._read(X, type(self.encoder_)))
        return encoded

    def save(self, folder: str | Path) -> Path:
        """Write the model into ``folder``: model.safetensors, config.json and a model card README.md.

        Raises:
            DataError: the folder cannot be written.
        """
        check_is_fitted(self)
        folder = Path(folder)
        parameters = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params(deep=False).items()
            if name != "cell"
        }
        parameters["checkpoint_dir"] = None if self.checkpoint_dir is None else str(self.checkpoint_dir)
        parameters["cell_options"] = None if self.cell_options is None else dict(self.cell_options)
        if isinstance(self.class_weight, Mapping):
            parameters["class_weight"] = None  # its keys need not be strings, and prediction has no use for it
        if not isinstance(self.random_state, (int, type(None))):
            parameters["random_state"] = None
        cell = self.cell if isinstance(self.cell, str) else cell_to_data(self.cell)
        config = {
            "task": "classify",
            "cell": cell,
            "parameters": parameters,
            "network": self.network_.shape.to_data(),
            "encoder": self.encoder_.to_data(),
            "classes": {"values": self.classes_.tolist(), "dtype": self.classes_.dtype.str},
            "history": [vars(epoch) for epoch in self.history_],
        }
        write_folder(folder, self.network_.state_dict(), config, self._card(folder))
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> SequenceClassifier:
        """The model that :meth:`save` wrote; it predicts the same to the bit.

        Raises:
            DataError: the folder holds no such model, or a damaged one.
        """
        weights, config = read_folder(Path(folder))
        try:
            cell = config["cell"] if isinstance(config["cell"], str) else cell_from_data(config["cell"])
            model = cls(cell, **config["parameters"])
            model.classes_ = np.asarray(config["classes"]["values"], dtype=config["classes"]["dtype"])
            model.encoder_ = encoders.from_data(config["encoder"])
            model._remember(config["history"])
            model.network_ = SequenceNetwork(cell, Shape(**config["network"]))
            model.network_.load_state_dict(weights)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DataError(f"the model in {folder} is damaged or of another task: {error}") from error
        model.network_.to(model._device()).eval()
        return model

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.three_d_array = True
        return tags

    # Reading

    def _read_training(self, X: Any, y: Any) -> tuple[list[Any], NDArray[Any]]:
        if y is None:
            raise DataError("requires y to be passed, but the target y is None: give the class of each sequence")
        rows = rows_of(X)
        if is_text(rows) or not is_table(rows):
            sequences: list[Any] = texts(rows) if is_text(rows) else series(rows)
            if not sequences:
                raise DataError("X is empty; give sequences to train on")
        else:
            values, y = validate_data(self, rows, y, dtype=np.float64)
            sequences = series(values)
        classes = class_labels(y)
        check_classification_targets(classes)
        if len(classes) != len(sequences):
            raise DataError(f"X has {len(sequences)} sequences and y has {len(classes)} classes; give one class each")
        return sequences, classes

    def _read(self, X: Any, like: type[TextEncoder] | type[SeriesEncoder]) -> list[Any]:
        """Sequences of the kind that was trained on."""
        rows = rows_of(X)
        if is_text(rows):
            if like is SeriesEncoder:
                raise DataError("the model was trained on series of numbers, but X holds texts")
            return list(texts(rows))
        if like is TextEncoder and len(rows):
            raise DataError("the model was trained on texts, but X holds none; give a list of texts")
        if is_table(rows):
            return list(series(validate_data(self, rows, dtype=np.float64, reset=False)))
        return list(series(rows))

    def _read_validation(
        self, X: Any, y: Any, like: type[TextEncoder] | type[SeriesEncoder]
    ) -> tuple[list[Any], NDArray[np.intp]]:
        if y is None:
            raise DataError("X_valid came without y_valid; give both or none")
        sequences, classes = self._read(X, like), np.asarray(y)
        if classes.shape != (len(sequences),) or not sequences:
            raise DataError(f"X_valid has {len(sequences)} sequences and y_valid has shape {classes.shape}")
        unknown = [c for c in np.unique(classes).tolist() if c not in self.classes_]
        if unknown:
            raise DataError(f"y_valid has the class {unknown[0]!r}, which y does not have")
        return sequences, np.searchsorted(self.classes_, classes)

    def _hold_out(self, targets: NDArray[np.intp], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        rows = np.arange(len(targets))
        counts = np.bincount(targets)
        size = max(round(self.validation_fraction * len(rows)), 1)
        if len(rows) < 2:
            raise DataError(f"{len(rows)} sample is too few to train on and to validate; give at least 2, better 100")
        # Stratified where every class can be in both parts.
        stratify = targets if counts.min() >= 2 and size >= len(counts) <= len(rows) - size else None
        chosen, held = train_test_split(rows, test_size=size, random_state=seed, stratify=stratify)
        return np.sort(chosen), np.sort(held)

    # Training

    def _learn_encoder(self, sequences: list[Any]) -> TextEncoder | SeriesEncoder:
        if isinstance(sequences[0], str):
            return TextEncoder.learn(sequences, self.vocabulary_size, self.min_count, self.max_length)
        return SeriesEncoder.learn(sequences)

    def _shape(self) -> Shape:
        text = isinstance(self.encoder_, TextEncoder)
        return Shape(
            vocabulary=self.encoder_.vocabulary_size if isinstance(self.encoder_, TextEncoder) else None,
            features=int(self.embedding_size) if text else self.encoder_.channels,  # type: ignore[union-attr]
            outputs=len(self.classes_),
            hidden_size=int(self.hidden_size),  # numpy's whole numbers too
            num_layers=int(self.num_layers),
            bidirectional=self.bidirectional,
            pooling=self.pooling,  # type: ignore[arg-type]
            dropout=self.dropout,
            options=dict(self.cell_options or {}),
        )

    def _class_weights(self, targets: NDArray[np.intp]) -> Tensor | None:
        if self.class_weight is None:
            return None
        given = self.class_weight
        if isinstance(given, Mapping):
            unknown = [name for name in given if name not in self.classes_]
            if unknown:
                raise ConfigError(f"class_weight names {unknown[0]!r}, which is no class of y")
            given = {i: float(given.get(c, 1.0)) for i, c in enumerate(self.classes_.tolist())}
        elif given != "balanced":
            raise ConfigError(f"class_weight must be None, 'balanced' or a dict, not {given!r}")
        present = np.unique(targets)
        weights = np.ones(len(self.classes_))
        weights[present] = compute_class_weight(given, classes=present, y=targets)
        return torch.tensor(weights, dtype=torch.float32)

    def _train(
        self,
        encoded: list[NDArray[Any]],
        targets: NDArray[np.intp],
        encoded_valid: list[NDArray[Any]],
        targets_valid: NDArray[np.intp],
        weights: Tensor | None,
        seed: int,
        device: torch.device,
    ) -> None:
        lengths = [len(sequence) for sequence in encoded]
        classes = torch.from_numpy(targets).to(device)
        weights = None if weights is None else weights.to(device)

        def batches(epoch: int) -> list[NDArray[np.intp]]:
            return plan(lengths, self.batch_size, np.random.default_rng((seed, epoch)))

        def loss_of(rows: NDArray[np.intp]) -> tuple[Tensor, int]:
            batch = collate(encoded, rows, device)
            scores = self.network_(batch.inputs, batch.lengths)
            return F.cross_entropy(scores, classes[batch.rows], weights), len(rows)

        def validate() -> tuple[float, float]:
            scores = self._scores(encoded_valid)
            truth = torch.from_numpy(targets_valid)
            weight = None if weights is None else weights.cpu()
            loss = F.cross_entropy(scores, truth, weight)
            return float(loss), float((scores.argmax(1) == truth).float().mean())

        if self.checkpoint_dir is not None and Path(self.checkpoint_dir).is_file():
            raise ConfigError(f"checkpoint_dir={str(self.checkpoint_dir)!r} is a file; give a folder")
        checkpoint = None if self.checkpoint_dir is None else Path(self.checkpoint_dir) / "checkpoint.safetensors"
        training = Plan(
            max_epochs=self.max_epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            clip=self.clip,
            patience=self.patience,
            time_budget=self.time_budget,
            seed=seed,
            checkpoint=checkpoint,
            fingerprint=""
            if checkpoint is None
            else self._fingerprint((*encoded, targets), (*encoded_valid, targets_valid), seed),
        )
        with self._listener() as listener:
            history = train(self.network_, batches, loss_of, validate, training, listener)
        self._remember([vars(epoch) for epoch in history])

    @contextlib.contextmanager
    def _listener(self) -> Iterator[Listener]:
        if not self.verbose:
            yield Silent()
            return
        name = self.cell if isinstance(self.cell, str) else self.cell.name
        with ProgressBar(name, self.max_epochs) as bar:
            yield bar

    def _remember(self, history: Sequence[Mapping[str, float]]) -> None:
        self.history_ = [Epoch(**row) for row in history]
        losses = [epoch.valid_loss for epoch in self.history_]
        self.best_epoch_ = losses.index(min(losses)) if losses else 0
        self.n_iter_ = len(self.history_)

    def _fingerprint(self, training: Sequence[NDArray[Any]], valid: Sequence[NDArray[Any]], seed: int) -> str:
        """What a checkpoint belongs to: the data, and every option that changes the weights."""
        ignored = {"cell", "checkpoint_dir", "verbose", "random_state", "time_budget", "max_epochs", "patience"}
        options = {k: v for k, v in self.get_params(deep=False).items() if k not in ignored}
        cell = self.cell if isinstance(self.cell, str) else cell_to_data(self.cell)
        digest = hashlib.sha256(json.dumps([options, cell, seed], default=str, sort_keys=True).encode())
        for array in (*training, *valid):
            digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    # Prediction

    def _scores(self, encoded: list[NDArray[Any]]) -> Tensor:
        """(N, K) in the order of the data."""
        device = self.network_.head.weight.device
        scores = torch.empty(len(encoded), len(self.classes_))
        self.network_.eval()
        with torch.no_grad():
            for rows in plan([len(s) for s in encoded], _PREDICTION_BATCH):
                batch: Batch = collate(encoded, rows, device)
                scores[torch.from_numpy(rows)] = self.network_(batch.inputs, batch.lengths).float().cpu()
        return scores

    def _probabilities(self, encoded: list[NDArray[Any]]) -> NDArray[np.float64]:
        if not encoded:
            return np.empty((0, len(self.classes_)))
        return self._scores(encoded).double().softmax(1).numpy()

    def _device(self) -> torch.device:
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            return torch.empty(0, device=self.device).device
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(f"device={self.device!r} cannot be used here: {error}".splitlines()[0]) from error

    def _card(self, folder: Path) -> str:
        cell = self.cell if isinstance(self.cell, str) else self.cell.name
        reads = "texts" if isinstance(self.encoder_, TextEncoder) else f"series of {self.encoder_.channels} channels"
        facts = {
            "Cell": cell,
            "Reads": reads,
            "Units, layers, directions": f"{self.hidden_size}, {self.num_layers}, {2 if self.bidirectional else 1}",
            "Parameters": f"{sum(p.numel() for p in self.network_.parameters()):,}",
        }
        usage = (
            "from latchwork import SequenceClassifier\n\n"
            f'model = SequenceClassifier.load("{folder.name}")\nmodel.predict_proba(X)'
        )
        return model_card(f"A sequence classifier: {cell}", facts, self.classes_.tolist(), self.history_, usage)


@contextlib.contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Draw from ``seed`` inside, and leave the caller's generators as they were."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(seed)
        yield
