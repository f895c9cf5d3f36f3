"""The cache of compiled kernels: what is found, what is built anew, and what is never loaded."""

from __future__ import annotations

import ctypes
import hashlib
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from latchwork.errors import CompilerError, ConfigError, LatchworkError, LatchworkWarning
from latchwork.kernels import build
from latchwork.kernels.build import build_into, compile_library, find_compiler, instruction_set, instruction_sets

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="there is no C++ compiler")

SOURCE = """
extern "C" __attribute__((visibility("default"))) int answer() { return %s; }
extern "C" __attribute__((visibility("default"))) int size() { return sizeof(LATCHWORK_REAL); }
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a cache, a temporary folder, headers and a prebuilt folder of its own, and no variable set."""
    for variable in ("CXX", "LATCHWORK_ISA", "LATCHWORK_KERNEL_FLAGS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LATCHWORK_CACHE", str(tmp_path / "cache"))
    for name in ("temporary", "csrc", "prebuilt"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(build, "CSRC", tmp_path / "csrc")
    monkeypatch.setattr(build, "PREBUILT", tmp_path / "prebuilt")
    build._warn_once.cache_clear()


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that notes each call, a line each, and takes its time."""
    log, script = tmp_path / "calls", tmp_path / "noting-c++"
    log.touch()
    real = " ".join(find_compiler() or [])
    script.write_text(f'#!/bin/sh\necho "$@" >> {log}\nsleep 0.2\nexec {real} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    return log


def count(calls: Path) -> int:
    return len(calls.read_text().splitlines())


def get(answer: object = 42, **options: object) -> Path:
    return compile_library(SOURCE % answer, **{"real": "float", "name": "probe", **options})  # type: ignore[arg-type]


def answer_of(library: Path) -> int:
    """What the library answers, asked in a process of its own: one that has it open would not see it change."""
    program = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).answer())"
    done = subprocess.run([sys.executable, "-c", program, str(library)], capture_output=True, text=True, check=True)
    return int(done.stdout)


# Hit and miss


def test_a_library_is_compiled_once_and_then_found(calls: Path, tmp_path: Path):
    first = get()
    assert first.parent == tmp_path / "cache" / "kernels"
    assert ctypes.CDLL(str(first)).answer() == 42
    assert get() == first
    assert count(calls) == 1
    other = get(43)
    assert (count(calls), answer_of(other)) == (2, 43)


def test_nothing_is_left_beside_the_libraries():
    library = get()
    assert {path.name for path in library.parent.iterdir()} == {
        library.name,
        f"{library.name}.sha256",
        f"{library.name}.lock",
    }
    assert library.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("real", "size"), [("float", 4), ("double", 8)])
def test_the_number_type_is_a_macro(real: str, size: int):
    assert ctypes.CDLL(str(get(real=real))).size() == size


@pytest.mark.parametrize("isa", instruction_sets())
def test_every_instruction_set_of_this_machine_compiles_and_runs(isa: str, monkeypatch: pytest.MonkeyPatch):
    macro = {"avx512": "__AVX512F__", "avx2": "__AVX2__", "x86-64": "__x86_64__", "neon": "__aarch64__"}
    source = f"#ifndef {macro.get(isa, '__cplusplus')}\n#error not {isa}\n#endif\n" + SOURCE % 7
    monkeypatch.setenv("LATCHWORK_ISA", isa)
    library = compile_library(source, real="float", name="probe")
    assert library == compile_library(source, real="float", name="probe", isa=isa)
    assert f".{isa}." in library.name
    assert answer_of(library) == 7


def test_the_name_in_the_file_name_is_tame():
    library = get(name="../../a b/ü")
    assert library.parent == build.cache_folder()
    assert re.fullmatch(r"[\w.-]+", library.name, re.ASCII)


# The key


def test_the_key_covers_the_headers(calls: Path):
    header = build.CSRC / "number.h"
    header.write_text("#define NUMBER 1\n")
    source = '#include "number.h"\n' + SOURCE % "NUMBER"
    first = compile_library(source, real="float", name="probe")
    header.write_text("#define NUMBER 2\n")
    second = compile_library(source, real="float", name="probe")
    assert (answer_of(first), answer_of(second)) == (1, 2)
    header.rename(build.CSRC / "renamed.h")
    with pytest.raises(CompilerError, match=r"number\.h"):
        compile_library(source, real="float", name="probe")


def test_the_key_covers_all_else_that_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    keys = {build.content_key("s", "float", "generic")}

    def differs() -> bool:
        known = len(keys)
        keys.add(build.content_key("s", "float", "generic"))
        return len(keys) == known + 1

    assert not differs()
    assert build.content_key("t", "float", "generic") not in keys
    assert build.content_key("s", "double", "generic") not in keys
    assert build.content_key("s", "float", "neon") not in keys
    monkeypatch.setenv("LATCHWORK_KERNEL_FLAGS", "-g")
    assert differs()
    monkeypatch.setattr(build, "__version__", "0")
    assert differs()
    monkeypatch.setattr(build, "FLAGS", build.FLAGS[1:])
    assert differs()
    # What stands where counts too: neither the parts' ends nor their order may be lost in the digest.
    assert (
        len({build._digest("ab", "c"), build._digest("a", "bc"), build._digest("c", "ab"), build._digest("abc")}) == 4
    )


def test_another_compiler_compiles_anew(calls: Path, monkeypatch: pytest.MonkeyPatch):
    first = get()
    script = Path(os.environ["CXX"])
    script.write_text(script.read_text() + "# upgraded\n")
    second = get()
    assert second != first
    assert count(calls) == 2
    monkeypatch.setenv("CXX", f"env {script}")  # behind a launcher, as ccache is one
    third = get()
    script.write_text(script.read_text() + "# upgraded\n")
    assert len({first, second, third, get()}) == 4


def test_more_flags_come_last_and_take_part(monkeypatch: pytest.MonkeyPatch, calls: Path):
    first = get()
    monkeypatch.setenv("LATCHWORK_KERNEL_FLAGS", "-O0 '-DNUMBER=5 + 6'")
    second = get("NUMBER")
    assert answer_of(second) == 11
    assert calls.read_text().splitlines()[-1].endswith("-O0 -DNUMBER=5 + 6")
    assert get() != first
    monkeypatch.setenv("LATCHWORK_KERNEL_FLAGS", "'")
    with pytest.raises(ConfigError, match="LATCHWORK_KERNEL_FLAGS is not a command line"):
        get()


# Libraries that are not sound


@pytest.mark.parametrize(
    "damage", ["flipped", "cut", "empty", "foreign", "no note", "note of another", "note not text"]
)
def test_what_is_not_sound_is_built_anew(damage: str, calls: Path):
    library, other = get(), get(43)
    note, whole = library.with_name(f"{library.name}.sha256"), library.read_bytes()
    middle = len(whole) // 2
    if damage == "flipped":
        library.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    elif damage == "cut":
        library.write_bytes(whole[:-1])
    elif damage == "empty":
        library.write_bytes(b"")
        note.write_bytes(b"")
    elif damage == "foreign":
        library.write_bytes(other.read_bytes())
    elif damage == "no note":
        note.unlink()
    elif damage == "note of another":
        note.write_bytes(other.with_name(f"{other.name}.sha256").read_bytes())
    else:
        note.write_bytes(b"\xff" * 64)
    assert get() == library
    assert count(calls) == 3
    assert answer_of(library) == 42
    get()
    assert count(calls) == 3


def test_the_note_is_of_the_kind_that_sha256sum_checks():
    library = get()
    digest = hashlib.sha256(library.read_bytes()).hexdigest()
    assert library.with_name(f"{library.name}.sha256").read_text() == f"{digest}  {library.name}\n"


def test_a_failed_compile_leaves_what_lay_there_unloaded(monkeypatch: pytest.MonkeyPatch, calls: Path):
    library = get()
    library.write_bytes(b"foreign")
    script = Path(os.environ["CXX"])
    before = script.stat()
    script.write_text("#!/bin/sh\nexit 3\n".ljust(before.st_size - 1) + "\n")
    os.utime(script, ns=(before.st_atime_ns, before.st_mtime_ns))  # the same compiler, as far as the key can tell
    for _ in range(2):
        with pytest.raises(CompilerError, match="ended with status 3"):
            get()


def test_leavings_of_killed_compilers_are_swept(tmp_path: Path):
    folder = get().parent
    old, young = folder / ".build-old", folder / ".build-young"
    for left in (old, young):
        left.mkdir()
        (left / "kernels.cpp").touch()
    yesterday = time.time() - 100_000
    os.utime(old, (yesterday, yesterday))
    get(43)
    assert (old.exists(), young.exists()) == (False, True)


# Many at once

WAITING = """
import sys, time
from latchwork.kernels import build
from pathlib import Path
build.CSRC, build.PREBUILT = Path(sys.argv[1]), Path(sys.argv[2])
while not Path(sys.argv[3]).exists():
    time.sleep(0.001)
print(build.compile_library(sys.argv[4], real="float", name="probe"))
"""


def start_waiting(tmp_path: Path) -> subprocess.Popen[str]:
    arguments = [str(build.CSRC), str(build.PREBUILT), str(tmp_path / "go"), SOURCE % 42]
    command = [sys.executable, "-c", WAITING, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_at_once_compile_once(calls: Path, tmp_path: Path):
    processes = [start_waiting(tmp_path) for _ in range(4)]
    time.sleep(0.3)
    (tmp_path / "go").touch()
    said = [process.communicate(timeout=60) for process in processes]
    assert [err for _, err in said] == [""] * 4
    assert len({out for out, _ in said}) == 1
    assert count(calls) == 1
    assert answer_of(Path(said[0][0].strip())) == 42


def test_threads_at_once_compile_once(calls: Path):
    with ThreadPoolExecutor(8) as pool:
        libraries = list(pool.map(lambda _: get(), range(8)))
    assert len(set(libraries)) == 1
    assert count(calls) == 1


def test_different_libraries_do_not_wait_for_each_other(calls: Path):
    script = Path(os.environ["CXX"])
    # Each of the two ends only once the other has begun.
    script.write_text(
        script.read_text().replace("sleep 0.2", f"while [ $(wc -l < {calls}) -lt 2 ]; do sleep 0.01; done")
    )
    with ThreadPoolExecutor(2) as pool:
        assert [answer_of(library) for library in pool.map(get, [1, 2], timeout=60)] == [1, 2]


def test_the_lock_of_a_killed_process_holds_nobody_up(calls: Path, tmp_path: Path):
    script = Path(os.environ["CXX"])
    quick = script.read_text()
    before = script.stat()

    def write(text: str) -> None:
        script.write_text(text.ljust(400))
        os.utime(script, ns=(before.st_atime_ns, before.st_mtime_ns))

    write(quick.replace("sleep 0.2", f"echo $$ > {tmp_path}/group; sleep 60"))
    killed = start_waiting(tmp_path)
    (tmp_path / "go").touch()
    deadline = time.monotonic() + 30
    while not (tmp_path / "group").exists() or not (tmp_path / "group").read_text().strip():
        assert time.monotonic() < deadline, "the compiler was never started"
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    try:
        write(quick)
        begun = time.monotonic()
        assert answer_of(get()) == 42
        assert time.monotonic() - begun < 20
    finally:
        os.killpg(int((tmp_path / "group").read_text()), signal.SIGKILL)  # the compiler that the killed one left behind


# Folders that cannot be used


def falls_back(tmp_path: Path, why: str) -> None:
    with pytest.warns(LatchworkWarning, match=why) as warned:
        library = get()
    assert "LATCHWORK_CACHE" in str(warned[0].message)
    assert library.parent.parent == tmp_path / "temporary"
    assert library.parent.stat().st_mode & 0o777 == 0o700
    assert answer_of(library) == 42
    assert get() == library  # and says so once: a second warning would be an error here


def test_a_folder_that_cannot_be_made(tmp_path: Path, calls: Path):
    (tmp_path / "cache").write_text("a file, not a folder")
    falls_back(tmp_path, "kernels cannot be kept in .*cache/kernels: ")
    assert count(calls) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_serves_what_it_holds(tmp_path: Path):
    library = get()
    library.parent.chmod(0o500)
    try:
        assert get() == library
        with pytest.warns(LatchworkWarning, match="Permission denied"):
            assert get(43).parent.parent == tmp_path / "temporary"
    finally:
        library.parent.chmod(0o700)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_a_folder_that_others_can_write_to(mode: int, tmp_path: Path):
    planted = get()
    planted.parent.chmod(mode)
    falls_back(tmp_path, "other users can write to .*cache/kernels and so change the code in it; remove it")


def test_a_folder_that_others_can_replace(tmp_path: Path):
    get().parent.parent.chmod(0o777)
    falls_back(tmp_path, "every user can write to .*cache and so replace the folder")
    build.cache_folder().parent.chmod(0o1777)  # as /tmp is: what lies there can be replaced by its owner alone
    assert get().parent == build.cache_folder()


def test_a_folder_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = get().parent
    if os.geteuid() == 0:
        os.chown(folder, 12345, -1)
        falls_back(tmp_path, "kernels belongs to another user")
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(PermissionError, match="kernels belongs to another user"):
            build._private(folder)


def test_nowhere_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LATCHWORK_CACHE", "/dev/null/cache")
    (tmp_path / "temporary" / f"latchwork-kernels-{os.geteuid()}").write_text("a file, not a folder")
    with (
        pytest.warns(LatchworkWarning, match="/dev/null/cache/kernels"),
        pytest.raises(CompilerError, match="and neither in .*temporary.*; name a folder"),
    ):
        get()


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert build.cache_folder() == tmp_path / "cache" / "kernels"
    monkeypatch.delenv("LATCHWORK_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert build.cache_folder() == tmp_path / ".cache" / "latchwork" / "kernels"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert build.cache_folder() == tmp_path / ".cache" / "latchwork" / "kernels"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert build.cache_folder() == tmp_path / "xdg" / "latchwork" / "kernels"
    monkeypatch.setenv("LATCHWORK_CACHE", "~/own")
    assert build.cache_folder() == tmp_path / "own" / "kernels"


def test_without_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LATCHWORK_CACHE", "~nobody-of-that-name/cache")
    falls_back(tmp_path, "kernels cannot be kept in the user's cache: .*home")


# The compiler


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_compiler() is None
    with pytest.raises(
        CompilerError, match=r"cell 'probe' .* no c\+\+, g\+\+ or clang\+\+ on the PATH; install"
    ) as caught:
        get()
    assert isinstance(caught.value, LatchworkError)
    monkeypatch.setenv("CXX", "gccc -m64")
    assert find_compiler() is None
    with pytest.raises(CompilerError, match="CXX names gccc, which is not there; install .* or name one in CXX"):
        get()


def test_which_compiler_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("clang++", "g++", "c++"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        assert find_compiler() == [name]
    monkeypatch.setenv("CXX", "clang++ -m64 '-DA=b c'")
    assert find_compiler() == ["clang++", "-m64", "-DA=b c"]
    monkeypatch.setenv("CXX", " ")
    assert find_compiler() == ["c++"]
    monkeypatch.setenv("CXX", "clang++ '")
    with pytest.raises(ConfigError, match=r"CXX is not a command line: No closing quotation in \"clang\+\+ '\""):
        find_compiler()


def test_a_compiler_with_arguments(monkeypatch: pytest.MonkeyPatch):
    plain = find_compiler()
    assert plain is not None
    monkeypatch.setenv("CXX", f"{plain[0]} '-DNUMBER=4 * 5'")
    assert answer_of(get("NUMBER")) == 20


def test_what_the_compiler_says_reaches_the_user():
    with pytest.raises(CompilerError, match="cell 'probe' could not be compiled: .* ended with status 1") as caught:
        get("undeclared_name")
    message = str(caught.value)
    assert "undeclared_name" in message
    assert "-std=c++17" in message
    assert "another compiler can be named in CXX" in message


def test_a_flood_of_errors_is_cut():
    with pytest.raises(CompilerError, match=r"… and \d+ lines more$") as caught:
        compile_library("\n".join(f"wrong{i} x;" for i in range(50)), real="float", name="probe")
    assert len(str(caught.value).splitlines()) == 1 + 1 + build._SHOWN + 1


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("#!/bin/sh\nexit 0\n", "compiled nothing for cell 'probe'"),
        ("#!/no/such/interpreter\n", "does not start"),
        ("#!/bin/sh\nkill -9 $$\n", "status -9.*\n.*\n  (it said nothing)"),
    ],
)
def test_what_is_no_compiler(script: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "odd"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("CXX", str(program))
    with pytest.raises(CompilerError, match=why.replace("(it said nothing)", r"\(it said nothing\)")):
        get()


def test_a_compiler_that_hangs_is_stopped_with_all_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "slow"
    program.write_text(f"#!/bin/sh\nsh -c 'echo $$ > {tmp_path}/inner; sleep 60; true' &\nwait\n")
    program.chmod(0o755)
    monkeypatch.setenv("CXX", str(program))
    monkeypatch.setattr(build, "_TIMEOUT", 0.5)
    begun = time.monotonic()
    with pytest.raises(CompilerError, match=r"slow took more than 0\.5 s"):
        get()
    assert time.monotonic() - begun < 20
    inner = Path(f"/proc/{(tmp_path / 'inner').read_text().strip()}/stat")
    if Path("/proc").is_dir():
        deadline = time.monotonic() + 10
        while inner.exists() and inner.read_text().split()[2] != "Z":
            assert time.monotonic() < deadline, "what the compiler started still runs"
            time.sleep(0.01)


def test_the_user_is_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "latchwork"):
        get(name="mine")
        get(name="mine")
    text = "compiling the kernels of cell 'mine' (once; about 2 s)"
    assert caplog.messages == [text]

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    get(43, name="mine")
    get(43, name="mine")
    assert terminal.getvalue() == f"latchwork: {text}\n"


# Instruction sets


def test_the_best_instruction_set_comes_first(monkeypatch: pytest.MonkeyPatch):
    assert instruction_set() == instruction_sets()[0]
    assert set(instruction_sets()) <= set(build.INSTRUCTION_SETS)

    def on(machine: str, *features: str) -> tuple[str, ...]:
        monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "", "", "", machine)))
        monkeypatch.setattr(build, "_cpu_features", lambda: frozenset(features))
        return instruction_sets()

    avx2, avx512 = build._NEEDS["avx2"], build._NEEDS["avx512"]
    assert on("x86_64", *avx2, *avx512, "sse") == ("avx512", "avx2", "x86-64")
    assert on("x86_64", *avx2) == ("avx2", "x86-64")
    assert on("x86_64", *(avx2 - {"fma"}), *avx512) == ("x86-64",)
    assert on("x86_64", *avx2, *(avx512 - {"avx512vl"})) == ("avx2", "x86-64")
    assert on("x86_64") == ("x86-64",)
    assert on("aarch64") == on("arm64") == ("neon",)
    assert on("riscv64") == ("generic",)


def test_an_instruction_set_that_cannot_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build, "instruction_sets", lambda: ("avx2", "x86-64"))
    monkeypatch.setenv("LATCHWORK_ISA", "avx9")
    with pytest.raises(ConfigError, match="'avx9', but there is no such instruction set; here it can be: avx2, x86-64"):
        get()
    monkeypatch.setenv("LATCHWORK_ISA", "avx512")
    with pytest.raises(ConfigError, match="'avx512', but this machine cannot run it; here it can be: avx2, x86-64"):
        get()
    with pytest.raises(ConfigError, match="no instruction set 'avx9'; there are: avx512, avx2"):
        get(isa="avx9")


# What packaging ships


def test_a_prebuilt_library_is_taken_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    isa = instruction_set()
    shipped = build_into(build.PREBUILT, SOURCE % 42, "float", isa, "probe")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert get() == shipped
    assert answer_of(shipped) == 42
    assert not build.cache_folder().exists()
    shipped.write_bytes(shipped.read_bytes()[:-1])
    with pytest.raises(CompilerError, match="install a C"):
        get()


def test_a_damaged_prebuilt_library_is_left_and_another_compiled():
    shipped = build_into(build.PREBUILT, SOURCE % 42, "float", instruction_set(), "probe")
    shipped.write_bytes(b"damaged")
    library = get()
    assert library.parent == build.cache_folder()
    assert answer_of(library) == 42
    assert shipped.read_bytes() == b"damaged"


# Time


def test_a_second_process_finds_the_library_at_once():
    library = get()
    program = f"""
import sys, time, json
import latchwork
begun = time.process_time()
from latchwork.kernels import build
build.CSRC, build.PREBUILT = build.Path({str(build.CSRC)!r}), build.Path({str(build.PREBUILT)!r})
found = build.compile_library({SOURCE % 42!r}, real="float", name="probe")
print(json.dumps([str(found), time.process_time() - begun, "subprocess" in sys.modules]))
"""
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        found, took, started = json.loads(done.stdout)
        assert found == str(library)
        assert not started, "a hit starts no process, and so need not import what starts one"
        seconds.append(took)
    assert min(seconds) < 0.06
