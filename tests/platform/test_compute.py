"""Tests of the cluster of `lse up` and of work on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import operation_jobs
from lse.errors import UnavailableError
from lse.platform.compute import Compute
from lse.platform.ports import free_port


@pytest.fixture
def compute(tmp_path: Path) -> Iterator[Compute]:
    """A connection to a cluster with one worker, as `lse up` starts it."""
    port = free_port()
    path = [str(Path(operation_jobs.__file__).parent), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [
            *[str(Path(sys.executable).with_name("lse")), "worker", "--scheduler-port", str(port)],
            *["--workers", "1", "--scratch", str(tmp_path)],
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )
    compute = Compute(f"tcp://127.0.0.1:{port}")
    yield compute
    compute.close()
    process.terminate()
    assert process.wait(timeout=60) == 0


def test_a_worker_keeps_what_a_task_frees_until_the_task_ends(compute: Compute) -> None:
    def run(function, *arguments) -> int:  # type: ignore[no-untyped-def]
        return int(compute.run(function, arguments, on_progress=lambda _: None, should_stop=lambda: False))

    before = run(operation_jobs.process_size)
    during = run(operation_jobs.fill_and_free, 300)
    assert during > before + 250 * 2**20
    assert run(operation_jobs.process_size) < before + 50 * 2**20


def test_an_error_arrives_as_it_is_whatever_it_was_raised_from(compute: Compute) -> None:
    job = operation_jobs.fail_from_what_cannot_be_sent
    quiet = {"should_stop": lambda: False}
    with pytest.raises(UnavailableError) as of_long:
        compute.run(job, (), on_progress=lambda _: None, **quiet)
    with pytest.raises(UnavailableError) as of_many:
        compute.map(job, {"first": ()}, on_result=lambda _name, _result: None, **quiet)
    assert (of_long.value.reason, of_many.value.reason) == ("TRITON_UNAVAILABLE", "TRITON_UNAVAILABLE")
