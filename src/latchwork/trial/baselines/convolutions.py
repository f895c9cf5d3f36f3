"""Random convolutions and a linear classifier on them: hard to beat on short series, and it learns in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from latchwork.tasks.sequences import series
from latchwork.trial.baselines.baseline import Baseline
from latchwork.trial.runner import Fitted

_MOST_KERNELS, _FEWEST_KERNELS = 1000, 100
_MOST_FEATURES = 10_000_000  # of all training rows together: what keeps the regression to seconds
_LENGTHS = (7, 9, 11)
_ALPHAS = np.logspace(-1, 5, 13)  # the best of them is found on the training rows, each row left out in turn
_NUMBERS_AT_ONCE = 1 << 23  # of a convolution's output: 32 MiB


@dataclass(frozen=True)
class _Bank:
    """K kernels of one length and one dilation."""

    weights: NDArray[np.float32]  # (K, I, length)
    bias: NDArray[np.float32]  # (K,)
    dilation: int


@dataclass(frozen=True)
class Kernels:
    """Random kernels, and how each channel is standardised before they are applied.

    Attributes:
        mean, scale: (I,) of the training rows.
        banks: the kernels.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    banks: Sequence[_Bank]

    def features(self, X: Any) -> NDArray[np.float64]:
        """(n, 2 K): the share of steps at which each kernel's response is positive, and its largest response.

        Zeros stand on both sides of each series, so that there is a response at each of its own T steps, however short
        it is; what pads a batch is never counted. An empty series has zeros for features.

        Args:
            X: n series, each (T,) or (T, I) with its own T.

        Raises:
            DataError: no series of finite numbers, or of another number of channels than the first.
        """
        rows = [((values - self.mean) / self.scale).astype(np.float32) for values in series(X)]
        kernels = sum(len(bank.bias) for bank in self.banks)
        found = np.zeros((len(rows), 2 * kernels))
        most = max((len(bank.bias) for bank in self.banks), default=1)
        for batch in _batches([len(row) for row in rows], most):
            lengths = torch.tensor([len(rows[row]) for row in batch])
            padded = torch.zeros(len(batch), len(self.mean), int(lengths.max()))
            for place, row in enumerate(batch):
                padded[place, :, : len(rows[row])] = torch.from_numpy(rows[row].T)
            beyond = torch.arange(padded.shape[2]) >= lengths[:, None, None]
            responses = [_responses(padded, bank, beyond) for bank in self.banks]
            found[batch, :kernels] = torch.cat([positive for positive, _ in responses], 1) / lengths[:, None]
            found[batch, kernels:] = torch.cat([largest for _, largest in responses], 1)
        return found


def random_convolutions() -> Baseline:
    """Random convolutional kernels, two numbers of each, and ridge regression of the classes. X holds series.

    ROCKET (Dempster, Petitjean & Webb 2020, Data Mining and Knowledge Discovery), with 1,000 kernels where the paper
    has 10,000, fewer on more than 5,000 rows; dilations that are powers of two; and zeros always at the ends, as
    series may be short here.
    """
    return Baseline("random convolutions", _random_convolutions)


def random_kernels(rows: Sequence[NDArray[np.float64]], seed: int, kernels: int) -> Kernels:
    """Kernels drawn for series like these.

    Each has length 7, 9 or 11; weights from a normal distribution, centred in each channel; a bias between −1 and 1; a
    dilation up to where the kernel spans a series of median length; and some of the channels, few more often than many.

    Args:
        rows: the training rows, each (T, I).
        seed: decides all draws.
        kernels: K.
    """
    generator = np.random.default_rng(seed)
    steps = np.concatenate(rows)
    channels = steps.shape[1]
    typical = float(np.median([len(row) for row in rows]))
    drawn: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    for _ in range(kernels):
        length = int(generator.choice(_LENGTHS))
        widest = np.log2(max(1.0, (typical - 1) / (length - 1)))
        dilation = 1 << int(generator.integers(int(widest) + 1))
        used = int(2 ** generator.uniform(0, np.log2(min(channels, length) + 1)))
        weights = np.zeros((channels, length))
        weights[generator.choice(channels, used, replace=False)] = generator.normal(size=(used, length))
        drawn.setdefault((length, dilation), []).append(weights - weights.mean(1, keepdims=True))
    scale = steps.std(0) if len(steps) else np.ones(channels)
    return Kernels(
        mean=steps.mean(0) if len(steps) else np.zeros(channels),
        scale=np.where(scale > 0, scale, 1),  # a constant channel has none
        banks=[
            _Bank(np.array(weights, np.float32), generator.uniform(-1, 1, len(weights)).astype(np.float32), dilation)
            for (_, dilation), weights in sorted(drawn.items(), key=lambda bank: bank[0])
        ],
    )


def _random_convolutions(X: Any, y: np.ndarray, seed: int) -> Fitted:
    rows = series(X)
    affordable = _MOST_FEATURES // (2 * len(rows))
    kernels = random_kernels(rows, seed, min(_MOST_KERNELS, max(_FEWEST_KERNELS, affordable)))
    ridge = RidgeClassifierCV(alphas=_ALPHAS)
    model = make_pipeline(FunctionTransformer(kernels.features), StandardScaler(), ridge).fit(X, y)
    weights = np.atleast_2d(ridge.coef_)
    return Fitted(predict=model.predict, parameters=int(weights.size + len(weights)))  # what is drawn is not learned


def _batches(lengths: Sequence[int], kernels: int) -> Iterator[list[int]]:
    """Rows of like length together, as many as fit; empty rows are left out."""
    batch: list[int] = []
    for row in np.argsort(lengths, kind="stable").tolist():
        if lengths[row] and (len(batch) + 1) * lengths[row] * kernels > _NUMBERS_AT_ONCE and batch:
            yield batch
            batch = []
        if lengths[row]:
            batch.append(row)
    if batch:
        yield batch


def _responses(padded: torch.Tensor, bank: _Bank, beyond: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, K) how many responses are positive, and the largest; ``padded`` is (B, I, T), ``beyond`` (B, 1, T)."""
    span = (bank.weights.shape[2] - 1) * bank.dilation
    weights, bias = torch.from_numpy(bank.weights), torch.from_numpy(bank.bias)
    response = torch.nn.functional.conv1d(padded, weights, bias, padding=span // 2, dilation=bank.dilation)
    response.masked_fill_(beyond, -torch.inf)
    return (response > 0).sum(2), response.amax(2)
