"""The zoo's register: one file per cell, found by the file's name, each citing its paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from latchwork import cells
from latchwork.errors import ConfigError
from latchwork.language.cell import Cell


def test_the_names_are_those_of_the_files():
    files = {path.stem for path in Path(cells.__file__).parent.glob("*.py")} - {"__init__"}
    assert cells.names() == sorted(files)
    assert len(files) >= 12


@pytest.mark.parametrize("name", cells.names())
def test_a_cell_has_its_files_name_and_cites_its_paper(name):
    cell = cells.get(name)
    assert isinstance(cell, Cell)
    assert cell.name == name
    assert cells.get(name) is cell
    doc = " ".join(cell.doc.split())
    assert re.search(r"[A-Z]\w+ (et al\. )?(19|20)\d\d", doc), "who and when"
    assert re.search(r'arXiv \d{4}\.\d{4,5}|"[A-Z].+"|Hochreiter & Schmidhuber 1997', doc), "where to find it"


@pytest.mark.parametrize("name", cells.names())
def test_a_cells_file_holds_one_cell(name):
    source = (Path(cells.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    assert source.count("@cell") == 1


def test_an_unknown_name_gets_the_nearest_and_the_list():
    with pytest.raises(ConfigError, match=r"there is no cell 'lstn' in the zoo\. Did you mean 'lstm'\?") as caught:
        cells.get("lstn")
    assert all(name in str(caught.value) for name in cells.names())
    assert "@latchwork.cell" in str(caught.value)


def test_a_name_like_no_other_gets_the_list_alone():
    with pytest.raises(ConfigError) as caught:
        cells.get("transformer")
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "__init__", "..errors", "lstm.lstm", "LSTM"])
def test_only_the_zoos_names_are_imported(name):
    with pytest.raises(ConfigError):
        cells.get(name)
