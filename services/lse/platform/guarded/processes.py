"""The parent's side: functions called in children, which are replaced when a file kills them."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lse.errors import (
    CancelledError,
    DeadlineExceededError,
    InvalidArgumentError,
    LseError,
    ResourceExhaustedError,
    UnavailableError,
)
from lse.platform.guarded.child import FRAME, READY
from lse.progress import ShouldStop

__all__ = ["GuardedProcesses", "Limits"]

_MOST_CHILDREN = 4
_START_SECONDS = 120.0
_POLL_SECONDS = 0.25
# Beyond the time that a child allows itself: what it then takes to end.
_GRACE_SECONDS = 10.0
_READ_BYTES = 2**20
_TIME_SIGNALS = (signal.SIGALRM, signal.SIGXCPU)


@dataclass(frozen=True)
class Limits:
    """What one call may cost.

    Attributes
    ----------
    seconds
        Time.
    memory_bytes
        Memory beside that of the libraries.
    """

    seconds: float
    memory_bytes: int


class GuardedProcesses:
    """Children that call functions for this process, one call at a time each; started when needed, and kept.

    They limit time and memory of each call and can write no file.  They keep accidents and resource exhaustion away
    from this process; they are not a sandbox for code that breaks out of a library.

    Parameters
    ----------
    modules
        Modules that children import before the time of their first call begins.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        self._modules = tuple(modules)
        self._idle: list[_Process] = []
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(_MOST_CHILDREN)
        weakref.finalize(self, _close_all, self._idle)

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        limits: Limits,
        what: str,
        should_stop: ShouldStop = lambda: False,
    ) -> Any:
        """Result of a function, computed in a child.

        Parameters
        ----------
        function
            Function of an importable module.
        *arguments
            Its arguments.
        limits
            What it may cost.
        what
            The file, as messages call it.
        should_stop
            Asked several times a second; True ends the child.

        Raises
        ------
        CancelledError
            If `should_stop` said so.
        DeadlineExceededError
            ``READING_TIMEOUT``.
        ResourceExhaustedError
            ``READING_TOO_LARGE``.
        InvalidArgumentError
            ``READING_FAILED`` if the child died in it.
        Exception
            Whatever the function raises.
        """
        ((succeeded, result),) = self.map(function, [arguments], limits=limits, what=[what], should_stop=should_stop)
        if not succeeded:
            raise result
        return result

    def map(
        self,
        function: Callable[..., Any],
        items: Sequence[tuple[Any, ...]],
        *,
        limits: Limits,
        what: Sequence[str],
        should_stop: ShouldStop = lambda: False,
    ) -> Iterator[tuple[bool, Any]]:
        """Call a function for each item in one child; an item that kills it costs itself, and a new child goes on.

        Yields
        ------
        tuple
            True and the result, or False and the error, of each item.
        """
        done = 0
        with self._free:
            while done < len(items):
                process = self._taken((self._modules, function, items[done:], limits.seconds, limits.memory_bytes))
                complete = False
                try:
                    for index in range(done, len(items)):
                        content = process.answer(limits.seconds + _GRACE_SECONDS, should_stop)
                        done += 1
                        if content is None:
                            yield False, _lost(process.end(), what[index], limits)
                            break
                        yield _outcome(content, what[index], limits)
                    else:
                        complete = True
                finally:
                    self._given_back(process, usable=complete)

    def close(self) -> None:
        """End the children."""
        with self._lock:
            _close_all(self._idle)

    def _taken(self, request: tuple[Any, ...]) -> _Process:
        """A child that has taken up a request; one that was idle may have ended meanwhile."""
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            fresh = process is None
            process = process or _Process()
            if process.accepts(request):
                return process
            process.end()
            if fresh:
                raise UnavailableError(
                    "The process that reads files did not start: see the log for what its machine lacks.",
                    reason="PROCESS_START_FAILED",
                )

    def _given_back(self, process: _Process, *, usable: bool) -> None:
        with self._lock:
            if usable and not self._idle:
                self._idle.append(process)
                return
        process.end()


class _Process:
    """A child."""

    def __init__(self) -> None:
        # Its environment has no secrets, and memory pools that do not reserve what they do not use.
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("LSE_", "AWS_"))}
        environment: Mapping[str, str] = kept | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(  # our own module
            [sys.executable, "-P", "-m", "lse.platform.guarded.child"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    def accepts(self, request: tuple[Any, ...]) -> bool:
        """Send a request; whether the child has taken it up."""
        assert self._process.stdin is not None
        try:
            with os.fdopen(self._process.stdin.fileno(), "wb", closefd=False) as requests:
                pickle.dump(request, requests, protocol=5)
        except BrokenPipeError:
            return False
        answer = self.answer(_START_SECONDS, lambda: False)
        return answer is not None and bytes(answer) == READY

    def answer(self, seconds: float, should_stop: ShouldStop) -> bytearray | None:
        """Next answer; None where the child has died, or did not answer in time."""
        assert self._process.stdout is not None
        descriptor, deadline = self._process.stdout.fileno(), time.monotonic() + seconds
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while True:
            if should_stop():
                raise CancelledError("The work was cancelled.")
            if poll.poll(1000 * _POLL_SECONDS):
                break
            if time.monotonic() > deadline:
                return None
        head = _read(descriptor, FRAME.size)
        return None if head is None else _read(descriptor, FRAME.unpack(head)[0])

    def end(self) -> int:
        """End the child; its exit status, negative of a signal."""
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                assert stream is not None
                stream.close()
        try:
            return self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return -signal.SIGALRM


def _read(descriptor: int, count: int) -> bytearray | None:
    """So many bytes of a pipe; None where it ends before."""
    content = bytearray()
    while len(content) < count:
        if not (more := os.read(descriptor, min(count - len(content), _READ_BYTES))):
            return None
        content += more
    return content


def _close_all(processes: list[_Process]) -> None:
    while processes:
        processes.pop().end()


def _outcome(content: bytearray, what: str, limits: Limits) -> tuple[bool, Any]:
    succeeded, result = pickle.loads(content)  # noqa: S301  # of our own child
    if not succeeded and isinstance(result, MemoryError):
        return False, _too_large(what, limits)
    return succeeded, result


def _lost(status: int, what: str, limits: Limits) -> LseError:
    """Why a child has died."""
    if -status in _TIME_SIGNALS:
        return DeadlineExceededError(
            f"{what} was given up after {limits.seconds:g} s: leave it out, or allow more time (reader_seconds).",
            reason="READING_TIMEOUT",
            seconds=limits.seconds,
        )
    if -status in (signal.SIGKILL, signal.SIGABRT):  # the kernel's answer, and that of C++, to a want of memory
        return _too_large(what, limits)
    return InvalidArgumentError(
        f"{what} makes the library that reads it crash: leave it out, or get it again.", reason="READING_FAILED"
    )


def _too_large(what: str, limits: Limits) -> ResourceExhaustedError:
    return ResourceExhaustedError(
        f"{what} needs more than the {limits.memory_bytes / 2**20:,.0f} MiB of memory that reading may take: leave it "
        "out, make it smaller, or allow more (reader_memory_mib).",
        reason="READING_TOO_LARGE",
        limit=limits.memory_bytes,
    )
