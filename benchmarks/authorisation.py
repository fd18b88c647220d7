"""What it costs a call to know its caller and to ask whether they may make it; the aim is at most 0.3 ms.

Two servers on one catalogue, one without a login and one with it, answer the same call in turns; the figure is the
difference of the medians.  Beside it is the time of the work alone, without the network and other threads.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import structlog

from latentspace.ingestion.v1 import ingestion_pb2
from lse.client.connection import Connection
from lse.platform.access.login import authenticator
from lse.platform.auth import Caller, Role, acting_as
from lse.platform.catalogue.catalogue import migrate
from lse.platform.config import load_settings
from lse.platform.rpc.gate import Gate
from lse.platform.rpc.requirements import need_of, resources_of
from lse.platform.rpc.server import RpcServer
from lse.server import open_platform

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from oidc_provider import AUDIENCE, oidc_provider  # the issuer of the tests

LIMIT_MS = 0.3
METHOD = "latentspace.ingestion.v1.IngestionService/ListDatasets"
REQUEST = ingestion_pb2.ListDatasetsRequest(parent="projects/p")


@contextmanager
def served(folder: Path, **login: Any) -> Iterator[tuple[Any, str]]:
    """Platform and address of a server of the ingestion service on the catalogue of a folder."""
    settings = load_settings(
        catalogue_url=f"sqlite:///{folder / 'catalogue.db'}",
        artifacts_url=f"file://{folder / 'artifacts'}",
        vectors_url="http://127.0.0.1:1",
        compute_url="tcp://127.0.0.1:1",
        grpc_port=0,
        drain_seconds=0,
        instance=f"benchmark-{bool(login)}",
        **login,
    )
    migrate(settings)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with open_platform(settings) as platform:
        register = importlib.import_module("lse.services.ingestion.service").register
        server = RpcServer(platform, [register])
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(60)
        yield platform, f"127.0.0.1:{server.port}"
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def medians_ms(connections: dict[str, Connection], calls: int) -> dict[str, float]:
    """Milliseconds of a call through each connection, in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in connections}
    for turn in range(calls + 50):
        for name, connection in connections.items():
            start = time.perf_counter()
            connection.call(REQUEST)
            if turn >= 50:  # the first ones warm up
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) * 1e3 for name, times in seconds.items()}


def alone_ms(platform: Any, token: str, calls: int) -> float:
    """Milliseconds to recognise a caller and to decide, on one thread."""
    recognise, gate, need = authenticator(platform.settings, platform.access), Gate(platform.access), need_of(METHOD)
    assert need is not None
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        caller = recognise({"authorization": f"Bearer {token}"})
        gate.admit_request(gate.admit(need, caller, METHOD), caller, resources_of(REQUEST))
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def measure(calls: int) -> dict[str, float]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        provider = stack.enter_context(oidc_provider())
        _, open_address = stack.enter_context(served(folder))
        login = {"login": "oidc", "login_issuer": provider.issuer, "login_audience": AUDIENCE}
        platform, address = stack.enter_context(served(folder, **login))
        owner = Caller("ada", principals=frozenset({"user:ada"}))
        with acting_as(owner):
            platform.access.projects.create("p")
            for number in range(200):
                platform.access.members.create("projects/p", f"user:member-{number}", Role.VIEWER)
        issued, own = provider.token("ada", seconds=3600), platform.access.tokens.create(owner, "user:ada")[1]
        connections = {
            "open": Connection(open_address),
            "issuer": Connection(address, token=issued),
            "own": Connection(address, token=own),
        }
        for connection in connections.values():
            stack.callback(connection.close)
        call = medians_ms(connections, calls)
        return {
            "calls": calls,
            "call_without_login_ms": call["open"],
            "issuer_token_adds_ms": call["issuer"] - call["open"],
            "own_token_adds_ms": call["own"] - call["open"],
            "issuer_token_alone_ms": alone_ms(platform, issued, calls),
            "own_token_alone_ms": alone_ms(platform, own, calls),
            "limit_ms": LIMIT_MS,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures = measure(arguments.calls)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print(
            f"Authorisation: a token of the issuer adds {figures['issuer_token_adds_ms']:.3f} ms to a call of "
            f"{figures['call_without_login_ms']:.3f} ms, one of the services {figures['own_token_adds_ms']:.3f} ms; "
            f"alone {figures['issuer_token_alone_ms']:.3f} and {figures['own_token_alone_ms']:.3f} ms "
            f"(limit {figures['limit_ms']} ms, {figures['calls']:.0f} calls)"
        )


if __name__ == "__main__":
    main()
