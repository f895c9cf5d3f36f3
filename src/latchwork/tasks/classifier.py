"""``SequenceClassifier``: a class for each text or series, in scikit-learn's manner."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from latchwork.errors import ConfigError, DataError
from latchwork.language.cell import Cell
from latchwork.tasks import encoders
from latchwork.tasks.batches import Batch, Examples, Source
from latchwork.tasks.card import Card
from latchwork.tasks.encoders import SeriesEncoder, TextEncoder
from latchwork.tasks.estimator import PREDICTION_BATCH, SequenceEstimator
from latchwork.tasks.labels import class_labels
from latchwork.tasks.network import Pooling, Shape
from latchwork.tasks.sequences import is_table, is_text, rows_of, series, texts
from latchwork.tasks.streaming import FirstPass, Rows, StreamedExamples, no_labels
from latchwork.tasks.training import Schedule


class SequenceClassifier(ClassifierMixin, SequenceEstimator):
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
        epoch_steps: batches of an epoch, each going on where the last one ended; None for all of the data, or of few
            rows as often through them as makes 16.
        batch_size: sequences a step.
        learning_rate: of AdamW (Loshchilov & Hutter 2019).
        schedule: "constant", or "cosine", from the learning rate to none over ``max_epochs``.
        weight_decay: of AdamW.
        clip: the largest norm of the gradient.
        patience: epochs without a better validation loss before training stops; None to run all.
        validation_fraction: the part of the training data held out for that, if ``fit`` is given no validation data.
        time_budget: seconds; training stops before an epoch that would pass it.
        class_weight: None, "balanced" or {class: weight}: how much a mistake on each class counts.
        vocabulary_size: the most frequent words that are known, for texts.
        min_count: how often a word must occur to be known; rarer ones teach the network what to do with new words.
        max_length: words read of each text.
        shuffle_buffer: rows among which the next one is drawn, where they are streamed.
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

    task = "classify"
    score_name = "accuracy"

    def __init__(
        self,
        cell: str | Cell = "lstm",
        *,
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        embedding_size: int = 64,
        pooling: Pooling = "last",
        dropout: float = 0.4,
        cell_options: Mapping[str, Any] | None = None,
        max_epochs: int = 30,
        epoch_steps: int | None = None,
        batch_size: int = 64,
        learning_rate: float = 0.005,
        schedule: Schedule = "constant",
        weight_decay: float = 0.01,
        clip: float = 1.0,
        patience: int | None = 3,
        validation_fraction: float = 0.1,
        time_budget: float | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        vocabulary_size: int = 20_000,
        min_count: int = 2,
        max_length: int = 256,
        shuffle_buffer: int = 10_000,
        checkpoint_dir: str | Path | None = None,
        device: str = "auto",
        random_state: Any = 0,
        verbose: bool = False,
    ) -> None:
        self._keep(locals())

    def fit(self, X: Any, y: Any = None, X_valid: Any = None, y_valid: Any = None) -> SequenceClassifier:
        """Train on sequences X and their classes y.

        Args:
            X: texts, or series: (N, T, I), (N, T) for one channel, or a list of (T, I) or (T,) of any lengths. Or
                :class:`latchwork.tasks.Rows`, as ``TableRows(file, label=…, text=…)``, which need not fit into memory.
            y: classes (N,); None with ``Rows``, which hold them.
            X_valid, y_valid: data for early stopping; by default a part of X and y is held out for it.

        Raises:
            DataError: X or y cannot be used; the message names the row.
            ConfigError: an option has a value it cannot have.
        """
        seed = self._begin()
        if isinstance(X, Rows):
            no_labels(y)
            return self._fit_rows(X, X_valid, y_valid, seed)
        sequences, classes = self._read_training(X, y)
        self.classes_, targets = np.unique(classes, return_inverse=True)
        like = TextEncoder if isinstance(sequences[0], str) else SeriesEncoder
        if X_valid is None:
            chosen, held = self._hold_out(len(targets), seed, stratify=targets)
            valid = [sequences[i] for i in held], targets[held]
            sequences, targets = [sequences[i] for i in chosen], targets[chosen]
        else:
            valid = self._read_validation(X_valid, y_valid, like)
        self.encoder_ = self._learn_encoder(sequences[0], sequences)
        self._train(
            Examples(self.encoder_.encode(sequences), targets),
            Examples(self.encoder_.encode(valid[0]), valid[1]),
            self._class_weights(targets),
            seed,
        )
        return self

    def _fit_rows(self, rows: Rows, X_valid: Any, y_valid: Any, seed: int) -> SequenceClassifier:
        """Train on rows that are read as they are needed: once to learn the encoder, then once an epoch."""
        if self.class_weight is not None:
            raise ConfigError("class_weight needs all classes at hand; leave it out with rows that are streamed")
        first = FirstPass(rows, 0.0 if X_valid is not None else self.validation_fraction, seed)
        training = first.training()
        example = next(training)
        self.encoder_ = self._learn_encoder(example, itertools.chain([example], training))
        self.classes_ = np.unique(class_labels(list(first.labels)))
        if X_valid is None:
            valid = first.held[0], np.searchsorted(self.classes_, first.held[1])
        else:
            valid = self._read_validation(X_valid, y_valid, type(self.encoder_))

        def encode(sequences: list[Any], labels: list[Any]) -> tuple[list[NDArray[Any]], NDArray[np.intp]]:
            return self.encoder_.encode(sequences), np.searchsorted(self.classes_, labels)

        training_rows = StreamedExamples(first, encode, self.shuffle_buffer)
        self._train(training_rows, Examples(self.encoder_.encode(valid[0]), valid[1]), None, seed)
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

    def shape_for(self, X: Any, y: Any = None) -> Shape:
        """The sizes that the network would have on this data; nothing is fitted."""
        rows = rows_of(X)
        if not len(rows):
            raise DataError("X is empty; give sequences")
        text = is_text(rows)
        features = self.embedding_size if text else series(rows[:1])[0].shape[1]
        return self._sizes(1 if text else None, features, len(np.unique(class_labels(y))))

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

    # Training

    def _learn_encoder(self, first: Any, sequences: Iterable[Any]) -> TextEncoder | SeriesEncoder:
        if isinstance(first, str):
            return TextEncoder.learn(sequences, self.vocabulary_size, self.min_count, self.max_length)
        return SeriesEncoder.learn(sequences)

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

    def _sizes(self, vocabulary: int | None, features: int, outputs: int) -> Shape:
        return self._shape(vocabulary, features, outputs, self.pooling, self.bidirectional)

    def _train(self, training: Source, valid: Examples, weights: Tensor | None, seed: int) -> None:
        weights = None if weights is None else weights.to(self._device())
        truth = torch.from_numpy(np.asarray(valid.targets))

        def loss_of(batch: Batch) -> tuple[Tensor, int]:
            assert batch.targets is not None
            scores = self.network_(batch.inputs, batch.lengths)
            return F.cross_entropy(scores, batch.targets, weights), len(batch.rows)

        def validate() -> tuple[float, float]:
            scores = self._scores(valid)
            weight = None if weights is None else weights.cpu()
            loss = F.cross_entropy(scores, truth, weight)
            return float(loss), float((scores.argmax(1) == truth).float().mean())

        encoder = self.encoder_
        shape = (
            self._sizes(encoder.vocabulary_size, self.embedding_size, len(self.classes_))
            if isinstance(encoder, TextEncoder)
            else self._sizes(None, encoder.channels, len(self.classes_))
        )
        self._fit_network(shape, training, valid, seed, loss_of, validate)

    # Prediction

    def _scores(self, source: Source) -> Tensor:
        """(N, K) in the order of the data."""
        self.network_.eval()
        found, order = [], []
        with torch.no_grad():
            for batch in source.batches(PREDICTION_BATCH, self.network_.head.weight.device, None):
                found.append(self.network_(batch.inputs, batch.lengths).float().cpu())
                order.append(batch.rows)
        scores = torch.empty(sum(map(len, order)), len(self.classes_))
        scores[torch.from_numpy(np.concatenate(order))] = torch.cat(found)
        return scores

    def _probabilities(self, encoded: list[NDArray[Any]]) -> NDArray[np.float64]:
        if not encoded:
            return np.empty((0, len(self.classes_)))
        return self._scores(Examples(encoded, np.zeros(len(encoded)))).double().softmax(1).numpy()

    # What the base asks for

    def _state(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder_.to_data(),
            "classes": {"values": self.classes_.tolist(), "dtype": self.classes_.dtype.str},
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.classes_ = np.asarray(state["classes"]["values"], dtype=state["classes"]["dtype"])
        self.encoder_ = encoders.from_data(state["encoder"])

    def _describe(self, folder: Path) -> Card:
        encoder = self.encoder_
        return Card(
            title=f"A sequence classifier: {self._cell_name()}",
            tag="sequence-classification",
            reads="texts" if isinstance(encoder, TextEncoder) else f"series of {encoder.channels} channels",
            gives=f"Classes: {', '.join(map(str, self.classes_.tolist()))}.",
            usage=(
                "from latchwork import SequenceClassifier\n\n"
                f'model = SequenceClassifier.load("{folder.name}")\nmodel.predict_proba(X)'
            ),
        )
