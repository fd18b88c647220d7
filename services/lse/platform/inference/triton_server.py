"""The Triton server of the wheel, which ``make triton`` installs, as a child process."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from itertools import count
from pathlib import Path

from tritonclient.utils import InferenceServerException

from lse.errors import FailedPreconditionError, UnavailableError
from lse.platform.certificates import Certificates
from lse.platform.children import Child
from lse.platform.inference.triton import triton_client
from lse.platform.ports import answers, free_port, is_free

__all__ = ["TritonServer", "find_triton"]

# Where the Python backend exchanges tensors with the server; a killed server leaves its files behind.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108

_numbers = count()


def find_triton(named: Path | None = None) -> Path | None:
    """Folder of an installed Triton, None where there is none.

    Parameters
    ----------
    named
        The folder; when not given, ``.triton`` in the working directory or beside the sources.

    Raises
    ------
    FailedPreconditionError
        If `named` has no complete installation.
    """
    if named is not None:
        if not (named / "installed.txt").is_file():
            raise FailedPreconditionError(
                f"No Triton is installed in {named}: run scripts/install_triton.sh {named}, or correct triton_dir.",
                reason="TRITON_MISSING",
                folder=named,
            )
        return named.absolute()
    folders = [Path.cwd() / ".triton", Path(__file__).parents[4] / ".triton"]
    return next((folder for folder in folders if (folder / "installed.txt").is_file()), None)


class TritonServer(Child):
    """A Triton server of this process on this machine, with explicit model control and gRPC only.

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
    certificates
        What the server and its clients prove themselves by; whoever may load a model can run code as this user.
    """

    def __init__(
        self,
        program: Path,
        repository: Path,
        *,
        grpc_port: int = 0,
        log: Path | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self.repository = Path(repository)
        self.repository.mkdir(parents=True, exist_ok=True)
        self.grpc_port = grpc_port or free_port()
        self._certificates = certificates
        self._prefix = f"lse_triton_{os.getpid()}_{next(_numbers)}_"
        packages = next(Path(program).glob("lib/python3.*/site-packages"))
        super().__init__(
            "Triton server",
            self._arguments(packages / "pytriton" / "tritonserver"),
            log=log or self.repository / ".server.log",
            ready=self._is_ready,
            environment={
                **{name: None for name in os.environ if name.startswith("PYTHON")},
                "LD_LIBRARY_PATH": os.pathsep.join([str(program / "lib"), str(packages / "nvidia_pytriton.libs")]),
                # The backend embeds an interpreter, which finds its packages beside the first `python3` on the path.
                "PATH": os.pathsep.join([str(program / "bin"), os.environ.get("PATH", os.defpath)]),
            },
            # A killed server would leave its files behind.
            ending=signal.SIGTERM,
            # Here what it leaves is removed, and to unload its models would take it seconds.
            stopping=signal.SIGKILL,
            on_end=lambda: _clean_up(self._prefix),
        )

    @property
    def url(self) -> str:
        """``host:port`` of the gRPC endpoint."""
        return f"127.0.0.1:{self.grpc_port}"

    def start(self) -> None:
        """Start the server.

        Raises
        ------
        UnavailableError
            If the port is taken.
        """
        # Asked here, because otherwise the answers of whoever has the port would be taken for those of this server.
        if not is_free(self.grpc_port):
            raise UnavailableError(
                f"Port {self.grpc_port} of this machine is taken; choose another for Triton or 0 for a free one.",
                reason="PORT_TAKEN",
                port=self.grpc_port,
            )
        _clean_up_after_the_dead()
        super().start()

    def _is_ready(self) -> bool:
        if not answers(self.grpc_port):
            return False
        with suppress(InferenceServerException), triton_client(self.url, self._certificates) as client:
            return bool(client.is_server_ready(client_timeout=2.0))
        return False

    def _arguments(self, server: Path) -> list[str]:
        arguments: dict[str, object] = {
            "model-repository": self.repository,
            "backend-directory": server / "backends",
            "model-control-mode": "explicit",
            "grpc-address": "127.0.0.1",
            "grpc-port": self.grpc_port,
            "allow-http": "false",
            "allow-metrics": "false",
            "exit-timeout-secs": 5,
        }
        if self._certificates:
            arguments |= {
                "grpc-use-ssl-mutual": "true",
                "grpc-server-cert": self._certificates.certificate,
                "grpc-server-key": self._certificates.key,
                "grpc-root-cert": self._certificates.authority,
            }
        backend = {"stub-timeout-seconds": 120, "shm-region-prefix-name": self._prefix}
        return [
            str(server / "bin" / "tritonserver"),
            # The configuration is complete; to complete it, the server would start every model twice.
            "--disable-auto-complete-config",
            *(f"--{name}={value}" for name, value in arguments.items()),
            *(f"--backend-config=python,{name}={value}" for name, value in backend.items()),
        ]


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
