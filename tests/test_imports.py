"""The house: who may import whom, what stays out of a light import, and how long that takes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import latchwork
from timing import cpu_seconds

ROOT = Path(latchwork.__file__).parent
# Each part may import those to its left in `language ← cells ← reference, kernels ← nn ← tasks ← trial ← explain,
# deploy ← cli`, and its own modules. (explain draws the report of a trial.)
BELOW = {
    "errors": set(),
    "files": {"errors"},
    "folders": set(),
    "language": {"errors"},
    "datasets": {"errors", "files", "folders"},
}
BELOW["cells"] = {"errors", "language"}
BELOW["reference"] = {"errors", "language", "cells"}
BELOW["kernels"] = {"errors", "folders", "language", "cells"}
BELOW["nn"] = BELOW["reference"] | {"reference", "kernels"}
BELOW["tasks"] = BELOW["nn"] | {"nn", "datasets", "files"}
BELOW["trial"] = BELOW["tasks"] | {"tasks"}
BELOW["explain"] = BELOW["trial"] | {"trial"}
BELOW["deploy"] = BELOW["tasks"] | {"tasks"}
BELOW["cli"] = BELOW["tasks"] | {"tasks", "trial", "explain", "deploy"}
PARTS = sorted({path.relative_to(ROOT).parts[0].removesuffix(".py") for path in ROOT.rglob("*.py")} - {"__init__"})
PURE = ["language", "cells", "errors"]  # of the standard library alone
MAY_IMPORT_TORCH = {"nn", "tasks", "trial", "explain", "cli"}  # cli within its functions, see below


def files(part: str) -> list[Path]:
    folder = ROOT / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / f"{part}.py"]


def imported(path: Path) -> set[str]:
    """The full names of all modules that a file imports, at its top or within functions, whether or not for types."""
    found: set[str] = set()
    whole: set[str] = set()  # what the file calls the package itself, if it imports that
    package = ("latchwork", *path.relative_to(ROOT).with_suffix("").parts)
    package = package[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            whole |= {alias.asname or "latchwork" for alias in node.names if alias.name == "latchwork"}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            found |= {f"{module}.{alias.name}" if module == "latchwork" else module for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in whole:
            found.add(f"latchwork.{node.attr}")  # latchwork.nn, which the package imports when it is asked for
    return found


def test_every_part_has_its_place():
    assert set(PARTS) <= set(BELOW), "a new part of the house needs its row in BELOW"


@pytest.mark.parametrize("part", PARTS)
def test_imports_point_one_way(part):
    for path in files(part):
        inner = {name.split(".")[1] for name in imported(path) if name.startswith("latchwork.")}
        named = {name if (ROOT / name).exists() or (ROOT / f"{name}.py").exists() else "language" for name in inner}
        assert named <= BELOW[part] | {part}, f"{path.relative_to(ROOT)} imports {sorted(named - BELOW[part] - {part})}"


@pytest.mark.parametrize("part", PURE)
def test_the_language_and_the_cells_need_the_standard_library_alone(part):
    for path in files(part):
        outside = {name.split(".")[0] for name in imported(path)} - sys.stdlib_module_names - {"latchwork"}
        assert not outside, f"{path.relative_to(ROOT)} imports {sorted(outside)}"


@pytest.mark.parametrize("part", [p for p in PARTS if p not in MAY_IMPORT_TORCH])
def test_torch_stays_where_it_may_be(part):
    for path in files(part):
        if path == ROOT / "reference" / "torch.py":
            continue  # evaluates graphs in torch; nothing imports it but nn
        uses = [name for name in imported(path) if name.split(".")[0] == "torch"]
        assert not uses, f"{path.relative_to(ROOT)} imports torch"


def modules_after(statement: str) -> set[str]:
    program = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"torch", "numpy", "scipy", "sklearn", "pyarrow", "tokenizers", "matplotlib", "pandas", "rich", "typer"}


def test_a_plain_import_is_light():
    found = modules_after("import latchwork")
    assert not found & HEAVY
    assert {m for m in found if m.startswith("latchwork.")} <= {
        "latchwork.errors",
        "latchwork.language",
        *(f"latchwork.language.{path.stem}" for path in files("language")),
    }


def test_the_cells_are_light_too():
    assert not modules_after("import latchwork; [latchwork.cells.get(n) for n in latchwork.cells.names()]") & HEAVY


@pytest.mark.parametrize("module", ["reference.numpy", "datasets", "cli", "deploy.runtime", "explain.diagram"])
def test_what_does_without_torch(module):
    if not list(ROOT.glob(f"{module.replace('.', '/')}*")):
        pytest.skip(f"latchwork.{module} is not built yet")
    assert "torch" not in modules_after(f"import latchwork.{module}")


def test_the_picture_of_a_cell_needs_the_standard_library_alone():
    assert not modules_after("import latchwork.explain.diagram") & HEAVY
    for path in sorted((ROOT / "explain" / "diagram").glob("*.py")):
        allowed = ("latchwork.language", "latchwork.errors", "latchwork.explain.diagram")
        outside = {n for n in imported(path) if n.split(".")[0] not in sys.stdlib_module_names}
        assert all(name.startswith(allowed) for name in outside), f"{path.name} imports {sorted(outside)}"


def test_without_torch_the_message_says_which_extra_to_install():
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import latchwork\n"
        "try: latchwork.nn\n"
        "except latchwork.LatchworkError as error: print(type(error).__name__, isinstance(error, ImportError), error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'MissingExtraError True latchwork.nn needs torch: pip install "latchwork[train]"'


def test_what_the_package_names_is_there():
    for name in latchwork.__all__:
        assert getattr(latchwork, name) is not None, name
    assert set(latchwork.__all__) <= set(dir(latchwork))
    with pytest.raises(AttributeError, match="module 'latchwork' has no attribute 'lstmm'"):
        latchwork.lstmm  # noqa: B018


def test_importing_takes_less_than_a_tenth_of_a_second():
    assert cpu_seconds("-c", "import latchwork") - cpu_seconds("-c", "pass") < 0.1
