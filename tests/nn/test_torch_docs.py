"""torch's own documentation examples run unchanged with ``latchwork.nn`` in place of ``torch.nn``."""

from __future__ import annotations

import doctest

import pytest
import torch

from latchwork import nn


def example(name: str) -> str:
    """The code of the example in the docstring of torch's class."""
    return "".join(e.source for e in doctest.DocTestParser().get_examples(getattr(torch.nn, name).__doc__))


@pytest.mark.parametrize(
    ("name", "path"),
    [(n, p) for p in ("torch", "reference") for n in ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")]
    + [(n, "fused") for n in ("RNN", "LSTM", "GRU")],
)
def test_the_example_gives_the_same_results(name, path):
    code = example(name)
    assert f"nn.{name}(" in code
    results = []
    for library in (torch.nn, nn):
        torch.manual_seed(0)
        namespace = {"nn": library, "torch": torch}
        with nn.use_path(path):
            exec(code, namespace)
        results.append({k: v for k, v in namespace.items() if isinstance(v, (torch.Tensor, list))})
    theirs, ours = results
    assert theirs.keys() == ours.keys()
    assert "output" in ours
    for key, expected in theirs.items():
        torch.testing.assert_close(ours[key], expected)
