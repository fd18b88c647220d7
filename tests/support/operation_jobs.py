"""Work that the operation tests let Dask workers do."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import psutil
from distributed import Event

from lse.errors import CancelledError, FailedPreconditionError, InvalidArgumentError, UnavailableError
from lse.platform.compute import TaskChannel
from lse.progress import Progress


def write_once(folder: str, number: int) -> int:
    """Leave a mark for every time that this task is done."""
    with (Path(folder) / f"{number}.txt").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(0.05)
    return number * number


def refuse(folder: str, number: int) -> int:
    """Find that the input is wrong."""
    raise InvalidArgumentError(f"Number {number} is not for us: choose another.", reason="WRONG_NUMBER", number=number)


def break_down(folder: str, number: int) -> int:
    """Meet a fault of ours."""
    raise ZeroDivisionError("broken")


def break_off(total: int, channel: TaskChannel) -> int:
    """Report a step and find that the next cannot be made."""
    channel.report(Progress("counting", 1, total, "numbers"))
    raise FailedPreconditionError("The second number is missing.", reason="NUMBER_MISSING")


def count_slowly(total: int, channel: TaskChannel) -> int:
    """Report each step and listen."""
    for step in range(total):
        if channel.should_stop():
            raise CancelledError("Stopped while counting.")
        channel.report(Progress("counting", step + 1, total, "numbers", {"half": step / 2}))
        time.sleep(0.02)
    return total


def fill_and_free(count: int, channel: TaskChannel) -> int:
    """Take many pieces of memory, free all but the last and give the process' size in bytes."""
    pieces = [bytearray(2**20) for _ in range(count)]
    del pieces[:-1]
    return int(psutil.Process().memory_info().rss)


def process_size(channel: TaskChannel) -> int:
    """Size of the worker's process in bytes."""
    return int(psutil.Process().memory_info().rss)


def wait_for_event(begun: str, released: str) -> None:
    """Tell by an event that this worker is taken, until another event."""
    Event(begun).set()
    Event(released).wait(120)


def fail_from_what_cannot_be_sent(*_: object) -> None:
    """Raise an error whose cause cannot be pickled, as that of a call by gRPC."""
    cause = RuntimeError("the connection was lost")
    cause.held = threading.Lock()  # type: ignore[attr-defined]
    raise UnavailableError("It is away.", reason="TRITON_UNAVAILABLE") from cause
