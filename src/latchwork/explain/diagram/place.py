"""Where each part stands, in columns and rows.

Time runs from left to right: a part stands no further left than what it is computed from. The rails run along the
top; the gates stand in one row above the bus, in the order of what they feed; what computes with them stands between,
above the gate it uses.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from latchwork.explain.diagram.parts import Drawing, Part
from latchwork.explain.diagram.rails import Rail


@dataclass(eq=False)
class Places:
    """column and row of each part, counted from 0; rows downwards."""

    at: dict[Part, tuple[int, int]] = field(default_factory=dict)

    @property
    def columns(self) -> int:
        return 1 + max(column for column, _ in self.at.values())

    @property
    def rows(self) -> int:
        return 1 + max(row for _, row in self.at.values())


def place(drawing: Drawing, rails: list[Rail]) -> Places:
    """Give every part its place; no two share one."""
    rows = _Rows(drawing, rails)
    columns = _columns(drawing, rails, rows)
    taken_rows = sorted(set(rows.of.values()))
    number = {row: i for i, row in enumerate(taken_rows)}
    return Places({part: (columns[part], number[rows.of[part]]) for part in drawing.parts})


class _Rows:
    """The row of each part. Row 0 is the main rail's; what is above has negative numbers."""

    def __init__(self, drawing: Drawing, rails: list[Rail]) -> None:
        self.drawing = drawing
        self.users = drawing.users()
        self.rail_of: dict[Part, int] = {p: i for i, rail in enumerate(rails) for p in rail.parts}
        self.of: dict[Part, int] = {p: -2 * i for p, i in self.rail_of.items()}
        self.entry = self._entry()
        self.after = self._reachable(list(self.rail_of), forwards=True)
        self.gates = [p for p in drawing.inner if p.low and p not in self.of]
        free = [p for p in drawing.inner if p not in self.of and p not in self.entry and not p.low and not p.is_bus]
        self.over = [p for p in free if self._goes_over(p)]
        for part in self.over:
            self.of[part] = -2 * self.rail_of[self.users[part][0]] - 1
        self._between([p for p in free if p not in self.over])
        self._lanes()

    def _entry(self) -> set[Part]:
        """What is done to a state before the gates read it: buses, and masks of recurrent dropout."""
        drawing = self.drawing
        found = {drawing.input, *drawing.states}
        for part in drawing.inner:
            if part in self.of or not set(part.inputs) <= found:
                continue
            read_by_gates = all(u.is_bus or u.low or u in found for u in self.users[part])
            if part.is_bus or (part.kind == "function" and part.inputs and self.users[part] and read_by_gates):
                found.add(part)
        return found - {drawing.input, *drawing.states}

    def _reachable(self, start: list[Part], forwards: bool) -> set[Part]:
        seen: set[Part] = set()
        front = list(start)
        while front:
            part = front.pop()
            for other in self.users[part] if forwards else part.inputs:
                if other not in seen:
                    seen.add(other)
                    front.append(other)
        return seen

    def _goes_over(self, part: Part) -> bool:
        """Whether it leads from a rail back to the same rail, and so has its place above it."""
        ends = {self.rail_of.get(p) for p in (*part.inputs, *self.users[part])}
        return len(part.inputs) == 1 and len(self.users[part]) == 1 and len(ends) == 1 and None not in ends

    def _between(self, parts: list[Part]) -> None:
        """Rows of what stands between the rail and the gates."""
        before_rail = self._reachable(list(self.rail_of), forwards=False)
        inside = set(parts)
        downwards = [p for p in parts if p in self.after and p not in before_rail]
        for part in downwards:  # what is read off the rail goes down from it
            given = [i for i in part.inputs if i in self.of and not i.low]
            self.of[part] = max((max(0, self.of[i]) + (not self._goes_on(i, part)) for i in given), default=1)
        feeding: set[Part] = set()  # what only gates use
        for part in reversed(parts):
            users = [u for u in self.users[part] if u.kind != "result"]
            if part not in self.of and users and all(u.low or u.is_bus or u in feeding for u in users):
                feeding.add(part)
        for part in reversed(parts):  # what the rail takes up goes up to it
            if part not in self.of and part not in feeding:
                users = [u for u in self.users[part] if u in self.of and u in inside]
                self.of[part] = max((self.of[u] + (not self._beside(part, u)) for u in users), default=1)
        deepest = max((0, *self.of.values()))
        depth: dict[Part, int] = {}
        for part in parts:
            if part in feeding:
                depth[part] = 1 + max((depth[i] for i in part.inputs if i in depth), default=0)
        for part, d in depth.items():  # the first step nearest to the gates
            self.of[part] = deepest + 1 + max(depth.values()) - d

    def _beside(self, part: Part, user: Part) -> bool:
        """Whether ``part`` has its place at the left of ``user`` rather than below it, where a gate comes up."""
        return [i for i in user.inputs if not i.low] == [part] and len(user.inputs) > 1

    def _goes_on(self, part: Part, user: Part) -> bool:
        """Whether ``user`` has its place at the right of ``part`` rather than below it, where a gate comes up."""
        return any(i.low for i in part.inputs) and part not in self.rail_of and not any(i.low for i in user.inputs)

    def _lanes(self) -> None:
        """Rows of the gates, and below them of the buses, of the states that have no rail, and of the input."""
        drawing = self.drawing
        lowest = max((0, *self.of.values())) if self.of else -1
        if self.gates:
            lowest += 1
            for part in self.gates:
                self.of[part] = lowest
        lane = lowest
        states = [s for s in drawing.states if s not in self.of]
        buses = [p for p in drawing.inner if p.is_bus and p not in self.of]
        for bus in buses:
            joined = [self.of[i] for i in bus.inputs if i.is_bus and i in self.of]
            lane += not joined
            self.of[bus] = joined[0] if joined else lane
            for state in [s for s in states if s in self._reachable([bus], forwards=False)][: not joined]:
                self.of[state] = lane
                states.remove(state)
        for part in drawing.inner:  # a mask stands on the lane that it leads to
            if part in self.entry and part not in self.of:
                led = [self.of[u] for u in self.users[part] if u in self.of and u.is_bus]
                if not led:
                    lane += 1
                self.of[part] = led[0] if led else lane
        for state in states:
            lane += 1
            self.of[state] = lane
        for state, result in zip(drawing.states, drawing.results, strict=True):
            self.of.setdefault(result, self.of[state])
        self.of[drawing.input] = max(lane, *self.of.values()) + 1


def _columns(drawing: Drawing, rails: list[Rail], rows: _Rows) -> dict[Part, int]:
    spines = _Spines(drawing, rails, rows)
    spines.run()
    columns = spines.columns
    _close_up(drawing, rows, columns, spines.first)
    last = 1 + max(columns.values())
    for result in drawing.results:
        columns[result] = last
    users = [u for u in rows.users[drawing.input] if u.is_bus] or rows.users[drawing.input]
    columns[drawing.input] = max(1, min(columns[u] for u in users))
    return columns


class _Spines:
    """Columns of the inner parts: a part stands above the last of its inputs, or opens a column to the right."""

    def __init__(self, drawing: Drawing, rails: list[Rail], rows: _Rows) -> None:
        self.drawing = drawing
        self.rails = rails
        self.rows = rows
        self.columns: dict[Part, int] = {}
        self.cells: set[tuple[int, int]] = set()
        self._entries()
        self.first = 1 + max(self.columns.values())
        self.end = self.first  # the next free column
        self.covered: set[Part] = set()  # parts that something stands above
        self.waiting: set[Part] = set()  # parts that go to the column of what uses them

    def put(self, part: Part, column: int) -> None:
        """Give ``part`` the first free place from ``column`` to the right."""
        while (column, self.rows.of[part]) in self.cells:
            column += 1
        self.columns[part] = column
        self.cells.add((column, self.rows.of[part]))

    def _entries(self) -> None:
        """The states at the left, and what is done to them before the gates read them."""
        for state in self.drawing.states:
            self.put(state, 0)
        for part in self.drawing.inner:
            if part in self.rows.entry:
                self.put(part, 1 + max((self.columns[i] for i in part.inputs if i in self.columns), default=0))

    def run(self) -> None:
        for part in self._order():
            if part not in self.columns and part.kind in ("gate", "map", "function", "joint", "valve"):
                if self._waits(part):
                    self.waiting.add(part)
                else:
                    self._put(part)

    def _order(self) -> list[Part]:
        """Every inner part after its inputs, those of the rails first."""
        done: dict[Part, None] = {}

        def visit(root: Part) -> None:
            stack = [(root, iter(root.inputs))]
            while stack:
                part, pending = stack[-1]
                following = next((p for p in pending if p not in done), None)
                if following is None:
                    stack.pop()
                    done.setdefault(part)
                else:
                    stack.append((following, iter(following.inputs)))

        for rail in self.rails:
            for part in rail.parts:
                visit(part)
        for part in (*self.drawing.results, *self.drawing.inner):
            visit(part)
        return list(done)

    def _waits(self, part: Part) -> bool:
        """Whether it reads the rails alone, so that it goes to the column of what uses it."""
        users = self.rows.users[part]
        return (
            len(users) == 1
            and not part.low
            and not part.is_bus
            and part not in self.rows.rail_of
            and part not in self.rows.over
            and users[0].kind in ("joint", "valve", "function", "gate", "map")
            and users[0] not in self.rows.rail_of
            and bool(part.inputs)
            and all(i in self.rows.rail_of or i.kind in ("state", "input") or i in self.waiting for i in part.inputs)
        )

    def _put(self, part: Part) -> None:
        column = self._column(part)
        self.put(part, column)
        column = self.columns[part]
        self.end = max(self.end, column + 1)
        waiting = [i for i in part.inputs if i in self.waiting]
        while waiting:
            other = waiting.pop()
            self.waiting.remove(other)
            self.put(other, self.end if (column, self.rows.of[other]) in self.cells else column)
            self.end = max(self.end, self.columns[other] + 1)
            waiting.extend(i for i in other.inputs if i in self.waiting)

    def _column(self, part: Part) -> int:
        rows, row = self.rows, self.rows.of[part]
        if part.low or part in rows.over:
            return self.end
        below = [i for i in part.inputs if i in self.columns and self.columns[i] >= self.first]
        rail = rows.rail_of.get(part)
        beside = [i for i in below if rail is None or rows.rail_of.get(i) != rail]
        furthest = max((self.columns[i] for i in below), default=self.first - 1)
        for source in sorted(beside, key=lambda i: -self.columns[i]):
            column = self.columns[source]
            if column < furthest or source in self.covered or (column, row) in self.cells:
                continue
            if rail is not None and rows.rail_of.get(source) is not None:
                continue
            low, high = sorted((row, rows.of[source]))
            between = {(column, r) for r in range(low + 1, high)}
            if not between & self.cells:
                self.covered.add(source)
                self.cells |= between  # the wire from one to the other runs there
                return column
        return self.end


def _close_up(drawing: Drawing, rows: _Rows, columns: dict[Part, int], first: int) -> None:
    """Let neighbouring columns become one where what stands in them is one above the other."""
    spans: list[tuple[int, set[Part]]] = []
    by_column: dict[int, set[Part]] = {}
    for part in drawing.inner:
        if columns[part] >= first:
            by_column.setdefault(columns[part], set()).add(part)
    for column in sorted(by_column):
        parts = by_column[column]
        if spans and _apart(spans[-1][1], parts, rows):
            spans[-1][1].update(parts)
        else:
            spans.append((column, parts))
    for number, (_, parts) in enumerate(spans):
        for part in parts:
            columns[part] = first + number


def _apart(left: set[Part], right: set[Part], rows: _Rows) -> bool:
    """Whether the parts of two columns stand in rows that do not meet, and none feeds another."""
    a, b = [rows.of[p] for p in left], [rows.of[p] for p in right]
    if not (max(a) < min(b) or max(b) < min(a)):
        return False
    return not any(set(p.inputs) & left for p in right)
