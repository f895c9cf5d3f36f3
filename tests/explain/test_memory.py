"""How far a memory reaches, held against autograd run in another way, and against closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import latchwork as lw
from latchwork import cells
from latchwork.errors import DataError
from latchwork.explain.gates import gates
from latchwork.explain.memory import _others, gradient_flow, half_lives, influence, reach
from latchwork.explain.odds import log_odds
from latchwork.explain.sentences import flow_sentence, half_life_sentence, influence_sentence, words_sentence
from latchwork.explain.survey import Word
from latchwork.tasks.network import SequenceNetwork, Shape


def network(cell, **changes):
    torch.manual_seed(0)
    options = {"vocabulary": 20, "features": 5, "outputs": 3, "hidden_size": 6, **changes}
    if cell == "lstm_projected":
        options["options"] = {"proj_size": 4}
    return SequenceNetwork(cell, Shape(**options)).double().eval()


def rows(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(2, 20, n) for n in lengths]


def two_pieces(made, row, target):
    """‖∂loss/∂state‖ of each state at each distance: the layer run up to a step, and the rest from its state on."""
    layer = made.recurrent
    x = made.features(torch.from_numpy(row)[:, None])
    found = []
    for t in reversed(range(len(row))):
        with torch.no_grad():
            _, state = layer(x[: t + 1])
        states = [s.clone().requires_grad_() for s in (state if isinstance(state, tuple) else (state,))]
        end = states
        if t + 1 < len(row):
            _, final = layer(x[t + 1 :], tuple(states) if len(states) > 1 else states[0])
            end = final if isinstance(final, tuple) else (final,)
        loss = torch.nn.functional.cross_entropy(made.head(end[0][-1]), torch.tensor([target]))
        gradients = torch.autograd.grad(loss, states, allow_unused=True)
        found.append([0.0 if g is None else float(g.norm()) for g in gradients])
    return np.array(found)


@lw.cell
def own(x, h, slow):
    keep = lw.sigmoid(lw.affine(x, slow))
    slow = keep * slow + (1 - keep) * lw.tanh(lw.affine(x, h))
    h = lw.tanh(lw.linear(slow) + lw.affine(x))
    return h, slow


@pytest.mark.parametrize("cell", [*cells.names(), own], ids=str)
def test_gradient_flow_is_the_gradient_by_the_state_that_is_handed_on(cell):
    made = network(cell)
    data, targets = rows([7, 4, 7]), [0, 2, 1]
    found = gradient_flow(made, data, targets)
    each = [two_pieces(made, row, target) for row, target in zip(data, targets, strict=True)]
    assert found.distance.tolist() == list(range(7))
    for distance in range(7):
        long = [one for one in each if len(one) > distance]
        end = sum(np.linalg.norm(one[0]) for one in long)
        together = sum(np.linalg.norm(one[distance]) for one in long) / end
        assert found.together[distance] == pytest.approx(together, rel=1e-5)
        for place, shares in enumerate(found.states.values()):
            assert shares[distance] == pytest.approx(sum(one[distance, place] for one in long) / end, rel=1e-5)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_gradient_flow_of_torchs_own_layers(kind):
    made = network(kind.lower())
    theirs = getattr(torch.nn, kind)(5, 6).double()
    theirs.load_state_dict(made.recurrent.state_dict())
    data, targets = rows([9, 9]), [1, 2]
    found = gradient_flow(made, data, targets)
    made.recurrent = theirs
    each = [two_pieces(made, row, target) for row, target in zip(data, targets, strict=True)]
    whole = sum(np.linalg.norm(one, axis=1) for one in each)
    assert found.together == pytest.approx(whole / whole[0], rel=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("changes", [{}, {"bidirectional": True, "num_layers": 2}], ids=str)
def test_pooling_does_not_count_as_memory(pooling, changes):
    data, targets = rows([7, 4]), [0, 2]
    pooled = gradient_flow(network("lstm", pooling=pooling, **changes), data, targets)
    plain = gradient_flow(network("lstm", **changes), data, targets)
    assert pooled.together == pytest.approx(plain.together, rel=1e-12)
    assert (pooled.pooled, plain.pooled) == (True, False)
    assert flow_sentence("lstm", pooled) == (
        flow_sentence("lstm", plain)
        + " It is followed from what the last step puts out alone, without the pooling over steps."
    )


def test_a_memory_that_forgets_all_is_not_kept_by_pooling():
    @lw.cell
    def blank(x, h):
        h = 0 * h + lw.linear(x)
        return h

    found = gradient_flow(network(blank, pooling="mean"), rows([5]), [1])
    assert found.together.tolist() == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("changes", [{"num_layers": 2}, {"bidirectional": True}, {"vocabulary": None}])
def test_flow_and_influence_of_other_networks(changes):
    made = network("gru", **changes)
    data = rows([6, 1, 3])
    if made.embedding is None:
        data = [np.random.default_rng(0).normal(size=(len(row), 5)) for row in data]
    flow, moves = gradient_flow(made, data, [0, 1, 2]), influence(made, data)
    assert flow.together[0] == pytest.approx(1)
    assert np.isfinite(flow.together).all()
    assert len(flow.distance) == len(moves.distance) == 6
    assert (moves.gradient > 0).all()


def test_the_flow_of_a_leaky_unit_in_closed_form():
    """h = 0.8 h + W x hands on 0.8 of the gradient a step: 1 % is reached after ln 0.01 / ln 0.8 steps."""

    @lw.cell
    def leaky(x, h):
        h = 0.8 * h + lw.linear(x)
        return h

    found = gradient_flow(network(leaky), rows([30, 30]), [0, 1])
    assert found.together == pytest.approx(0.8 ** np.arange(30), rel=1e-9)
    assert found.reach == pytest.approx(math.log(0.01) / math.log(0.8), rel=1e-9)
    assert gradient_flow(network(leaky), rows([20]), [0]).reach is None


def test_a_padded_row_is_as_it_is_alone():
    made = network("lstm")
    data = rows([3, 8])
    both = gradient_flow(made, data, [1, 1]).together
    parts = [two_pieces(made, row, 1) for row in data]
    assert both[7] == pytest.approx(np.linalg.norm(parts[1][7]) / np.linalg.norm(parts[1][0]))


def test_influence_is_the_gradient_and_the_change_of_the_score():
    made = network("gru")
    data = rows([6])
    found = influence(made, data)
    features = made.features(torch.from_numpy(data[0])[:, None]).detach().requires_grad_()
    scores = made(features, torch.tensor([6]), True)
    (gradient,) = torch.autograd.grad(log_odds(scores, scores.argmax(1)).sum(), features)
    assert found.gradient == pytest.approx(gradient[:, 0].norm(dim=-1).flip(0).numpy())
    assert found.probed == 1
    assert found.replaced is not None
    assert (found.replaced >= 0).all()
    assert influence(made, data).replaced == pytest.approx(found.replaced)  # the same seed, the same steps


def test_replacing_an_input_of_a_leaky_unit_in_closed_form():
    """h = 0.5 h + x over steps of 0 and 1: each is replaced by the other, which counts 2 · 0.5 ** distance."""

    @lw.cell
    def leaky(x, h):
        h = 0.5 * h + lw.linear(x)
        return h

    made = network(leaky, vocabulary=None, features=1, outputs=2, hidden_size=1)
    with torch.no_grad():
        made.recurrent.weight_ih_l0.fill_(1)
        made.head.weight.copy_(torch.tensor([[0.0], [2.0]]))
    rng = np.random.default_rng(0)
    found = influence(made, [rng.integers(0, 2, (6, 1)).astype(float) for _ in range(150)])
    assert found.gradient == pytest.approx(2 * 0.5 ** np.arange(6))
    assert found.replaced == pytest.approx(2 * 0.5 ** np.arange(6))


def test_an_input_that_the_network_does_not_see_has_no_influence():
    made = network("gru", vocabulary=None)
    with torch.no_grad():
        made.recurrent.weight_ih_l0.zero_()
    found = influence(made, [np.random.default_rng(0).normal(size=(4, 5))])
    assert (found.gradient == 0).all()
    assert (found.replaced == 0).all()


def test_one_step_of_data():
    made = network("lstm")
    moves, flow = influence(made, rows([1])), gradient_flow(made, rows([1]), [0])
    assert moves.replaced is None
    assert flow.together.tolist() == [1.0]
    assert "All words of the data are the same" in influence_sentence("lstm", moves, "word")
    assert flow_sentence("lstm", flow) == (
        "lstm: the gradient is known at the end alone, as no row has more than one step."
    )


@given(st.lists(st.floats(0.05, 0.999), min_size=1, max_size=5), st.integers(1, 6), st.integers(1, 3))
def test_half_lives(keeps, steps, size):
    keep = torch.tensor(keeps, dtype=torch.float64).expand(steps, size, len(keeps))
    found = half_lives(keep)
    assert found.shape == (len(keeps),)
    assert np.array(keeps) ** found == pytest.approx(np.full(len(keeps), 0.5))


def test_half_lives_leave_padding_out_and_know_never():
    keep = torch.tensor([[[0.5, 1.0], [0.25, 1.0]], [[0.5, 1.0], [0.0, 0.0]]])
    assert half_lives(keep, torch.tensor([2, 1])).tolist() == pytest.approx(
        [math.log(0.5) / np.mean(np.log([0.5, 0.5, 0.25])), math.inf]
    )
    assert half_lives(torch.zeros(1, 1, 1))[0] == pytest.approx(math.log(2) / math.log(1e6))
    with pytest.raises(DataError, match="no step"):
        half_lives(keep, torch.tensor([0, 0]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_reach_lies_before_the_first_share_below_one_percent(shares):
    shares = np.array([1.0, *shares])
    found = reach(shares)
    low = np.flatnonzero(shares <= 0.01)
    if not len(low):
        assert found is None
    else:
        assert low[0] - 1 <= found <= low[0]


def test_sentences_claim_what_was_measured():
    made = network("lstm")
    flow = gradient_flow(made, rows([40, 40]), [0, 1])
    assert flow_sentence("LSTM", flow).startswith(f"LSTM: the gradient falls to 1 % within {flow.reach:.1f} steps")
    short = gradient_flow(made, rows([3]), [0])
    assert "of the gradient is left 2 steps back, the furthest measured" in flow_sentence("LSTM", short, flow)
    assert "before training, it fell to 1 %" in flow_sentence("LSTM", short, flow)
    lives = np.array([1.0, 2.0, math.inf])
    assert half_life_sentence("LSTM", lives, "forget gate") == (
        "LSTM: by its forget gate alone, the typical unit forgets half of what it holds within 2 steps; "
        "the slowest never forgets anything."
    )
    assert half_life_sentence("LSTM", np.array([0.98, 1.02]), "forget gate").endswith(
        "within 1 step; the slowest takes 1 step."
    )
    assert "no gate" in half_life_sentence("RNN", None, None)
    assert "in the place of the one 2 before it, the furthest" in influence_sentence(
        "LSTM", influence(made, rows([3])), "word"
    )


def test_bad_input_is_refused_in_words():
    made = network("rnn")
    with pytest.raises(DataError, match="2 rows and 1 targets"):
        gradient_flow(made, rows([2, 2]), [0])
    with pytest.raises(DataError, match="no row has a step"):
        influence(made, rows([0]))
    with torch.no_grad():
        made.head.weight.zero_()
    with pytest.raises(DataError, match="does not depend on the memory"):
        gradient_flow(made, rows([2]), [0])


def test_a_rare_other_step_is_found():
    pool = np.zeros(10_000, dtype=np.int64)
    pool[1234] = 1
    assert _others(pool, np.array([0, 0, 1]), np.random.default_rng(0))[:2].tolist() == [1234, 1234]
    wide = np.stack([pool, pool * 0], 1).astype(float)
    assert _others(wide, np.zeros((1, 2)), np.random.default_rng(0)).tolist() == [1234]


def test_before_training_something_was_left():
    made = network("lstm")
    short = gradient_flow(made, rows([3]), [0])
    assert "; before training, " in flow_sentence("LSTM", short, short)
    assert "of the gradient was left 2 steps back" in flow_sentence("LSTM", short, short)


KEEP, KEEP_LESS = gates(cells.get("lstm").graph).keep, gates(cells.get("mgu").graph).keep


@pytest.mark.parametrize(
    ("gate", "keeps", "lets_go", "said"),
    [
        (
            KEEP,
            Word("great", 0.57, 50, 0.01),
            Word("but", 0.36, 50, 0.01),
            (
                "lstm: the forget gate lets most go at “but”, where it stands at 36 % and lets least go at “great”, "
                "where it stands at 57 %; it stands at 48 % on average."
            ),
        ),
        (
            KEEP_LESS,
            Word("great", 0.5, 50, 0.01),
            Word("but", 0.36, 50, 0.01),
            ("lstm: the forget gate lets most go at “but”, where it stands at 64 %; it stands at 52 % on average."),
        ),
        (
            KEEP,
            Word("great", 0.57, 20, 0.03),
            Word("but", 0.47, 900, 0.0001),
            ("lstm: where the forget gate stands hardly differs from word to word; it is 48 % on average."),
        ),
    ],
)
def test_words_are_told_apart_only_where_they_differ(gate, keeps, lets_go, said):
    assert words_sentence("lstm", gate, [keeps], [lets_go], 0.48) == said
    assert words_sentence("lstm", gate, [], [], 0.48) is None
