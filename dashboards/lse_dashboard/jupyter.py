"""The explorer in a user's own Jupyter server, started by jupyter-server-proxy when it is first opened."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["explorer_server"]

_PATH = "latent-space-explorer"


def explorer_server() -> dict[str, Any]:
    """What jupyter-server-proxy starts and shows, for its entry point ``jupyter_serverproxy_servers``.

    The explorer takes address, token and project from the variables of the Jupyter server (``LSE_ADDRESS``,
    ``LSE_TOKEN``, ``LSE_PROJECT``), as notebooks do.

    Returns
    -------
    dict
        Command and appearance; jupyter-server-proxy fills ``{port}`` and ``{base_url}`` in.
    """
    options = {
        "--host": "127.0.0.1",
        "--dashboard-port": "{port}",
        "--dashboard-prefix": f"{{base_url}}{_PATH}",
        # Browsers reach it under the name of the hub, and only through a Jupyter server that has asked for their login.
        "--dashboard-origins": "same",
    }
    command = [sys.executable, "-m", "lse.cli.main", "explorer"]
    return {
        "command": [*command, *(word for option in options.items() for word in option)],
        "absolute_url": True,
        "timeout": 120,
        "new_browser_tab": True,
        "launcher_entry": {"title": "Latent Space Explorer", "path_info": f"{_PATH}/"},
    }
