"""What packaging compiles is what a machine without a compiler then runs."""

from __future__ import annotations

import pytest

from latchwork import cells
from latchwork.errors import CompilerError
from latchwork.kernels import build, prebuild
from latchwork.kernels.emit import source
from latchwork.kernels.native import CORE
from latchwork.kernels.plan import plan


def test_a_machine_without_a_compiler_finds_the_zoo_in_the_wheel(tmp_path, monkeypatch):
    if build.find_compiler() is None:
        pytest.skip("there is no C++ compiler")
    monkeypatch.setattr(cells, "names", lambda: ["rnn"])
    here = build.instruction_set()
    monkeypatch.setattr(build, "family", lambda: (here,))
    made = prebuild.prebuild(tmp_path / "prebuilt")
    assert len(made) == 4  # the time loop and the cell, in two precisions
    monkeypatch.undo()
    monkeypatch.setattr(build, "PREBUILT", tmp_path / "prebuilt")
    monkeypatch.setenv("LATCHWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", "/nowhere/c++")
    assert build.compile_library(CORE, real="float", name="core") in made
    assert build.compile_library(source(plan(cells.get("rnn").graph)), real="double", name="rnn") in made
    with pytest.raises(CompilerError):
        build.compile_library(source(plan(cells.get("lstm").graph)), real="float", name="lstm")


def test_every_instruction_set_of_this_machine_is_packaged():
    assert set(build.instruction_sets()) <= set(build.family()) <= set(build.INSTRUCTION_SETS)
