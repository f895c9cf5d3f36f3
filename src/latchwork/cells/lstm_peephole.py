from latchwork.language import affine, cell, sigmoid, tanh, vector


@cell
def lstm_peephole(x, h, c):
    """LSTM whose gates see the cell state through one weight per unit: Gers & Schmidhuber 2000, "Recurrent nets that
    time and count"."""
    input = sigmoid(affine(x, h) + vector() * c)
    forget = sigmoid(affine(x, h) + vector() * c)
    candidate = tanh(affine(x, h))
    c = forget * c + input * candidate
    output = sigmoid(affine(x, h) + vector() * c)
    h = output * tanh(c)
    return h, c
