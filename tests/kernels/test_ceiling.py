"""The ceilings: what is measured is what it says, not how high they are."""

import shutil
import subprocess

import pytest

from latchwork.kernels import ceiling as module
from latchwork.kernels.build import compile_library, find_compiler, instruction_sets
from latchwork.kernels.ceiling import ceiling, working_sets

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="there is no C++ compiler")


@pytest.mark.parametrize("threads", [1, 2])
def test_ceiling(threads):
    found = ceiling(threads, seconds=0.005)
    assert found.threads == threads
    assert found.flops > 1e8
    assert list(found.read) == ["L1", "L2", "L3", "memory"]
    sizes = [read.size for read in found.read.values()]
    assert sizes == sorted(sizes)
    assert all(read.rate > 1e7 for read in found.read.values())
    # Nothing was folded away: no processor does so much in a second, nor reads so much.
    assert found.flops < 1e13
    assert found.read["L1"].rate < 1e13


@pytest.mark.parametrize("isa", instruction_sets())
def test_the_peak_loop_touches_no_memory(isa):
    listing = shutil.which("objdump")
    if listing is None or not isa.startswith(("avx", "x86")):
        pytest.skip("there is no objdump, or another assembly")
    library = compile_library('#include "ceiling.cpp"\n', real="float", name="ceiling", isa=isa)
    said = subprocess.run(
        [listing, "-d", "--no-show-raw-insn", "-M", "intel", str(library)], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.partition("\t")[2].strip() for line in said.splitlines()]
    mark = "mulps" if isa == "x86-64" else "vfmadd"
    ends = [i for i, line in enumerate(lines) if line.startswith("j")]
    # Straight runs of code between two jumps, with as many multiplications as there are sums.
    runs = [lines[a + 1 : b] for a, b in zip([0, *ends], ends, strict=False)]
    loops = [run for run in runs if sum(mark in line for line in run) >= 12]
    assert loops
    arithmetic = [line for run in loops for line in run if mark in line or line.startswith("addps")]
    assert not [line for line in arithmetic if "[" in line]


def test_sizes_of_caches_are_read_from_the_system(tmp_path, monkeypatch):
    for i, (level, kind, size) in enumerate(
        [("1", "Data", "48K"), ("1", "Instruction", "64K"), ("2", "Unified", "2M"), ("3", "Unified", "odd")]
    ):
        folder = tmp_path / f"index{i}"
        folder.mkdir()
        for part, text in (("level", level), ("type", kind), ("size", size)):
            (folder / part).write_text(f"{text}\n")
    monkeypatch.setattr(module, "_CACHES", tmp_path)
    assert module._caches() == {"L1": 48 << 10, "L2": 2 << 20}
    assert working_sets(2) == {"L1": 24 << 10, "L2": 1 << 20, "L3": 8 << 20, "memory": 128 << 20}
    monkeypatch.setattr(module, "_CACHES", tmp_path / "none")
    assert working_sets(1) == {"L1": 8 << 10, "L2": 256 << 10, "L3": 8 << 20, "memory": 128 << 20}
