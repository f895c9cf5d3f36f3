"""Random masks from a counter: Philox4x32-10 of Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as
1, 2, 3".

A mask's bit depends on the seed and on where it is used (unit, row, step, stream) and on nothing else: unit u has word
u mod 4 of the counter (u // 4, row, step, stream). So the forward and the backward pass, every backend and every number
of threads see the same mask, and none is ever stored.
"""

from __future__ import annotations

from typing import Any

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = 0xFFFFFFFF


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """Ten rounds over arrays of 32-bit numbers kept in int64, of numpy or of torch: four words for four counters."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        # The product's 64 bits wrap into the sign; masking after the shift brings the high word back.
        p0, p1 = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = ((p1 >> 32) & _LOW) ^ b ^ k0, p1 & _LOW, ((p0 >> 32) & _LOW) ^ d ^ k1, p0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return a, b, c, d


def bernoulli(
    xp: Any,
    rate: float,
    seed: int,
    stream: int,
    step: Any,
    batch: int,
    units: int,
    device: Any = None,
    rows: Any = None,
) -> Any:
    """Whether each of (B, units) numbers is 1, with probability ``rate``: a bool array of numpy or torch (``xp``).

    Args:
        seed: 64 bits.
        stream: which mask of which layer and direction.
        step: the step; 0 for a mask that lasts a whole sequence.
        rows: (B,) the number of each row; 0…B − 1 by default.
    """
    on = {} if device is None else {"device": device}
    quads = -(-units // 4)
    quad = xp.arange(quads, **on).reshape(1, quads)
    row = (xp.arange(batch, **on) if rows is None else rows).reshape(batch, 1)
    zero = xp.zeros((batch, quads), dtype=xp.int64, **on)
    words = philox((zero + quad, zero + row, zero + step, zero + stream), (seed & _LOW, (seed >> 32) & _LOW))
    return xp.stack(words, -1).reshape(batch, 4 * quads)[:, :units] < int(rate * 2**32)
