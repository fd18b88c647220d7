"""Programs that end with the process that started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from lse.errors import UnavailableError

__all__ = ["Child", "ending_with_parent"]

# Runs in the child before it becomes the program.  (`preexec_fn` of `subprocess` would do this between fork and exec,
# which is not safe in a process with threads.)
_WRAPPER = """
import ctypes, json, os, sys
parent, number, changes, *command = sys.argv[1:]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(number))  # 1: PR_SET_PDEATHSIG
if os.getppid() != int(parent):
    sys.exit("the parent has gone")
variables = os.environ | json.loads(changes)
os.execve(command[0], command, {name: value for name, value in variables.items() if value is not None})
"""


def ending_with_parent(
    command: Sequence[str],
    *,
    ending: signal.Signals = signal.SIGKILL,
    environment: Mapping[str, str | None] | None = None,
) -> list[str]:
    """Command of a program that gets a signal when the thread that starts it ends, also by ``kill -9``.

    A child that lived on would hold ports and locks of the next start.  On other systems than Linux it lives on.

    Parameters
    ----------
    command
        Absolute path of the program, and its arguments.
    ending
        The signal.
    environment
        Variables beside those of this process, or without them where None.
    """
    changes = json.dumps(dict(environment or {}))
    return [sys.executable, "-I", "-S", "-c", _WRAPPER, str(os.getpid()), str(int(ending)), changes, *command]


class Child:
    """A program that is started, watched and ended; it never outlives this process.

    As a context manager it is started, ready, and stopped at the end.

    Parameters
    ----------
    name
        What a person calls it.
    command
        Absolute path of the program, and its arguments.
    log
        File that its output is appended to.
    ready
        Answers whether it can be used.
    environment
        Variables beside those of this process, or without them where None.
    secrets
        Variables that no other user may see, not even on the command line of the moment before the program runs.
    ending
        Signal that it gets when this process ends.
    stopping
        Signal that asks it to end.
    on_end
        Called when it has ended, however that was.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool],
        environment: Mapping[str, str | None] | None = None,
        secrets: Mapping[str, str] | None = None,
        ending: signal.Signals = signal.SIGKILL,
        stopping: signal.Signals = signal.SIGTERM,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = ending_with_parent(command, ending=ending, environment=environment)
        self._secrets = dict(secrets or {})
        self._ready = ready
        self._stopping = stopping
        self._on_end = on_end
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._keeper: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Process of the running program, None where it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it, without waiting until it is ready."""
        self._ending = False
        # The signal comes when the *thread* that started the child ends: this one ends after it.
        born: Future[subprocess.Popen[bytes]] = Future()
        self._keeper = threading.Thread(target=self._keep, args=(born,), name=f"keeper of {self.name}", daemon=True)
        self._keeper.start()
        self._process = born.result()

    def _keep(self, born: Future[subprocess.Popen[bytes]]) -> None:
        try:
            with self.log.open("ab") as log:
                process = subprocess.Popen(  # noqa: S603  # programs that we name
                    self._command,
                    env=os.environ | self._secrets,
                    stdin=subprocess.DEVNULL,
                    # Ctrl-C in the terminal is for the parent alone, which stops its children when it has drained.
                    start_new_session=True,
                    stdout=log,
                    stderr=log,
                )
        except BaseException as error:  # noqa: BLE001  # raised again by the one who waits for the child
            born.set_exception(error)
            return
        born.set_result(process)
        process.wait()
        self._on_end()

    def wait_until_ready(self, timeout: float) -> None:
        """Wait until it can be used; one that a signal ends meanwhile, as for want of memory, is started again.

        Raises
        ------
        UnavailableError
            If it ended or did not answer within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not self._ready():
            if self._was_killed() and time.monotonic() < deadline:
                self.start()
            if self.pid is None or time.monotonic() > deadline:
                what = "ended at once" if self.pid is None else f"was not ready within {timeout:.0f} s"
                raise UnavailableError(
                    f"The {self.name} {what} ({self._complaint()}): see {self.log}.",
                    reason="PROCESS_START_FAILED",
                    log=self.log,
                )
            time.sleep(0.05)

    @property
    def has_ended(self) -> bool:
        """Whether it does not run although nobody asked it to end."""
        return self.pid is None and not self._ending

    def _was_killed(self) -> bool:
        """Whether a signal ended it, other than one of ours."""
        return self._process is not None and (self._process.poll() or 0) < 0 and not self._ending

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_until_ready(60)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def terminate(self) -> None:
        """Ask it to end."""
        self._ending = True
        if self._process is not None:
            self._process.send_signal(self._stopping)

    def stop(self, grace: float = 10.0) -> None:
        """End it, by force when it takes longer than `grace` seconds."""
        if self._process is None or self._keeper is None:
            return
        self.terminate()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._keeper.join()
        self._process = None

    def _complaint(self) -> str:
        """Last line of the log that looks like an error, else the last one."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        errors = (line for line in reversed(lines) if line.startswith("E") or "error" in line.lower())
        return next(errors, lines[-1] if lines else "it said nothing")
