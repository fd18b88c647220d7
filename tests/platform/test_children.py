"""Programs that end with the process that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lse.errors import UnavailableError
from lse.platform.children import Child


def program(tmp_path: Path, code: str = "import time; time.sleep(600)", **changes: object) -> Child:
    arguments = {"log": tmp_path / "log", "ready": lambda: True, **changes}
    return Child("sleeper", [sys.executable, "-c", code], **arguments)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from lse.platform.children import Child\n"
        "sleeper = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "child = Child('sleeper', sleeper, log=Path(sys.argv[1]), ready=lambda: True); child.start()\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, tmp_path / "log"], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as output:
        child = int(output.readline())
        time.sleep(0.3)
        assert runs(child)
        parent.kill()
        parent.wait()
    wait_until(lambda: not runs(child))


def test_child_outlives_the_thread_that_started_it_and_stops(tmp_path: Path) -> None:
    ended = []
    with program(tmp_path, on_end=lambda: ended.append(True)) as child:
        time.sleep(0.3)
        assert child.pid is not None
    assert child.pid is None
    assert ended == [True]


def test_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({os.fspath(ready)!r}, 'w').close(); time.sleep(600)"
    )
    child = program(tmp_path, code, ready=ready.exists)
    child.start()
    child.wait_until_ready(60)
    child.stop(0.2)
    assert child.pid is None


def test_last_line_of_a_child_that_ended_is_told(tmp_path: Path) -> None:
    child = program(tmp_path, "import sys; sys.exit('the disk is full')", ready=lambda: False)
    child.start()
    with pytest.raises(UnavailableError, match=r"sleeper ended at once \(the disk is full\): see .*log"):
        child.wait_until_ready(60)


def test_variables_are_set_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSE_TEST_GONE", "1")
    code = "import os; print(os.environ.get('LSE_TEST_GONE'), os.environ['LSE_TEST_SET'])"
    child = program(tmp_path, code, environment={"LSE_TEST_GONE": None, "LSE_TEST_SET": "2"})
    child.start()
    wait_until(lambda: child.pid is None)
    assert (tmp_path / "log").read_text() == "None 2\n"


def test_a_child_that_is_killed_before_it_is_ready_is_started_again(tmp_path: Path) -> None:
    first, ready = tmp_path / "first", tmp_path / "ready"
    code = (
        "import os, signal, time; from pathlib import Path\n"
        f"first, ready = Path({os.fspath(first)!r}), Path({os.fspath(ready)!r})\n"
        "if not first.exists(): first.touch(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "ready.touch(); time.sleep(600)"
    )
    with program(tmp_path, code, ready=ready.exists) as child:
        assert child.pid is not None
    assert child.pid is None
