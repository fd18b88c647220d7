"""The child's side: ``python -m lse.platform.guarded.child`` runs functions for the process that started it.

Requests come by its standard input and answers leave by its standard output, as pickles.  It ends when its parent does,
and when it has had nothing to do for a while.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import re
import resource
import select
import signal
import struct
from pathlib import Path
from typing import IO, Any

__all__ = ["FRAME", "READY", "serve"]

FRAME = struct.Struct("<Q")
"""Length of the answer that follows."""
READY = b"ready"
_IDLE_SECONDS = 300
_OPEN_FILES = 256
_STATUS = Path("/proc/self/status")
# Libraries keep what a large file took; a child with more than this beside what it began with makes way for a new one.
_KEPT_BYTES = 512 * 2**20


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Run what is asked for until the requests end.

    A request is ``(modules, function, items, seconds, memory_bytes)``: the function is called with the values of each
    item.  It is answered by `READY` and then, for each item, by a frame with the pickle of ``(True, result)`` or
    ``(False, error)``.  An item that takes longer than its seconds ends the process.
    """
    at_first: int | None = None
    while select.select([requests], [], [], _IDLE_SECONDS)[0]:
        try:
            modules, function, items, seconds, memory = pickle.load(requests)  # noqa: S301  # of the parent
        except EOFError:
            return
        for module in modules:
            importlib.import_module(module)
        if at_first is None:
            at_first = _data_bytes()
            gc.freeze()  # what was imported stays, and need not be looked through after each file
        _answer(answers, READY)
        _limit_memory(_data_bytes() + memory)
        for item in items:
            _answer(answers, _outcome(function, item, seconds))
        _limit_memory(None)
        if _data_bytes() - at_first > _KEPT_BYTES:
            gc.collect()
            if _data_bytes() - at_first > _KEPT_BYTES:
                return


def _outcome(function: Any, item: tuple[Any, ...], seconds: float) -> bytes:
    """Pickle of what a function gives, computed within its time."""
    outcome: tuple[bool, Any]
    # Nothing handles this signal: it ends the process, also in the middle of the code of a library.
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        outcome = True, function(*item)
    except Exception as error:  # noqa: BLE001  # all of it goes to the one who asked
        outcome = False, error.with_traceback(None)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        return pickle.dumps(outcome, protocol=5)
    except MemoryError:
        return pickle.dumps((False, MemoryError()), protocol=5)
    except Exception:  # noqa: BLE001  # what cannot be pickled is told by its name
        return pickle.dumps((False, RuntimeError(type(outcome[1]).__name__)), protocol=5)


def _answer(answers: IO[bytes], content: bytes) -> None:
    answers.write(FRAME.pack(len(content)))
    answers.write(content)
    answers.flush()


def _data_bytes() -> int:
    """Private memory of this process, which its limit counts; 0 on systems that do not tell."""
    try:
        found = re.search(r"VmData:\s+(\d+) kB", _STATUS.read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _limit_memory(most_bytes: int | None) -> None:
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = hard if most_bytes is None else most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    with contextlib.suppress(OSError, ValueError):  # where the system has no such limit there is none
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _main() -> None:
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    # What libraries print must not come between the answers.
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    # As at the birth of a process, whatever the thread that started this one had set.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    # A reader writes no file, whatever a file makes it do.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(BrokenPipeError):
        serve(requests, answers)
    os._exit(0)  # what libraries do at an end takes longer, and nothing here needs it


if __name__ == "__main__":
    _main()
