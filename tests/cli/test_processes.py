"""The commands that start processes, as an operator meets them."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from distributed import Client

from lse.platform.ports import free_port

LSE = Path(sys.executable).with_name("lse")


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process that ends with the test."""
    started = []

    def run(*arguments: object, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [LSE, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment, **variables},
            cwd=tmp_path,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def failed(result: subprocess.CompletedProcess[str], status: int) -> str:
    """The one sentence that a command fails with."""
    assert (result.returncode, result.stdout) == (status, ""), result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith(".\n")
    return result.stderr


def answered(process: subprocess.Popen[str], url: str) -> bytes:
    """What a process answers at a URL, waited for while the process starts."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.read()
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.3)


def test_what_is_missing_is_named_with_the_ways_to_give_it(lse_process) -> None:
    told = failed(lse_process("serve"), 1)
    assert told.startswith("The setting catalogue_url is missing (Catalogue: sqlite:///PATH or postgresql")
    assert "set LSE_CATALOGUE_URL, give --catalogue-url" in told
    assert failed(lse_process("vectors"), 1).startswith("The setting vectors_root is missing")
    assert failed(lse_process("worker"), 1).startswith("The setting compute_url is missing (Dask scheduler")
    assert "'ingest' is not a service: choose from ingestion, training" in failed(lse_process("serve", "ingest"), 2)


def test_up_refuses_what_it_chooses_by_itself(lse_process, tmp_path: Path) -> None:
    told = failed(lse_process("up", "--home", "home", LSE_CATALOGUE_URL="sqlite:///x"), 2)
    assert told.startswith("`lse up` chooses catalogue_url by itself: remove it from the variables (LSE_CATALOGUE_URL)")
    assert not (tmp_path / "home").exists()


def test_up_looks_at_the_images_before_it_starts_anything(lse_process, tmp_path: Path) -> None:
    assert "There is no folder" in failed(lse_process("up", "--home", "home", "--images", "nowhere"), 1)
    (tmp_path / "images").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "images" / name).touch()
    assert "has 2 CSV files" in failed(lse_process("up", "--home", "home", "--images", "images"), 2)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("flag", ["--dashboard-port", "--grpc-port"])
def test_up_does_not_speak_for_another_program_at_its_port(lse_process, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = failed(lse_process("up", "--home", "home", flag, str(port)), 1)
    what = "explorer" if flag == "--dashboard-port" else "services"
    assert told.startswith(f"Port {port}, for the {what}, is taken on this machine: choose another with {flag}, or 0")


def test_flags_win_over_variables_and_variables_over_the_file(lse_process, tmp_path: Path) -> None:
    (tmp_path / "lse.yaml").write_text(f"catalogue_url: sqlite:///{tmp_path}/file.db\n")
    variables = {"LSE_CONFIG": "lse.yaml", "LSE_CATALOGUE_URL": f"sqlite:///{tmp_path}/variable.db"}
    lse_process("migrate", "--catalogue-url", f"sqlite:///{tmp_path}/flag.db", **variables)
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["flag.db"]
    lse_process("migrate", **variables)
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["flag.db", "variable.db"]
    done = lse_process("migrate", "--config", "lse.yaml")
    assert done.stdout.startswith("The schema of the catalogue is up to date (version ")
    assert (tmp_path / "file.db").exists()


def test_catalogue_that_is_too_old_or_too_new_is_refused(lse_process, tmp_path: Path) -> None:
    stores = ["--artifacts-url", f"file://{tmp_path}", "--vectors-url", "http://127.0.0.1:1"]
    arguments = ["--catalogue-url", f"sqlite:///{tmp_path}/c.db", *stores, "--compute-url", "tcp://127.0.0.1:1"]
    assert "run `lse migrate`" in failed(lse_process("serve", *arguments), 1)
    assert lse_process("migrate", *arguments[:2]).returncode == 0
    with sqlite3.connect(tmp_path / "c.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "(9999) is newer than this software" in failed(lse_process("migrate", *arguments[:2]), 1)


def test_workers_join_a_scheduler_and_end_with_it(start, tmp_path: Path) -> None:
    port = free_port()
    first = start("worker", "--scheduler-port", port, "--workers", 1, "--scratch", tmp_path)
    probes = free_port()
    options = ("--workers", 2, "--metrics-port", probes)
    second = start("worker", *options, LSE_COMPUTE_URL=f"tcp://127.0.0.1:{port}", OMP_WAIT_POLICY="ACTIVE")

    def variables() -> dict[str, str]:
        import os

        return {**os.environ}

    with Client(f"tcp://127.0.0.1:{port}", timeout=60, set_as_default=False) as client:
        client.wait_for_workers(3, timeout=60)
        found = list(client.run(variables).values())
        assert [each["MALLOC_TRIM_THRESHOLD_"] for each in found] == ["4294967296"] * 3
        assert {each["OMP_NUM_THREADS"] for each in found} == {"1"}
        assert sorted(each["OMP_WAIT_POLICY"] for each in found) == ["ACTIVE", "ACTIVE", "PASSIVE"]
        assert {each["nthreads"] for each in client.scheduler_info(n_workers=-1)["workers"].values()} == {1}
        for path in ("livez", "readyz"):
            assert answered(second, f"http://127.0.0.1:{probes}/{path}") == b"ok\n"
        metrics = answered(second, f"http://127.0.0.1:{probes}/metrics").decode()
        told = re.findall(r'^lse_worker_memory_bytes\{worker="(\d)"\} (\S+)$', metrics, re.MULTILINE)
        assert [worker for worker, memory in told if float(memory) > 10e6] == ["0", "1"]
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    assert second.wait(60) == 1
    assert (
        second.communicate()[1]
        .strip()
        .splitlines()[-1]
        .startswith(f"The Dask scheduler at tcp://127.0.0.1:{port} has gone")
    )


@pytest.mark.parametrize("when", ["they start", "they work"])
def test_workers_of_one_machine_end_at_once_without_complaint(start, tmp_path: Path, when: str) -> None:
    port = free_port()
    process = start("worker", "--scheduler-port", port, "--workers", 2, "--scratch", tmp_path)
    with Client(f"tcp://127.0.0.1:{port}", timeout=60, set_as_default=False) as client:
        if when == "they work":
            client.wait_for_workers(2, timeout=60)
            working = client.submit(time.sleep, 3600)
            while not any(client.processing().values()):
                time.sleep(0.1)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        if when == "they work":
            working.release()
    assert [line for line in process.communicate()[1].splitlines() if json.loads(line)["level"] != "warning"] == []
    assert psutil.wait_procs(workers, timeout=60)[1] == []


def test_explorer_answers(start, proxy) -> None:
    port = free_port()
    metrics = free_port()
    explorer = start("explorer", "--dashboard-port", port, "--address", proxy.address, "--metrics-port", metrics)
    assert answered(explorer, f"http://127.0.0.1:{port}/health") == b"ok\n"
    told = answered(explorer, f"http://127.0.0.1:{metrics}/metrics").decode()
    assert "lse_explorer_sessions 0.0" in told
    assert "lse_explorer_frame_seconds_count" in told
    explorer.send_signal(signal.SIGTERM)
    assert explorer.wait(60) == 0


def test_services_begin_without_the_libraries_of_single_calls():
    code = (
        "import importlib, sys\n"
        "import lse.embedded.up\n"
        "from lse.server import SERVICES\n"
        "for name in SERVICES:\n    importlib.import_module(f'lse.services.{name}.service')\n"
        "heavy = 'numba pandas sklearn scipy.stats onnxruntime torch astropy.wcs botocore matplotlib'.split()\n"
        "print(*(name for name in heavy if name in sys.modules))\n"
    )
    begun = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert begun.stdout.split() == []
