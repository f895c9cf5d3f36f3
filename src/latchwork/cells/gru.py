from latchwork.language import affine, cell, sigmoid, tanh


@cell
def gru(x, h):
    """Gated recurrent unit, the reset gate acting after the matrix product, as in cuDNN and torch: Cho et al. 2014
    (arXiv 1406.1078), in the form of Chung et al. 2014 (arXiv 1412.3555)."""
    reset = sigmoid(affine(x, h))
    update = sigmoid(affine(x, h))
    candidate = tanh(affine(x) + reset * affine(h))
    h = (1 - update) * candidate + update * h
    return h
