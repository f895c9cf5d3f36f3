"""Where torch raises, Latchwork raises an error that is also of torch's type, so code that catches it still does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from latchwork import nn
from latchwork.errors import ConfigError, LatchworkError, ShapeError

LAYERS = ["RNN", "LSTM", "GRU"]
STEPS = ["RNNCell", "LSTMCell", "GRUCell"]

CONSTRUCTIONS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "input_size 0": ((0, 4), {}),
    "hidden_size 0": ((3, 0), {}),
    "hidden_size negative": ((3, -4), {}),
    "num_layers 0": ((3, 4, 0), {}),
    "hidden_size a float": ((3, 4.0), {}),
    "input_size a string": (("3", 4), {}),
    "num_layers a float": ((3, 4), {"num_layers": 2.0}),
    "bias no bool": ((3, 4), {"bias": 1}),
    "batch_first no bool": ((3, 4), {"batch_first": 1}),
    "dropout above 1": ((3, 4), {"dropout": 1.5}),
    "dropout negative": ((3, 4), {"dropout": -0.5}),
    "dropout a bool": ((3, 4), {"dropout": True}),
    "an unknown option": ((3, 4), {"sparse": True}),
    "no sizes": ((), {}),
}


def raised(call: Any) -> type[Exception]:
    """The type of what torch raises; that it raises is a part of the test."""
    try:
        call()
    except Exception as error:
        return type(error)
    raise AssertionError("torch does not raise")


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("case", CONSTRUCTIONS)
def test_bad_constructions(name, case):
    arguments, options = CONSTRUCTIONS[case]
    expected = raised(lambda: getattr(torch.nn, name)(*arguments, **options))
    with pytest.raises(expected):
        getattr(nn, name)(*arguments, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("LSTM", {"proj_size": 4}),
        ("LSTM", {"proj_size": -1}),
        ("GRU", {"proj_size": 2}),
        ("RNN", {"proj_size": 2}),
        ("RNN", {"nonlinearity": "selu"}),
    ],
    ids=str,
)
def test_bad_constructions_of_one_kind(name, options):
    expected = raised(lambda: getattr(torch.nn, name)(3, 4, **options))
    with pytest.raises(expected) as caught:
        getattr(nn, name)(3, 4, **options)
    assert isinstance(caught.value, LatchworkError)


@pytest.mark.parametrize("name", LAYERS)
def test_dropout_between_no_layers_warns_as_torch_does(name):
    for library in (torch.nn, nn):
        with pytest.warns(UserWarning, match=r"got dropout=0.5 and\s+num_layers=1"):
            getattr(library, name)(3, 4, dropout=0.5)


WRONG_TYPES = {
    "num_layers": True,
    "proj_size": 1.5,
    "bidirectional": "no",
    "layer_norm": "yes",
    "peephole": "yes",
    "batch_first": "no",
}


@pytest.mark.parametrize("option", WRONG_TYPES)
def test_an_option_of_the_wrong_type_is_named(option):
    with pytest.raises(TypeError, match=f"{option} should be of type (int|bool), got: "):
        nn.LSTM(3, 4, **{option: WRONG_TYPES[option]})


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize(
    ("sizes", "options"),
    [((3.0, 4), {}), ((3, "4"), {}), ((True, 4), {}), ((3, 4), {"layer_norm": 1}), ((3, 4), {"peephole": "yes"})],
    ids=str,
)
def test_single_steps_check_types_as_layers_do(name, sizes, options):
    with pytest.raises(TypeError, match="should be of type"):
        getattr(nn, name)(*sizes, **options)


@pytest.mark.parametrize("bias", ["1", True, float("nan"), float("inf")], ids=str)
@pytest.mark.parametrize("name", ["LSTM", "LSTMCell"])
def test_a_forget_bias_is_a_number(name, bias):
    with pytest.raises(ConfigError, match="forget_bias must be a finite number"):
        getattr(nn, name)(3, 4, forget_bias=bias)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("sizes", [(0, 4), (3, -1)], ids=str)
def test_single_steps_need_positive_sizes(name, sizes):
    with pytest.raises(ConfigError, match="must be greater than zero"):
        getattr(nn, name)(*sizes)


x, h = torch.zeros(5, 2, 3), torch.zeros(1, 2, 4)
# what is wrong → the input, and the state from one tensor that is right
INPUTS: dict[str, tuple[Any, Any]] = {
    "one dimension": (torch.zeros(3), None),
    "four dimensions": (torch.zeros(2, 5, 2, 3), None),
    "wrong features": (torch.zeros(5, 2, 4), None),
    "wrong features, unbatched": (torch.zeros(5, 4), None),
    "wrong dtype": (x.double(), None),
    "integers": (x.long(), None),
    "state of the wrong batch": (x, torch.zeros(1, 3, 4)),
    "state of the wrong layers": (x, torch.zeros(2, 2, 4)),
    "state of the wrong size": (x, torch.zeros(1, 2, 5)),
    "a state without batch": (x, torch.zeros(1, 4)),
    "a state with batch for no batch": (torch.zeros(5, 3), h),
    "state of the wrong dtype": (x, h.double()),
}


@pytest.mark.parametrize("path", ["fused", "torch", "reference"])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("case", INPUTS)
def test_bad_inputs(name, case, path):
    given, state = INPUTS[case]
    theirs, ours = getattr(torch.nn, name)(3, 4), getattr(nn, name)(3, 4)
    hx = (state, state) if name == "LSTM" and state is not None else state
    expected = raised(lambda: theirs(given, hx))
    with nn.use_path(path), pytest.raises(expected) as caught:
        ours(given, hx)
    assert isinstance(caught.value, LatchworkError)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", LAYERS)
def test_bad_packed_input(name):
    packed = pack_padded_sequence(torch.zeros(5, 2, 4), torch.tensor([5, 3]))
    expected = raised(lambda: getattr(torch.nn, name)(3, 4)(packed))
    with pytest.raises(expected):
        getattr(nn, name)(3, 4)(packed)


@pytest.mark.parametrize("path", ["fused", "torch", "reference"])
def test_a_second_state_of_the_wrong_shape(path):
    hx = (torch.zeros(1, 2, 4), torch.zeros(1, 3, 4))
    expected = raised(lambda: torch.nn.LSTM(3, 4)(x, hx))
    with nn.use_path(path), pytest.raises(expected, match="`c`"):
        nn.LSTM(3, 4)(x, hx)


@pytest.mark.parametrize("path", ["torch", "reference"])
@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize(
    "case",
    {
        "no dimensions": (torch.zeros(()), None),
        "three dimensions": (torch.zeros(1, 2, 3), None),
        "wrong features": (torch.zeros(2, 4), None),
        "state of the wrong batch": (torch.zeros(2, 3), torch.zeros(3, 4)),
        "state of the wrong size": (torch.zeros(2, 3), torch.zeros(2, 5)),
        "wrong dtype": (torch.zeros(2, 3).double(), None),
    }.items(),
    ids=lambda case: case[0],
)
def test_bad_inputs_of_single_steps(name, case, path):
    given, state = case[1]
    hx = (state, state) if name == "LSTMCell" and state is not None else state
    expected = raised(lambda: getattr(torch.nn, name)(3, 4)(given, hx))
    with nn.use_path(path), pytest.raises(expected):
        getattr(nn, name)(3, 4)(given, hx)


def test_a_single_state_where_two_are_due():
    with pytest.raises(LatchworkError, match=r"hx must be \(h, c\), but 1 tensor came"):
        nn.LSTM(3, 4)(x, h)
    with pytest.raises(LatchworkError, match=r"hx must be one tensor, but 2 tensors came"):
        nn.GRU(3, 4)(x, (h, h))
    with pytest.raises(LatchworkError, match=r"hx must be \(h, c\), but 1 tensor came"):
        nn.LSTMCell(3, 4)(x[0], h[0])


def test_a_state_that_is_no_tensor():
    for module, given, state in ((nn.LSTM(3, 4), x, h), (nn.LSTMCell(3, 4), x[0], h[0])):
        with pytest.raises(ShapeError, match="the state `c` must be a tensor, but NoneType came"):
            module(given, (state, None))
        with pytest.raises(ShapeError, match=r"hx must be \(h, c\), but int came"):
            module(given, 3)


def test_the_advice_for_an_input_of_another_type_can_be_followed():
    module = nn.GRU(3, 4)
    with pytest.raises(ShapeError, match=r"use input.to\(torch.float32\) or module.to\(torch.float64\)"):
        module(x.double())
    with pytest.raises(ShapeError, match=r"use input.to\(torch.float32\) or an nn.Embedding, if these are tokens"):
        module(x.long())


def test_what_else_is_given_wrong_is_said_with_what_is_due():
    module = nn.GRU(3, 4, batch_first=True)
    batch = torch.zeros(2, 5, 3)
    for options, message in (
        ({"lengths": [5]}, r"lengths must be 2 integers, one for each row; got shape \(1,\)"),
        ({"lengths": [5.0, 2.0]}, r"lengths must be 2 integers.*float32"),
        ({"lengths": 3}, r"lengths must be 2 integers, one for each row; got one number, 3"),
        ({"lengths": torch.tensor(3)}, r"lengths must be 2 integers, one for each row; got one number, 3"),
        ({"lengths": ["a", "b"]}, r"lengths must be 2 integers, one for each row; got \['a', 'b'\]"),
        ({"lengths": [5, None]}, r"lengths must be 2 integers, one for each row; got \[5, None\]"),
        ({"lengths": []}, r"lengths must be 2 integers, one for each row; got shape \(0,\)"),
        ({"lengths": torch.ones(2, dtype=torch.complex64)}, r"lengths must be 2 integers.*complex64"),
        ({"lengths": torch.tensor([True, False])}, r"lengths must be 2 integers.*bool"),
        ({"lengths": [5, 6]}, r"lengths\[1\] is 6, but must be in 0…5"),
        ({"lengths": [-1, 6]}, r"lengths\[0\] is -1, but must be in 0…5"),
        ({"reset": torch.zeros(5, 2, dtype=torch.bool)}, r"reset must be a bool tensor of shape \(2, 5\)"),
        ({"reset": torch.zeros(2, 5)}, r"reset must be a bool tensor of shape \(2, 5\), got \(2, 5\) of torch.float32"),
        ({"reset": [[True] * 5] * 2}, r"reset must be a bool tensor of shape \(2, 5\), got list"),
    ):
        with pytest.raises(LatchworkError, match=message):
            module(batch, **options)
    packed = pack_padded_sequence(batch, torch.tensor([5, 3]), batch_first=True)
    with pytest.raises(LatchworkError, match="carries its own lengths"):
        module(packed, lengths=[5, 3])
    with pytest.raises(LatchworkError, match="must be a tensor or a PackedSequence, not ndarray"):
        module(batch.numpy())


def test_a_cell_that_is_none():
    with pytest.raises(LatchworkError, match="Did you mean 'lstm'"):
        nn.Recurrent("lstmm", 3, 4)
    with pytest.raises(TypeError, match="mark the function with @latchwork.cell"):
        nn.Recurrent(lambda x, h: h, 3, 4)
    with pytest.raises(TypeError, match="not int"):
        nn.Recurrent(3, 3, 4)
    with pytest.raises(LatchworkError, match="lstm_projected has a projection; give the size"):
        nn.Recurrent("lstm_projected", 3, 4)
    with pytest.raises(LatchworkError, match="single steps do not offer"):
        nn.RecurrentCell("lstm_projected", 3, 4)
