from latchwork.language import affine, cell, sigmoid, tanh


@cell
def lstm_coupled(x, h, c):
    """LSTM whose input gate is what the forget gate leaves: Greff et al. 2015, arXiv 1503.04069 (variant CIFG)."""
    forget = sigmoid(affine(x, h))
    candidate = tanh(affine(x, h))
    output = sigmoid(affine(x, h))
    c = forget * c + (1 - forget) * candidate
    h = output * tanh(c)
    return h, c
