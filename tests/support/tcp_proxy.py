"""A TCP proxy in front of a server, for tests of what happens when connections break or are refused."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["TcpProxy"]

_AT_ONCE = struct.pack("ii", 1, 0)  # closing discards what was not sent, and resets the connection


class TcpProxy:
    """Passes bytes on between clients and a server, while connections are not refused.

    Parameters
    ----------
    target
        Port of the server on this machine, or its socket file.
    """

    def __init__(self, target: int | Path) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._refusing = threading.Event()
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        threading.Thread(target=self._accept, name=f"proxy of {target}", daemon=True).start()

    def reset(self) -> None:
        """Reset all connections."""
        with self._lock:
            pairs = list(self._pairs)
        for end in (end for pair in pairs for end in pair):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                end.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Reset all connections, and those that come."""
        self._refusing.set()
        self.reset()

    def accept(self) -> None:
        """Pass connections on again."""
        self._refusing.clear()

    def close(self) -> None:
        """End."""
        self.refuse()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            if self._refusing.is_set():
                client.close()
                continue
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _connected(self) -> socket.socket:
        """New connection to the server."""
        if isinstance(self._target, Path):
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._target))
            return server
        return socket.create_connection(("127.0.0.1", self._target), 60)

    def _pass_on(self, client: socket.socket) -> None:
        with client:
            try:
                server = self._connected()
            except OSError:
                return
            pair = (client, server)
            with server, selectors.DefaultSelector() as selector, suppress(OSError):
                server.settimeout(None)
                for end in pair:
                    if end.family != socket.AF_UNIX:
                        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(end, selectors.EVENT_READ)
                with self._lock:
                    self._pairs.add(pair)
                try:
                    _exchange(selector, client, server)
                finally:
                    with self._lock:
                        self._pairs.discard(pair)


def _exchange(selector: selectors.BaseSelector, client: socket.socket, server: socket.socket) -> None:
    """Pass on what comes until neither end sends more."""
    other = {client: server, server: client}
    while selector.get_map():
        for key, _ in selector.select():
            end = key.fileobj
            assert isinstance(end, socket.socket)
            if data := end.recv(1 << 16):
                other[end].sendall(data)
            else:
                selector.unregister(end)
                other[end].shutdown(socket.SHUT_WR)
