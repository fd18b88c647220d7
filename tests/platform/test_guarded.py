"""Calls in guarded children: what goes wrong in one costs that call only."""

from __future__ import annotations

import ctypes
import operator
import os
import time
from pathlib import Path

import numpy as np
import pytest

from lse.errors import (
    CancelledError,
    DeadlineExceededError,
    InvalidArgumentError,
    PermissionDeniedError,
    ResourceExhaustedError,
)
from lse.platform.guarded.processes import GuardedProcesses, Limits
from lse.platform.guarded.reading import Reading

LIMITS = Limits(seconds=2, memory_bytes=200 * 2**20)


@pytest.fixture(scope="module")
def processes() -> GuardedProcesses:
    return GuardedProcesses(("numpy",))


def test_results_and_errors_come_back(processes: GuardedProcesses) -> None:
    assert processes.call(operator.add, 1, 2, limits=LIMITS, what="x") == 3
    array = processes.call(np.arange, 3_000_000, limits=LIMITS, what="x")
    assert np.array_equal(array, np.arange(3_000_000))
    with pytest.raises(ZeroDivisionError):
        processes.call(operator.truediv, 1, 0, limits=LIMITS, what="x")
    with pytest.raises(InvalidArgumentError) as caught:
        processes.call(ctypes.string_at, 0, limits=LIMITS, what="a.fits")
    assert caught.value.reason == "READING_FAILED"
    assert caught.value.message.startswith("a.fits ")


def test_time_and_memory_are_limited(processes: GuardedProcesses) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineExceededError, match=r"slow\.fits was given up after 2 s"):
        processes.call(time.sleep, 60, limits=LIMITS, what="slow.fits")
    assert time.monotonic() - began < 20
    for function, argument in ((np.ones, 10**9), (bytearray, 10**10)):
        with pytest.raises(ResourceExhaustedError, match=r"big\.h5 needs more than the 200 MiB") as caught:
            processes.call(function, argument, limits=LIMITS, what="big.h5")
        assert caught.value.reason == "READING_TOO_LARGE"
    assert processes.call(operator.add, 1, 2, limits=LIMITS, what="x") == 3


def test_of_several_one_costs_itself(processes: GuardedProcesses) -> None:
    items = [(0,), (30,), (0.01,), ("x",), (0,)]
    outcomes = list(processes.map(time.sleep, items, limits=LIMITS, what=[f"file {n}" for n in range(5)]))
    assert [succeeded for succeeded, _ in outcomes] == [True, False, True, False, True]
    assert outcomes[1][1].message.startswith("file 1 was given up")
    assert isinstance(outcomes[3][1], TypeError)


def test_a_child_writes_no_file(processes: GuardedProcesses, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File too large"):
        processes.call(Path.write_bytes, tmp_path / "x", b"content", limits=LIMITS, what="x")


def test_a_child_sees_no_secret(processes: GuardedProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSE_VECTORS_API_KEY", "secret")
    processes.close()
    assert processes.call(os.getenv, "LSE_VECTORS_API_KEY", limits=LIMITS, what="x") is None


def test_a_call_can_be_cancelled_and_a_killed_child_is_replaced(processes: GuardedProcesses) -> None:
    with pytest.raises(CancelledError):
        processes.call(time.sleep, 60, limits=Limits(60, 2**30), what="x", should_stop=lambda: True)
    pid = processes.call(os.getpid, limits=LIMITS, what="x")
    assert processes.call(os.getpid, limits=LIMITS, what="x") == pid
    os.kill(pid, 9)
    assert processes.call(os.getpid, limits=LIMITS, what="x") != pid


def test_files_are_read_below_allowed_folders_only(tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "allowed")
    (tmp_path / "allowed" / "out").symlink_to("/etc")
    reading = Reading((str(tmp_path / "link"),), 1, 2**30, 2**20)
    reading.check([tmp_path / "allowed" / "images", tmp_path / "link" / "x"])
    for path in ("/etc/passwd", tmp_path / "allowed" / ".." / "x", tmp_path / "allowed" / "out" / "passwd", tmp_path):
        with pytest.raises(PermissionDeniedError) as caught:
            reading.check([path])
        assert caught.value.reason == "SOURCE_NOT_ALLOWED"
    with pytest.raises(PermissionDeniedError, match="source_roots"):
        Reading((), 1, 2**30, 2**20).check([tmp_path])
    Reading(("*",), 1, 2**30, 2**20).check(["/etc/passwd"])
