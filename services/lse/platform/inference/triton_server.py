"""The Triton server of the wheel, which ``make triton`` installs, as a child process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Self

from tritonclient import grpc as triton
from tritonclient.utils import InferenceServerException

from lse.platform.errors import FailedPreconditionError, UnavailableError

__all__ = ["TritonServer", "find_triton"]

# Where the Python backend exchanges tensors with the server; a killed server leaves its files behind.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108

# Runs in the child before it becomes the server, which so ends with the process that started it.  (`preexec_fn` of
# `subprocess` would do this between fork and exec, which is not safe in a process with threads.)
_END_WITH_PARENT = """
import ctypes, json, os, signal, sys
parent, changes, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG
if os.getppid() != int(parent):
    sys.exit("the parent has gone")
os.execve(command[0], command, os.environ | json.loads(changes))
"""

_numbers = count()


def find_triton() -> Path | None:
    """Folder of an installed Triton, None where there is none.

    It is the one that ``LSE_TRITON_DIR`` names, else ``.triton`` in the working directory or beside the sources.

    Raises
    ------
    FailedPreconditionError
        If ``LSE_TRITON_DIR`` names a folder without a complete installation.
    """
    if named := os.environ.get("LSE_TRITON_DIR"):
        if not (Path(named) / "installed.txt").is_file():
            raise FailedPreconditionError(
                f"LSE_TRITON_DIR is {named}, where no Triton is installed; run scripts/install_triton.sh {named}.",
                reason="TRITON_NOT_INSTALLED",
                folder=named,
            )
        return Path(named).absolute()
    folders = [Path.cwd() / ".triton", Path(__file__).parents[4] / ".triton"]
    return next((folder for folder in folders if (folder / "installed.txt").is_file()), None)


class TritonServer:
    """A Triton server of this process on this machine, with explicit model control and gRPC only.

    It ends with the process that started it, however that ends.  Usable as a context manager.

    Parameters
    ----------
    program
        Folder of the installation, see `find_triton`.
    repository
        Folder of the model repository, made where it is missing.
    grpc_port
        Port to listen on, 0 for a free one; the same after a restart.
    log
        File that the server's log is appended to, ``.server.log`` in the repository by default.
    """

    def __init__(self, program: Path, repository: Path, *, grpc_port: int = 0, log: Path | None = None) -> None:
        self.repository = Path(repository)
        self.repository.mkdir(parents=True, exist_ok=True)
        self.log = log or self.repository / ".server.log"
        self.grpc_port = grpc_port or _free_port()
        self._program = Path(program)
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._prefix = f"lse_triton_{os.getpid()}_{next(_numbers)}_"

    @property
    def url(self) -> str:
        """``host:port`` of the gRPC endpoint."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def pid(self) -> int | None:
        """Process of the running server, None where it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, *, timeout: float = 60.0) -> None:
        """Start the server and return when it is ready.

        Parameters
        ----------
        timeout
            Seconds to wait.

        Raises
        ------
        FailedPreconditionError
            If the port is taken or the server ends at once.
        UnavailableError
            If it is not ready in time.
        """
        if self.pid is not None:
            return
        # Asked here, because otherwise the answers of whoever has the port would be taken for those of this server.
        if not _is_free(self.grpc_port):
            raise FailedPreconditionError(
                f"Port {self.grpc_port} of this machine is taken; choose another for Triton or 0 for a free one.",
                reason="PORT_TAKEN",
                port=self.grpc_port,
            )
        _clean_up_after_the_dead()
        # The kernel sends the parent-death signal when the *thread* that started the child ends; this one ends last.
        born: Future[subprocess.Popen[bytes]] = Future()
        self._keeper = threading.Thread(target=self._keep, args=(born,), name="triton-keeper", daemon=True)
        self._keeper.start()
        self._process = born.result()
        deadline = time.monotonic() + timeout
        with triton.InferenceServerClient(self.url, channel_args=[("grpc.max_reconnect_backoff_ms", 200)]) as client:
            while True:
                with suppress(InferenceServerException):
                    if client.is_server_ready(client_timeout=2.0):
                        return
                if self._process.poll() is not None:
                    raise FailedPreconditionError(
                        f"The Triton server ended at once ({self._complaint()}); see {self.log}.",
                        reason="TRITON_DID_NOT_START",
                        log=self.log,
                    )
                if time.monotonic() > deadline:
                    self.stop()
                    raise UnavailableError(
                        f"The Triton server was not ready within {timeout:g} s; see {self.log}.",
                        reason="TRITON_NOT_READY",
                        log=self.log,
                    )
                time.sleep(0.05)

    def stop(self, *, grace: float = 10.0) -> None:
        """End the server, by force when it takes longer than `grace` seconds."""
        if self._process is None or self._keeper is None:
            return
        self._process.terminate()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._keeper.join()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _keep(self, born: Future[subprocess.Popen[bytes]]) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        try:
            with self.log.open("ab") as log:
                process = subprocess.Popen(  # noqa: S603
                    self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
                )
        except BaseException as error:  # noqa: BLE001 - raised again by the one who waits for the child
            born.set_exception(error)
            return
        born.set_result(process)
        process.wait()
        _clean_up(self._prefix)

    def _command(self) -> list[str]:
        packages = next(self._program.glob("lib/python3.*/site-packages"))
        server = packages / "pytriton" / "tritonserver"
        changes = {
            "LD_LIBRARY_PATH": os.pathsep.join([str(self._program / "lib"), str(packages / "nvidia_pytriton.libs")]),
            # The backend embeds an interpreter, which finds its packages beside the first `python3` on the path.
            "PATH": os.pathsep.join([str(self._program / "bin"), os.environ.get("PATH", os.defpath)]),
        }
        arguments = {
            "model-repository": self.repository,
            "backend-directory": server / "backends",
            "model-control-mode": "explicit",
            "grpc-address": "127.0.0.1",
            "grpc-port": self.grpc_port,
            "allow-http": "false",
            "allow-metrics": "false",
            "exit-timeout-secs": 5,
        }
        backend = {
            "stub-timeout-seconds": 120,
            "shm-region-prefix-name": self._prefix,
        }
        return [
            *(sys.executable, "-I", "-S", "-c", _END_WITH_PARENT, str(os.getpid()), json.dumps(changes)),
            str(server / "bin" / "tritonserver"),
            # The configuration is complete; to complete it, the server would start every model twice.
            "--disable-auto-complete-config",
            *(f"--{name}={value}" for name, value in arguments.items()),
            *(f"--backend-config=python,{name}={value}" for name, value in backend.items()),
        ]

    def _complaint(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return next(
            (line.strip() for line in reversed(lines) if line.startswith("E") or "error" in line), "no reason given"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _clean_up(prefix: str) -> None:
    """Remove what a server that was killed leaves: processes that hold models, and files in shared memory.

    Both carry the prefix that the server was started with.
    """
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes().split(b"\0")
            if command[0].endswith(b"triton_python_backend_stub") and any(
                word.startswith(prefix.encode()) for word in command
            ):
                os.kill(int(entry.name), signal.SIGKILL)
    for path in _SHARED_MEMORY.glob(f"{prefix}*"):
        with suppress(OSError):
            path.unlink()


def _clean_up_after_the_dead() -> None:
    """Do so for the servers of all processes that are gone."""
    for path in _SHARED_MEMORY.glob("lse_triton_*_*"):
        owner = path.name.split("_")[2]
        if owner.isdigit() and not Path("/proc", owner).exists():
            _clean_up(f"lse_triton_{owner}_")
