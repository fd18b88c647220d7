"""What the distribution promises: pins, light doors, exports, and who may import whom."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import metadata
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MODULES = sorted(path for top in ("services/lse", "dashboards/lse_dashboard") for path in (ROOT / top).rglob("*.py"))

# Programs that are run by their path or name, and that nobody imports.
PROGRAMS = ("__main__.py", "platform/inference/triton_backend.py", "platform/vectors/edge_build.py")
HEAVY = {
    *("astropy", "dask", "datashader", "distributed", "fast_hdbscan", "holoviews", "lightning", "numba", "onnxruntime"),
    *("openTSNE", "panel", "pynndescent", "qdrant_client", "scipy", "sklearn", "sqlalchemy", "torch", "umap", "zarr"),
}


def locked() -> dict[str, Version]:
    pins = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in pins}


def requirements() -> Iterator[Requirement]:
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        for text in group:
            requirement = Requirement(text)
            if requirement.name != PROJECT["name"]:
                yield requirement


def test_lock_has_every_requirement() -> None:
    pins = locked()
    unmet = [str(one) for one in requirements() if not one.specifier.contains(pins.get(one.name.lower(), Version("0")))]
    assert unmet == [], "pyproject.toml and requirements.lock differ"


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", "Makefile", ".ci/run", "scripts"])
def test_no_address_of_a_registry(name: str) -> None:
    path = ROOT / name
    for file in sorted(path.glob("*.*")) if path.is_dir() else [path]:
        assert not re.search(r"\w+://\S*(simple|pypi|wheel|whl|npm|registry|index)", file.read_text(), re.IGNORECASE)


def test_type_checkers_see_the_types_of_every_package() -> None:
    for package in ("services/lse", "dashboards/lse_dashboard", "protos/gen/latentspace"):
        assert (ROOT / package / "py.typed").exists()


def test_metadata_of_the_distribution() -> None:
    installed = metadata.metadata(PROJECT["name"])
    assert installed["Version"] == PROJECT["version"]
    assert installed["License-Expression"] == "Apache-2.0"
    assert f"[{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()
    (command,) = metadata.entry_points(group="console_scripts", name="lse")
    assert callable(command.load())


@pytest.mark.parametrize(
    ("door", "heavy"),
    [("lse.client", HEAVY), ("lse.cli.main", HEAVY), ("lse_dashboard.app", {"astropy", "plotly", "sklearn", "torch"})],
)
def test_door_opens_without_heavy_libraries(door: str, heavy: set[str]) -> None:
    program = f"import sys, {door}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(name.partition(".")[0] for name in done.stdout.split())


def top_level_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
    # What a type checker is to see may differ from what runs.
    branches = [node.body for node in tree.body if isinstance(node, ast.If)]
    for node in [*tree.body, *(node for branch in branches for node in branch)]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.TypeAlias if sys.version_info >= (3, 12) else ()):
            yield node.name.id


def test_public_modules_say_what_they_export() -> None:
    wrong = []
    for path in MODULES:
        if path.as_posix().endswith(PROGRAMS) or "migrations" in path.parts:
            continue
        tree = ast.parse(path.read_text())
        lists = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["__all__"]
        ]
        lazy = any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body)
        if not lists and len(tree.body) > 1:
            wrong.append(f"{path.relative_to(ROOT)} has no __all__")
        elif lists and not lazy and (missing := set(lists[0]) - set(top_level_names(tree))):
            wrong.append(f"{path.relative_to(ROOT)} exports what it has not: {sorted(missing)}")
    assert wrong == []


def test_modules_are_named_for_a_subject() -> None:
    assert [path for path in MODULES if path.stem in {"utils", "util", "helpers", "helper", "common", "misc"}] == []


def test_no_function_changes_the_state_of_its_module() -> None:
    changing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Global)
    ]
    assert changing == []


def test_no_circle_of_imports() -> None:
    graph = grimp.build_graph("lse", "lse_dashboard", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_and_the_integration_run_name_the_same_tasks() -> None:
    listed = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    tasks = set(re.findall(r"^ +make (\w+)", listed, re.MULTILINE))
    assert {"setup", "run", "test", "bench", "lint", "protos", "triton"} <= tasks
    told = set(re.findall(r"^ *(?:\$ )?make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert {"run", "test"} <= told
    assert "make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize(
    "script", [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci" / "run"], ids=lambda path: path.name
)
def test_script_is_a_program(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)
