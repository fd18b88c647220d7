"""A process that serves some or all services: ``python -m lse.server [SERVICE …]``."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys

from lse.platform.config import load_settings
from lse.platform.errors import LseError
from lse.platform.logs import configure_logs
from lse.platform.rpc.server import RpcServer
from lse.platform.wiring import Platform

__all__ = ["SERVICES", "rpc_server"]

SERVICES = ("ingestion", "training", "encoding", "projection", "clustering", "search", "annotation")
# Services that live within another one and are served with it.
_WITHIN = {"training": ("training.predictions", "training.explanations")}


def rpc_server(platform: Platform, services: tuple[str, ...] = SERVICES) -> RpcServer:
    """Server of some services."""
    folders = [folder for name in services for folder in (name, *_WITHIN.get(name, ()))]
    return RpcServer(platform, [importlib.import_module(f"lse.{folder}.service").register for folder in folders])


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "services", nargs="*", choices=[*SERVICES, []], help="services to serve; all when none is named"
    )
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        configure_logs(settings.log_level)
        platform = Platform(settings)
        server = rpc_server(platform, tuple(arguments.services) or SERVICES)
        asyncio.run(server.serve_until_signal())
    except LseError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    platform.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
