"""Studies are run by hand; that they find what they import is seen here."""

import runpy
from pathlib import Path

import pytest

STUDIES = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_a_study_can_be_loaded(study, monkeypatch):
    monkeypatch.syspath_prepend(study.parent)  # as it is where the file is run
    assert callable(runpy.run_path(str(study))["main"])
