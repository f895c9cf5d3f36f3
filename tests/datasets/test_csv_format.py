"""Reading the plain tables of pinned packages."""

from __future__ import annotations

import pytest

from latchwork.datasets.csv_format import columns


def test_columns() -> None:
    table = columns(b'"year",x\r\n1700,5\r\n1701,NA\r\n1702,\r\n')
    assert table == {"year": ["1700", "1701", "1702"], "x": ["5", "nan", "nan"]}


def test_a_ragged_table_is_no_table() -> None:
    with pytest.raises(ValueError, match="zip"):
        columns(b"a,b\n1,2\n3\n")
