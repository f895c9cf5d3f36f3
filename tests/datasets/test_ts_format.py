"""Reading the ``.ts`` files of series to classify."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from latchwork.datasets import ts_format

numbers = st.floats(allow_nan=False, allow_infinity=False)
series = arrays.arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=numbers)


@given(st.lists(st.tuples(series, st.sampled_from(["1", "Walking", "no"])), max_size=4))
def test_what_is_written_is_read(rows: list[tuple[np.ndarray, str]]) -> None:
    lines = ["#words: and, commas", "@problemName Probe", "@classLabel true 1 no", "@data", ""]
    for steps, label in rows:
        channels = [",".join(repr(float(value)) for value in channel) for channel in steps.T]
        lines.append(":".join([*channels, label]))
    read = ts_format.parse("\n".join(lines).encode())
    assert [label for _, label in read] == [label for _, label in rows]
    for (found, _), (steps, _) in zip(read, rows, strict=True):
        assert found.dtype == np.float64
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, steps)
