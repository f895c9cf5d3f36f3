"""What the kernels keep, in how many phases they run, and that every phase reads what is there."""

from __future__ import annotations

import gc
import time
import weakref

import pytest

from kernel_runs import Case, assert_true
from latchwork import affine, cell, cells, linear, maximum, tanh
from latchwork.kernels.emit import source
from latchwork.kernels.plan import Buffer, Phase, Plan, Program, plan
from latchwork.language.cell import Cell
from latchwork.language.graph import Graph
from latchwork.language.ops import OPS
from latchwork.language.serial import from_data, to_data
from latchwork.language.transforms import variant
from latchwork.language.value import Value
from support import CHANGES, ODD_CELLS, possible_changes

GIVEN = {"input", "vector", "previous", "incoming", "grad_output", "grad_trace"}  # from outside of a program


def every_graph():
    for name in cells.names():
        yield name, cells.get(name).graph
        for change in possible_changes(name):
            options = {"projected": True} if change == "proj_size" else {change: CHANGES[change]}
            yield f"{name} {change}", variant(cells.get(name), **options).graph
    for odd in ODD_CELLS:
        yield odd.name, odd.graph


GRAPHS = dict(every_graph())
PLANS = pytest.mark.parametrize("made", [plan(g, t) for g in GRAPHS.values() for t in (False, True)],
                                ids=[f"{n}{' traced' * t}" for n in GRAPHS for t in (False, True)])  # fmt: skip


def kept(name: str) -> list[str]:
    """The names of what is saved, or the op of what has none."""
    made = plan(cells.get(name).graph)
    names = {value: key for key, value in made.graph.names.items()}
    return [names.get(value, value.op) for value in made.saved]


@pytest.mark.parametrize(
    ("name", "saved"),
    {
        "lstm": {"input", "forget", "candidate", "output"},
        "lstm_peephole": {"input", "forget", "candidate", "output"},
        "lstm_coupled": {"forget", "candidate", "output"},
        "rnn": set(),
        "rnn_relu": set(),
        "indrnn": set(),
    }.items(),
)
def test_what_is_saved_of_a_step(name, saved):
    assert set(kept(name)) == saved
    assert len(kept(name)) == len(saved)


def test_the_gru_saves_its_gates_its_candidate_and_the_part_that_reset_multiplies():
    assert sorted(kept("gru")) == ["candidate", "map", "reset", "update"]


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [("lstm", 1, 2), ("gru", 1, 2), ("rnn", 1, 2), ("rnn_relu", 1, 2), ("indrnn", 1, 1), ("lstm_coupled", 1, 2),
     ("lstm_projected", 2, 4), ("gru_reset_before", 2, 3), ("lstm_layer_norm", 3, 3), ("gru_layer_norm", 2, 3)],
)  # fmt: skip
def test_phases_of_a_step(name, forward, backward):
    made = plan(cells.get(name).graph)
    assert (len(made.forward.phases), len(made.backward.phases)) == (forward, backward)


def walks(name: str) -> list[int]:
    """How often each phase of the gradient walks over its rows: once for all means that do not wait for another."""
    made = plan(cells.get(name).graph)
    text = source(made).split('extern "C"')[1:]
    first = len(made.before.phases) + len(made.forward.phases)
    return [function.count("for (int64_t u = ") for function in text[first:]]


def test_the_means_of_a_gradient_are_summed_in_one_walk():
    assert walks("gru_layer_norm") == [1, 2, 1, 2, 1]
    # The cell state's norm, then the gates', whose gradients it is a part of; the input's norms after the loop.
    assert walks("lstm_layer_norm") == [1, 3, 1, 2, 1]


def test_the_loop_backward_asks_ahead_for_what_was_saved_and_no_other_phase_does():
    made = plan(cells.get("lstm_layer_norm").graph)
    loop = len(made.before.phases) + len(made.forward.phases)
    ends = loop + len(made.backward.phases)
    for i, function in enumerate(source(made).split('extern "C"')[1:]):
        assert ("load_ahead(" in function) == (loop <= i < ends - 1)  # the last multiplies and stores


def test_what_the_forward_pass_computed_is_not_computed_again_under_another_number():
    @cell
    def halves(x, h):
        first = tanh(linear(x) + 0.5 * linear(h))
        second = tanh(linear(x) + 0.5 * linear(h))
        h = first * second
        return h

    made = plan(halves.graph)
    primal = set(made.graph.order)
    tanhs = {v for program in made.programs for p in program.phases for v in program.used(p) if v.op == "tanh"}
    assert tanhs <= primal


def stores(phase: Phase) -> list[Buffer]:
    return [b for targets in (phase.targets, phase.optional) for buffers in targets.values() for b in buffers]


def reads(program: Program, phase: Phase) -> tuple[set[Buffer], set[Value]]:
    """The buffers that a phase reads, and the values that it reads as an earlier phase of the program stored them.

    Walked anew from the targets, so that a value which the planner forgot to store is found.
    """
    columns = {column.value for product in phase.products for column in product.columns}
    buffers = {segment for product in phase.products for segment in product.segments}
    stored: set[Value] = set()
    seen: set[Value] = set()
    stack = [*phase.targets, *phase.optional]
    while stack:
        value = stack.pop()
        if value in seen or value in columns:
            continue
        seen.add(value)
        if value in program.loads:
            buffers.add(program.loads[value])
        elif program.levels[value] < phase.level and any(value in p.targets for p in program.phases):
            stored.add(value)
        else:
            assert value.op == "mean" or value.op in ("constant", "bernoulli") or OPS[value.op].pointwise, value
            stack.extend(value.inputs)
    return buffers, stored


@PLANS
def test_no_buffer_is_stored_twice(made: Plan):
    for program in made.programs:
        every = [b for phase in program.phases for b in stores(phase)]
        assert len(every) == len(set(every))
    forward = {b for program in (made.before, made.forward) for phase in program.phases for b in stores(phase)}
    after = {b for program in (made.backward, made.after) for phase in program.phases for b in stores(phase)}
    assert not {b for b in forward & after if b.role != "step"}  # of steps each pass has buffers of its own


@PLANS
def test_everything_that_is_read_was_written(made: Plan):
    written: set[Buffer] = set()
    saved = {b for program in (made.before, made.forward) for phase in program.phases for b in stores(phase)}
    saved = {b for b in saved if b.role == "saved"}
    for program in made.programs:
        if program is made.backward:  # the gradient finds the states and what was saved, and nothing else
            needed = {made.numbers[v] for v in made.saved}
            written = {b for b in written if b.role == "next" or (b.role == "saved" and b.key in needed)}
        for phase in program.phases:
            buffers, values = reads(program, phase)
            for buffer in buffers:
                assert buffer in written or buffer.role in GIVEN, (phase.level, buffer)
            for value in values:
                first = next(p for p in program.phases if value in p.targets)
                assert first.level < phase.level
                assert set(first.targets[value]) <= written
            written |= set(stores(phase))
    for job in made.weight_gradients:
        assert job.gradient in written
        assert job.source in written or job.source.role in GIVEN
        assert job.source.letter != "1"
        assert job.gradient.letter != "1"
    for buffer in made.sums.values():
        assert buffer in written


@PLANS
def test_every_result_is_stored_and_every_weight_has_its_gradient(made: Plan):
    graph = made.graph
    stored = {b for program in made.programs for phase in program.phases for b in stores(phase)}
    letters = graph.state_sizes()
    assert {Buffer("next", i, letter) for i, letter in enumerate(letters)} <= stored
    assert {Buffer("outgoing", i, letter) for i, letter in enumerate(letters)} <= stored
    assert set(made.trace) == set(graph.traced)
    assert set(made.trace.values()) <= stored
    blocks = {(parameter.name, index) for parameter in made.layout.parameters for index in range(len(parameter.blocks))}
    slots = [job.slot for job in made.weight_gradients] + list(made.sums)
    reached = [(slot.name, slot.index) for slot in slots]
    assert len(reached) == len(set(reached)), "a block has one gradient"
    assert set(reached) <= blocks
    if graph in {plan(cells.get(name).graph).graph for name in cells.names()}:
        assert set(reached) == blocks, "of the zoo's weights, all have an effect"


@PLANS
def test_a_phase_is_of_one_level_and_one_size_and_its_products_are_too(made: Plan):
    for program in made.programs:
        assert [p.level for p in program.phases] == sorted(p.level for p in program.phases)
        assert len({(p.level, p.letter) for p in program.phases}) == len(program.phases)
        for phase in program.phases:
            assert phase.letter in "HPI"
            for product in phase.products:
                assert {len(column.slots) for column in product.columns} == {len(product.segments)}
                assert {made.letters(column.value) for column in product.columns} == {phase.letter}


def doublings(times: int) -> list[Cell]:
    """Cells whose sums have 2 ** ``times`` terms, written out."""

    @cell
    def sums(x, h):
        t = affine(x, h)
        for _ in range(times):
            t = t + t
        return tanh(t)

    @cell
    def sums_of_a_state(x, h):
        t = h
        for _ in range(times):
            t = t + t
        return tanh(affine(x) + linear(t / 2.0**times) + t / 2.0**times)

    @cell
    def fibonacci(x, h):
        s = linear(h)
        t = affine(x) + h
        for _ in range(times):
            s, t = t, (s + t) / 2
        return tanh(t)

    @cell
    def squares(x, h):
        t = affine(x, h)
        for _ in range(times):
            t = t * t
        return tanh(t)

    return [sums, sums_of_a_state, fibonacci, squares]


@pytest.mark.parametrize("made", doublings(30), ids=lambda made: made.name)
@pytest.mark.parametrize("traced", [False, True])
def test_sums_that_double_are_planned_in_no_time(made, traced):
    start = time.process_time()
    found = plan(made.graph, traced)
    text = source(found)
    assert time.process_time() - start < 1
    assert len(text) < 50_000
    assert len(found.buffers()) < 20


@pytest.mark.parametrize("made", doublings(5), ids=lambda made: made.name)
def test_sums_that_double_have_the_right_gradient(made):
    assert_true(Case(made.graph, T=3, scale=0.1))


def test_an_equal_cell_needs_no_plan_of_its_own():
    def made() -> Graph:
        return variant(cells.get("lstm"), layer_norm=True, zoneout={"c": 0.1}).graph

    first = made()
    known = plan(first)
    assert made() is first, "as long as it is in use"
    assert plan(made()) is known
    assert plan(from_data(to_data(Cell("other", "", first))).graph) is known, "read from a file"
    other = variant(cells.get("lstm"), layer_norm=True, zoneout={"c": 0.2}).graph
    assert plan(other) is not known


def test_names_and_the_sign_of_zero_tell_cells_apart():
    def made(zero: float) -> Graph:
        @cell
        def one(x, h):
            h = maximum(affine(x, h), zero)
            return h

        return one.graph

    @cell
    def other(x, h):
        gate = affine(x, h)
        h = maximum(gate, 0.0)
        return h

    assert made(0.0).signature == other.graph.signature
    assert plan(made(0.0)) is plan(made(0.0))
    assert plan(made(0.0)) is not plan(made(-0.0))
    assert plan(made(0.0)) is not plan(other.graph)
    assert set(plan(other.graph).trace) == {"gate", "h"}


def test_variants_that_nobody_uses_are_not_kept():
    plain = cells.get("gru")
    graph = weakref.ref(variant(plain, zoneout=0.125).graph)
    gc.collect()
    assert graph() is None


def test_a_plan_is_made_once():
    graph = cells.get("lstm").graph
    assert plan(graph) is plan(graph)
    assert plan(graph) is not plan(graph, True)
    assert len(set(plan(graph).buffers())) == len(plan(graph).buffers())
