"""A real `lse up`, with a home folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from lse.client import Client, connect
from lse.errors import LseError
from lse.platform.ports import free_port, is_free

__all__ = ["Installation"]

_START_SECONDS = 180


def _free_ports(count: int) -> int:
    """First of some free ports that follow each other."""
    while True:
        first = free_port()
        if all(is_free(first + number) for number in range(1, count)):
            return first


class Installation:
    """Services, workers and, where wanted, the explorer, in processes of their own."""

    def __init__(
        self,
        home: Path,
        *,
        dashboard: bool,
        inference: str = "onnxruntime",
        traces_url: str = "",
        metrics: bool = False,
        read_only: bool = False,
    ) -> None:
        self.home = home
        self._looks = ["--read-only"] if read_only else []
        self._log = (home.parent if read_only else home) / "up.log"
        self.address = f"127.0.0.1:{free_port()}"
        self.http_url = f"http://127.0.0.1:{free_port()}"
        self.dashboard_port = free_port() if dashboard else 0
        self._inference = inference
        self._traces = ["--traces-url", traces_url] if traces_url else []
        self._metrics = ["--metrics-port", str(_free_ports(4))] if metrics else []
        self._process: subprocess.Popen[bytes] | None = None
        self.client: Client | None = None

    @property
    def url(self) -> str:
        """Address of the explorer."""
        return f"http://127.0.0.1:{self.dashboard_port}"

    @property
    def explorer_metrics_port(self) -> int:
        """Where the explorer tells its metrics: behind those of services, vector server and workers."""
        return int(self._metrics[1]) + 3

    @property
    def pid(self) -> int:
        """Process of `lse up`."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether `lse up` runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def explorer_pid(self) -> int:
        """Process of the explorer."""
        for child in psutil.Process(self.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ended meanwhile
                if "explorer" in child.cmdline():
                    return int(child.pid)
        raise AssertionError("no explorer runs")

    def start(self) -> Client:
        """Start it and wait until it answers."""
        host, port = self.address.split(":")
        command = [
            *[str(Path(sys.executable).with_name("lse")), "up", "--home", str(self.home), "--host", host],
            *["--grpc-port", port, "--http-port", self.http_url.rpartition(":")[2]],
            *["--inference", self._inference, "--workers", "2", *self._traces, *self._metrics, *self._looks],
            *(["--dashboard-port", str(self.dashboard_port)] if self.dashboard_port else ["--no-dashboard"]),
        ]
        self.home.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.client = connect(self.address)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.client.ping()
            except LseError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.2)
            else:
                return self.client

    def kill(self) -> None:
        """End it as a power cut would: `kill -9`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """End it in order; its exit status."""
        assert self._process is not None
        if self.client is not None:
            self.client.close()
        self._process.terminate()
        try:
            status = self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        if status != 0:
            print(self.said())
        return status

    def said(self) -> str:
        """What its processes wrote, the end of each log."""
        logs = [self.home / "up.log", *sorted((self.home / "logs").glob("*.log"))]
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-3000:]}" for log in logs)
