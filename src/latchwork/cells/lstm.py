from latchwork.language import affine, cell, sigmoid, tanh


@cell
def lstm(x, h, c):
    """Long short-term memory: Hochreiter & Schmidhuber 1997; forget gate, Gers, Schmidhuber & Cummins 2000."""
    input = sigmoid(affine(x, h))
    forget = sigmoid(affine(x, h))
    candidate = tanh(affine(x, h))
    output = sigmoid(affine(x, h))
    c = forget * c + input * candidate
    h = output * tanh(c)
    return h, c
