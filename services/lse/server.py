"""Where a process is put together from its settings; everything else is handed what it needs."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from lse.errors import InvalidArgumentError
from lse.platform.access.access import Access
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Catalogue, Resources
from lse.platform.catalogue.discards import Discards
from lse.platform.catalogue.operations import OperationStore
from lse.platform.certificates import Certificates
from lse.platform.compute import Compute
from lse.platform.config import Settings
from lse.platform.guarded.reading import Reading
from lse.platform.inference import InferenceSettings
from lse.platform.operations import OperationRunner
from lse.platform.rpc.server import RpcServer
from lse.platform.stores import Stores
from lse.platform.vectors import Placement, VectorStore
from lse.platform.wiring import Platform

__all__ = ["SERVICES", "open_platform", "rpc_server", "serve"]

SERVICES = (
    *("ingestion", "training", "encoding", "projection", "clustering"),
    *("prediction", "explanation", "search", "annotation", "access"),
)


@contextmanager
def open_platform(settings: Settings) -> Iterator[Platform]:
    """Open what services need, and close it at the end.

    Parameters
    ----------
    settings
        Settings of the process.

    Raises
    ------
    FailedPreconditionError
        If a setting is missing, or the catalogue's schema is not the one that this software knows.
    UnavailableError
        If the catalogue's database does not answer.
    """
    settings.require("catalogue_url", "artifacts_url", "vectors_url", "compute_url")
    triton = settings.inference == "triton" or (settings.inference == "auto" and settings.triton_repository)
    with (
        closing(Catalogue(settings.catalogue_url)) as catalogue,
        closing(_compute(settings)) as compute,
        closing(_vector_store(settings)) as vectors,
    ):
        catalogue.require_schema()
        access = Access.of(catalogue, settings)
        stores = Stores(
            settings=settings,
            catalogue=catalogue,
            resources=Resources(catalogue),
            operation_store=OperationStore(catalogue, access.quotas),
            access=access,
            discards=Discards(catalogue),
            artifacts=Artifacts(settings.artifacts_url, settings.artifacts_options, read_only=settings.read_only),
            vectors=vectors,
            inference=InferenceSettings(
                kind="triton" if triton else "onnxruntime",
                gpu=settings.inference_gpu,
                url=settings.triton_url,
                repository=settings.triton_repository,
                repository_options=json.dumps(settings.triton_repository_options, sort_keys=True),
                backend=settings.triton_backend,
                shared_memory=settings.triton_shared_memory,
                certificates=_certificates(settings.triton_certificates),
            ),
            compute=compute,
            reading=Reading.of(settings),
        )
        yield Platform(
            **vars(stores),
            runner=OperationRunner(stores, instance=settings.instance, slots=settings.operation_slots),
            peer_address=settings.peer_address,
        )


def rpc_server(platform: Platform, services: Sequence[str] = SERVICES) -> RpcServer:
    """Server of some services."""
    return RpcServer(platform, [importlib.import_module(f"lse.services.{name}.service").register for name in services])


def serve(settings: Settings, services: Sequence[str] = ()) -> None:
    """Serve some services, or all when none is named, until SIGTERM.

    Raises
    ------
    InvalidArgumentError
        If there is no such service.
    """
    for name in services:
        if name not in SERVICES:
            raise InvalidArgumentError(
                f"'{name}' is not a service: choose from {', '.join(SERVICES)}.", reason="SERVICE_UNKNOWN"
            )
    with open_platform(settings) as platform:
        asyncio.run(rpc_server(platform, services or SERVICES).serve_until_signal())


def _vector_store(settings: Settings) -> VectorStore:
    key = settings.vectors_api_key
    return VectorStore(
        settings.vectors_url,
        api_key=key.get_secret_value() if key else None,
        placement=Placement(
            shards=settings.vectors_shards,
            replicas=settings.vectors_replicas,
            write_consistency=settings.vectors_write_consistency,
            quantization=settings.vectors_quantization,
            memory=settings.vectors_memory,
        ),
    )


def _compute(settings: Settings) -> Compute:
    certificates = _certificates(settings.compute_certificates)
    return Compute(settings.compute_url, certificates, traces_url=settings.traces_url)


def _certificates(folder: Path | None) -> Certificates | None:
    return None if folder is None else Certificates(folder).checked()
