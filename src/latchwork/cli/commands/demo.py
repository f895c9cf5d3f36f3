"""``latchwork demo``: RNN, LSTM and GRU on thousands of real reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CEREAL = (
    "The first bowl was awful, but by the third I loved it.",
    "I loved the first bowl, but by the third it was awful.",
    "The box looks great, but the cereal tastes like wet cardboard.",
)
"""Sentences of our own that turn."""


def demo(
    out: Annotated[Path, typer.Option(help="The folder for the model and the report.")] = Path("latchwork-demo"),
    time_budget: Annotated[str, typer.Option(help="How long the trial may take: 90s, 5m, 2h.")] = "65s",
    jobs: Annotated[int, typer.Option(min=0, help="Fits side by side; 0 for one per processor.")] = 0,
) -> None:
    """Compare RNN, LSTM and GRU on real review sentences, and explain one of them."""
    import numpy as np
    from rich.text import Text

    from latchwork import datasets
    from latchwork.cli import trial
    from latchwork.cli.console import out as screen
    from latchwork.cli.explained import explained
    from latchwork.cli.options import seconds
    from latchwork.cli.readings.classify import ClassifyReading
    from latchwork.cli.turning import turning
    from latchwork.explain import explain

    budget = seconds(time_budget)
    reviews = datasets.load("reviews")
    trial.prepare(out)
    counts = {c: int((reviews.y == c).sum()) for c in reviews.classes}
    screen.print(
        f"[bold]Which cell suits {len(reviews):,} real review sentences?[/] "
        f"({', '.join(f'{n:,} {c}' for c, n in counts.items())})"
    )
    screen.print(f"RNN, LSTM and GRU and two plain baselines, on the same splits; at most {time_budget}.\n")
    texts = [str(text) for text in reviews.X]
    # A sentence that changes its mind makes the better example; no fit sees it.
    example = texts.index("It's a scattershot affair, but when it hits its mark it's brilliant.")
    rest = np.delete(np.arange(len(reviews)), example)
    X, y = [texts[i] for i in rest], reviews.y[rest]
    study = trial.run(
        X,
        y,
        ("rnn", "lstm", "gru"),
        groups=None if reviews.groups is None else reviews.groups[rest],
        time_budget=budget,
        jobs=jobs,
        max_epochs=6,
        patience=2,
        batch_size=128,
    )
    text, label = texts[example], str(reviews.y[example])
    examples = [(text, label), *((words, None) for words in CEREAL)]
    trial.finish(study, out, ClassifyReading("text", ()), "Review sentences", examples)
    screen.print(f"\n[bold]A review that no fit has seen[/], rated {label} by its readers:\n")
    screen.print(explained(explain(study.model, text)))
    screen.print(
        "\n[bold]Our own words about cereal[/], read by the lstm of the trial's first split; and the "
        "words at which its forget gate kept least and most of the memory:\n"
    )
    for words in CEREAL:
        screen.print(turning(explain(study.side_by_side["lstm"], words)))
    screen.print(Text.assemble("\nTry your own: ", (f'latchwork explain {out} "your words"', "bold")))
