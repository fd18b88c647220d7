"""The `lse` command, which talks to the running services."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fault_proxy import FaultProxy
from lse.cli.main import app
from lse.client import Client
from proxied_client import client, prepared_client, proxy

__all__ = ["client", "environment", "lse", "lse_process", "prepared_client", "proxy"]


@pytest.fixture
def environment(proxy: FaultProxy, tmp_path: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LSE_")}
    return {**kept, "LSE_ADDRESS": proxy.address, "HOME": str(tmp_path)}


@pytest.fixture
def lse(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in this process, which is quick; errors and statuses are those of the program."""
    for variable in [key for key in os.environ if key.startswith("LSE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("LSE_ADDRESS", client.address)
    monkeypatch.setenv("LSE_PROJECT", client.project)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, given: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
        result = CliRunner().invoke(app, list(arguments), env=variables, input=given)
        return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def lse_process(environment: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
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
