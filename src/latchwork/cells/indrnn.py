from latchwork.language import affine, cell, relu, vector


@cell
def indrnn(x, h):
    """Independently recurrent network, each unit fed back to itself alone: Li et al. 2018, arXiv 1803.04831. The
    recurrent weights start in 0…1, so that long memories are there from the start."""
    recurrent = vector(0, 1)
    h = relu(affine(x) + recurrent * h)
    return h
