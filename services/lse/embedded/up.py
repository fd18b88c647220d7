"""``lse up``: everything on one machine, with a home folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import structlog
from pydantic import SecretStr

from lse.embedded.home import Home
from lse.errors import FailedPreconditionError, InvalidArgumentError, LseError, UnavailableError
from lse.hardware import usable_cores
from lse.platform.access.openness import check_open, is_loopback
from lse.platform.catalogue import ExperimentRecord
from lse.platform.catalogue.catalogue import migrate
from lse.platform.catalogue.records.record import Nothing
from lse.platform.certificates import Certificates
from lse.platform.children import Child
from lse.platform.config import Settings
from lse.platform.deletion import sweep_artifacts, sweep_collections
from lse.platform.inference.triton_server import TritonServer, find_triton
from lse.platform.logs import configure_logs
from lse.platform.outages import Patience, is_outage
from lse.platform.ports import HTTP_PORT, free_port, is_free
from lse.platform.wiring import Platform
from lse.server import open_platform, rpc_server

__all__ = ["run"]

_log = structlog.get_logger(__name__)
# A process that ends is noticed at once; one that is only slow, as on a busy machine, is given its time.
_START_SECONDS = 300.0
_EXPLORER = "explorer"
_WATCH_SECONDS = 1.0
_PORTS = {"grpc_port": "services", "http_port": "services by HTTP", "dashboard_port": "explorer"}
# Ports of the metrics of the children, after that of the services.
_METRICS = {"vectors": 1, "worker": 2, "explorer": 3}
# What everything on one machine settles by itself.
_OWN = (
    *("instance", "peer_address", "catalogue_url", "artifacts_url", "artifacts_options", "vectors_url"),
    *("vectors_shards", "vectors_replicas", "vectors_write_consistency", "vectors_quantization", "vectors_memory"),
    *("vectors_api_key", "compute_url", "compute_certificates", "triton_url", "triton_certificates"),
    *("triton_repository", "triton_repository_options", "triton_backend", "triton_shared_memory"),
    *("vectors_root", "vectors_port", "scheduler_port", "scratch"),
)


def run(settings: Settings, *, images: Sequence[Path] = (), on_ready: Callable[[Settings], None] | None = None) -> None:
    """Start everything, serve until SIGTERM or Ctrl-C, stop everything.

    Parameters
    ----------
    settings
        Settings of all processes.
    images
        Folders that are to be ingested once everything answers, which the services may therefore read.
    on_ready
        Called in a thread of its own once everything answers, with the settings as they are then: free ports, for
        instance, in place of 0.

    Raises
    ------
    InvalidArgumentError
        If a setting is given that `lse up` chooses by itself.
    FailedPreconditionError
        If the home folder is in use, Triton is wanted and not installed, or all would be open to a network.
    UnavailableError
        If one of the processes does not start.
    """
    for key in _OWN:
        if key in settings.model_fields_set:
            raise InvalidArgumentError(
                f"`lse up` chooses {key} by itself: remove it from the variables (LSE_{key.upper()}) and the "
                "configuration file, or start the processes one by one, beginning with `lse serve`.",
                reason="SETTING_NOT_ALLOWED",
                setting=key,
            )
    if settings.login == "none":
        check_open(settings, what="services and the explorer")
    # Other users of this machine have no business in the home, nor in what its processes leave elsewhere.
    os.umask(0o077)
    with contextlib.ExitStack() as stack:
        if settings.read_only:
            home = stack.enter_context(Home.looked_at(settings.home))
        else:
            home, lock = Home.open(settings.home)
            stack.enter_context(lock)
        log = stack.enter_context((home.logs / "services.log").open("a", buffering=1))
        settings = _settled(settings, home, images)
        children = list(_children(settings, home))
        stack.callback(_stop, children)
        for child in children:
            child.start()
        # The terminal stays for the person.
        configure_logs(settings.log_level, stream=log)
        migrate(settings)
        # Clients close before servers, or they would complain about what is gone.
        platform = stack.enter_context(open_platform(settings))
        if not settings.read_only:
            sweep_artifacts(platform)
        asyncio.run(_serve(platform, children, on_ready))


def _settled(settings: Settings, home: Home, images: Sequence[Path]) -> Settings:
    """Settings of all the processes, with what is chosen here."""
    ports = {key: _port(settings, key) for key in _PORTS if key != "dashboard_port" or settings.dashboard}
    vectors, scheduler, triton = free_port(), free_port(), free_port()
    # Triton would write its model repository.
    without = settings.inference == "onnxruntime" or settings.read_only
    program = None if without else find_triton(settings.triton_dir)
    if program is None and settings.inference == "triton" and not settings.read_only:
        raise FailedPreconditionError(
            "Triton is not installed: run `make triton`, or start with --inference onnxruntime.",
            reason="TRITON_MISSING",
        )
    # Dask and Triton run code of whoever may speak to them.
    certificates = Certificates.make(home.private)
    # Address at which this machine reaches what listens on the host.
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104  # compared, not bound
    own = settings.login == "none" and is_loopback(settings.host)
    return settings.model_copy(
        update={
            **ports,
            "address": f"{host}:{ports['grpc_port']}",
            "peer_address": f"{host}:{ports['grpc_port']}",
            "instance": "embedded",
            "catalogue_url": home.catalogue_url,
            "artifacts_url": home.artifacts_url,
            "vectors_url": f"http://127.0.0.1:{vectors}",
            "vectors_port": vectors,
            "vectors_root": home.vectors,
            "vectors_api_key": SecretStr(secrets.token_urlsafe(32)),
            "compute_url": f"tls://127.0.0.1:{scheduler}",
            "compute_certificates": certificates.folder,
            "scheduler_port": scheduler,
            "scratch": home.scratch,
            "workers": settings.workers or max(2, usable_cores()),
            "inference": "triton" if program else "onnxruntime",
            "triton_dir": program,
            "triton_url": f"127.0.0.1:{triton}",
            "triton_certificates": certificates.folder,
            "triton_repository": str(home.models),
            "triton_backend": "python",
            "triton_shared_memory": program is not None,
            # Who asks from this machine started these services, and may read what they may.
            "source_roots": settings.source_roots
            or (("*",) if own else tuple(map(str, (home.path / "demo-survey", *images)))),
            # Whoever reaches these services from this machine can run code on it anyway.
            "allow_import_paths": settings.allow_import_paths
            or ("allow_import_paths" not in settings.model_fields_set and own),
        }
    )


def _port(settings: Settings, key: str) -> int:
    """Port of the services or the explorer: as set, the usual one, or a free one where that is taken and nobody set it.

    Raises
    ------
    UnavailableError
        If the one that was set is taken.
    """
    port: int = HTTP_PORT if getattr(settings, key) is None else getattr(settings, key)
    if port == 0 or is_free(port, settings.host):
        return port or free_port()
    if key in settings.model_fields_set:
        raise UnavailableError(
            f"Port {port}, for the {_PORTS[key]}, is taken on this machine: choose another with "
            f"--{key.replace('_', '-')}, or 0 for a free one.",
            reason="PORT_TAKEN",
            port=port,
        )
    return free_port()


def _children(settings: Settings, home: Home) -> Iterator[Child]:
    """The servers that the services need, and the explorer."""
    assert settings.vectors_api_key is not None
    key = {"LSE_VECTORS_API_KEY": settings.vectors_api_key.get_secret_value()}

    def ours(
        name: str,
        port: int | None,
        command: str,
        *keys: str,
        hidden: Mapping[str, str] | None = None,
        **flags: object,
    ) -> Child:
        flags |= {key: getattr(settings, key) for key in (*keys, "log_level")}
        if settings.metrics_port:  # those of the children follow that of the services
            flags["metrics_port"] = settings.metrics_port + _METRICS[command]
        return Child(
            name,
            [
                *(sys.executable, "-m", "lse.cli.main", command),
                *(word for key, value in flags.items() for word in (f"--{key.replace('_', '-')}", str(value))),
            ],
            log=home.logs / f"{name.replace(' ', '-')}.log",
            # Asked without a connection, which a server that speaks TLS would complain about.
            ready=lambda: port is not None and not is_free(port),
            secrets=hidden,
        )

    loopback = "127.0.0.1"
    yield ours(
        *("vector server", settings.vectors_port, "vectors", "vectors_root", "vectors_port"), hidden=key, host=loopback
    )
    yield ours(
        *("compute cluster", settings.scheduler_port, "worker", "scheduler_port", "workers", "scratch"),
        "compute_certificates",
        host=loopback,
    )
    if settings.dashboard:
        yield ours(_EXPLORER, settings.dashboard_port, "explorer", "address", "host", "dashboard_port")
    if settings.inference == "triton":
        assert settings.triton_dir is not None
        port = int(settings.triton_url.rpartition(":")[2])
        yield TritonServer(
            settings.triton_dir,
            home.models,
            grpc_port=port,
            log=home.logs / "triton.log",
            certificates=Certificates(home.private),
        )


def _stop(children: list[Child]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        child.stop()


async def _serve(platform: Platform, children: list[Child], on_ready: Callable[[Settings], None] | None) -> None:
    """Serve until SIGTERM or Ctrl-C."""

    def end_explorer() -> None:
        """Nobody else needs it, and it takes a moment."""
        for child in children:
            if child.name == _EXPLORER:
                child.terminate()

    serving = asyncio.create_task(rpc_server(platform).serve_until_signal(on_signal=end_explorer))
    ended = threading.Event()
    ready = asyncio.create_task(asyncio.to_thread(_wait_until_ready, platform, children, ended))
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        # Nobody waits any more for what is not ready yet.
        ended.set()
        _stop(children)
        await serving
        return
    try:
        await ready
    except LseError:
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
        raise
    if on_ready is not None:
        threading.Thread(target=on_ready, args=(platform.settings,), name="on-ready", daemon=True).start()
    watching = asyncio.create_task(_watch(children))
    await serving
    watching.cancel()


def _wait_until_ready(platform: Platform, children: list[Child], ended: threading.Event) -> None:
    deadline = time.monotonic() + _START_SECONDS
    for child in children:
        child.wait_until_ready(deadline - time.monotonic())
    patience = Patience(_START_SECONDS)
    while not platform.settings.read_only:
        try:
            sweep_collections(platform)
            _rebuild_collections(platform)
        except LseError as error:
            pause = patience.pause(None) if is_outage(error) else None
            if pause is None or ended.wait(pause):
                raise
            _log.warning("collections_not_checked", message=error.message)
        else:
            return


def _rebuild_collections(platform: Platform) -> None:
    """Fill the collections anew that experiments lack, as those of a home that was restored from a backup."""
    there = set(platform.vectors.list_collections())
    for project, _ in platform.resources.projects():
        for experiment in platform.resources.all(ExperimentRecord, project):
            if experiment.state == "ready" and experiment.uid not in there:
                with contextlib.suppress(FailedPreconditionError):  # it is at work already
                    platform.operation_store.create(
                        "RebuildExperiment", experiment.name, parameters=Nothing(), alone=True
                    )


async def _watch(children: list[Child]) -> None:
    """Start again what ended on its own."""
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        for child in children:
            if child.has_ended:
                _log.error("child_ended", child=child.name)
                try:
                    await asyncio.to_thread(child.start)
                except LseError as error:
                    _log.error("child_not_started", child=child.name, message=error.message)
