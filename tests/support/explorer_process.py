"""The explorer as a process of its own, with its own login in front of guarded services."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guarded_services import Guarded
from lse.platform.ports import free_port
from oidc_provider import CLIENT_ID, CLIENT_SECRET

__all__ = ["explorer_behind_login"]


@contextmanager
def explorer_behind_login(guarded: Guarded, **variables: str) -> Iterator[str]:
    """Address of an explorer process."""
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LSE_")}
    usual = {
        "LSE_ADDRESS": guarded.address,
        "LSE_PROJECT": "p",
        "LSE_DASHBOARD_PORT": str(port),
        "LSE_LOGIN_ISSUER": guarded.provider.issuer,
        "LSE_DASHBOARD_CLIENT_ID": CLIENT_ID,
        "LSE_DASHBOARD_CLIENT_SECRET": CLIENT_SECRET,
        "LSE_DASHBOARD_COOKIE_SECRET": "of the cookies",
    }
    program = Path(sys.executable).with_name("lse")
    process = subprocess.Popen([program, "explorer"], env={**kept, **usual, **variables}, stderr=subprocess.PIPE)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 150
        while True:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield address
    finally:
        process.kill()
        process.communicate()
