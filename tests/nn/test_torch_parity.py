"""Against torch.nn itself, on every path: results, gradients, weights, names, printed form and error size."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

from latchwork import nn
from parity import EPSILON, Case, grad, largest, random_case, run_module, truth_of

PATHS = ["fused", "torch", "reference"]
STEP_PATHS = ["torch", "reference"]
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "RNN tanh": ("RNN", {}),
    "RNN relu": ("RNN", {"nonlinearity": "relu"}),
    "LSTM": ("LSTM", {}),
    "LSTM projected": ("LSTM", {"proj_size": 3}),
    "GRU": ("GRU", {}),
}
CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "RNNCell tanh": ("RNNCell", {}),
    "RNNCell relu": ("RNNCell", {"nonlinearity": "relu"}),
    "LSTMCell": ("LSTMCell", {}),
    "GRUCell": ("GRUCell", {}),
}
T, B, I, H = 6, 4, 3, 5  # noqa: E741 (the dimension legend)
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def pair(kind: str, *sizes: int, **options: Any) -> tuple[torch.nn.Module, torch.nn.Module]:
    """torch's module and ours, from the same seed."""
    name, given = (KINDS | CELLS)[kind]
    made = []
    for library in (torch.nn, nn):
        torch.manual_seed(3)
        made.append(getattr(library, name)(*(sizes or (I, H)), **{"dtype": torch.float64, **given, **options}))
    return made[0], made[1]


def states(module: Any, kind: str, batch: int | None, dtype: torch.dtype = torch.float64) -> Any:
    """Random initial states in the form that torch takes, as leaves."""
    rows = module.num_layers * (2 if module.bidirectional else 1)
    shape = (rows,) if batch is None else (rows, batch)
    widths = [module.proj_size or H, H] if "LSTM" in kind else [H]
    made = [torch.randn(*shape, width, dtype=dtype, requires_grad=True) for width in widths]
    return tuple(made) if len(made) > 1 else made[0]


def flat(result: Any) -> list[torch.Tensor]:
    """The tensors of a module's result, in order."""
    if isinstance(result, PackedSequence):
        return [t for t in result if t is not None]
    return [result] if isinstance(result, torch.Tensor) else [t for part in result for t in flat(part)]


def assert_same(theirs: Any, ours: Any, inputs: Any) -> None:
    """Same results, same gradients of the inputs and of every parameter, for both modules called on ``inputs()``."""
    found = []
    for module in (theirs, ours):
        arguments = inputs()
        leaves = [t for t in flat(arguments) if t.is_floating_point()]
        leaves = [t.detach().requires_grad_() for t in leaves] if not any(t.requires_grad for t in leaves) else leaves
        for leaf in leaves:
            leaf.retain_grad()
        results = flat(module(*arguments))
        torch.manual_seed(0)
        real = [r for r in results if r.is_floating_point()]
        module.zero_grad()
        sum((r * torch.randn_like(r)).sum() for r in real).backward()
        gradients = [grad(leaf) for leaf in leaves] + [grad(p) for p in module.parameters()]
        found.append((results, gradients))
    (expected, expected_gradients), (results, gradients) = found
    assert len(expected) == len(results)
    for e, r in zip(expected, results, strict=True):
        assert e.dtype == r.dtype
        torch.testing.assert_close(r, e, rtol=1e-10, atol=1e-12)
    for e, r in zip(expected_gradients, gradients, strict=True):
        torch.testing.assert_close(r, e, rtol=1e-9, atol=1e-11)


def leaf(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_layers": 3},
        {"bidirectional": True},
        {"batch_first": True},
        {"bias": False},
        {"num_layers": 2, "bidirectional": True, "batch_first": True, "bias": False},
    ],
    ids=lambda o: " ".join(o) or "plain",
)
def test_padded_batches(kind, options, path):
    theirs, ours = pair(kind, **options)

    def inputs():
        torch.manual_seed(1)
        x = leaf(B, T, I) if options.get("batch_first") else leaf(T, B, I)
        return (x, states(theirs, kind, B))

    with nn.use_path(path):
        assert_same(theirs, ours, inputs)
        assert_same(theirs, ours, lambda: inputs()[:1])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "batch_first": True}], ids=str)
def test_unbatched(kind, options, path):
    theirs, ours = pair(kind, **options)

    def inputs():
        torch.manual_seed(1)
        return (leaf(T, I), states(theirs, kind, None))

    with nn.use_path(path):
        assert_same(theirs, ours, inputs)
        assert_same(theirs, ours, lambda: inputs()[:1])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("enforce_sorted", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_packed(kind, enforce_sorted, batch_first, path):
    theirs, ours = pair(kind, num_layers=2, bidirectional=True, batch_first=batch_first)
    lengths = [6, 4, 4, 1] if enforce_sorted else [2, 6, 1, 4]

    def inputs(with_state=True):
        torch.manual_seed(1)
        packed = pack_padded_sequence(leaf(T, B, I), torch.tensor(lengths), enforce_sorted=enforce_sorted)
        return (packed, states(theirs, kind, B)) if with_state else (packed,)

    with nn.use_path(path):
        assert_same(theirs, ours, inputs)
        assert_same(theirs, ours, lambda: inputs(False))


@pytest.mark.parametrize("path", PATHS)
def test_a_packed_result_unpacks_as_torchs(path):
    theirs, ours = pair("GRU", bidirectional=True)
    rows = [torch.randn(n, I, dtype=torch.float64) for n in (2, 5, 3)]
    packed = pack_sequence(rows, enforce_sorted=False)
    with nn.use_path(path):
        for e, r in zip(pad_packed_sequence(theirs(packed)[0]), pad_packed_sequence(ours(packed)[0]), strict=True):
            torch.testing.assert_close(r, e, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", KINDS)
def test_lengths_are_what_packing_gives(kind, path):
    theirs, ours = pair(kind, num_layers=2, bidirectional=True)
    lengths = torch.tensor([3, 6, 1, 4])
    x, hx = leaf(T, B, I), states(theirs, kind, B)
    with nn.use_path(path):
        output, state = ours(x, hx, lengths=lengths)
    packed, expected = theirs(pack_padded_sequence(x, lengths, enforce_sorted=False), hx)
    torch.testing.assert_close(output, pad_packed_sequence(packed, total_length=T)[0], rtol=1e-12, atol=1e-14)
    for e, r in zip(flat(expected), flat(state), strict=True):
        torch.testing.assert_close(r, e, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("path", STEP_PATHS)
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batched", [True, False])
def test_single_steps(kind, bias, batched, path):
    theirs, ours = pair(kind, bias=bias)

    def inputs(with_state=True):
        torch.manual_seed(1)
        shape = (B,) if batched else ()
        made = [leaf(*shape, H) for _ in range(1 + ("LSTM" in kind))]
        x = leaf(*shape, I)
        return (x, tuple(made) if len(made) > 1 else made[0]) if with_state else (x,)

    with nn.use_path(path):
        assert_same(theirs, ours, inputs)
        assert_same(theirs, ours, lambda: inputs(False))


@pytest.mark.parametrize("kind", KINDS | CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_weights_are_torchs_by_name_order_shape_and_first_values(kind, bias):
    options = {"bias": bias} if kind in CELLS else {"bias": bias, "num_layers": 2, "bidirectional": True}
    theirs, ours = pair(kind, dtype=torch.float32, **options)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for e, r in zip(theirs.parameters(), ours.parameters(), strict=True):
        assert torch.equal(e, r)
    if kind in KINDS:
        for e_group, r_group in zip(theirs.all_weights, ours.all_weights, strict=True):
            assert all(torch.equal(e, r) for e, r in zip(e_group, r_group, strict=True))
    else:
        assert (ours.bias_ih is None) == (theirs.bias_ih is None)


@pytest.mark.parametrize("kind", KINDS | CELLS)
def test_a_new_draw_is_torchs_too(kind):
    theirs, ours = pair(kind, dtype=torch.float32)
    for module in (theirs, ours):
        torch.manual_seed(8)
        module.reset_parameters()
    assert all(torch.equal(e, r) for e, r in zip(theirs.parameters(), ours.parameters(), strict=True))


@pytest.mark.parametrize("kind", KINDS | CELLS)
def test_weights_go_both_ways(kind):
    options = {} if kind in CELLS else {"num_layers": 2, "bidirectional": True}
    theirs, ours = pair(kind, **options)
    ours.reset_parameters()
    x = torch.randn(B, I, dtype=torch.float64) if kind in CELLS else torch.randn(T, B, I, dtype=torch.float64)
    for source, target in ((theirs, ours), (ours, theirs)):
        source.reset_parameters()
        target.load_state_dict(source.state_dict(), strict=True)
        for e, r in zip(flat(theirs(x)), flat(ours(x)), strict=True):
            torch.testing.assert_close(r, e, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS | CELLS)
def test_the_printed_form_holds_what_torchs_does(kind):
    name, _ = (KINDS | CELLS)[kind]
    many = [{}, {"bias": False}]
    if kind in KINDS:
        many += [{"num_layers": 2, "dropout": 0.5}, {"batch_first": True, "bidirectional": True}]
    for options in many:
        theirs, ours = pair(kind, **options)
        assert repr(ours).startswith(f"{name}(")
        for part in repr(theirs)[len(name) + 1 : -1].split(", "):
            assert part in repr(ours)[len(name) + 1 : -1].split(", ")


@pytest.mark.parametrize("kind", KINDS)
def test_the_attributes_are_torchs(kind):
    theirs, ours = pair(kind, num_layers=2, bidirectional=True, batch_first=True, dropout=0.25)
    for name in ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.proj_size == theirs.proj_size
    ours.flatten_parameters()


def test_positional_arguments_are_torchs():
    x = torch.randn(2, 3, 4)
    for name, arguments in {
        "RNN": (4, 5, 2, "relu", False, True, 0.0, True),
        "LSTM": (4, 5, 2, False, True, 0.0, True, 3),
        "GRU": (4, 5, 2, False, True, 0.0, True),
        "RNNCell": (4, 5, False, "relu"),
        "LSTMCell": (4, 5, False),
        "GRUCell": (4, 5, False),
    }.items():
        results = []
        for library in (torch.nn, nn):
            torch.manual_seed(0)
            results.append(flat(getattr(library, name)(*arguments)(x[0] if "Cell" in name else x)))
        for e, r in zip(*results, strict=True):
            torch.testing.assert_close(r, e)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", KINDS)
def test_dropout_in_evaluation_does_nothing_and_of_all_zeroes_the_layers_between(kind, path):
    x = torch.randn(T, B, I, dtype=torch.float64)
    with nn.use_path(path):
        for train, dropout in itertools.product((True, False), (0.5, 1.0)):
            theirs, ours = pair(kind, num_layers=2, dropout=dropout)
            theirs.train(train)
            ours.train(train)
            if train and dropout != 1:
                continue
            for e, r in zip(flat(theirs(x)), flat(ours(x)), strict=True):
                torch.testing.assert_close(r, e, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("ragged", [False, True])
def test_dropout_in_training_has_its_rate_and_keeps_the_mean(path, ragged):
    rate, wide = 0.3, 40
    module = nn.RNN(1, wide, num_layers=2, dropout=rate, nonlinearity="relu", bias=False)
    with torch.no_grad():
        module.weight_ih_l0.fill_(1.0)
        module.weight_hh_l0.zero_()
        module.weight_ih_l1.copy_(torch.eye(wide))
        module.weight_hh_l1.zero_()
    x = torch.ones(50, 20, 1)
    with nn.use_path(path):
        output, _ = module(x, lengths=torch.full((20,), 50) if ragged else None)
    assert output.unique().tolist() == pytest.approx([0.0, 1 / (1 - rate)])
    dropped = (output == 0).double().mean().item()
    assert abs(dropped - rate) < 4 * (rate * (1 - rate) / output.numel()) ** 0.5
    with nn.use_path(path):
        assert torch.equal(module.eval()(x)[0], torch.ones(50, 20, wide))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", KINDS)
def test_float32_errs_no_more_than_twice_what_torch_does(kind, path):
    """Summed over cases, and over all numbers of a kind: a single number's rounding is chance."""
    total: dict[str, list[float]] = {}
    for seed in range(6):
        theirs, ours = pair(kind, 7, 16, dtype=torch.float32, num_layers=2, bidirectional=True)
        case = random_case(ours, 25, 5, np.random.default_rng(seed), path=path)
        found = run_module(ours, case)
        truth = truth_of(ours, case)
        same = run_torch(theirs, case, list(found))
        for name, expected in truth.items():
            group = total.setdefault(name.split("_l")[0], [0.0, 0.0, 0.0])
            group[0] += largest(found[name] - expected)
            group[1] += largest(same[name] - expected)
            group[2] += EPSILON * max(1.0, largest(expected))
    for name, (error, torchs, rounding) in total.items():
        assert error <= 2 * torchs, f"{name}: {error:.3g} against torch's {torchs:.3g}"
        assert torchs < 100 * rounding, "torch's own error is out of all measure"


def run_torch(module: Any, case: Case, names: list[str]) -> dict[str, np.ndarray]:
    """torch's results and gradients under the names that :func:`parity.run_module` gives ours."""
    x = case.x.clone().requires_grad_()
    hx = [h.clone().requires_grad_() for h in case.hx]
    module.zero_grad()
    output, final = module(x, tuple(hx) if len(hx) > 1 else hx[0])
    results = [output, *flat(final)]
    weights = [torch.tensor(w).float() for w in case.weights.values()]
    sum((r * w).sum() for r, w in zip(results, weights, strict=True)).backward()
    tensors = [*results, x.grad, *(h.grad for h in hx), *(p.grad for p in module.parameters())]
    return {name: t.detach().double().numpy() for name, t in zip(names, tensors, strict=True)}
