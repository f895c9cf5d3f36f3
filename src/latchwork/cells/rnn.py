from latchwork.language import affine, cell, tanh


@cell
def rnn(x, h):
    """Simple recurrent network with tanh: Elman 1990, "Finding structure in time"."""
    h = tanh(affine(x, h))
    return h
