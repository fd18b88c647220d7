"""All services behind a login by a real issuer, with a project, its members, and another project beside it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lse.client.connection import Connection
from lse.platform.auth import Caller, Role, acting_as
from lse.platform.catalogue.catalogue import migrate
from lse.platform.config import load_settings
from lse.platform.rpc.server import RpcServer
from lse.platform.wiring import Platform
from lse.server import SERVICES, open_platform
from oidc_provider import AUDIENCE, OidcProvider, oidc_provider
from running_services import serving
from world import World

__all__ = ["ROLES", "Guarded", "guarded_services"]

ROLES = {"vera": Role.VIEWER, "edo": Role.EDITOR, "ada": Role.ADMIN}


@dataclass(frozen=True)
class Guarded:
    """Services behind a login.

    Attributes
    ----------
    platform
        What they stand on.
    provider
        The issuer.
    address, http_url
        Where they answer, by gRPC and by HTTP.
    """

    platform: Platform
    provider: OidcProvider
    address: str
    http_url: str

    def connect(self, token: str | None) -> Connection:
        return Connection(self.address, token=token)

    def call(self, token: str | None, request: Any) -> Any:
        """Answer to one request with a token."""
        connection = self.connect(token)
        try:
            return connection.call(request)
        finally:
            connection.close()

    def user(self, name: str, *groups: str) -> str:
        """Token of a user, as the issuer gives it."""
        return self.provider.token(name, *groups)


@contextmanager
def guarded_services(folder: Path, **more: Any) -> Iterator[Guarded]:
    """All services behind a login, which keep everything in a folder; with more settings."""
    folder.mkdir(exist_ok=True)
    key = folder / "service.key"
    key.write_text("s" * 48)
    with ExitStack() as stack:
        provider = stack.enter_context(oidc_provider())
        usual: dict[str, Any] = {
            "catalogue_url": f"sqlite:///{folder / 'catalogue.db'}",
            "artifacts_url": f"file://{folder / 'artifacts'}",
            "vectors_url": "http://127.0.0.1:1",
            "compute_url": "tcp://127.0.0.1:1",
            "grpc_port": 0,
            "http_port": 0,
            "drain_seconds": 1,
            "instance": "test",
            "login": "oidc",
            "login_issuer": provider.issuer,
            "login_audience": AUDIENCE,
            "login_operators": "user:root",
            "service_key_file": str(key),
            # The second is where the datasets of a `World` say that their images lie.
            "source_roots": f"{folder / 'sources'},/images",
        }
        settings = load_settings(**{**usual, **more})
        migrate(settings)
        registers = [importlib.import_module(f"lse.services.{name}.service").register for name in SERVICES]
        platform = stack.enter_context(open_platform(settings))
        _furnish(platform)
        server = stack.enter_context(serving(RpcServer(platform, registers)))
        yield Guarded(platform, provider, f"127.0.0.1:{server.port}", f"http://127.0.0.1:{server.http_port}")


def _furnish(platform: Platform) -> None:
    projects, members = platform.access.projects, platform.access.members
    with acting_as(Caller("root")):
        for project in ("p", "q"):
            projects.create(project)
        for name, role in ROLES.items():
            members.create("projects/p", f"user:{name}", role)
        members.create("projects/p", "group:readers", Role.VIEWER)
        members.create("projects/p", "service:p/nightly", Role.EDITOR)
        members.create("projects/q", "user:bo", Role.ADMIN)
        World(platform).dataset("d", [{"redshift": 0.1 * row} for row in range(4)])
