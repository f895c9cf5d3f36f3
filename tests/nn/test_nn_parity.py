"""Every cell of the zoo, every option and their combinations, against the numpy truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latchwork import cells, nn
from parity import Case, assert_parity, random_case
from support import CHANGES, ODD_CELLS, possible_changes, zoo_options

POSSIBLE = {name: possible_changes(name) for name in cells.names()}


def make(name: str, input_size: int, hidden_size: int, changes: list[str], **options: Any) -> nn.Recurrent:
    changed = {change: CHANGES[change] for change in changes}
    torch.manual_seed(7)
    module = nn.Recurrent(name, input_size, hidden_size, **{**zoo_options(name), **changed, **options})
    with torch.no_grad():  # away from special values, such as a norm's zeros and ones
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return module


def scattered(x: torch.Tensor) -> torch.Tensor:
    """The same numbers, not contiguous in any dimension."""
    wide = torch.full((x.shape[2] * 2, x.shape[1] * 3, x.shape[0] * 2), float("nan"), dtype=x.dtype)
    wide[::2, ::3, ::2] = x.permute(2, 1, 0)
    return wide[::2, ::3, ::2].permute(2, 1, 0)


@st.composite
def cases(draw: Any, name: str) -> tuple[nn.Recurrent, Case]:
    changes = draw(st.lists(st.sampled_from(POSSIBLE[name]), unique=True))
    module = make(
        name,
        draw(st.integers(1, 4)),
        draw(st.integers(3, 6)),
        changes,
        num_layers=draw(st.integers(1, 3)),
        bidirectional=draw(st.booleans()),
        batch_first=draw(st.booleans()),
        dtype=draw(st.sampled_from([torch.float64, torch.float32])),
    )
    module.train(draw(st.booleans()))
    steps, batch = draw(st.sampled_from([0, 1, 1, 2, 3, 6])), draw(st.integers(1, 4))
    ragged = st.one_of(st.none(), st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    case = random_case(
        module,
        steps,
        batch,
        np.random.default_rng(draw(st.integers(0, 999))),
        hx=draw(st.booleans()),
        lengths=draw(ragged),
        cut=draw(st.booleans()),
        trace=draw(st.booleans()),
        seed=draw(st.integers(0, 999)),
    )
    if draw(st.booleans()):
        case.x = scattered(case.x)
    return module, case


@pytest.mark.parametrize("name", cells.names())
@given(st.data())
@settings(max_examples=40)
def test_every_cell_with_every_option(name, data):
    assert_parity(*data.draw(cases(name)))


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(("name", "change"), [(name, change) for name in POSSIBLE for change in POSSIBLE[name]])
def test_every_change_of_every_cell(name, change, train):
    module = make(name, 3, 4, [change], dtype=torch.float64).train(train)
    for path in ("fused", "reference"):
        assert_parity(
            module, random_case(module, 4, 3, np.random.default_rng(0), lengths=[4, 0, 2], trace=True, path=path)
        )
    single = make(name, 3, 4, [change], dtype=torch.float32).train(train)
    assert_parity(single, random_case(single, 4, 3, np.random.default_rng(0), lengths=[4, 0, 2], path="fused"))


@pytest.mark.parametrize("name", cells.names())
def test_all_possible_changes_at_once(name):
    module = make(name, 3, 4, POSSIBLE[name], num_layers=2, bidirectional=True, dtype=torch.float64)
    for path in ("fused", "reference"):
        assert_parity(module, random_case(module, 5, 2, np.random.default_rng(1), cut=True, trace=True, path=path))


@pytest.mark.parametrize(
    ("name", "path"),
    [(name, "torch") for name in ("rnn", "rnn_relu", "lstm", "lstm_projected", "gru")]
    + [(name, "reference") for name in cells.names()],
)
@given(st.data())
@settings(max_examples=12)
def test_the_other_paths(name, path, data):
    bias = data.draw(st.booleans())
    module = make(
        name,
        data.draw(st.integers(1, 4)),
        data.draw(st.integers(3, 6)),
        [] if bias else ["bias"],
        num_layers=data.draw(st.integers(1, 3)),
        bidirectional=data.draw(st.booleans()),
        batch_first=data.draw(st.booleans()),
        dtype=torch.float64,
    )
    steps, batch = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    ragged = st.one_of(st.none(), st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    case = random_case(module, steps, batch, rng, lengths=data.draw(ragged), hx=data.draw(st.booleans()), path=path)
    if data.draw(st.booleans()):
        case.x = scattered(case.x)
    assert_parity(module, case)


@pytest.mark.parametrize("options", [{}, {"zoneout": 0.3, "recurrent_dropout": 0.3}, {"layer_norm": True}], ids=str)
@pytest.mark.parametrize("cell", ODD_CELLS, ids=lambda c: c.name)
def test_odd_cells(cell, options):
    torch.manual_seed(0)
    module = nn.Recurrent(cell, 3, 4, num_layers=2, bidirectional=True, dtype=torch.float64, **options)
    for path in ("fused", "reference"):
        for steps, lengths in ((5, [5, 0, 2]), (1, None), (0, None)):
            rng = np.random.default_rng(0)
            assert_parity(module, random_case(module, steps, 3, rng, lengths=lengths, cut=True, trace=True, path=path))


@pytest.mark.parametrize("name", cells.names())
def test_no_rows(name):
    module = make(name, 3, 4, [], dtype=torch.float64, bidirectional=True)
    for path in ("fused", "reference"):
        for lengths in (None, []):
            assert_parity(module, random_case(module, 3, 0, np.random.default_rng(0), lengths=lengths, path=path))
