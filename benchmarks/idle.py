"""What an installation costs while nobody uses it, how it starts and stops, and what many callers at once meet.

A `lse up` on an empty home is started, left alone, called by 200 callers at once, visited by sessions of the explorer,
and stopped; services on PostgreSQL, where there is one, show how often they ask it.  Times depend on what else the
machine does, so run it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil

from latentspace.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from lse.platform.catalogue.catalogue import migrate
from lse.platform.config import load_settings
from lse.platform.ports import answers, free_port
from lse.server import SERVICES

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from installation import Installation  # a real `lse up`
from postgresql import PostgreSQL, find_postgresql

LIMITS = {
    "start_seconds": 10.0,
    "explorer_start_seconds": 10.0,
    "stop_seconds": 2.0,
    "stop_after_use_seconds": 2.0,
    "idle_share_of_a_core": 0.01,
    "largest_service_mib": 300.0,
    "transactions_per_second": 1.0,
    "callers_p99_to_p50": 10.0,
    "callers_errors": 0,
    "explorer_growth_mib": 50.0,
}


def processes(pid: int) -> list[psutil.Process]:
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def seconds_used(pid: int) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in processes(pid))


def wait_for_explorer(installation: Installation) -> None:
    """Wait until the explorer answers, which it may do later than the services."""
    while not answers(installation.dashboard_port):
        assert installation.is_running
        time.sleep(0.1)


def idle(installation: Installation, seconds: float) -> dict[str, Any]:
    """Share of a core, and memory of each process, while nothing happens."""
    before, began = seconds_used(installation.pid), time.monotonic()
    time.sleep(seconds)
    share = (seconds_used(installation.pid) - before) / (time.monotonic() - began)
    memory = {}
    for process in processes(installation.pid):
        with suppress(psutil.NoSuchProcess):
            words = process.cmdline()
            name = next((each for each in ("explorer", "vectors", "up") if each in words), "worker")
            memory[name] = max(memory.get(name, 0.0), process.memory_info().rss / 2**20)
    return {
        "idle_share_of_a_core": share,
        "memory_mib": memory,
        # Workers have torch, and the explorer its plots.
        "largest_service_mib": max(memory["up"], memory["vectors"]),
    }


def stopped(installation: Installation) -> float:
    """Seconds from SIGTERM until all processes have ended."""
    began = time.monotonic()
    installation.stop()
    return time.monotonic() - began


async def many_callers(address: str, callers: int, calls: int) -> dict[str, Any]:
    """Seconds of unary calls of many callers at once, each with a connection of its own."""
    seconds: list[float] = []
    errors: list[str] = []

    async def caller(number: int) -> None:
        # Another argument each: channels of equal ones share a connection.
        options = [("grpc.primary_user_agent", f"caller-{number}")]
        async with grpc.aio.insecure_channel(address, options=options) as channel:
            stub = ingestion_pb2_grpc.IngestionServiceStub(channel)
            await channel.channel_ready()
            await ready.wait()
            for _ in range(calls):
                began = time.perf_counter()
                try:
                    await stub.ListDatasets(ingestion_pb2.ListDatasetsRequest(parent="projects/idle"), timeout=60)
                except grpc.RpcError as error:
                    errors.append(str(error.code()))
                seconds.append(time.perf_counter() - began)

    ready = asyncio.Event()
    running = [asyncio.create_task(caller(number)) for number in range(callers)]
    await asyncio.sleep(3)
    ready.set()
    await asyncio.gather(*running)
    p50, p99 = np.percentile(seconds, [50, 99])
    return {
        "callers_p50_ms": 1000 * p50,
        "callers_p99_ms": 1000 * p99,
        "callers_p99_to_p50": p99 / p50,
        "callers_errors": len(errors),
    }


def sessions(installation: Installation) -> float:
    """Sessions that the explorer holds."""
    url = f"http://127.0.0.1:{installation.explorer_metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=60) as answer:
        found = re.search(r"^lse_explorer_sessions (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return float(found[1])


def visits(installation: Installation, count: int) -> dict[str, Any]:
    """Memory of the explorer after sessions were opened and closed, over that after the first few."""
    from tornado.websocket import websocket_connect

    async def opened(token: str) -> None:
        """Open the session of a page, and go when it has answered."""
        address = installation.url.replace("http", "ws") + "/ws"
        socket = await websocket_connect(address, subprotocols=["bokeh", token])
        await socket.read_message()
        socket.close()

    def visit(times: int) -> float:
        for _ in range(times):
            with urllib.request.urlopen(installation.url, timeout=60) as answer:
                token = re.search(r'"token":"([^"]+)"', answer.read().decode())
            assert token is not None
            asyncio.run(opened(token[1]))
        # A session is kept for two minutes after its page has gone, in case it comes back.
        deadline, least = time.monotonic() + 600, float("inf")
        while sessions(installation) > 0:
            assert time.monotonic() < deadline
            time.sleep(1)
        # What closed pages leave is given back some seconds later.
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            least = min(least, psutil.Process(installation.explorer_pid).memory_info().rss / 2**20)
            time.sleep(1)
        return least

    first = visit(20)
    return {"explorer_mib": first, "explorer_growth_mib": visit(count) - first, "explorer_sessions": count}


def transactions(folder: Path, seconds: float) -> float | None:
    """Transactions a second of a process for each service, on PostgreSQL, that nobody calls; None without it."""
    programs = find_postgresql()
    if programs is None:
        return None
    server = PostgreSQL(programs, folder / "postgresql")
    server.start()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        url = server.new_database("idle")
        settings = {
            "catalogue_url": url,
            "artifacts_url": f"file://{folder / 'artifacts'}",
            "vectors_url": "http://127.0.0.1:1",
            "compute_url": "tcp://127.0.0.1:1",
        }
        migrate(load_settings(**settings))
        flags = [word for key, value in settings.items() for word in (f"--{key.replace('_', '-')}", value)]
        for service in SERVICES:
            port = free_port()
            command = [sys.executable, "-m", "lse.cli.main", "serve", service, *flags, "--grpc-port", str(port)]
            command += ["--instance", service, "--peer-address", "127.0.0.1:1"]
            processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            while not answers(port):
                time.sleep(0.2)
        time.sleep(5)
        before = committed(url)
        time.sleep(seconds)
        # Asking is a transaction, too.
        return (committed(url) - before - 1) / seconds
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
        server.stop()


def committed(url: str) -> int:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        asked = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        found = int(connection.execute(sqlalchemy.text(asked)).scalar_one())
    engine.dispose()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long it is left alone")
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=200, help="sessions of the explorer; 0 leaves them out")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lse-idle-") as scratch:
        folder = Path(scratch)
        installation = Installation(folder / "home", dashboard=True, metrics=True)
        figures: dict[str, Any] = {}
        for _ in range(2):  # the first start compiles bytecode, where there is none yet
            began = time.monotonic()
            installation.start()
            figures["start_seconds"] = time.monotonic() - began
            wait_for_explorer(installation)
            figures["explorer_start_seconds"] = time.monotonic() - began
            time.sleep(15)
            figures["stop_seconds"] = stopped(installation)
        installation.start()
        wait_for_explorer(installation)
        time.sleep(15)
        figures |= idle(installation, given.seconds)
        figures |= asyncio.run(many_callers(installation.address, given.callers, 10))
        if given.sessions:
            figures |= visits(installation, given.sessions)
        figures["stop_after_use_seconds"] = stopped(installation)
        figures["transactions_per_second"] = transactions(folder, given.seconds)
    over = {key: figures[key] for key, limit in LIMITS.items() if (figures.get(key) or 0) > limit}
    if given.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            shown = f"{value:.3g}" if isinstance(value, float | int) else value
            print(f"{key:<28} {shown}  (limit: {LIMITS.get(key, 'none')})")
    if over:
        print(f"over their limits: {', '.join(over)}", file=sys.stderr)
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
