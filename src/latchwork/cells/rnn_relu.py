from latchwork.language import affine, cell, relu


@cell
def rnn_relu(x, h):
    """Simple recurrent network with rectified linear units: Le, Jaitly & Hinton 2015, arXiv 1504.00941."""
    h = relu(affine(x, h))
    return h
