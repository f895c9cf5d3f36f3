"""From C++ source to a shared library on disk, compiled at most once.

A library is looked for in two places. First the folder ``prebuilt`` of the package, which packaging fills by
:func:`build_into`: its files carry a key over all that decides what the library computes. Then the user's cache,
``kernels`` in the folder that ``LATCHWORK_CACHE`` names, else in ``$XDG_CACHE_HOME/latchwork``, else in
``~/.cache/latchwork``: there the key covers the compiler too.

Loading a library is running code, so the cache is a folder that nobody else can write to, and every library has its
SHA-256 beside it, in the form that ``sha256sum --check`` reads: what was cut short, damaged or put there by something
else is compiled anew. A hit starts no process and takes a few milliseconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import stat
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from latchwork import __version__, folders
from latchwork.errors import CompilerError, ConfigError, LatchworkWarning

# subprocess, tempfile and logging are imported where something is compiled: a hit does not pay for them.

Real = Literal["float", "double"]

CSRC = Path(__file__).parent / "csrc"
PREBUILT = Path(__file__).parent / "prebuilt"

FLAGS = (
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-shared",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-pthread",
)

# Every instruction set, the best one of a machine first, with its flags.
INSTRUCTION_SETS: dict[str, tuple[str, ...]] = {
    "avx512": ("-march=x86-64-v4", "-mprefer-vector-width=512"),
    "avx2": ("-march=x86-64-v3",),
    "x86-64": ("-march=x86-64",),
    "neon": (),
    "generic": (),  # any other machine, by whatever its compiler makes of vector types
}
_NEEDS = {  # what Linux calls the features of the x86-64 levels beyond the first
    "avx2": frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    "avx512": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
}

_TIMEOUT = 120.0  # seconds
_SHOWN = 20  # lines of what the compiler said
_TEMPORARY = ".build-"
_DAY = 86_400.0


def compile_library(source: str, *, real: Real, name: str, isa: str | None = None) -> Path:
    """The shared library of one translation unit, compiled unless it is already there.

    Safe for many threads and processes at once: one of them compiles, and the others wait for it.

    Args:
        source: C++ that may include the headers of ``csrc``.
        real: what the macro ``LATCHWORK_REAL`` stands for in it.
        name: the cell's name, for the library's file name and for messages.
        isa: the instruction set, if not :func:`instruction_set`'s.

    Raises:
        CompilerError: there is no compiler, it failed, or there is nowhere to keep what it makes.
        ConfigError: the instruction set is unknown or cannot run here, or ``CXX`` or ``LATCHWORK_KERNEL_FLAGS`` is not
            a command line.
    """
    isa = instruction_set() if isa is None else _known(isa)
    content = content_key(source, real, isa)
    ready = PREBUILT / _file_name(name, real, isa, content)
    if _is_sound(ready):
        return ready
    compiler = _compiler_for(name)
    file = _file_name(name, real, isa, _digest(content, *_identity(compiler)))

    def build(place: Path) -> None:
        _announce(name)
        _build(place, compiler, source, real, isa, name)

    wanted = "the user's cache"
    try:
        wanted = str(cache_folder())
        return _obtain(_private(Path(wanted)) / file, build)
    except CompilerError:
        raise
    except (OSError, RuntimeError) as error:
        why = f"kernels cannot be kept in {wanted}: {error}"
    import tempfile

    # One folder for all processes of this user: a start of many workers still compiles once.
    instead = Path(tempfile.gettempdir()) / f"latchwork-kernels-{os.geteuid()}"
    _warn_once(f"{why}; they go to {instead} for now. Name a folder of your own in the variable LATCHWORK_CACHE")
    try:
        return _obtain(_private(instead) / file, build)
    except OSError as error:
        raise CompilerError(
            f"{why}; and neither in {instead}: {error}; name a folder of your own in the variable LATCHWORK_CACHE"
        ) from error


def build_into(folder: Path, source: str, real: Real, isa: str, name: str) -> Path:
    """Compile a library that packaging ships in ``prebuilt``; ``isa`` need not run on this machine.

    Raises:
        CompilerError: there is no compiler, or it failed.
        ConfigError: there is no such instruction set.
        OSError: it cannot be written there.
    """
    place = folder / _file_name(name, real, _known(isa), content_key(source, real, isa))
    folder.mkdir(parents=True, exist_ok=True)
    _build(place, _compiler_for(name), source, real, isa, name)
    return place


# The machine and its compiler


def instruction_set() -> str:
    """The best instruction set that this machine can run, or the one named in the variable ``LATCHWORK_ISA``.

    Raises:
        ConfigError: that is no instruction set, or this machine cannot run it.
    """
    able, asked = instruction_sets(), os.environ.get("LATCHWORK_ISA")
    if not asked:
        return able[0]
    if asked not in able:
        why = "this machine cannot run it" if asked in INSTRUCTION_SETS else "there is no such instruction set"
        raise ConfigError(f"LATCHWORK_ISA is '{asked}', but {why}; here it can be: {', '.join(able)}")
    return asked


def family() -> tuple[str, ...]:
    """The instruction sets of this kind of machine, the best one first, whether or not this one has them."""
    machine = os.uname().machine if os.name == "posix" else ""
    if machine in {"aarch64", "arm64"}:
        return ("neon",)
    return ("avx512", "avx2", "x86-64") if machine in {"x86_64", "amd64"} else ("generic",)


def instruction_sets() -> tuple[str, ...]:
    """The instruction sets that this machine can run, the best one first."""
    if family() != ("avx512", "avx2", "x86-64"):
        return family()
    features = _cpu_features()
    if not features >= _NEEDS["avx2"]:
        return ("x86-64",)
    return ("avx512", "avx2", "x86-64") if features >= _NEEDS["avx512"] else ("avx2", "x86-64")


@cache
def _cpu_features() -> frozenset[str]:
    found: set[str] = set()
    if sys.platform == "darwin":
        import ctypes

        ask = ctypes.CDLL(None).sysctlbyname

        def has(feature: str) -> bool:
            value, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
            failed = ask(f"hw.optional.{feature}".encode(), ctypes.byref(value), ctypes.byref(size), None, 0)
            return not failed and value.value != 0

        found.update(feature for feature in _NEEDS["avx512"] if has(feature))
        if has("avx2_0"):  # every processor of a Mac that has it has the rest of its level
            found |= _NEEDS["avx2"]
    else:
        with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as lines:
            # The first processor's stand for all.
            found.update(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), ()))
    return frozenset(found)


def find_compiler() -> list[str] | None:
    """The C++ compiler's command: ``CXX``, which may carry arguments, else c++, g++ or clang++; None if there is none.

    Raises:
        ConfigError: ``CXX`` is not a command line.
    """
    if asked := _words("CXX"):
        return asked if shutil.which(asked[0]) else None
    return next(([name] for name in ("c++", "g++", "clang++") if shutil.which(name)), None)


def _compiler_for(name: str) -> list[str]:
    what = f"the kernels of cell '{name}' cannot be compiled"
    if os.name != "posix":
        raise CompilerError(f"{what}: that needs Linux or macOS, and this is {sys.platform}")
    compiler = find_compiler()
    if compiler is None:
        asked = _words("CXX")
        lack = f"CXX names {asked[0]}, which is not there" if asked else "there is no c++, g++ or clang++ on the PATH"
        raise CompilerError(f"{what}: {lack}; install a C++17 compiler (g++ or clang++), or name one in CXX")
    return compiler


def _identity(compiler: list[str]) -> Iterator[str]:
    """What tells one compiler from another without running it: the files that its command names, and their age."""
    for word in compiler:
        yield word
        if found := shutil.which(word):  # each word, for the compiler behind ccache counts too
            place = Path(found).resolve()
            known = place.stat()
            yield f"{place} {known.st_size} {known.st_mtime_ns}"


def _words(variable: str) -> list[str]:
    try:
        return shlex.split(os.environ.get(variable, ""))
    except ValueError as error:
        raise ConfigError(
            f"the variable {variable} is not a command line: {error} in {os.environ[variable]!r}; quote as for a shell"
        ) from error


def _known(isa: str) -> str:
    if isa not in INSTRUCTION_SETS:
        raise ConfigError(f"there is no instruction set '{isa}'; there are: {', '.join(INSTRUCTION_SETS)}")
    return isa


# The key


def content_key(source: str, real: Real, isa: str) -> str:
    """A digest of all that decides what a library computes, but for the compiler: the same on every machine."""
    headers = sorted((path.relative_to(CSRC).as_posix(), path) for path in CSRC.rglob("*") if path.is_file())
    contents = [part for name, path in headers for part in (name, path.read_bytes())]
    extra = _words("LATCHWORK_KERNEL_FLAGS")
    return _digest(__version__, source, real, isa, *FLAGS, *INSTRUCTION_SETS[isa], "extra", *extra, "csrc", *contents)


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))  # so that no two lists of parts read the same
        digest.update(data)
    return digest.hexdigest()[:32]


def _file_name(name: str, real: Real, isa: str, key: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', name)[:64]}.{real}.{isa}.{key}.so"


# The cache


def cache_folder() -> Path:
    """The user's folder for compiled kernels; it need not exist yet.

    Raises:
        RuntimeError: there is no home folder.
    """
    return folders.cache_folder("kernels")


def _private(folder: Path) -> Path:
    """``folder``, made if need be, once it is certain that only this user and root can put files there.

    Raises:
        OSError: it cannot be made, or others can.
    """
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    folder = folder.resolve()
    known = folder.stat()
    if known.st_uid not in {0, os.geteuid()}:
        raise PermissionError(f"{folder} belongs to another user, who could change the code in it")
    if known.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"other users can write to {folder} and so change the code in it; remove it")
    for above in folder.parents:  # who may rename a folder may put another in its place
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise PermissionError(f"every user can write to {above} and so replace the folder {folder}")
    return folder


def _obtain(place: Path, build: Callable[[Path], None]) -> Path:
    """``place``, built first unless a sound library lies there."""
    if not _is_sound(place):
        with _locked(place):
            if not _is_sound(place):  # or it was built while this one waited
                build(place)
    return place


def _is_sound(place: Path) -> bool:
    try:
        noted = _note(place).read_text(encoding="ascii")
        return noted == _noted(place.name, place.read_bytes())
    except (OSError, UnicodeDecodeError):
        return False


def _note(place: Path) -> Path:
    return place.with_name(place.name + ".sha256")


def _noted(name: str, contents: bytes) -> str:
    return f"{hashlib.sha256(contents).hexdigest()}  {name}\n"


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Let one thread of one process at a time in here. The system frees the lock of a process that dies.

    flock holds between two opened files even within a process, so threads need no lock of their own (which a fork
    would leave held for ever in the child).
    """
    import fcntl

    handle = os.open(place.with_name(place.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # Some network file systems have no locks: then several may compile, and the last one's library stays.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)  # not by closing alone: a forked child may have the file open too
    finally:
        os.close(handle)


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, LatchworkWarning, stacklevel=3)


# Compiling


def _announce(name: str) -> None:
    """Say why the program pauses: on a terminal to the user, else to the log."""
    import logging

    text = f"compiling the kernels of cell '{name}' (once; about 2 s)"
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"latchwork: {text}", file=sys.stderr, flush=True)
    else:
        logging.getLogger(__name__).info(text)


def _build(place: Path, compiler: list[str], source: str, real: Real, isa: str, name: str) -> None:
    """Compile beside ``place`` and move the library and its note there, each one whole."""
    import tempfile

    _sweep(place.parent)
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=place.parent, ignore_cleanup_errors=True) as folder:
        text, library, note = (Path(folder) / part for part in ("kernels.cpp", "kernels.so", "note"))
        text.write_text(source, encoding="utf-8")
        flags = [*FLAGS, *INSTRUCTION_SETS[isa], f"-DLATCHWORK_REAL={real}", "-I", str(CSRC)]
        _run([*compiler, *flags, str(text), "-o", str(library), *_words("LATCHWORK_KERNEL_FLAGS")], name)
        if not library.is_file():
            raise CompilerError(
                f"{compiler[0]} compiled nothing for cell '{name}', and said nothing; is CXX a compiler?"
            )
        note.write_text(_noted(place.name, library.read_bytes()), encoding="ascii")
        library.replace(place)
        note.replace(_note(place))


def _run(command: list[str], name: str) -> None:
    import signal
    import subprocess

    what, advice = f"the kernels of cell '{name}' could not be compiled", "another compiler can be named in CXX"
    try:
        # A group of its own, for the compiler starts others, which have to end with it.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
            process_group=0,
        )
    except OSError as error:
        raise CompilerError(f"{what}: {command[0]} does not start: {error}; {advice}") from error
    try:
        _, said = process.communicate(timeout=_TIMEOUT)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise CompilerError(f"{what}: {command[0]} took more than {_TIMEOUT:g} s; {advice}") from error
        raise
    if process.returncode != 0:
        lines = said.decode("utf-8", errors="replace").splitlines()
        shown = "\n".join(f"  {line}" for line in lines[:_SHOWN]) or "  (it said nothing)"
        more = f"\n  … and {len(lines) - _SHOWN} lines more" if len(lines) > _SHOWN else ""
        ended = f"{command[0]} ended with status {process.returncode}"
        raise CompilerError(f"{what}: {ended}; {advice}\n  {shlex.join(command)}\n{shown}{more}")


def _sweep(folder: Path) -> None:
    """Remove what compilers left behind that were killed a day ago or longer."""
    for left in folder.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _DAY:
                shutil.rmtree(left)
