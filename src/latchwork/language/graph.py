"""A cell's graph: its values in order, their names, sizes and stages.

Sizes are letters of the dimension legend: "I" the input's, "H" the units', "P" the projected size, and "1" for a
plain number. Stages say what must wait for what within a step:

- stage ``HOISTED``: what depends on the input alone, computed for all steps at once, before the loop;
- stage 0: the states of the previous step and what is computed from them alone, element by element;
- every learned map, mean over the units, ``layer_norm`` or ``project`` starts the stage after that of its source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from weakref import WeakValueDictionary

from latchwork.errors import CellError
from latchwork.language.ops import OPS
from latchwork.language.value import Value, describe, refuse

HOISTED = -1
_LEAVES = ("input", "state", "constant", "vector", "bernoulli")


@dataclass(frozen=True, eq=False)
class Graph:
    """What a cell computes in one step.

    Attributes:
        input: the step's input.
        states: the previous step's states.
        results: the new states, in the same order; the first is the output.
        names: every assigned name → its value, in the order of the cell's lines; the new states are under their names.
        sizes: the size letter of each value.
    """

    input: Value
    states: tuple[Value, ...]
    results: tuple[Value, ...]
    names: dict[str, Value]
    sizes: dict[Value, str] = field(repr=False)

    @staticmethod
    def build(x: Value, states: tuple[Value, ...], results: tuple[Value, ...], names: Mapping[str, Value]) -> Graph:
        """Check a traced cell and give its values their names and sizes. Raises CellError, with line and fix."""
        named = _new_names(x, states, results, names)
        reached = set(ordered(results))
        for state in (x, *states):
            if state not in reached:
                refuse(
                    f"`{state.name}` is never used",
                    "use it, or take it out of the arguments" if state is not x else "use it, as in affine(x, h)",
                )
        order = ordered((*named.values(), *results))
        for value in order:
            if value.op in ("map", "layer_norm", "project", "vector") and value not in reached:
                refuse(
                    f"{describe(value)} has weights, but no returned state depends on it",
                    "use it or take it out: its weights could not learn",
                    value.line,
                )
        for value in order:
            if value.op in ("input", "state") and value is not x and value not in states:
                refuse(f"{describe(value)} belongs to another cell", "use the arguments of this one", value.line)
        sizes = _sizes(order, states, results)
        for value in order:
            if value.op in ("map", "layer_norm", "project") and sizes[value.inputs[0]] == "1":
                refuse(
                    f"{describe(value)} is made of a plain number",
                    "give it values of the cell, such as x or a state",
                    value.line,
                )
        for name, value in named.items():
            if value.name is None:
                value.name = name
        return Graph(x, states, results, named, sizes)

    @cached_property
    def order(self) -> tuple[Value, ...]:
        """Every value, each after what it is computed from."""
        return ordered((*self.names.values(), *self.results))

    @cached_property
    def stages(self) -> dict[Value, int]:
        """The stage of each value."""
        stages: dict[Value, int] = {}
        for value in self.order:
            if value.op == "state":
                stages[value] = 0
            elif value.op in _LEAVES:
                # A mask drawn anew at each step stays in the loop, where it is never stored.
                stages[value] = 0 if value.attributes.get("each_step") else HOISTED
            else:
                latest = max(stages[i] for i in value.inputs)
                starts = value.op not in OPS or not OPS[value.op].pointwise
                stages[value] = latest + 1 if starts and latest > HOISTED else latest
        return stages

    @property
    def output(self) -> Value:
        """The new first state, which is the cell's output."""
        return self.results[0]

    @property
    def output_size(self) -> str:
        """ "H", or "P" where the output is projected."""
        return self.sizes[self.results[0]]

    def state_sizes(self) -> tuple[str, ...]:
        """The size letter of each state."""
        return tuple(self.sizes[state] for state in self.states)

    def label(self, value: Value) -> str:
        """The name of ``value``, or else of the nearest named value computed from it: what its weights are called."""
        front, seen = [value], {value}
        while front:
            for candidate in front:
                if candidate.name and candidate.op not in _LEAVES:
                    return candidate.name
            front = [u for v in front for u in self.users[v] if not (u in seen or seen.add(u))]  # type: ignore[func-returns-value]
        raise CellError(f"no returned state depends on {describe(value)}")

    @cached_property
    def users(self) -> dict[Value, list[Value]]:
        """The values that use each value, in order."""
        users: dict[Value, list[Value]] = {value: [] for value in self.order}
        for value in self.order:
            for source in dict.fromkeys(value.inputs):
                users[source].append(value)
        return users

    @cached_property
    def traced(self) -> dict[str, Value]:
        """What a trace shows: every assigned name that is computed unit by unit, and the new states, in order."""
        left_out = ("vector", "bernoulli")
        return {name: v for name, v in self.names.items() if v.op not in left_out and self.sizes[v] != "1"}

    def rewritten(
        self,
        replace: Callable[[Value, tuple[Value, ...]], Value | None],
        order: Iterable[Value] | None = None,
    ) -> Graph:
        """This graph with values replaced, as transforms need it.

        ``replace(value, inputs)`` is asked for each value in order, with its inputs already rewritten; None keeps it.
        The replacement takes over the value's name. ``order`` is the order of asking, each value after its inputs.
        """
        new: dict[Value, Value] = {}
        for value in order or self.order:
            inputs = tuple(new[i] for i in value.inputs)
            replacement = replace(value, inputs)
            if replacement is None:
                replacement = (
                    value if inputs == value.inputs else Value(value.op, inputs, value.name, **value.attributes)
                )
            elif replacement is not value and value.name and not replacement.name:
                replacement.name = value.name
            if replacement.line is None:
                replacement.line = value.line
            new[value] = replacement
        return self.regrouped([new[r] for r in self.results], {n: new[v] for n, v in self.names.items()})

    @cached_property
    def signature(self) -> tuple[tuple[object, ...], ...]:
        """What the graph computes, without its names: equal for graphs that compute the same in the same way."""
        order = ordered(self.results)
        number = {value: i for i, value in enumerate(order)}
        arguments = (self.input, *self.states)
        blocks: dict[Value, list[Value]] = {}
        for value in sorted((v for v in order if v.op == "map"), key=lambda v: int(v.attributes["call"])):
            blocks.setdefault(value.inputs[0], []).append(value)
        rows: list[tuple[object, ...]] = []
        for value in order:
            details: list[object] = [(k, v) for k, v in sorted(value.attributes.items()) if k != "call"]
            if value.op == "map":
                details.append(blocks[value.inputs[0]].index(value))
            if value in arguments:
                details.append(arguments.index(value))
            rows.append((value.op, *(number[i] for i in value.inputs), *details))
        return (*rows, tuple(number[r] for r in self.results))

    @cached_property
    def content(self) -> tuple[object, ...]:
        """What the graph computes and what its parts are called, lines aside: equal for equal cells."""
        order = tuple(dict.fromkeys((self.input, *self.states, *self.order)))
        number = {value: i for i, value in enumerate(order)}
        rows = [
            (value.op, value.name, *(number[i] for i in value.inputs), *_details(value.attributes)) for value in order
        ]
        results = tuple(number[r] for r in self.results)
        return (*rows, len(self.states), results, *((name, number[value]) for name, value in self.names.items()))

    @cached_property
    def canonical(self) -> Graph:
        """The first graph of this content that is in use: what is made for it serves for all of them."""
        return _in_use.setdefault(self.content, self)

    def regrouped(self, results: Iterable[Value], names: Mapping[str, Value]) -> Graph:
        """A graph with this one's arguments and the given results and names, sizes inferred anew.

        A name moves behind those that its value has come to depend on. The same change of one graph gives one graph, as
        long as it is in use: what is kept for a graph is found again.
        """
        results = tuple(results)
        order = ordered((*names.values(), *results))
        position = {value: i for i, value in enumerate(order)}
        named = dict(sorted(names.items(), key=lambda item: position[item[1]]))
        graph = Graph(self.input, self.states, results, named, _sizes(order, self.states, results))
        return _regrouped.setdefault((self.input, graph.content), graph)


_in_use: WeakValueDictionary[tuple[object, ...], Graph] = WeakValueDictionary()
_regrouped: WeakValueDictionary[tuple[Value, tuple[object, ...]], Graph] = WeakValueDictionary()


def _details(attributes: Mapping[str, object]) -> tuple[object, ...]:
    """Attributes as they can be compared: 0.0 and -0.0 are not the same number here, though they are equal."""
    return tuple((key, repr(v) if isinstance(v, float) else v) for key, v in sorted(attributes.items()))


def ordered(results: Iterable[Value]) -> tuple[Value, ...]:
    """Everything that ``results`` are computed from and they themselves, each value after its inputs."""
    done: dict[Value, None] = {}
    for result in results:
        stack = [(result, iter(result.inputs))]
        while stack:
            value, pending = stack[-1]
            following = next((i for i in pending if i not in done), None)
            if following is None:
                stack.pop()
                done.setdefault(value)
            else:
                stack.append((following, iter(following.inputs)))
    return tuple(done)


def _new_names(
    x: Value, states: tuple[Value, ...], results: tuple[Value, ...], names: Mapping[str, Value]
) -> dict[str, Value]:
    """The assigned names with the new states under their own, without the arguments that were not reassigned."""
    arguments = (x, *states)
    named = {n: v for n, v in names.items() if not any(v is a for a in arguments)}
    if x.name in named:
        refuse(
            f"`{x.name}` is the step's input and was assigned another value",
            "give that value a name of its own: a name means one value in traces and formulas",
            named[x.name].line,
        )
    for state, result in zip(states, results, strict=True):
        assert state.name
        if named.get(state.name, result) is not result:
            refuse(
                f"`{state.name}` was assigned one value and another is returned as the new state `{state.name}`",
                f"return {state.name}, or give the other value a name of its own",
                named[state.name].line,
            )
        named[state.name] = result
    return dict(sorted(named.items(), key=lambda item: item[1].serial))


def _sizes(order: tuple[Value, ...], states: tuple[Value, ...], results: tuple[Value, ...]) -> dict[Value, str]:
    """The size letter of each value, by unification. Raises CellError where two sizes meet."""
    parent: dict[Value, Value] = {v: v for v in order}
    known: dict[Value, str] = {}  # of each class's root

    def root(value: Value) -> Value:
        while parent[value] is not value:
            parent[value] = parent[parent[value]]
            value = parent[value]
        return value

    def join(a: Value, b: Value, where: Value) -> None:
        ra, rb = root(a), root(b)
        if ra is rb:
            return
        sa, sb = known.get(ra), known.get(rb)
        if sa and sb and sa != sb:
            _refuse_sizes(a, sa, b, sb, where)
        parent[rb] = ra
        if sb:
            known[ra] = sb

    numbers: set[Value] = set()
    for value in order:
        if value.op == "constant" or (value.op in OPS and all(i in numbers for i in value.inputs)):
            numbers.add(value)
    fixed = {"input": "I", "map": "H", "project": "P"}
    for value in order:
        if value.op in fixed:
            known[root(value)] = fixed[value.op]
    for value in order:
        if value.op in OPS or value.op == "layer_norm":
            for source in value.inputs:
                if value not in numbers and source not in numbers:
                    join(value, source, value)
    for state, result in zip(states, results, strict=True):
        if result in numbers or result.is_comparison:
            what = "true or false" if result.is_comparison else "a plain number"
            refuse(
                f"the new state `{state.name}` is {what}",
                "return a value computed from x and the states" + ", as where(a > b, 1, 0)" * result.is_comparison,
                result.line,
            )
        join(result, state, result)
        if known.get(root(state)) == "I":
            refuse(
                f"the state `{state.name}` would have the input's size",
                "map the input to the units first, as in affine(x) or linear(x)",
                result.line,
            )
    return {v: "1" if v in numbers else known.get(root(v), "H") for v in order}


_SIZE_WORDS = {"I": "the input's size", "H": "one number per unit", "P": "the projected size"}


def _refuse_sizes(a: Value, size_a: str, b: Value, size_b: str, where: Value) -> None:
    if where.op == "state":
        first, second = b, a
    else:
        first, second = a, b
    letters = {size_a, size_b}
    fix = (
        "map the input first, as in affine(x) or linear(x)"
        if "I" in letters
        else "make them one size: linear(value) gives one number per unit, project(value) the projected size"
    )
    refuse(
        f"{describe(first)} and {describe(second)} have different sizes "
        f"({_SIZE_WORDS[size_a if first is a else size_b]}; {_SIZE_WORDS[size_b if second is b else size_a]}) "
        f"and meet in `{where.name or where.op}`",
        fix,
        where.line,
    )
