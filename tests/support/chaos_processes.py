"""The processes of a `lse up`, killed and suspended."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from contextlib import suppress

import psutil

from installation import Installation
from lse.embedded.home_check import check_home

__all__ = ["Processes"]

# Words of the command lines of the processes.
_WORDS = {"services": "up", "vector server": "vectors", "compute cluster": "worker", "worker": ""}


class Processes:
    """An installation, whose processes can be killed and suspended.

    Parameters
    ----------
    installation
        It.
    """

    faults: Mapping[str, tuple[str, ...]] = dict.fromkeys(_WORDS, ("kill", "suspend"))

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.address = installation.address

    def start(self) -> None:
        """Start it, where it does not run, and wait until it answers."""
        if not self._installation.is_running:
            self._installation.start()

    def act(self, victim: str, action: str, seconds: float) -> None:
        """Kill a process, which is started again by itself or at once, or suspend it for some seconds."""
        process = self._process(victim)
        if process is None:
            return
        with suppress(psutil.NoSuchProcess):
            if action == "suspend":
                process.suspend()
                time.sleep(seconds)
                process.resume()
            elif victim == "services":
                self._installation.kill()
                self._installation.start()
            else:
                process.send_signal(signal.SIGKILL)

    def _process(self, victim: str) -> psutil.Process | None:
        up = psutil.Process(self._installation.pid)
        if victim == "services":
            return up
        for child in up.children():
            with suppress(psutil.NoSuchProcess):
                words = child.cmdline()
                if _WORDS["compute cluster" if victim == "worker" else victim] in words:
                    return child if victim != "worker" else next(iter(child.children()), None)
        return None

    def left_over(self) -> list[str]:
        """What the check of a home finds, which looks at those that are not in use: it ends this one."""
        self._installation.stop()
        found = [finding.message for finding in check_home(self._installation.home)]
        self._installation.start()
        return found

    def stop(self) -> int:
        """End it; its exit status."""
        return self._installation.stop()
