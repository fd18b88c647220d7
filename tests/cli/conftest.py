"""Small services in memory, and the `lse` command that talks to them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lse.cli.main import app

# The services of the client's tests, loaded by path: tests are no package.
_path = Path(__file__).resolve().parents[1] / "client" / "conftest.py"
_spec = importlib.util.spec_from_file_location("client_conftest", _path)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

server = _module.server
memory = _module.memory
client = _module.client


@pytest.fixture
def environment(server, tmp_path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LSE_")}
    return {**kept, "LSE_ADDRESS": server.address, "HOME": str(tmp_path)}


@pytest.fixture
def lse(server, tmp_path, monkeypatch) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in this process, which is quick; errors and statuses are those of the program."""
    for variable in [key for key in os.environ if key.startswith("LSE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("LSE_ADDRESS", server.address)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        result = CliRunner().invoke(app, list(arguments), env=variables)
        return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def lse_process(environment, tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed command as a process of its own."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("lse"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**environment, **variables},
            cwd=tmp_path,
            timeout=120,
        )

    return run
