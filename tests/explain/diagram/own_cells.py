"""Cells as users write them, each of which asks something else of the picture."""

import latchwork as lw


@lw.cell
def two_memories(x, h, fast, slow):
    fades = lw.sigmoid(lw.affine(x, h))
    stays = lw.sigmoid(lw.affine(x, h))
    candidate = lw.tanh(lw.affine(x, h))
    fast = fades * fast + (1 - fades) * candidate
    slow = stays * slow + (1 - stays) * fast
    output = lw.sigmoid(lw.affine(x, h, slow))
    h = output * lw.tanh(fast + slow)
    return h, fast, slow


@lw.cell
def many_ops(x, h, c, m):
    a = lw.exp(lw.minimum(lw.affine(x, h), 3))
    b = lw.exp(lw.minimum(lw.affine(x, h), 3))
    top = lw.maximum(m, lw.log(a))
    norm = a / (a + b)
    chosen = lw.where(norm > 0.5, norm, c)
    c = norm * c + (1 - norm) * lw.tanh(lw.affine(x, chosen))
    m = 0.9 * m + 0.1 * top
    a_gate_whose_name_is_longer_than_any_box = lw.sigmoid(lw.affine(x, h, c))
    hidden = abs(c - m) / lw.sqrt(c * c + 0.25)
    h = a_gate_whose_name_is_longer_than_any_box * lw.tanh(hidden) + lw.softplus(hidden)
    return h, c, m


@lw.cell
def a_stack(x, h):
    first = lw.tanh(lw.affine(x, h))
    second = lw.tanh(lw.affine(first))
    third = lw.relu(lw.affine(second, x))
    h = lw.tanh(lw.affine(third))
    return h


@lw.cell
def recurrent_highway(x, h):
    opens = lw.sigmoid(lw.affine(x, h))
    candidate = lw.tanh(lw.affine(x, h))
    between = opens * candidate + (1 - opens) * h
    opens_again = lw.sigmoid(lw.affine(between))
    second = lw.tanh(lw.affine(between))
    h = opens_again * second + (1 - opens_again) * between
    return h


@lw.cell
def never_used(x, h):
    gap = x - 0.5  # noqa: F841 (a name for the trace)
    h = lw.tanh(lw.affine(x, h))
    return h


@lw.cell
def many_sources(x, h, a, b, c):
    h = lw.tanh(lw.affine(x, h, a, b, c) + a * b)
    gate = lw.sigmoid(lw.affine(c, b, a, h))
    return h, gate * a, gate * b + h, c + gate


@lw.cell
def a_long_way(x, h):
    h = lw.tanh(lw.affine(x, h))
    for _ in range(150):
        h = lw.tanh(0.5 * h + 0.1)
    return h


OWN_CELLS = [two_memories, many_ops, a_stack, recurrent_highway, never_used, many_sources, a_long_way]
