"""A real JupyterHub on loopback, with its proxy, that starts the explorer as one of its services."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lse.platform.ports import free_port

__all__ = ["SERVICE", "Hub", "running_hub"]

SERVICE = "latent-space-explorer"
_PROXY = Path(__file__).resolve().parents[2] / "scripts" / "hub_proxy.sh"
_ADMIN = "token-of-the-operator-of-the-hub"
_ACCESS = f"access:services!service={SERVICE}"


class Hub:
    """A hub.

    Attributes
    ----------
    url
        Where browsers reach it.
    api
        Where programs reach its API.
    """

    def __init__(self, port: int, hub_port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.api = f"http://127.0.0.1:{hub_port}/hub/api"

    def token(self, user: str, *scopes: str) -> str:
        """Token of a user, by default with the scope that the explorer's services ask for."""
        made = self.ask("POST", f"users/{user}/tokens", {"scopes": list(scopes or (_ACCESS,))})
        return str(made["token"])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Answer of its API to the operator."""
        request = urllib.request.Request(
            f"{self.api}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {_ADMIN}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def running_hub(folder: Path, ports: tuple[int, int], environment: Mapping[str, str]) -> Iterator[Hub]:
    """A hub that keeps everything in a folder, and starts `lse explorer` with more variables.

    Parameters
    ----------
    folder
        Folder.
    ports
        Free ports of its proxy and of its API.
    environment
        Variables of the explorer.
    """
    folder.mkdir()
    explorer = {
        "name": SERVICE,
        "url": f"http://127.0.0.1:{free_port()}",
        "command": [str(Path(sys.executable).with_name("lse")), "explorer"],
        "environment": dict(environment),
        "oauth_no_confirm": True,
        "timeout": 120,
    }
    roles = [
        {"name": "user", "scopes": ["self", _ACCESS]},
        {"name": "operator", "scopes": ["admin:users", "tokens", "groups"], "services": ["operator"]},
    ]
    settings = {
        "JupyterHub.bind_url": f"http://127.0.0.1:{ports[0]}",
        "JupyterHub.public_url": f"http://127.0.0.1:{ports[0]}",
        "JupyterHub.hub_bind_url": f"http://127.0.0.1:{ports[1]}",
        "JupyterHub.db_url": f"sqlite:///{folder}/hub.sqlite",
        "JupyterHub.cookie_secret_file": f"{folder}/cookie_secret",
        "JupyterHub.authenticator_class": "dummy",
        "DummyAuthenticator.allow_all": True,
        "JupyterHub.services": [explorer, {"name": "operator", "api_token": _ADMIN}],
        "JupyterHub.load_roles": roles,
        "JupyterHub.load_groups": {"readers": {"users": ["rita"]}},
        "ConfigurableHTTPProxy.command": [str(_PROXY)],
        "ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{free_port()}",
        "ConfigurableHTTPProxy.pid_file": f"{folder}/proxy.pid",
    }
    lines = ["c = get_config()", *(f"c.{name} = {value!r}" for name, value in settings.items())]
    (folder / "config.py").write_text("\n".join(lines) + "\n")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LSE_", "JUPYTERHUB_"))}
    log = (folder / "hub.log").open("w")
    command = [sys.executable, "-m", "jupyterhub", "-f", "config.py"]
    process = subprocess.Popen(command, cwd=folder, env=kept, stdout=log, stderr=subprocess.STDOUT)
    hub = Hub(*ports)
    try:
        deadline = time.monotonic() + 150
        while not _answers(hub):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "hub.log").read_text()  # noqa: PT018
            time.sleep(0.2)
        yield hub
    finally:
        process.terminate()
        process.wait()
        log.close()


def _answers(hub: Hub) -> bool:
    try:
        urllib.request.urlopen(f"{hub.url}/services/{SERVICE}/health", timeout=10).close()
    except OSError:
        return False
    return True
