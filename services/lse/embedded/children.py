"""Child processes that live and die with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lse.platform.errors import UnavailableError

__all__ = ["Child", "free_port", "listens"]

_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """A TCP port that is free on the loopback interface at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    # Also after `kill -9` of the parent: a child that lived on would hold ports and locks of the next start.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A program of ours, started as ``python -m module``.

    Parameters
    ----------
    name
        What a person calls it; names its log.
    arguments
        Module and its arguments.
    logs
        Folder of the log.
    ready
        Answers whether it can be used.
    environment
        Variables beside those of this process.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        logs: Path,
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._arguments = [sys.executable, "-m", *arguments]
        self._log = logs / f"{name.replace(' ', '-')}.log"
        self._ready = ready
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; must be called from the main thread, with which the child dies."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own programs
                self._arguments,
                stdin=subprocess.DEVNULL,
                # Ctrl-C in the terminal is for the parent alone, which stops its children when it has drained.
                start_new_session=True,
                stdout=log,
                stderr=log,
                env=self._environment,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # no threads are started before the children are
            )

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def wait_until_ready(self, timeout: float) -> None:
        """Wait until it can be used.

        Raises
        ------
        UnavailableError
            If it ended or did not answer in time.
        """
        deadline = time.monotonic() + timeout
        while not self._ready():
            if not self.alive() or time.monotonic() > deadline:
                raise UnavailableError(
                    f"The {self.name} did not start: {self._last_line() or 'it said nothing'} (log: {self._log}).",
                    reason="CHILD_NOT_STARTED",
                )
            time.sleep(0.05)

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process is not None:
            self._process.terminate()

    def stop(self, timeout: float = 10.0) -> None:
        """End it: SIGTERM, and SIGKILL after a while."""
        if self._process is None:
            return
        self.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_line(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def listens(port: int) -> Callable[[], bool]:
    """Check whether anything listens on a port of this machine."""

    def check() -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return check
