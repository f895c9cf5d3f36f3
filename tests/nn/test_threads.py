"""Training on torch's threads: the same bits, from several threads of Python, and in a forked child."""

from __future__ import annotations

import os
import threading

import pytest
import torch

from latchwork import nn

T, B, I, H = 20, 16, 48, 256  # noqa: E741 (the dimension legend); enough work for several threads


@pytest.fixture(autouse=True)
def one_thread_afterwards():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def step(module: nn.Recurrent, x: torch.Tensor) -> list[torch.Tensor]:
    leaf = x.clone().requires_grad_()
    parameters = list(module.parameters())
    output, _ = module(leaf)
    return [output.detach(), *torch.autograd.grad(output.pow(2).sum(), [leaf, *parameters])]


@pytest.mark.parametrize("name", ["lstm", "gru_reset_before", "lstm_layer_norm"])
@pytest.mark.parametrize("batch", [2, B, 64])
def test_training_gives_the_same_bits_on_any_number_of_threads(name, batch):
    torch.manual_seed(0)
    module = nn.Recurrent(name, I, H)
    x = torch.randn(T, batch, I)
    torch.set_num_threads(1)
    expected = step(module, x)
    for threads in (2, 3, 2):
        torch.set_num_threads(threads)
        for found, want in zip(step(module, x), expected, strict=True):
            # The loss is torch's, and torch sums it in another order on other threads; its gradient is the same.
            assert torch.equal(found, want)


def test_several_threads_of_python_train_at_once():
    torch.set_num_threads(2)
    torch.manual_seed(0)
    module, x = nn.GRU(I, H), torch.randn(T, B, I)
    expected = step(module, x)
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            if not all(torch.equal(a, b) for a, b in zip(step(module, x), expected, strict=True)):
                wrong.append(number)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_runs_the_kernels_after_its_parent_trained():
    torch.set_num_threads(2)
    torch.manual_seed(0)
    module, x = nn.LSTM(I, H), torch.randn(T, B, I)
    step(module, x)
    with torch.no_grad():
        expected = module(x)[0].numpy()
    child = os.fork()
    if child == 0:
        # Of torch itself a child may run nothing on several threads, so the comparison is numpy's.
        with torch.no_grad():
            same = bool((module(x)[0].numpy() == expected).all())
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
