"""Other programs on the visitor's machine: a person who lets pages in at the hub, and a program that listens there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyvo.samp import SAMPHubServer, SAMPIntegratedClient, WebProfileDialog

__all__ = ["Peers", "Topcat", "Visitor", "running_samp", "until"]


class Visitor(WebProfileDialog):  # type: ignore[misc]  # pyvo has no types
    """Lets pages in, as a person does in the hub's window."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def show_dialog(self, name: str, details: Any, client: Any, origin: str) -> None:
        del details, client
        self.asked.append(f"{name} from {origin}")
        self.consent()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _answer(self) -> None:
        while not self._ended.wait(0.05):
            self.handle_queue()


class Topcat:
    """A program at the hub that takes all messages of a few types."""

    def __init__(self, hub: SAMPHubServer) -> None:
        self.client = SAMPIntegratedClient(name="Topcat", addr="127.0.0.1")
        self.client.connect(hub=hub)
        self.heard: dict[str, dict[str, Any]] = {}
        for mtype in ("table.load.votable", "table.select.rowList", "image.load.fits", "coord.pointAt.sky"):
            self.client.bind_receive_notification(mtype, self._hear)

    def _hear(self, key: str, sender: str, mtype: str, params: dict[str, Any], extra: object) -> None:
        del key, sender, extra
        self.heard[mtype] = params

    def wait(self, mtype: str) -> dict[str, Any]:
        """Parameters of the next message of a type."""
        until(lambda: mtype in self.heard)
        return self.heard.pop(mtype)

    def say(self, mtype: str, **params: Any) -> None:
        """Tell all others."""
        named = {key.replace("_", "-"): value for key, value in params.items()}
        self.client.notify_all({"samp.mtype": mtype, "samp.params": named})


@dataclass(frozen=True)
class Peers:
    """A hub, the person beside it, and a program that listens there."""

    hub: SAMPHubServer
    visitor: Visitor
    topcat: Topcat


@contextmanager
def running_samp(folder: Path) -> Iterator[Peers]:
    """A hub with the Web Profile, at the port that the standard fixes, with a person and a program."""
    visitor = Visitor()
    hub = SAMPHubServer(lockfile=str(folder / "hub"), web_profile_dialog=visitor, addr="127.0.0.1")
    hub.start()
    topcat = Topcat(hub)
    try:
        yield Peers(hub, visitor, topcat)
    finally:
        if topcat.client.is_connected:
            topcat.client.disconnect()
        if hub.is_running:
            hub.stop()
        visitor.end()


def until(true: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
