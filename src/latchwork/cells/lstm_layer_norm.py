from latchwork.language import cell, layer_norm, linear, sigmoid, tanh


@cell
def lstm_layer_norm(x, h, c):
    """LSTM with layer normalisation of each gate's maps and of the cell state where it is read: Ba, Kiros & Hinton
    2016, arXiv 1607.06450. Each gate is normalised over its own units."""
    input = sigmoid(layer_norm(linear(x)) + layer_norm(linear(h)))
    forget = sigmoid(layer_norm(linear(x)) + layer_norm(linear(h)))
    candidate = tanh(layer_norm(linear(x)) + layer_norm(linear(h)))
    output = sigmoid(layer_norm(linear(x)) + layer_norm(linear(h)))
    c = forget * c + input * candidate
    h = output * tanh(layer_norm(c))
    return h, c
