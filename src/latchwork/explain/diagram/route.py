"""Ways for the wires: along the lines of a grid, each the cheapest that is left, bends and crossings costing extra.

The grid has a few tracks in each gap between columns and between rows; tracks that no wire uses take no room later.
Wires of one value may share their way and part where they like; wires of different values only ever cross.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Point: TypeAlias = tuple[int, int]
Side: TypeAlias = Literal["N", "E", "S", "W"]
_STEP: dict[Side, Point] = {"N": (0, -1), "E": (1, 0), "S": (0, 1), "W": (-1, 0)}

_BEND, _CROSSING, _BRANCH, _SQUEEZE = 30, 45, 4, 150


@dataclass(frozen=True)
class Port:
    """Where a wire may meet a box: ``point`` is the grid point just outside of its ``side``; ``cost`` is to be paid."""

    box: int
    side: Side
    point: Point
    cost: int


@dataclass(eq=False)
class Net:
    """The wires of one box's value: where it may leave, and the ways found so far."""

    source: int
    before: dict[Point, Point | Port] = field(default_factory=dict)


@dataclass
class Way:
    """A found way: out of one port, along grid points, into another."""

    leaves: Port
    points: list[Point]
    enters: Port


class Router:
    """Finds ways on a grid of ``xs`` × ``ys`` lines, which are given by where they nominally are.

    Args:
        blocked: grid points within boxes.
        ports: all ports of all boxes, for wires of others to keep from bending in front of them.
    """

    def __init__(self, xs: Sequence[int], ys: Sequence[int], blocked: set[Point], ports: Sequence[Port]) -> None:
        self.xs = xs
        self.ys = ys
        self.blocked = blocked
        self.reserved = {port.point for port in ports}
        self.edges: dict[tuple[Point, Point], Net] = {}
        self.turns: dict[Point, Net] = {}  # who bends, branches or ends there
        self.passes: dict[Point, set[Net]] = {}
        self.used: set[tuple[int, Side, Point]] = set()

    def connect(self, net: Net, leave: Sequence[Port], enter: Sequence[Port]) -> Way | None:
        """The cheapest way from ``net`` into one of the ports ``enter``; None if there is none left."""
        goals = {(p.point, _axis(p.side)): p for p in enter if self._free(p, net)}
        if not goals:
            return None
        costs: dict[tuple[Point, int], int] = {}
        parents: dict[tuple[Point, int], tuple[Point, int] | Port | None] = {}
        queue: list[tuple[int, int, Point, int]] = []
        box = (
            min(self.xs[p[0]] for p, _ in goals),
            max(self.xs[p[0]] for p, _ in goals),
            min(self.ys[p[1]] for p, _ in goals),
            max(self.ys[p[1]] for p, _ in goals),
        )

        def guess(point: Point) -> int:
            x, y = self.xs[point[0]], self.ys[point[1]]
            return max(box[0] - x, x - box[1], 0) + max(box[2] - y, y - box[3], 0)

        def offer(state: tuple[Point, int], cost: int, parent: tuple[Point, int] | Port | None) -> None:
            if cost < costs.get(state, 1 << 60):
                costs[state] = cost
                parents[state] = parent
                heapq.heappush(queue, (cost + guess(state[0]), cost, *state))

        for port in leave:
            if self._free(port, net):
                offer((port.point, _axis(port.side)), port.cost, port)
        for point in net.before:
            for axis in (0, 1):
                offer((point, axis), _BRANCH, None)
        best: tuple[int, tuple[Point, int]] | None = None
        while queue:
            estimate, cost, point, axis = heapq.heappop(queue)
            if best is not None and estimate >= best[0]:
                break
            state = (point, axis)
            if cost > costs[state]:
                continue
            if state in goals and (best is None or cost + goals[state].cost < best[0]):
                best = (cost + goals[state].cost, state)
            for step in _STEP.values():
                turned = axis != (0 if step[0] else 1)
                if turned and not self._may_turn(point, net):
                    continue
                following = (point[0] + step[0], point[1] + step[1])
                price = self._price(point, following, net)
                if price is not None:
                    price += _BEND * turned + _SQUEEZE * (turned and self._squeezes(point, net, leave, enter))
                    offer((following, 0 if step[0] else 1), cost + price, state)
        if best is None:
            return None
        return self._take(net, best[1], parents, goals[best[1]])

    def _price(self, point: Point, following: Point, net: Net) -> int | None:
        """What it costs to go on to the next point; None if one cannot."""
        x, y = following
        if not (0 <= x < len(self.xs) and 0 <= y < len(self.ys)) or following in self.blocked:
            return None
        if self.edges.get(_edge(point, following), net) is not net:
            return None
        if self.turns.get(following, net) is not net:
            return None
        others = self.passes.get(following, set()) - {net}
        return abs(self.xs[x] - self.xs[point[0]]) + abs(self.ys[y] - self.ys[point[1]]) + _CROSSING * len(others)

    def _may_turn(self, point: Point, net: Net) -> bool:
        return not self.passes.get(point, set()) - {net}

    def _squeezes(self, point: Point, net: Net, leave: Sequence[Port], enter: Sequence[Port]) -> bool:
        """Whether a bend at ``point`` would stand in the way of another box's wires."""
        return point in self.reserved and all(p.point != point for p in (*leave, *enter))

    def _free(self, port: Port, net: Net) -> bool:
        return (port.box, port.side, port.point) not in self.used and self.turns.get(port.point, net) is net

    def _take(
        self,
        net: Net,
        state: tuple[Point, int],
        parents: dict[tuple[Point, int], tuple[Point, int] | Port | None],
        enters: Port,
    ) -> Way:
        points = [state[0]]
        parent = parents[state]
        while isinstance(parent, tuple):
            if parent[0] != points[-1]:
                points.append(parent[0])
            parent = parents[parent]
        tail: list[Point] = []  # the part of the way that another wire of the net has taken before
        before: Point | Port | None = net.before[points[-1]] if parent is None else parent
        while not isinstance(before, Port):
            assert before is not None
            tail.append(before)
            before = net.before[before]
        leaves = before
        for a, b in zip(points[::-1], points[::-1][1:], strict=False):
            net.before.setdefault(b, a)
            self.edges[_edge(a, b)] = net
        net.before.setdefault(points[-1], leaves)
        for point in points:
            self.passes.setdefault(point, set()).add(net)
        whole = [*reversed(tail), *reversed(points)]
        for i, point in enumerate(whole):
            if 0 < i < len(whole) - 1 and _straight(whole[i - 1], point, whole[i + 1]):
                continue
            if i in (0, len(whole) - 1):
                # Where a wire goes straight from its box, others may cross it.
                side = leaves.side if i == 0 else enters.side
                other = whole[1] if i == 0 and len(whole) > 1 else whole[-2] if len(whole) > 1 else None
                if other is None or _axis(side) == (0 if other[1] == point[1] else 1):
                    continue
            self.turns[point] = net
        if not isinstance(parent, Port):
            self.turns[points[-1]] = net
        for port in (leaves, enters):
            self.used.add((port.box, port.side, port.point))
        return Way(leaves, whole, enters)


def _axis(side: Side) -> int:
    return 0 if side in "EW" else 1


def _edge(a: Point, b: Point) -> tuple[Point, Point]:
    return (a, b) if a <= b else (b, a)


def _straight(a: Point, b: Point, c: Point) -> bool:
    return a[0] == b[0] == c[0] or a[1] == b[1] == c[1]
