"""The straight ways through a cell: what a state that is kept unit by unit passes on its way to the next step."""

from __future__ import annotations

from dataclasses import dataclass

from latchwork.explain.diagram.parts import Drawing, Part
from latchwork.language.derivative import retention
from latchwork.language.graph import Graph
from latchwork.language.lower import lower
from latchwork.language.value import Value


@dataclass(frozen=True, eq=False)
class Rail:
    """A way from a state to its new value.

    Attributes:
        parts: the state, what stands on the way, the result.
        highway: whether the state is kept unit by unit; else it is only the longest way through the cell.
    """

    parts: tuple[Part, ...]
    highway: bool


def rails(graph: Graph, drawing: Drawing) -> list[Rail]:
    """The rails of a cell, the first being the main one.

    A state that is kept by a gate has one each. Where there is none, the first that is kept at all has one, and in a
    cell that keeps nothing the output runs straight through.
    """
    kept = retention(lower(graph))
    users = drawing.users()
    pairs = list(zip(drawing.states, drawing.results, strict=True))
    found: list[Rail] = []
    taken: set[Part] = set()
    gated = [i for i, state in enumerate(graph.states) if _moves(kept[state.name or ""])]
    steady = [i for i, state in enumerate(graph.states) if kept[state.name or ""] is not None and i not in gated]
    # A memory beside the output is what a step is about, so it comes before the output.
    for number in sorted(gated, key=lambda i: i == 0) or sorted(steady, key=lambda i: i == 0)[:1]:
        way = _way(*pairs[number], users, unit_by_unit=True)
        if way and not taken & set(way):
            found.append(Rail(way, highway=True))
            taken |= set(way)
    if not found:
        for state, result in pairs[:1]:
            way = _way(state, result, users, unit_by_unit=False)
            if way:
                found.append(Rail(way, highway=False))
    return found


def _moves(value: Value | None) -> bool:
    """Whether it differs from step to step, as a gate does and a learned vector does not."""
    seen: set[Value] = set()
    front = [] if value is None else [value]
    while front:
        current = front.pop()
        if current.op == "sigmoid":
            return True
        for source in current.inputs:
            if source not in seen:
                seen.add(source)
                front.append(source)
    return False


def _way(start: Part, end: Part, users: dict[Part, list[Part]], unit_by_unit: bool) -> tuple[Part, ...]:
    """The way from ``start`` to ``end`` through the fewest gates, and of those the longest; () if there is none."""
    order = _after(start, users)
    best: dict[Part, tuple[int, int]] = {start: (0, 0)}
    before: dict[Part, Part] = {}
    for part in order:
        if part not in best:
            continue
        gates, length = best[part]
        for user in users[part]:
            if unit_by_unit and (
                part in user.mapped or part in user.decides or user.squashes or part not in user.plain
            ):
                continue
            score = (gates - (unit_by_unit and user.low), length + 1)
            if user not in best or score > best[user]:
                best[user] = score
                before[user] = part
    if end not in before:
        return ()
    way = [end]
    while way[-1] is not start:
        way.append(before[way[-1]])
    return tuple(reversed(way))


def _after(start: Part, users: dict[Part, list[Part]]) -> list[Part]:
    """``start`` and all that depends on it, each before what uses it."""
    done: dict[Part, None] = {}
    stack = [(start, iter(users[start]))]
    seen = {start}
    while stack:
        part, pending = stack[-1]
        following = next((p for p in pending if p not in seen), None)
        if following is None:
            stack.pop()
            done[part] = None
        else:
            seen.add(following)
            stack.append((following, iter(users[following])))
    return list(reversed(done))
