"""``SequenceTagger``: a label for each token of a text, or for each step of a series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from latchwork.errors import DataError
from latchwork.language.cell import Cell
from latchwork.tasks.batches import IGNORED, Batch, Examples, Source
from latchwork.tasks.card import Card
from latchwork.tasks.encoders import SeriesEncoder
from latchwork.tasks.estimator import PREDICTION_BATCH, SequenceEstimator
from latchwork.tasks.network import Shape
from latchwork.tasks.step_labels import Steps, step_labels, steps_of
from latchwork.tasks.streaming import FirstPass, Rows, StreamedExamples, no_labels
from latchwork.tasks.token_encoder import UNSEEN_WORD, TokenEncoder
from latchwork.tasks.training import Schedule


class SequenceTagger(SequenceEstimator):
    """Labels every token of texts that are split into tokens, or every step of series, by a recurrent network.

    A token is read by its word, its endings and its shape (:class:`latchwork.tasks.token_encoder.TokenEncoder`), so a
    new word is tagged by how it looks and where it stands. Each label is decided for itself, from the whole sequence;
    there is no conditional random field over the labels, as no kept library gives one.

    Args:
        cell: a name from the zoo, or a function marked ``@latchwork.cell``.
        hidden_size: H.
        num_layers: L.
        bidirectional: whether a second direction reads from the end; without it what follows does not count.
        embedding_size: numbers per token, for tokens.
        dropout: the probability of zeroing a number before, between and after the recurrent layers, in training.
        word_dropout: the probability with which a known word is read as an unseen one, in training, so that its ending,
            its shape and its neighbours must do. Words rarer than ``min_count`` teach the same, so none is often best.
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
        vocabulary_size: the most frequent words that are known, for tokens.
        min_count: how often a word, ending or shape must occur to be known; rarer ones teach what to do with new ones.
        shuffle_buffer: rows among which the next one is drawn, where they are streamed.
        checkpoint_dir: where the state is saved after each epoch; a fit of the same data and options goes on from it.
        device: "cpu", "cuda" …; "auto" is cuda where there is one.
        random_state: seed of weights, order and dropout.
        verbose: whether to draw a progress bar.

    Attributes:
        classes_: the labels (K,), sorted.
        network_: the trained :class:`latchwork.tasks.network.SequenceNetwork`.
        encoder_: how tokens or series become numbers.
        history_: one record an epoch; losses are a token's, in nats.
        best_epoch_: the epoch, from 0, whose weights are kept.
    """

    task = "tag"
    score_name = "token accuracy"

    def __init__(
        self,
        cell: str | Cell = "lstm",
        *,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        embedding_size: int = 64,
        dropout: float = 0.3,
        word_dropout: float = 0.0,
        cell_options: Mapping[str, Any] | None = None,
        max_epochs: int = 6,
        epoch_steps: int | None = None,
        batch_size: int = 32,
        learning_rate: float = 0.005,
        schedule: Schedule = "cosine",
        weight_decay: float = 0.01,
        clip: float = 1.0,
        patience: int | None = 3,
        validation_fraction: float = 0.1,
        time_budget: float | None = None,
        vocabulary_size: int = 50_000,
        min_count: int = 2,
        shuffle_buffer: int = 10_000,
        checkpoint_dir: str | Path | None = None,
        device: str = "auto",
        random_state: Any = 0,
        verbose: bool = False,
    ) -> None:
        self._keep(locals())

    def fit(self, X: Any, y: Any = None, X_valid: Any = None, y_valid: Any = None) -> SequenceTagger:
        """Train on sequences X and the labels y of their tokens.

        Args:
            X: lists of tokens; or series: (N, T, I), (N, T) for one channel, or a list of (T, I) or (T,). Or
                :class:`latchwork.tasks.Rows`, as ``TableRows(file, label=…, tokens=…)``, which need not fit in memory.
            y: for each of them a list of T labels, texts or whole numbers; None with ``Rows``, which hold them.
            X_valid, y_valid: data for early stopping; by default a part of X and y is held out for it.

        Raises:
            DataError: X or y cannot be used; the message names the row.
            ConfigError: an option has a value it cannot have.
        """
        seed = self._begin()
        if isinstance(X, Rows):
            no_labels(y)
            return self._fit_rows(X, X_valid, y_valid, seed)
        steps = steps_of(X)
        sequences, labels = _filled(steps, step_labels(y, steps))
        self.classes_ = _classes(labels)
        targets = self._numbered(labels, "y")
        if X_valid is None:
            chosen, held = self._hold_out(len(targets), seed)
            valid = [sequences[i] for i in held], [targets[i] for i in held]
            sequences, targets = [sequences[i] for i in chosen], [targets[i] for i in chosen]
            self.encoder_ = self._learn_encoder(sequences[0], sequences)
        else:
            self.encoder_ = self._learn_encoder(sequences[0], sequences)
            valid = self._read_validation(X_valid, y_valid)
        self._train(
            Examples(self.encoder_.encode(sequences), targets),
            Examples(self.encoder_.encode(valid[0]), valid[1]),
            seed,
        )
        return self

    def _fit_rows(self, rows: Rows, X_valid: Any, y_valid: Any, seed: int) -> SequenceTagger:
        """Train on rows that are read as they are needed: once to learn the encoder, then once an epoch."""
        first = FirstPass(rows, 0.0 if X_valid is not None else self.validation_fraction, seed)
        training = first.training()
        example = next(training)
        self.encoder_ = self._learn_encoder(example, chain([example], training))
        self.classes_ = _classes(step_labels([first.labels], [first.labels]))
        if X_valid is None:
            held, labels = _filled(first.held[0], first.held[1], "what was held out to validate on")
            valid = held, self._numbered(labels, "y")
        else:
            valid = self._read_validation(X_valid, y_valid)

        def encode(sequences: list[Any], labels: list[Any]) -> tuple[list[NDArray[Any]], list[NDArray[np.int64]]]:
            return self.encoder_.encode(sequences), self._numbered(labels, "y")

        training_rows = StreamedExamples(first, encode, self.shuffle_buffer)
        self._train(training_rows, Examples(self.encoder_.encode(valid[0]), valid[1]), seed)
        return self

    def predict(self, X: Any) -> list[list[Any]]:
        """The most probable label of each token: as many lists as sequences, as long as they."""
        best = self._each(self.encode(X), lambda scores: scores.argmax(-1))
        return [self.classes_[numbers].tolist() for numbers in best]

    def predict_proba(self, X: Any) -> list[NDArray[np.float64]]:
        """The probability of each label (T, K) for each sequence, in the order of ``classes_``."""
        return self._each(self.encode(X), lambda scores: scores.double().softmax(-1))

    def score(self, X: Any, y: Any) -> float:
        """Token accuracy: the share of tokens whose label is right.

        Raises:
            DataError: X or y cannot be used, or they hold no token.
        """
        check_is_fitted(self)
        steps = steps_of(X)
        truth = list(chain.from_iterable(step_labels(y, steps)))
        if not truth:
            raise DataError("X has no tokens to score; give a sequence that is not empty")
        said = chain.from_iterable(self.predict(steps))
        return float(np.mean([a == b for a, b in zip(truth, said, strict=True)]))

    def encode(self, X: Any) -> list[NDArray[Any]]:
        """What the network reads of each sequence: (T, F) numbers of tokens, or (T, I) scaled numbers."""
        check_is_fitted(self)
        encoded: list[NDArray[Any]] = self.encoder_.encode(self._read(X))
        return encoded

    def shape_for(self, X: Any, y: Any = None) -> Shape:
        """The sizes that the network would have on this data; nothing is fitted."""
        steps = steps_of(X)
        sequences, labels = _filled(steps, step_labels(y, steps))
        text = isinstance(sequences[0], list)
        features = self.embedding_size if text else sequences[0].shape[1]
        return self._sizes(1 if text else None, features, len(_classes(labels)))

    # Reading

    def _read(self, X: Any) -> Any:
        """Sequences of the kind that was trained on."""
        steps = steps_of(X)
        text = any(isinstance(row, list) and row for row in steps)
        if text and isinstance(self.encoder_, SeriesEncoder):
            raise DataError("the model was trained on series of numbers, but X holds tokens")
        if isinstance(self.encoder_, TokenEncoder):
            if any(isinstance(row, np.ndarray) for row in steps):
                raise DataError("the model was trained on tokens, but X holds series of numbers")
            return steps
        return [np.empty((0, self.encoder_.channels)) if not len(row) else row for row in steps]

    def _read_validation(self, X: Any, y: Any) -> tuple[Any, list[NDArray[np.int64]]]:
        if y is None:
            raise DataError("X_valid came without y_valid; give both or none")
        steps = self._read(X)
        labels = step_labels(y, steps, "y_valid")
        targets = self._numbered(labels, "y_valid")
        sequences, targets = _filled(steps, targets, "X_valid")
        return sequences, targets

    def _numbered(self, labels: list[list[Any]], name: str) -> list[NDArray[np.int64]]:
        """The place of each label in ``classes_``."""
        numbers = {label: number for number, label in enumerate(self.classes_.tolist())}
        found = []
        for row, given in enumerate(labels):
            unknown = next((label for label in given if label not in numbers), None)
            if unknown is not None:
                raise DataError(f"row {row} of {name} has the label {unknown!r}, which y does not have")
            found.append(np.array([numbers[label] for label in given], dtype=np.int64))
        return found

    # Training

    def _learn_encoder(self, first: Any, sequences: Iterable[Any]) -> TokenEncoder | SeriesEncoder:
        if isinstance(first, np.ndarray):
            return SeriesEncoder.learn(sequences)
        return TokenEncoder.learn(sequences, self.vocabulary_size, self.min_count)

    def _sizes(self, vocabulary: int | None, features: int, outputs: int) -> Shape:
        return self._shape(vocabulary, features, outputs, bidirectional=self.bidirectional)

    def _train(self, training: Source, valid: Examples, seed: int) -> None:
        encoder, device = self.encoder_, self._device()

        def loss_of(batch: Batch) -> tuple[Tensor, int]:
            assert batch.targets is not None
            inputs = self._forget_words(batch.inputs) if isinstance(encoder, TokenEncoder) else batch.inputs
            scores = self.network_(inputs, batch.lengths)
            tokens = max(int(batch.lengths.sum()), 1)  # streamed rows may all be empty
            return _total_loss(scores, batch.targets) / tokens, tokens

        def validate() -> tuple[float, float]:
            loss = right = tokens = 0.0
            for batch in valid.batches(PREDICTION_BATCH, device, None):
                assert batch.targets is not None
                scores = self.network_(batch.inputs, batch.lengths)
                loss += float(_total_loss(scores, batch.targets))
                right += float((scores.argmax(-1) == batch.targets).sum())
                tokens += float(batch.lengths.sum())
            return loss / tokens, right / tokens

        shape = (
            self._sizes(encoder.vocabulary_size, self.embedding_size, len(self.classes_))
            if isinstance(encoder, TokenEncoder)
            else self._sizes(None, encoder.channels, len(self.classes_))
        )
        self._fit_network(shape, training, valid, seed, loss_of, validate)

    def _forget_words(self, inputs: Tensor) -> Tensor:
        """Token numbers (T, B, F) with some words unseen. The loop seeds torch anew each epoch."""
        if not self.word_dropout:
            return inputs
        words = inputs[..., 0]
        forgotten = (torch.rand(words.shape, device=words.device) < self.word_dropout) & (words != 0)
        return torch.cat([words.masked_fill(forgotten, UNSEEN_WORD).unsqueeze(-1), inputs[..., 1:]], -1)

    # Prediction

    def _each(self, encoded: list[NDArray[Any]], read: Callable[[Tensor], Tensor]) -> list[NDArray[Any]]:
        """What ``read`` makes of the scores (T, B, K) of a batch, for each sequence (T, …) in the order of the data."""
        self.network_.eval()
        found: list[NDArray[Any]] = [np.empty(0)] * len(encoded)
        source = Examples(encoded, np.zeros(len(encoded)))
        with torch.no_grad():
            for batch in source.batches(PREDICTION_BATCH, self.network_.head.weight.device, None):
                values = read(self.network_(batch.inputs, batch.lengths)).cpu().numpy()
                for column, (row, length) in enumerate(zip(batch.rows.tolist(), batch.lengths.tolist(), strict=True)):
                    found[row] = values[:length, column].copy()
        return found

    # What the base asks for

    def _state(self) -> dict[str, Any]:
        return {"encoder": self.encoder_.to_data(), "classes": self.classes_.tolist()}

    def _restore(self, state: Mapping[str, Any]) -> None:
        encoder: type[TokenEncoder] | type[SeriesEncoder] = (
            TokenEncoder if state["encoder"]["kind"] == TokenEncoder.kind else SeriesEncoder
        )
        self.encoder_ = encoder.from_data(state["encoder"])
        self.classes_ = np.array(state["classes"])

    def _describe(self, folder: Path) -> Card:
        encoder = self.encoder_
        return Card(
            title=f"A sequence tagger: {self._cell_name()}",
            tag="token-classification",
            reads="lists of tokens" if isinstance(encoder, TokenEncoder) else f"series of {encoder.channels} channels",
            gives=f"A label for each token or step: {', '.join(map(str, self.classes_.tolist()))}.",
            usage=(
                "from latchwork import SequenceTagger\n\n"
                f'model = SequenceTagger.load("{folder.name}")\nmodel.predict(X)'
            ),
        )


def _total_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats, summed over all tokens: scores (T, B, K), targets (T, B)."""
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")


def _filled(steps: Steps, labels: list[Any], name: str = "X") -> tuple[Any, list[Any]]:
    """The sequences that are not empty, and their labels: the others teach nothing."""
    chosen = [row for row, given in enumerate(labels) if len(given)]
    if not chosen:
        raise DataError(f"{name} has no tokens; give sequences that are not empty")
    return [steps[row] for row in chosen], [labels[row] for row in chosen]


def _classes(labels: list[list[Any]]) -> NDArray[Any]:
    """(K,) the labels, sorted."""
    classes = sorted(set(chain.from_iterable(labels)))
    if len(classes) < 2:
        only = f"only {classes[0]!r}" if classes else "none"
        raise DataError(f"two labels or more are needed, but y has {only}; label some tokens otherwise")
    return np.array(classes)
