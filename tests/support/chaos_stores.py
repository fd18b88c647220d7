"""An installation of separate processes, and faults of the servers that it stands on.

Each server is behind a proxy, so that its address stays and its connections can be broken, and has a small file system
of its own, which can be filled.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from lse.client import connect
from lse.errors import LseError
from lse.platform.catalogue.catalogue import migrate
from lse.platform.children import Child
from lse.platform.config import Settings, load_settings
from lse.platform.inference.triton_server import TritonServer, find_triton
from lse.platform.ports import free_port, is_free
from lse.platform.wiring import Platform
from lse.server import open_platform
from postgresql import PostgreSQL, find_postgresql
from small_disk import fill, small_disk
from tcp_proxy import TcpProxy

__all__ = ["STORE_FAULTS", "Stores", "missing_parts"]

_DISK_MIB = 512
_START_SECONDS = 120
_RESET_SECONDS = 0.3
# An S3 server that keeps all in memory must not be killed: it is only beyond reach.
STORE_FAULTS: Mapping[str, tuple[str, ...]] = {
    "PostgreSQL": ("kill", "suspend", "reset", "refuse", "full"),
    "S3": ("suspend", "reset", "refuse", "full"),
    "vectors": ("kill", "suspend", "reset", "refuse", "full"),
    "Dask scheduler": ("kill", "suspend", "reset", "refuse"),
    "Triton": ("kill", "suspend", "reset", "refuse", "full"),
}


def missing_parts() -> str:
    """What this machine lacks for an installation like this, empty where it lacks nothing."""
    lacking = {"PostgreSQL": find_postgresql() is None, "Triton": find_triton() is None, "root": os.geteuid() != 0}
    return ", ".join(name for name, lacks in lacking.items() if lacks)


class Stores:
    """All servers that an installation on a cluster stands on, its workers, and the services.

    Parameters
    ----------
    folder
        Where they keep everything; what was there before is not used again.
    """

    faults = STORE_FAULTS

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._stack = ExitStack()
        self._away: set[str] = set()
        self._servers: dict[str, Child] = {}
        self._proxies: dict[str, TcpProxy] = {}
        self._disks: dict[str, Path] = {}
        self._ended = threading.Event()
        programs = find_postgresql()
        assert programs is not None
        self._database = PostgreSQL(programs, folder / "postgresql")
        self._settings: Settings | None = None
        self.address = f"127.0.0.1:{free_port()}"

    def start(self) -> None:
        """Start everything, where that was not done yet, and wait until the services answer."""
        if self._servers:
            return  # they are kept running
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        for name, part in (("PostgreSQL", "postgresql"), ("vectors", "vectors"), ("Triton", "models")):
            self._disks[name] = self._stack.enter_context(small_disk(self._folder / part, mebibytes=_DISK_MIB))
        ports = {name: free_port() for name in ("S3", "vectors", "Dask scheduler")}
        self._database.start()
        self._stack.callback(self._database.stop)
        program = find_triton()
        assert program is not None
        triton = TritonServer(program, self._folder / "models", log=self._folder / "triton.log")
        self._servers |= {
            "S3": self._server(
                "S3", ports["S3"], str(Path(__file__).with_name("s3_server.py")), str(ports["S3"]), str(self._full)
            ),
            "vectors": self._server(
                *("vectors", ports["vectors"], "-m", "lse.cli.main", "vectors"),
                *("--vectors-port", str(ports["vectors"]), "--vectors-root", str(self._folder / "vectors")),
            ),
            "Dask scheduler": self._server(
                *("Dask scheduler", ports["Dask scheduler"], "-m", "distributed.cli.dask_scheduler"),
                *("--host", "127.0.0.1", "--port", str(ports["Dask scheduler"]), "--no-dashboard"),
                *("--dashboard-address", "127.0.0.1:0"),
            ),
            "Triton": triton,
        }
        for name, port in {**ports, "PostgreSQL": self._database.port, "Triton": triton.grpc_port}.items():
            self._proxies[name] = TcpProxy(port)
            self._stack.callback(self._proxies[name].close)
        for server in self._servers.values():
            server.start()
            self._stack.callback(server.stop)
        for server in self._servers.values():
            server.wait_until_ready(_START_SECONDS)
        self._start_ours()

    def _start_ours(self) -> None:
        """Start the services and the workers, as the guide for operators says."""
        self._database.new_database("lse")
        config = self._folder / "lse.yaml"
        config.write_text(yaml.safe_dump(self._configuration()))
        self._settings = load_settings(config=config)
        import s3fs

        s3fs.S3FileSystem(**self._settings.artifacts_options, skip_instance_cache=True).mkdir("lse")
        migrate(self._settings)
        for name, more in (("worker", ["--workers", "2"]), ("serve", [])):
            child = self._server(name, None, "-m", "lse.cli.main", name, "--config", str(config), *more)
            self._servers[name] = child
            child.start()
            self._stack.callback(child.stop)
        threading.Thread(target=self._keep_running, daemon=True).start()
        deadline = time.monotonic() + _START_SECONDS
        with connect(self.address) as client:
            while True:
                with suppress(LseError):
                    client.ping()
                    return
                assert time.monotonic() < deadline, self.said()
                time.sleep(0.2)

    def _configuration(self) -> dict[str, Any]:
        at = {name: f"127.0.0.1:{proxy.port}" for name, proxy in self._proxies.items()}
        return {
            "catalogue_url": f"postgresql+psycopg://lse@{at['PostgreSQL']}/lse",
            "artifacts_url": "s3://lse/chaos",
            "artifacts_options": {
                "key": "test",
                "secret": "test",
                "endpoint_url": f"http://{at['S3']}",
                "client_kwargs": {"region_name": "eu-west-1"},
            },
            "vectors_url": f"http://{at['vectors']}",
            "compute_url": f"tcp://{at['Dask scheduler']}",
            "inference": "triton",
            "triton_url": at["Triton"],
            "triton_repository": str(self._folder / "models"),
            "triton_backend": "python",
            "grpc_port": int(self.address.rpartition(":")[2]),
            "instance": "chaos",
            "operation_slots": 8,
            "source_roots": ["*"],
        }

    def _server(self, name: str, port: int | None, *words: str) -> Child:
        return Child(
            name,
            [sys.executable, *words],
            log=self._folder / f"{name.replace(' ', '-')}.log",
            ready=lambda: port is not None and not is_free(port),
        )

    def _keep_running(self) -> None:
        """Start again what ended, as a cluster does, unless it is to be away."""
        while not self._ended.wait(0.5):
            for name, server in self._servers.items():
                if name not in self._away and server.pid is None:
                    with suppress(LseError):
                        server.start()
            if "PostgreSQL" not in self._away:
                with suppress(Exception):  # it may end again at once where its disk is full
                    self._database.start()

    @property
    def _full(self) -> Path:
        """The file that says that the disk of the S3 server is full."""
        return self._folder / "s3-is-full"

    # Faults

    def act(self, victim: str, action: str, seconds: float) -> None:
        """Let a server be away in some way for some seconds."""
        with {
            "kill": self._killed,
            "suspend": self._suspended,
            "reset": self._reset,
            "refuse": self._refused,
            "full": self._filled,
        }[action](victim):
            self._ended.wait(seconds)

    @contextmanager
    def _killed(self, victim: str) -> Iterator[None]:
        self._away.add(victim)
        for process in self._processes(victim):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        try:
            yield
        finally:
            self._away.discard(victim)

    @contextmanager
    def _suspended(self, victim: str) -> Iterator[None]:
        processes = self._processes(victim)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        try:
            yield
        finally:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    @contextmanager
    def _reset(self, victim: str) -> Iterator[None]:
        """Reset its connections again and again."""
        over = threading.Event()

        def repeat() -> None:
            while not over.wait(_RESET_SECONDS):
                self._proxies[victim].reset()

        thread = threading.Thread(target=repeat)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    @contextmanager
    def _refused(self, victim: str) -> Iterator[None]:
        self._proxies[victim].refuse()
        try:
            yield
        finally:
            self._proxies[victim].accept()

    @contextmanager
    def _filled(self, victim: str) -> Iterator[None]:
        if victim == "S3":
            (filler := self._full).touch()
        else:
            filler = fill(self._disks[victim])
        try:
            yield
        finally:
            filler.unlink()

    def _processes(self, victim: str) -> list[psutil.Process]:
        pid = self._database.pid if victim == "PostgreSQL" else self._servers[victim].pid
        if pid is None:
            return []
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]

    # The end

    def left_over(self) -> list[str]:
        """Bulk data, collections and models that no resource names."""
        assert self._settings is not None
        with open_platform(self._settings) as platform:
            return list(_orphans(platform))

    def said(self) -> str:
        """The end of the logs of all processes."""
        logs = sorted(self._folder.glob("*.log"))
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def stop(self) -> None:
        """End everything."""
        self._ended.set()
        self._stack.close()


def _orphans(platform: Platform) -> Iterator[str]:
    known = platform.resources.uids()
    for uid, folder in platform.artifacts.resource_folders().items():
        if uid not in known:
            yield f"the artifacts {folder} belong to nothing"
    for collection in platform.vectors.list_collections():
        if collection not in known:
            yield f"the collection {collection} belongs to nothing"
    for model in Path(platform.settings.triton_repository).glob("encoder-*"):
        if model.name.removeprefix("encoder-").partition(".")[0] not in known:
            yield f"the model {model.name} belongs to nothing"
