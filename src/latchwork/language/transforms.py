"""Changes to any cell: layer norm, zoneout, recurrent dropout, peepholes, projection, no biases.

Each takes a graph and gives a graph, so every backend, trace, formula and export follows without knowing of it.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping

from latchwork.errors import ConfigError
from latchwork.language.cell import Cell
from latchwork.language.graph import Graph, ordered
from latchwork.language.value import Value, apply


def variant(
    cell: Cell,
    *,
    peephole: bool = False,
    layer_norm: bool = False,
    projected: bool = False,
    recurrent_dropout: float = 0.0,
    zoneout: float | Mapping[str, float] = 0.0,
    bias: bool = True,
) -> Cell:
    """The cell with the named changes, applied in this order; the cell itself if there are none.

    Raises:
        ConfigError: a change makes no sense for this cell, or a rate is outside 0…1.
    """
    graph = cell.graph
    changes: list[str] = []
    if not bias:
        graph = without_bias(graph)
        changes.append("bias=False")
    if peephole:
        graph = with_peephole(graph, cell.name)
        changes.append("peephole=True")
    if layer_norm:
        graph = with_layer_norm(graph, cell.name)
        changes.append("layer_norm=True")
    if projected:
        graph = with_projection(graph, cell.name)
        changes.append("projected")
    if recurrent_dropout:
        graph = with_recurrent_dropout(graph, _rate("recurrent_dropout", recurrent_dropout))
        changes.append(f"recurrent_dropout={recurrent_dropout:g}")
    if isinstance(zoneout, Mapping) or zoneout:
        graph = with_zoneout(graph, zoneout, cell.name)
        changes.append(f"zoneout={zoneout}")
    if not changes:
        return cell
    return Cell(f"{cell.name}({', '.join(changes)})", cell.doc, graph)


def without_bias(graph: Graph) -> Graph:
    """Every ``affine`` becomes ``linear``."""

    def replace(value: Value, inputs: tuple[Value, ...]) -> Value | None:
        return Value("map", inputs, call=value.attributes["call"], bias=False) if value.op == "map" else None

    return graph.rewritten(replace)


def with_layer_norm(graph: Graph, cell: str) -> Graph:
    """Layer normalisation as in Ba, Kiros & Hinton 2016 (arXiv 1607.06450), for any cell.

    Every learned map is normalised over its units, its bias giving way to the norm's; and a carried state other than
    the output, such as LSTM's ``c``, is normalised where the step reads its new value.

    Raises:
        ConfigError: the cell has layer norm of its own.
    """
    if any(value.op == "layer_norm" for value in graph.order):
        raise ConfigError(f"{cell} has layer norm of its own already; leave layer_norm=True out")
    carried = set(graph.results[1:])
    normalised: dict[Value, Value] = {}

    def replace(value: Value, inputs: tuple[Value, ...]) -> Value | None:
        for old, new in zip(value.inputs, inputs, strict=True):
            if old in carried:
                normalised.setdefault(old, apply("layer_norm", new))
        read = tuple(normalised.get(old, new) for old, new in zip(value.inputs, inputs, strict=True))
        if value.op == "map":
            return apply("layer_norm", Value("map", read, call=value.attributes["call"], bias=False))
        return None if read == inputs else Value(value.op, read, value.name, **value.attributes)

    return graph.rewritten(replace)


def with_peephole(graph: Graph, cell: str) -> Graph:
    """Peephole connections as in Gers & Schmidhuber 2000: each sigmoid gate sees the cell state, a weight per unit.

    Gates that the new cell state depends on see the previous one, the others the new one.

    Raises:
        ConfigError: the cell has no state beside its output, or has peepholes of its own.
    """
    if len(graph.states) < 2:
        raise ConfigError(
            f"peephole=True needs a cell state beside the output, and {cell} has only "
            f"`{graph.states[0].name}`; use it with lstm and its kind"
        )
    old_state, new_state = graph.states[1], graph.results[1]
    for value in graph.order:
        if (
            value.op == "mul"
            and any(i.op == "vector" for i in value.inputs)
            and {old_state, new_state} & {*value.inputs}
        ):
            raise ConfigError(f"{cell} has peepholes of its own already; leave peephole=True out")
    before: set[Value] = set()
    front = [new_state]
    while front:
        value = front.pop()
        if value not in before:
            before.add(value)
            front.extend(value.inputs)
    new: dict[Value, Value] = {}

    def replace(value: Value, inputs: tuple[Value, ...]) -> Value | None:
        if value is new_state:
            rebuilt = value if inputs == value.inputs else Value(value.op, inputs, value.name, **value.attributes)
            new[value] = rebuilt
            return rebuilt
        if value.op != "sigmoid":
            return None
        seen = old_state if value in before else new[new_state]
        return apply("sigmoid", inputs[0] + Value("vector", low=None, high=None) * seen)

    # The new cell state first, so that the gates which see it are rewritten after it.
    return graph.rewritten(replace, order=ordered((new_state, *graph.order)))


def with_projection(graph: Graph, cell: str) -> Graph:
    """The output state is projected to P numbers, as in Sak, Senior & Beaufays 2014 (arXiv 1402.1128).

    Raises:
        ConfigError: the cell's output is projected already, or it meets its old value unit by unit.
    """
    if any(value.op == "project" for value in graph.order):
        raise ConfigError(f"{cell} has a projection of its own already; give its size and no other option")
    state = graph.states[0]
    unit_by_unit = [user for user in graph.users[state] if user.op != "map"]
    if unit_by_unit or any(graph.output in (i for i in u.inputs) for u in graph.order):
        raise ConfigError(
            f"{cell} uses its output state `{state.name}` unit by unit, so it cannot have another size; "
            "proj_size is for cells whose memory is another state, as lstm and its kind"
        )
    result = apply("project", graph.output)
    return _with_results(graph, (result, *graph.results[1:]))


def with_recurrent_dropout(graph: Graph, rate: float) -> Graph:
    """Dropout of what the step's maps read of the previous states, one mask per sequence, as in Gal & Ghahramani 2016
    (arXiv 1512.05287)."""
    masked: dict[Value, Value] = {}

    def replace(value: Value, inputs: tuple[Value, ...]) -> Value | None:
        if value.op != "map" or graph.stages[value] < 1:
            return None
        (source,) = inputs
        if source not in masked:
            mask = Value("bernoulli", rate=1 - rate, each_step=False, stream=_streams(graph) + len(masked))
            masked[source] = source * (mask / (1 - rate))
        return Value("map", (masked[source],), **value.attributes)

    return graph.rewritten(replace)


def with_zoneout(graph: Graph, rate: float | Mapping[str, float], cell: str) -> Graph:
    """Each unit keeps its previous state with probability ``rate``, as in Krueger et al. 2017 (arXiv 1606.01305).

    Args:
        rate: one rate for all states, or a rate for each named state. In evaluation the expectation is taken.
    """
    names = [state.name or "" for state in graph.states]
    rates = dict(rate) if isinstance(rate, Mapping) else dict.fromkeys(names, rate)
    unknown = [name for name in rates if name not in names]
    if unknown:
        raise ConfigError(f"zoneout names `{unknown[0]}`, but the states of {cell} are: {', '.join(names)}")
    results = []
    stream = _streams(graph)
    for name, state, result in zip(names, graph.states, graph.results, strict=True):
        p = _rate("zoneout", rates.get(name, 0.0))
        if p:
            keep = Value("bernoulli", rate=p, each_step=True, stream=stream)
            result = keep * state + (1 - keep) * result
            stream += 1
        results.append(result)
    return _with_results(graph, tuple(results))


def _with_results(graph: Graph, results: tuple[Value, ...]) -> Graph:
    """``graph`` with other new states, which take over the states' names."""
    names = dict(graph.names)
    for state, old, new in zip(graph.states, graph.results, results, strict=True):
        if new is not old:
            assert state.name
            new.name = state.name
            names[state.name] = new
    return graph.regrouped(results, names)


def _streams(graph: Graph) -> int:
    """How many random masks the graph has: the number of the next."""
    return sum(value.op == "bernoulli" for value in graph.order)


def _rate(option: str, rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, numbers.Real) or not 0 <= float(rate) < 1:
        raise ConfigError(f"{option} must be a probability, at least 0 and below 1, but is {rate!r}")
    return float(rate)
