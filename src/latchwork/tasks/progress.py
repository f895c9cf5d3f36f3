"""A progress bar with the loss and the time left, on standard error."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from latchwork.tasks.training import Epoch


class ProgressBar:
    """Listens to a training and draws it; the time left is at most what is shown, as training may stop early.

    Args:
        title: what is being fitted.
        max_epochs: how many epochs there are at most.
        console: where to draw; standard error by default.
    """

    def __init__(self, title: str, max_epochs: int, console: Console | None = None) -> None:
        self._epochs = max_epochs
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left ≤"),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(title, total=None, note="")
        self._last = ""

    def __enter__(self) -> ProgressBar:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def batch(self, epoch: int, done: int, total: int, loss: float) -> None:
        """Move the bar on."""
        note = f"epoch {epoch + 1}/{self._epochs}  loss {loss:.3f}{self._last}"
        self._progress.update(self._task, total=self._epochs * total, completed=epoch * total + done, note=note)

    def epoch(self, number: int, epoch: Epoch, best: bool) -> None:
        """Show the validation loss."""
        self._last = f"  valid {epoch.valid_loss:.3f}{' ★' if best else ''}"
