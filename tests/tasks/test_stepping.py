"""Reading on from a state: step by step, chunk by chunk and all at once are one."""

import numpy as np
import pytest
import torch

from latchwork import cells
from latchwork.nn.dispatch import use_path
from latchwork.tasks import stepping
from latchwork.tasks.network import SequenceNetwork, Shape
from latchwork.tasks.stepping import Reader, code_lengths, read_on
from latchwork.tasks.symbols import END

SYMBOLS = 7


def network(cell="lstm", **options):
    torch.manual_seed(0)
    if cell == "lstm_projected":
        options = {"options": {"proj_size": 5}, **options}
    return SequenceNetwork(cell, Shape(SYMBOLS, 6, SYMBOLS, 19, pooling=None, dropout=0.5, **options)).eval()


@pytest.mark.parametrize("cell", cells.names())
def test_step_by_step_gives_the_scores_of_all_at_once(cell):
    made = network(cell, num_layers=2)
    symbols = [END, 3, 4, 5, END, 1, 2, 6, 6]
    with torch.no_grad():
        whole = read_on(made, torch.tensor(symbols).unsqueeze(1), None)[0][:, 0].numpy()
    reader = Reader(made)
    one_by_one = [reader.read([symbol]) for symbol in symbols]
    np.testing.assert_allclose(one_by_one, whole, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(Reader(made).read(symbols), whole[-1], rtol=1e-4, atol=1e-5)


def test_variants_of_a_cell_are_read_as_when_evaluated():
    made = network(options={"zoneout": 0.2, "layer_norm": True, "recurrent_dropout": 0.3})
    with torch.no_grad():
        whole = read_on(made, torch.tensor([[END], [3], [4]]), None)[0][-1, 0].numpy()
    np.testing.assert_allclose(Reader(made).read([END, 3, 4]), whole, rtol=1e-4, atol=1e-5)


def test_without_kernels_the_layers_read():
    made = network()
    expected = Reader(made).read([END, 3, 4])
    with use_path("reference"):
        reader = Reader(made)
        reader.read([END, 3])
        np.testing.assert_allclose(reader.read([4]), expected, rtol=1e-4, atol=1e-5)


def test_an_end_makes_all_before_it_forgotten():
    made = network("gru")
    with torch.no_grad():
        long = read_on(made, torch.tensor([[2], [END], [3]]), None)[0][1:]
        alone = read_on(made, torch.tensor([[END], [3]]), None)[0]
    assert torch.allclose(long, alone, atol=1e-6)


def test_bits_are_those_of_each_document_alone(monkeypatch):
    made = network()
    generator = np.random.default_rng(0)
    documents = [generator.integers(1, SYMBOLS, size) for size in (5, 0, 23, 23, 1, 12)]
    expected = []
    for document in documents:
        with torch.no_grad():
            scores = read_on(made, torch.tensor([END, *document]).unsqueeze(1), None)[0][:, 0].double()
        chosen = scores.log_softmax(-1)[torch.arange(len(document) + 1), [*document, END]]
        expected.append(-float(chosen.sum()) / np.log(2))
    np.testing.assert_allclose(code_lengths(made, documents), expected, rtol=1e-5)
    for name, value in (("_STEPS", 4), ("_SIDE_BY_SIDE", 2)):
        monkeypatch.setattr(stepping, name, value)
        np.testing.assert_allclose(code_lengths(made, documents), expected, rtol=1e-5)
    assert code_lengths(made, []).shape == (0,)
