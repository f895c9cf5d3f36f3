"""The one training loop: AdamW, clipped gradients, early stopping, the best weights kept, exact resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar, get_args

import torch
from torch import Tensor, nn

from latchwork.errors import LatchworkError
from latchwork.tasks.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

B = TypeVar("B")
Schedule = Literal["constant", "cosine"]
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        clip: the largest norm of the gradient.
        patience: epochs without a better validation score before training stops; None to run them all.
        time_budget: seconds; training stops before an epoch that would pass it.
        checkpoint: the file that the state is written to after each epoch, and resumed from.
        fingerprint: what the checkpoint must have been made with.
        schedule: how the learning rate goes: "constant", or "cosine", from all of it to none over ``max_epochs``, or
            over as many as the time budget allows, by the seconds of the first (Loshchilov & Hutter 2017, without
            restarts).
    """

    max_epochs: int
    learning_rate: float
    weight_decay: float = 0.01
    clip: float = 1.0
    patience: int | None = 3
    time_budget: float | None = None
    seed: int = 0
    checkpoint: Path | None = None
    fingerprint: str = ""
    schedule: Schedule = "constant"

    def rate(self, done: float, epochs: int) -> float:
        """The learning rate when ``done`` of ``epochs`` epochs are."""
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done / epochs, 1.0)))

    def epochs(self, history: Sequence[Epoch]) -> int:
        """How many there will be at most. What was measured is in the checkpoint, so a resumed fit has the same."""
        if self.time_budget is None or not history:
            return self.max_epochs
        return max(1, min(self.max_epochs, int(self.time_budget / max(history[0].seconds, 1e-9))))


@dataclass(frozen=True)
class Lesson(Generic[B]):
    """What there is to learn.

    Attributes:
        batches: epoch → its batches, the same at each call.
        steps: how many batches an epoch has, at least about.
        loss_of: batch → the mean loss over what it holds, and how much that is.
        validate: () → loss and score on the validation data; the lower loss is the better.
    """

    batches: Callable[[int], Iterable[B]]
    steps: int
    loss_of: Callable[[B], tuple[Tensor, int]]
    validate: Callable[[], tuple[float, float]]


@dataclass(frozen=True)
class Epoch:
    """What an epoch brought: mean losses (nats per sequence or step) and score on the validation data, its seconds."""

    train_loss: float
    valid_loss: float
    valid_score: float
    seconds: float


class Listener(Protocol):
    """Is told how training goes."""

    def batch(self, epoch: int, done: int, total: int, loss: float) -> None:
        """A batch is done: ``loss`` is the mean of the epoch so far."""

    def epoch(self, number: int, epoch: Epoch, best: bool) -> None:
        """An epoch is done."""


class Silent:
    """The listener that says nothing."""

    def batch(self, epoch: int, done: int, total: int, loss: float) -> None:
        """Say nothing."""

    def epoch(self, number: int, epoch: Epoch, best: bool) -> None:
        """Say nothing."""


class DivergedError(LatchworkError, ArithmeticError):
    """The loss became infinite or NaN."""


def train(network: nn.Module, lesson: Lesson[B], plan: Plan, listener: Listener) -> list[Epoch]:
    """Train ``network`` and leave it with the weights of its best epoch.

    Args:
        lesson: what there is to learn.
        plan: how to train.
        listener: is told.

    Returns:
        One record an epoch. The same plan and data give the same weights to the bit, also when the process was
        killed and the fit resumed from its checkpoint, on the same machine with the same number of threads.

    Raises:
        DivergedError: the loss became infinite or NaN.
        DataError: the checkpoint is of another fit, or damaged.
    """
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay, fused=True
    )
    state = Checkpoint.start(network, plan.fingerprint)
    if plan.checkpoint is not None and plan.checkpoint.exists():
        state = read_checkpoint(plan.checkpoint, plan.fingerprint, network, optimiser)
    history = [Epoch(**row) for row in state.history]
    began = time.perf_counter() - sum(e.seconds for e in history)
    while len(history) < plan.max_epochs and not _enough(history, plan, time.perf_counter() - began):
        number = len(history)
        started = time.perf_counter()
        # Each epoch draws from its own seed, so a resumed fit needs no state of the generator.
        torch.manual_seed(plan.seed * 1_000_003 + number)
        rate = partial(plan.rate, epochs=plan.epochs(history))
        train_loss = _epoch(network, optimiser, lesson, plan, rate, listener, number)
        network.eval()
        with torch.no_grad():
            valid_loss, valid_score = lesson.validate()
        epoch = Epoch(train_loss, valid_loss, valid_score, time.perf_counter() - started)
        best = number == 0 or valid_loss < min(e.valid_loss for e in history)
        history.append(epoch)
        state.history.append(vars(epoch).copy())
        if best:
            state.keep_best(network)
        if plan.checkpoint is not None:
            write_checkpoint(plan.checkpoint, state, network, optimiser)
        listener.epoch(number, epoch, best)
    state.restore_best(network)
    network.eval()
    return history


def _epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    lesson: Lesson[B],
    plan: Plan,
    rate: Callable[[float], float],
    listener: Listener,
    number: int,
) -> float:
    network.train()
    total, seen = 0.0, 0
    for done, batch in enumerate(lesson.batches(number), 1):
        for group in optimiser.param_groups:
            group["lr"] = rate(number + min((done - 1) / lesson.steps, 1.0))
        loss, count = lesson.loss_of(batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(
                f"the loss became {value} in epoch {number + 1}, batch {done}; "
                f"try a learning rate below {plan.learning_rate:g}, and look for extreme values in the data"
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), plan.clip)
        optimiser.step()
        total += value * count
        seen += count
        listener.batch(number, done, max(lesson.steps, done), total / seen)
    return total / max(seen, 1)


def _enough(history: Iterable[Epoch], plan: Plan, elapsed: float) -> bool:
    done = list(history)
    if not done:
        return False
    losses = [e.valid_loss for e in done]
    since_best = len(losses) - 1 - losses.index(min(losses))
    if plan.patience is not None and since_best >= plan.patience:
        return True
    return plan.time_budget is not None and elapsed + done[-1].seconds > plan.time_budget
