from latchwork.language import affine, cell, sigmoid, tanh


@cell
def gru_reset_before(x, h):
    """Gated recurrent unit as first published, the reset gate acting before the matrix product: Cho et al. 2014,
    arXiv 1406.1078."""
    reset = sigmoid(affine(x, h))
    update = sigmoid(affine(x, h))
    kept = reset * h
    candidate = tanh(affine(x, kept))
    h = (1 - update) * candidate + update * h
    return h
