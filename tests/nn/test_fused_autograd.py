"""The kernels under autograd: which gradients are asked for, how often, of what, in which layout and by whom."""

from __future__ import annotations

import multiprocessing
import threading
from itertools import product
from typing import Any

import pytest
import torch

from latchwork import nn
from support import zoo_options

T, B, I = 5, 3, 4  # noqa: E741 (the dimension legend)
# 16 units are whole vectors in both precisions on every machine; 5 are none.
WIDTHS = [16, 5]
KINDS = ["lstm", "gru", "lstm_projected", "gru_layer_norm"]


def layer(name: str = "lstm", width: int = 16, **options: Any) -> nn.Recurrent:
    torch.manual_seed(0)
    known = {"proj_size": width // 2} if zoo_options(name) else {}
    return nn.Recurrent(name, I, width, **{"dtype": torch.float64, **known, **options})


def numbers(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def close(found: Any, expected: Any) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def states_of(state: Any) -> tuple[torch.Tensor, ...]:
    return (state,) if isinstance(state, torch.Tensor) else tuple(state)


def on_both(run) -> None:
    """What ``run()`` gives on the kernels is what it gives on the reference."""
    found = []
    for path in ("fused", "reference"):
        with nn.use_path(path):
            found.append(run())
    close(*found)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("ragged", [False, True])
def test_any_part_of_the_arguments_may_need_a_gradient(name, width, ragged):
    module = layer(name, width, bidirectional=True)
    lengths = [5, 2, 3] if ragged else None
    parameters = dict(module.named_parameters())
    for x_needs, h_needs, which in product((False, True), (False, True), ("none", "one", "biases", "all")):
        wanted = {
            "none": [],
            "one": ["weight_hh_l0"],
            "biases": [n for n in parameters if "bias" in n],
            "all": list(parameters),
        }[which]
        if not (x_needs or h_needs or wanted):
            continue

        def run(x_needs=x_needs, h_needs=h_needs, wanted=wanted):
            module.zero_grad()
            for n, p in parameters.items():
                p.requires_grad_(n in wanted)
            x = numbers(T, B, I).requires_grad_(x_needs)
            hx = [numbers(2, B, w).requires_grad_(h_needs) for w in module._state_widths]
            output, state = module(x, hx if len(hx) > 1 else hx[0], lengths=lengths)
            (output.square().sum() + sum(s.sum() for s in states_of(state))).backward()
            asked = {"x": x.grad, **{f"h{i}": h.grad for i, h in enumerate(hx)}}
            asked |= {n: p.grad for n, p in parameters.items()}
            assert {n for n, g in asked.items() if g is not None} == {
                *(["x"] if x_needs else []),
                *((f"h{i}" for i in range(len(hx))) if h_needs else []),
                *wanted,
            }
            return {n: g for n, g in asked.items() if g is not None}

        on_both(run)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", KINDS)
def test_a_graph_that_is_kept_gives_the_same_gradients_again(name, width):
    module, x = layer(name, width), numbers(T, B, I).requires_grad_()
    output, state = module(x)
    scalar = output.square().sum() + states_of(state)[-1].sum()
    inputs = [x, *module.parameters()]
    first = torch.autograd.grad(scalar, inputs, retain_graph=True)
    for again in (torch.autograd.grad(scalar, inputs, retain_graph=True), torch.autograd.grad(scalar, inputs)):
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(scalar, inputs)


def results(module: nn.Recurrent, x: torch.Tensor, **options: Any) -> dict[str, torch.Tensor]:
    output, state, trace = module(x, return_trace=True, **options)
    named = {f"trace {i} {n}": v for i, values in enumerate(trace) for n, v in values.items()}
    return {"output": output, **{f"final {i}": s for i, s in enumerate(states_of(state))}, **named}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("lengths", [None, [5, 0, 3]], ids=["full", "ragged"])
def test_a_gradient_may_come_in_by_any_one_result(name, width, lengths):
    """A sum's gradient is one number expanded, which is as far from contiguous as it gets."""
    module = layer(name, width, bidirectional=True)
    for key in results(module, numbers(T, B, I), lengths=lengths):
        for scalar in (torch.sum, lambda v: v.square().sum(), lambda v: (v.transpose(0, 1) * v.transpose(0, 1)).sum()):

            def run(key=key, scalar=scalar):
                x = numbers(T, B, I).requires_grad_()
                value = scalar(results(module, x, lengths=lengths)[key])
                given = torch.autograd.grad(value, [x, *module.parameters()], allow_unused=True)
                return [torch.zeros(()) if g is None or not g.any() else g for g in given]

            on_both(run)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "options", [{}, {"lengths": [5, 0, 3]}, {"reset": numbers(T, B) > 0.5}], ids=["full", "ragged", "cut"]
)
def test_the_gradient_of_a_gradient_is_the_references(name, width, options):
    module = layer(name, width, bidirectional=True)

    def run():
        x = numbers(T, B, I).requires_grad_()
        made = results(module, x, **options)
        inputs = [x, *module.parameters()]
        first = torch.autograd.grad(sum(v.square().sum() for v in made.values()), inputs, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), inputs)
        return [*first, *second]

    on_both(run)


def test_the_gradient_of_a_gradient_has_the_same_masks():
    module = layer("lstm", 5, zoneout=0.3, recurrent_dropout=0.3, num_layers=2, bidirectional=True).train()

    def run():
        torch.manual_seed(3)
        x = numbers(T, B, I).requires_grad_()
        inputs = [x, *module.parameters()]
        first = torch.autograd.grad(module(x, lengths=[2, 5, 4])[0].square().sum(), inputs, create_graph=True)
        return [*first, *torch.autograd.grad(sum(g.square().sum() for g in first), inputs)]

    on_both(run)


def gradient_after(module: nn.Recurrent, change) -> list[torch.Tensor]:
    """The gradients of a sum of all results, after ``change`` was done to the results themselves."""
    x = numbers(T, B, I).requires_grad_()
    made = results(module, x)
    scalar = sum((v * numbers(*v.shape)).sum() for v in made.values())
    change(made)
    return list(torch.autograd.grad(scalar, [x, *module.parameters()]))


@pytest.mark.parametrize("name", KINDS)
def test_a_result_changed_in_place_is_noticed_or_harmless(name):
    for width in WIDTHS:
        module = layer(name, width)
        expected = gradient_after(module, lambda made: None)
        for key in results(module, numbers(T, B, I)):

            def change(made, key=key):
                with torch.no_grad():
                    made[key].mul_(3.0)

            try:
                found = gradient_after(module, change)
            except RuntimeError as error:
                if "modified" not in str(error):
                    raise
            else:
                close(found, expected)


def test_an_output_that_the_gradient_reads_may_not_be_changed():
    module, x = layer("lstm", 16), numbers(T, B, I).requires_grad_()
    output, _ = module(x)
    with torch.no_grad():
        output.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()
    output, _ = layer("lstm", 16)(x)
    output.mul_(2)  # autograd follows it
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_an_argument_that_the_gradient_reads_may_not_be_changed():
    for what in ("x", "weight", "hx"):
        module, x, hx = layer("gru"), numbers(T, B, I).requires_grad_(), numbers(1, B, 16)
        given = x * 1
        output, _ = module(given, hx)
        with torch.no_grad():
            {"x": given, "weight": module.weight_hh_l0, "hx": hx}[what].mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            output.sum().backward()


@pytest.mark.parametrize("width", WIDTHS)
def test_any_layout_of_arguments_and_of_the_gradient(width):
    base = numbers(T, B, I)
    layouts = {
        "turned": base.permute(2, 1, 0).contiguous().permute(2, 1, 0),
        "every second": torch.stack([base, base + 9], -1).flatten(2)[..., ::2],
        "expanded": base[:1].expand(T, B, I),
        "from the end": base.flip(0),
    }
    for given in layouts.values():
        for batch_first in (False, True):
            module = layer("lstm", width, batch_first=batch_first, num_layers=2)
            weight = numbers(T, B, width).permute(2, 0, 1).contiguous().permute(1, 2, 0)

            def run(given=given, module=module, weight=weight):
                x = given.detach().requires_grad_()
                hx = tuple(numbers(B, 2, width, seed=s).transpose(0, 1).requires_grad_() for s in (5, 6))
                output, state = module(x.transpose(0, 1) if module.batch_first else x, hx)
                output = output.transpose(0, 1) if module.batch_first else output
                leaves = [x, *hx, *module.parameters()]
                by_weight = torch.autograd.grad((output * weight).sum(), leaves, retain_graph=True)
                by_sum = torch.autograd.grad(output.sum() + state[1].sum(), leaves)
                return [output, *by_weight, *by_sum]

            on_both(run)


def test_weights_of_any_layout():
    module = layer("gru", 16)
    turned = {n: p.detach().t().contiguous().t() if p.dim() == 2 else p.detach() for n, p in module.named_parameters()}
    assert not turned["weight_hh_l0"].is_contiguous()
    leaves = {n: p.requires_grad_() for n, p in turned.items()}
    output = torch.func.functional_call(module, leaves, (numbers(T, B, I),))[0]
    expected = module(numbers(T, B, I))[0]
    assert torch.equal(output, expected)
    found = torch.autograd.grad(output.square().sum(), list(leaves.values()))
    close(found, torch.autograd.grad(expected.square().sum(), list(module.parameters())))


@pytest.mark.parametrize("name", ["lstm", "mgu"])
def test_transforms_of_torch_see_the_steps(name):
    module, x = layer(name, 5), numbers(T, B, I)
    parameters = {n: p.detach() for n, p in module.named_parameters()}

    def loss(parameters, row):
        return torch.func.functional_call(module, parameters, (row.unsqueeze(1),))[0].square().sum()

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1))(parameters, x)
    for row in range(B):
        value = loss(dict(module.named_parameters()), x[:, row])
        close([each[n][row] for n in each], torch.autograd.grad(value, list(module.parameters())))
    many = torch.func.vmap(lambda x: module(x)[0])(torch.stack([x, 2 * x]))
    close(many, torch.stack([module(x)[0], module(2 * x)[0]]))
    jacobian = torch.func.jacrev(lambda x: module(x)[0].sum((1, 2)))(x)
    for t in range(T):
        leaf = x.clone().requires_grad_()
        close(jacobian[t], torch.autograd.grad(module(leaf)[0][t].sum(), leaf)[0])
    close(torch.func.jacfwd(lambda x: module(x)[0].sum((1, 2)))(x), jacobian)
    _, along = torch.func.jvp(lambda x: module(x)[0].sum((1, 2)), (x,), (torch.ones_like(x),))
    close(along, jacobian.sum((1, 2, 3)))
    hessian = torch.autograd.functional.hessian(lambda x: module(x)[0].square().sum(), x[:2, :1])
    with nn.use_path("reference"):
        close(hessian, torch.autograd.functional.hessian(lambda x: module(x)[0].square().sum(), x[:2, :1]))


def test_jacobians_of_batched_gradients_are_right():
    """``is_grads_batched`` runs the backward pass itself under vmap, the forward pass being over by then."""
    module, x = layer("gru", 5), numbers(T, B, I).requires_grad_()
    output = module(x)[0]
    basis = torch.eye(output.numel(), dtype=x.dtype).reshape(-1, *output.shape)[:7]
    expected = torch.stack([torch.autograd.grad(output, x, b, retain_graph=True)[0] for b in basis])
    (found,) = torch.autograd.grad(output, x, basis, is_grads_batched=True, retain_graph=True)
    close(found, expected)


def test_checkpointing_and_hooks():
    module, x = layer("lstm", 16, num_layers=2), numbers(T, B, I).requires_grad_()
    expected = torch.autograd.grad(module(x)[0].square().sum(), [x, *module.parameters()])
    output = torch.utils.checkpoint.checkpoint(lambda x: module(x)[0], x, use_reentrant=False)
    close(torch.autograd.grad(output.square().sum(), [x, *module.parameters()]), expected)
    with torch.autograd.graph.save_on_cpu():
        output = module(x)[0]
    close(torch.autograd.grad(output.square().sum(), [x, *module.parameters()]), expected)
    with torch.autograd.set_detect_anomaly(True):
        close(torch.autograd.grad(module(x)[0].square().sum(), [x, *module.parameters()]), expected)


def test_nothing_is_kept_for_a_gradient_that_nobody_can_ask_for():
    module, x = layer("lstm", 16), numbers(T, B, I)
    with torch.no_grad():
        output, state = module(x)
    assert output.grad_fn is None
    assert not any(s.requires_grad for s in state)
    assert torch.equal(output, module(x)[0])


def work(seed: int, module: nn.Recurrent | None = None) -> torch.Tensor:
    module = module or layer("gru", 40)
    module.zero_grad()
    x = numbers(30, 20, I, seed=seed).requires_grad_()
    module(x)[0].square().sum().backward()
    return torch.cat([x.grad.flatten(), *(p.grad.flatten() for p in module.parameters())])


@pytest.fixture
def three_threads():
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(1)


@pytest.mark.usefixtures("three_threads")
def test_several_threads_of_python_at_once():
    expected = {seed: work(seed) for seed in range(4)}
    modules = {seed: layer("gru", 40) for seed in expected}  # here, for torch's generator is one for all threads
    wrong: list[int] = []

    def run(seed: int) -> None:
        wrong.extend(seed for _ in range(10) if not torch.equal(work(seed, modules[seed]), expected[seed]))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert wrong == []


def in_a_child(queue: Any, seed: int) -> None:
    queue.put(work(seed).numpy())


@pytest.mark.usefixtures("three_threads")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_goes_on_after_its_parent_used_the_kernels():
    expected = work(2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=in_a_child, args=(queue, 2))
    child.start()
    found = torch.from_numpy(queue.get(timeout=60))
    child.join(60)
    assert child.exitcode == 0
    assert torch.equal(found, expected)
    assert torch.equal(work(2), expected)


class Encoded(torch.utils.data.Dataset):
    """A data set whose rows a frozen layer computes, in the workers of a loader."""

    def __init__(self) -> None:
        self.module = layer("gru", 40, dtype=torch.float32).requires_grad_(False)

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.module(torch.full((50, 8, I), 0.1 * index))[0]


@pytest.mark.usefixtures("three_threads")
def test_workers_of_a_data_loader():
    data = Encoded()
    expected = torch.stack([data[i] for i in range(len(data))])
    found = torch.cat(list(torch.utils.data.DataLoader(data, batch_size=2, num_workers=2, timeout=60)))
    assert torch.equal(found, expected)


def test_the_number_of_threads_changes_no_bit():
    found = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        found.append(work(7))
    torch.set_num_threads(1)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("path", ["fused", "reference"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize(
    ("options", "lengths"),
    [({}, None), ({}, [5, 0, 3]), ({"bidirectional": True}, None), ({"num_layers": 2}, None)],
    ids=["full", "ragged", "both ways", "layers"],
)
def test_results_may_be_detached_in_place_as_torchs(path, width, grad, options, lengths):
    module = layer("lstm", width, **options)
    with nn.use_path(path), torch.set_grad_enabled(grad):
        output, states = module(numbers(T, B, I), lengths=lengths)
        assert output.requires_grad == grad
        for result in (output, *states):
            assert not result.detach_().requires_grad


@pytest.mark.parametrize("width", [16, 17])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("lengths", [None, [5, 0, 3]], ids=["full", "ragged"])
def test_an_output_changed_before_the_gradient_is_refused_for_every_width(width, dtype, lengths):
    """As torch.nn.LSTM refuses it. Of a ragged batch the output is a padded copy, which may be changed."""
    module, x = layer("lstm", width, dtype=dtype), numbers(T, B, I).to(dtype)

    def gradients(change):
        output, _ = module(x, lengths=lengths)
        value = output.sum()
        with torch.no_grad():
            change(output)
        return torch.autograd.grad(value, list(module.parameters()))

    expected = gradients(lambda output: None)
    if lengths is None:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            gradients(lambda output: output.zero_())
    else:
        for a, b in zip(gradients(lambda output: output.zero_()), expected, strict=True):
            assert torch.equal(a, b)
