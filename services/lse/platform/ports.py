"""TCP ports of this machine."""

from __future__ import annotations

import socket

__all__ = ["answers", "free_port", "is_free"]


def free_port() -> int:
    """A port that is free on the loopback interface at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
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
