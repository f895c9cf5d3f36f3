from latchwork.language import cell, layer_norm, linear, sigmoid, tanh


@cell
def gru_layer_norm(x, h):
    """GRU with layer normalisation of each gate's maps: Ba, Kiros & Hinton 2016, arXiv 1607.06450. Each gate is
    normalised over its own units."""
    reset = sigmoid(layer_norm(linear(x)) + layer_norm(linear(h)))
    update = sigmoid(layer_norm(linear(x)) + layer_norm(linear(h)))
    candidate = tanh(layer_norm(linear(x)) + reset * layer_norm(linear(h)))
    h = (1 - update) * candidate + update * h
    return h
