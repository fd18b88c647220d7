"""Which build of PyTorch `make setup` installs, seen with a stand-in for uv that downloads nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UV = """#!/usr/bin/env bash
echo "$*" >> {folder}/calls
case "$*" in
  venv*) mkdir -p .venv/bin && ln -sf {python} .venv/bin/python ;;
  *--dry-run*) exit {unreachable} ;;
esac
"""


class Project:
    """A project of which only the set-up is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        (folder / "pyproject.toml").write_text("[project]\n")
        (folder / "requirements.lock").write_text(
            "numpy==2\ntorch==2.13.0\ntorchvision==0.28.0 ; x\nnvidia-cublas==1\n"
        )

    def set_up(self, *, reachable: bool, **variables: str) -> tuple[str, list[str]]:
        """What is said, and the calls of uv that install from the lock."""
        (self.folder / "calls").unlink(missing_ok=True)
        (self.folder / "uv").write_text(
            UV.format(folder=self.folder, python=sys.executable, unreachable=int(not reachable))
        )
        (self.folder / "uv").chmod(0o755)
        environment = {**os.environ, "UV": str(self.folder / "uv"), "PYTHON": sys.executable, **variables}
        done = subprocess.run(
            [self.folder / "scripts" / "setup.sh"], env=environment, capture_output=True, text=True, check=True
        )
        calls = (self.folder / "calls").read_text().splitlines() if (self.folder / "calls").exists() else []
        return done.stderr, [call for call in calls if call.startswith("pip") and "editable" not in call]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


gpu_is_here = any(Path("/dev").glob("nvidia[0-9]*"))


@pytest.mark.skipif(gpu_is_here, reason="this machine has a GPU")
def test_build_without_gpu_libraries_where_its_index_is_reached(project: Project) -> None:
    told, calls = project.set_up(reachable=True)
    assert told.startswith("PyTorch: the build without GPU libraries, as there is no GPU here")
    assert calls[0].endswith("torch==2.13.0 torchvision==0.28.0")
    assert "--torch-backend cpu --requirements" in calls[1]
    # It is not asked again, and later runs keep to the choice.
    assert project.set_up(reachable=False) == ("", [])
    (project.folder / "pyproject.toml").write_text("[project] # changed\n")
    told, calls = project.set_up(reachable=False)
    assert (told, len(calls)) == ("", 1)
    assert "--torch-backend cpu" in calls[0]


@pytest.mark.skipif(gpu_is_here, reason="this machine has a GPU")
def test_locked_build_where_the_index_is_out_of_reach(project: Project) -> None:
    told, calls = project.set_up(reachable=False)
    assert "the build of requirements.lock with GPU libraries" in told
    assert "cannot be reached" in told
    assert calls[1].startswith("pip sync")
    told, calls = project.set_up(reachable=True, TORCH_BACKEND="cpu")
    assert "--torch-backend cpu" in calls[0]


def test_build_that_is_asked_for(project: Project) -> None:
    told, calls = project.set_up(reachable=True, TORCH_BACKEND="locked")
    assert (told, len(calls)) == ("", 1)
    assert calls[0].startswith("pip sync")
