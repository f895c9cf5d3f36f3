from latchwork.language import affine, cell, sigmoid, tanh


@cell
def mgu(x, h):
    """Minimal gated unit, one gate for both of the GRU's: Zhou, Wu, Zhang & Zhou 2016, arXiv 1603.09420."""
    forget = sigmoid(affine(x, h))
    kept = forget * h
    candidate = tanh(affine(x, kept))
    h = (1 - forget) * h + forget * candidate
    return h
