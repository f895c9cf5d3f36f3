"""``SequenceGenerator``: a language model that scores texts and writes on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from latchwork.errors import ConfigError, DataError
from latchwork.language.cell import Cell
from latchwork.tasks import symbols
from latchwork.tasks.card import Card
from latchwork.tasks.corpus import Documents, TextFile, hold_out, in_memory, read_corpus
from latchwork.tasks.estimator import SequenceEstimator
from latchwork.tasks.generation import cut, generated
from latchwork.tasks.network import Shape
from latchwork.tasks.sampling import Sampling, is_whole
from latchwork.tasks.sequences import rows_of, texts
from latchwork.tasks.stepping import Reader, code_lengths, read_on
from latchwork.tasks.symbols import SymbolEncoder, Unit
from latchwork.tasks.text_stream import Chunk, TextStream, numbers_of
from latchwork.tasks.training import Lesson, Schedule

_VALIDATION_CHUNK = 256
_VALIDATION_STREAM = 4096  # symbols at least, as each stream begins without knowing what was before


class SequenceGenerator(SequenceEstimator):
    """Models the next character, byte or sub-word of a text by a recurrent network: how likely a text is, and how it
    could go on.

    It is trained by truncated back-propagation (Williams & Peng 1990) over all documents as one long stream, laid out
    as ``batch_size`` parallel ones: the state is carried from chunk to chunk, the gradient is not. A document's
    beginning finds no state, so that documents do not depend on their company.

    Args:
        cell: a name from the zoo, or a function marked ``@latchwork.cell``.
        unit: "characters", "bytes" of UTF-8, or "subwords", byte pairs joined as they are frequent.
        hidden_size: H.
        num_layers: L.
        embedding_size: numbers per symbol.
        dropout: the probability of zeroing a number before, between and after the recurrent layers, in training.
        cell_options: keyword options of :class:`latchwork.nn.Recurrent`: ``{"layer_norm": True}``, ``zoneout``,
            ``recurrent_dropout``, ``peephole``, ``forget_bias``.
        chunk: T, the symbols that the gradient goes back over.
        max_epochs: epochs at most.
        epoch_steps: chunks of an epoch, each epoch going on where the last one ended, from a state of zeros; None for
            all of the text.
        batch_size: B, the parallel streams; fewer where the text has not a chunk for each.
        learning_rate: of AdamW (Loshchilov & Hutter 2019).
        schedule: "constant", or "cosine", from the learning rate to none over ``max_epochs``.
        weight_decay: of AdamW.
        clip: the largest norm of the gradient.
        patience: epochs without a better validation loss before training stops; None to run all.
        validation_fraction: the part of the documents, or of a single text its last part, held out for that, if
            ``fit`` is given no validation data; at most a million characters.
        time_budget: seconds; training stops before an epoch that would pass it.
        vocabulary_size: the most frequent characters that are known, or the sub-words.
        min_count: how often a character must occur to be known, or a pair to be joined; rarer characters teach the
            network how likely an unknown one is.
        checkpoint_dir: where the state is saved after each epoch; a fit of the same data and options goes on from it.
        device: "cpu", "cuda" …; "auto" is cuda where there is one.
        random_state: seed of weights, dropout, and of what ``predict`` writes.
        verbose: whether to draw a progress bar.

    Attributes:
        network_: the trained :class:`latchwork.tasks.network.SequenceNetwork`.
        encoder_: how text becomes symbols.
        history_: one record an epoch; losses in nats per symbol.
        best_epoch_: the epoch, from 0, whose weights are kept.
    """

    task = "generate"
    score_name = "bits per character"

    unit: Unit
    chunk: int
    embedding_size: int
    vocabulary_size: int
    min_count: int

    def __init__(
        self,
        cell: str | Cell = "gru",
        *,
        unit: Unit = "characters",
        hidden_size: int = 256,
        num_layers: int = 1,
        embedding_size: int = 64,
        dropout: float = 0.2,
        cell_options: Mapping[str, Any] | None = None,
        chunk: int = 64,
        max_epochs: int = 10,
        epoch_steps: int | None = None,
        batch_size: int = 16,
        learning_rate: float = 0.006,
        schedule: Schedule = "cosine",
        weight_decay: float = 0.01,
        clip: float = 1.0,
        patience: int | None = 3,
        validation_fraction: float = 0.1,
        time_budget: float | None = None,
        vocabulary_size: int = 4_096,
        min_count: int = 2,
        checkpoint_dir: str | Path | None = None,
        device: str = "auto",
        random_state: Any = 0,
        verbose: bool = False,
    ) -> None:
        self._keep(locals())

    def fit(self, X: Any, y: None = None, X_valid: Any = None) -> SequenceGenerator:
        """Train on texts.

        Args:
            X: documents, a list of texts; or one text; or the ``Path`` of a UTF-8 text file, which may be larger than
                memory: it is read block by block, and its symbols are kept in a temporary file (bytes need none).
            y: nothing; there for scikit-learn.
            X_valid: the same, for early stopping; by default a part of X is held out for it.

        Raises:
            DataError: X is empty, shorter than a chunk, or has one character only; or a file that cannot be read.
            ConfigError: an option has a value it cannot have.
        """
        seed = self._begin()
        training = read_corpus(X, self._strict)
        if X_valid is None:
            training, valid = hold_out(training, self.validation_fraction, lambda count: self._hold_out(count, seed))
        else:
            valid = in_memory(read_corpus(X_valid, self._strict))
        self.encoder_ = self._learn_encoder(training)
        stream = TextStream(numbers_of(training, self.encoder_), int(self.batch_size), int(self.chunk))
        self._train(stream, valid, seed)
        return self

    def code_length(self, X: Any) -> NDArray[np.float64]:
        """(n,) the bits that each document takes, and the telling of its end: −log2 of its probability.

        A character that is not known takes the bits of "an unseen one" and, to say which, log2(R + 1) bits where
        training has R characters too rarely to know them: for one of these that is all, for one that training has not
        it is 21 bits more. Of sub-words it is the probability of one way to write the document, so that the bits are
        an upper bound.
        """
        check_is_fitted(self)
        documents = self._texts(X)
        encoded = [numbers_of(Documents([text]), self.encoder_) for text in documents]
        naming = [self.encoder_.naming_bits(text).sum() for text in documents]
        bits: NDArray[np.float64] = code_lengths(self.network_, encoded) + np.array(naming)
        return bits

    def bits_per_character(self, X: Any) -> float:
        """The bits of all documents, by their characters and ends. Raises DataError if there are none."""
        documents = self._texts(X)
        if not documents:
            raise DataError("X is empty; give documents")
        return float(self.code_length(documents).sum() / _size(documents))

    def score(self, X: Any, y: None = None) -> float:
        """Less :meth:`bits_per_character`, so that more is better."""
        return -self.bits_per_character(X)

    def generate(
        self,
        prompt: str = "",
        length: int = 500,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | None = None,
    ) -> str:
        """What could follow on ``prompt``; the arguments are those of :meth:`stream`."""
        return "".join(self.stream(prompt, length, temperature, top_k, top_p, seed, stop))

    def stream(
        self,
        prompt: str = "",
        length: int = 500,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | None = None,
    ) -> Iterator[str]:
        """Text as it is written, in pieces of whole characters.

        Args:
            prompt: the beginning of a document, which is not given again; may be empty.
            length: characters at most; it is less where the document ends.
            temperature: below 1 the likely becomes likelier; 0 takes the likeliest each time.
            top_k: choose among so many likeliest symbols alone.
            top_p: choose among the fewest likeliest symbols that have this share of the probability.
            seed: the same gives the same text; None for another each time.
            stop: a text before which to stop.

        Raises:
            ConfigError: an argument has a value it cannot have.
        """
        check_is_fitted(self)
        sampling = Sampling(temperature, top_k, top_p)
        if not is_whole(length, 0):
            raise ConfigError(f"length must be a whole number of characters, at least 0, but is {length!r}")
        if stop is not None and not _is_text(stop, 1):
            raise ConfigError(f"stop must be a text of at least one character, or None, but is {stop!r}")
        if not _is_text(prompt, 0):
            raise ConfigError(f"prompt must be a text, but is {type(prompt).__name__}")
        try:
            prompt.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"prompt is no valid text: {error}") from error
        try:
            generator = np.random.default_rng(seed)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"seed must be a whole number of at least 0, or None, but is {seed!r}") from error
        # Each text has a reader of its own: it holds the state.
        pieces = generated(Reader(self.network_), self.encoder_, prompt, sampling, generator)
        return cut(pieces, int(length), stop)

    def predict(self, X: Any) -> list[str]:
        """What could follow on each prompt, drawn as ``random_state`` says: the same at each call."""
        prompts = self._texts(X)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=len(prompts))
        return [self.generate(prompt, seed=int(seed)) for prompt, seed in zip(prompts, seeds, strict=True)]

    def shape_for(self, X: Any, y: Any = None) -> Shape:
        """The sizes that the network would have on this data; nothing is fitted."""
        return self._sizes(self._learn_encoder(read_corpus(X, self._strict)).symbols)

    # Training

    @property
    def _strict(self) -> bool:
        return self.unit != "bytes"

    def _learn_encoder(self, corpus: Documents | TextFile) -> SymbolEncoder:
        seen: set[str] = set()
        for block in _blocks(corpus):
            seen.update(block)
            if len(seen) > 1:
                break
        else:
            only = f"only one character, {min(seen)!r}" if seen else "no character"
            raise DataError(f"the text to learn from has {only}; give text of at least two different ones")
        return symbols.learn(self.unit, _blocks(corpus), int(self.vocabulary_size), int(self.min_count))

    def _sizes(self, symbols: int) -> Shape:
        return self._shape(symbols, self.embedding_size, symbols)

    def _train(self, stream: TextStream, valid: Documents, seed: int) -> None:
        device = self._device()
        size = _size(valid.texts)
        numbers = numbers_of(valid, self.encoder_)
        naming = float(sum(self.encoder_.naming_bits(text).sum() for text in valid.texts))
        asked = len(numbers) + 1
        held_out = TextStream(numbers, max(asked // _VALIDATION_STREAM, 1), min(_VALIDATION_CHUNK, asked))
        state: Any = None

        def loss_of(chunk: Chunk) -> tuple[Tensor, int]:
            nonlocal state
            scores, after = read_on(self.network_, chunk.inputs, None if chunk.fresh else state)
            state = tuple(s.detach() for s in after) if isinstance(after, tuple) else after.detach()
            return F.cross_entropy(scores.flatten(0, 1), chunk.targets.flatten()), chunk.targets.numel()

        def validate() -> tuple[float, float]:
            nats, seen, before = 0.0, 0, None
            for chunk in held_out.epoch(0, None, device):
                scores, before = read_on(self.network_, chunk.inputs, before)
                found = F.cross_entropy(scores.flatten(0, 1), chunk.targets.flatten(), reduction="sum")
                nats += float(found)
                seen += chunk.targets.numel()
            loss = nats / seen
            return loss, (loss * asked / math.log(2) + naming) / size

        limit = None if self.epoch_steps is None else int(self.epoch_steps)
        lesson = Lesson(
            batches=lambda number: stream.epoch(number, limit, device),
            steps=stream.steps if limit is None else limit,
            loss_of=loss_of,
            validate=validate,
        )

        def contents() -> Iterator[NDArray[Any]]:
            yield from stream.contents()
            yield from held_out.contents()

        self._learn(self._sizes(self.encoder_.symbols), lesson, contents(), seed)

    def _texts(self, X: Any) -> list[str]:
        if isinstance(X, Path):
            raise DataError(f"X is the path {X}; give what is to be read, for instance [path.read_text()]")
        return texts([X] if isinstance(X, str) else rows_of(X))

    # What the base asks for

    def _state(self) -> dict[str, Any]:
        return {"encoder": self.encoder_.to_data()}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.encoder_ = symbols.from_data(state["encoder"])

    def _describe(self, folder: Path) -> Card:
        return Card(
            title=f"A text generator: {self._cell_name()}",
            tag="text-generation",
            reads=f"texts, as {self.encoder_.kind}: {self.encoder_.symbols:,} symbols with the end of a document",
            gives="What could follow on the beginning of a text, and the bits that a text takes.",
            usage=(
                "from latchwork import SequenceGenerator\n\n"
                f'model = SequenceGenerator.load("{folder.name}")\nprint(model.generate(length=500, temperature=0.8))'
            ),
        )


def _blocks(corpus: Documents | TextFile) -> Iterator[str]:
    return (block for document in corpus.documents() for block in document)


def _is_text(value: Any, least: int) -> bool:
    return isinstance(value, str) and len(value) >= least


def _size(documents: list[str]) -> int:
    """The characters, and an end for each document."""
    return sum(len(document) + 1 for document in documents)
