from latchwork.language import affine, cell, project, sigmoid, tanh


@cell
def lstm_projected(x, h, c):
    """LSTM with a smaller, projected output that is fed back: Sak, Senior & Beaufays 2014, arXiv 1402.1128."""
    input = sigmoid(affine(x, h))
    forget = sigmoid(affine(x, h))
    candidate = tanh(affine(x, h))
    output = sigmoid(affine(x, h))
    c = forget * c + input * candidate
    h = project(output * tanh(c))
    return h, c
