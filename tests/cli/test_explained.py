"""The terminal's view of an explanation: within its width, in few rows, and clear without colour."""

import io

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from latchwork.cli.explained import explained
from latchwork.explain import Explanation


def explanation(steps, moved=None, *, series=False, **changes):
    text = " ".join(steps)
    starts = np.cumsum([0, *(len(step) + 1 for step in steps)])[:-1].tolist()
    return Explanation(
        **{
            "text": None if series else text,
            "steps": tuple(steps),
            "spans": () if series else tuple((a, a + len(s)) for a, s in zip(starts, steps, strict=True)),
            "probabilities": {"good": 0.8, "bad": 0.2},
            "predicted": "good",
            "moved": np.linspace(-1, 1, len(steps)) if moved is None else np.asarray(moved, dtype=float),
            "score": 1.4,
            "baseline": 0.1,
            "completeness_error": 0.0004,
            "kept": np.full(len(steps), 0.75),
            "gate": "forget gate",
            "unseen": (False,) * len(steps),
            "occluded": np.zeros(len(steps)),
            "written": np.full(len(steps), 0.5),
            "writer": "input gate",
            **changes,
        }
    )


def printed(found, width=80, **options):
    console = Console(file=io.StringIO(), width=width, highlight=False, **options)
    console.print(explained(found))
    return console.file.getvalue()


HARD = {
    "one": ["great"],
    "sixty": [f"w{i}" for i in range(60)],
    "very long": ["a", "x" * 300, "film"],
    "right to left": ["فيلم", "رائع", "great"],
    "emoji": ["👩", "\u200d", "👧", "電影電影電影電影電影電影電影"],
    "markup": ["[/bold]", "[red]", "\x1b[31m"],
}


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("steps", HARD.values(), ids=HARD.keys())
def test_no_line_is_wider_than_the_terminal(steps, width):
    for options in (
        {},
        {"force_terminal": True, "color_system": "truecolor"},
        {"force_terminal": True, "no_color": True},
    ):
        said = printed(explanation(steps, unseen=(True,) * len(steps)), width, **options)
        if not options:
            assert "\x1b" not in said
            assert all(cell_len(line) <= width for line in said.splitlines())
            assert "completeness error 0.04%" in " ".join(said.split())


def test_which_way_a_step_moved_can_be_read_without_colour():
    said = printed(explanation(["dull", "great"], [-0.5, 1.0]))
    dull, great = (
        next(line for line in said.splitlines() if line.startswith(w) and "│" in line) for w in ("dull ", "great ")
    )
    assert "−0.50" in dull
    assert "+1.00" in great
    assert dull.split("│")[0].rstrip().endswith("████")
    assert great.split("│")[1].startswith("████████")
    assert "75% ██████" in great
    assert "50% ████" in great


def test_a_long_sequence_shows_what_moved_most_in_order():
    moved = np.full(2_000, 0.001)
    moved[[10, 500, 501, 1_999]] = [1, -1, 0.5, 0.8]
    said = printed(explanation([f"word{i}" for i in range(2_000)], moved))
    lines = said.splitlines()
    assert len(lines) < 60
    places = [next(i for i, line in enumerate(lines) if line.startswith(f"word{t} ")) for t in (10, 500, 501, 1_999)]
    assert places == sorted(places)
    assert places[2] == places[1] + 1
    assert lines[places[3] - 1].startswith("… 1,497 others  +1.50")
    assert "the 20 of 2,000 words that moved it most" in " ".join(said.split())
    forty = printed(explanation([f"word{i}" for i in range(40)]))
    assert "others" not in forty


def test_a_series_has_steps_and_a_cell_without_gates_has_no_shares():
    found = explanation(["step 1", "step 2"], series=True, kept=None, gate=None, written=None, writer=None)
    said = printed(found)
    assert said.splitlines()[2].startswith("step ")
    assert "%" not in said.splitlines()[3]
    assert "Memory" not in said
    assert "what writes" not in printed(explanation(["a"], written=None, writer=None))


def test_parts_that_do_not_add_up_are_called_so():
    assert "do not rely on them" in " ".join(printed(explanation(["a"], completeness_error=0.2)).split())
    assert "do not rely" not in printed(explanation(["a"]))


def test_nothing_that_moved_is_no_torn_decision():
    assert "│█" not in printed(explanation(["a", "b"], [0.0, -0.0]))


def test_the_baseline_is_named_as_what_it_is():
    said = " ".join(printed(explanation(["a", "b"])).split())
    assert "the words moved +1.30; as many steps that say nothing (zero vectors) give +0.10." in said


def test_a_memory_that_no_gate_keeps_may_be_written_by_one():
    said = " ".join(printed(explanation(["a"], kept=None, gate=None)).split())
    assert "New content written by the input gate: mean over" in said
