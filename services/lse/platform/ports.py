"""TCP ports of this machine."""

from __future__ import annotations

import atexit
import socket
import sys

__all__ = ["HTTP_PORT", "answers", "free_port", "is_free"]

# Where `lse up` answers by HTTP unless it is told otherwise.
HTTP_PORT = 50080


def free_port() -> int:
    """A free port of the loopback interface.

    On Linux no other program is given it while this process runs, so that a server has time to start; the server can
    listen there all the same, since every usual one sets ``SO_REUSEADDR``, as the socket does that holds the port.
    Elsewhere the port is free at this moment, and the next one who asks may be given it too.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    if sys.platform == "linux":
        atexit.register(holder.close)  # which keeps it until then
    else:
        holder.close()
    return port


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server can listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int, host: str = "127.0.0.1", *, timeout: float = 0.2) -> bool:
    """Whether a server listens on a port."""
    try:
        with socket.create_connection((host, port), timeout):
            return True
    except OSError:
        return False
