"""Puts the zoo's kernels into a wheel, compiled; where there is no C++ compiler, the wheel is plain Python."""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Prebuild(BuildHookInterface):
    """The hook that hatchling calls before it packs a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # a checkout compiles what it uses, when it uses it
            return
        sys.path.insert(0, str(Path(self.root) / "src"))
        from latchwork.errors import CompilerError
        from latchwork.kernels import build
        from latchwork.kernels.prebuild import prebuild

        if build.find_compiler() is None:
            self.app.display_warning("no C++ compiler: this wheel has no compiled kernels")
            return
        try:
            self.folder = tempfile.TemporaryDirectory()
            libraries = prebuild(Path(self.folder.name))
        except CompilerError as error:
            self.app.display_warning(f"this wheel has no compiled kernels: {error}")
            return
        for library in libraries:
            for file in (library, library.with_name(f"{library.name}.sha256")):
                build_data["force_include"][str(file)] = f"latchwork/kernels/prebuilt/{file.name}"
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()
