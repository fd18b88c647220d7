"""An ingest by one worker and by two: how many times as fast, on a machine with as many idle cores.

Each installation (`lse up`) ingests the same FITS files in turns; the figure is the ratio of the shortest times.  Cores
that other programs use make it meaningless: the load of the machine is printed beside it.

    python benchmarks/ingest_workers.py [--count 4000] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fits_ingest import RECIPES, simulated

from lse.client import Client, connect
from lse.platform.ports import free_port

_START_SECONDS = 120


@contextmanager
def installation(home: Path, workers: int) -> Iterator[Client]:
    """A client of an installation of its own."""
    port = free_port()
    command = [sys.executable, "-m", "lse.cli.main", "up", "--no-dashboard", "--home", str(home)]
    command += ["--grpc-port", str(port), "--http-port", str(free_port()), "--workers", str(workers)]
    with (home.parent / f"{home.name}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield answering(f"localhost:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def answering(address: str) -> Client:
    """A client once the services answer and work."""
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            client = connect(address)
            client.datasets.list()
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
        else:
            return client


def seconds(client: Client, name: str, folder: Path) -> float:
    """Time of an ingest, from the request to its end."""
    started = time.perf_counter()
    client.datasets.ingest(name, [folder], recipe=RECIPES["fits"]).wait(show_progress=False)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "images").mkdir()
        simulated(folder / "images", options.count, 128)
        clients = {n: stack.enter_context(installation(folder / f"home{n}", n)) for n in (1, 2)}
        times: dict[int, list[float]] = {1: [], 2: []}
        for round_ in range(options.rounds + 1):
            for workers, client in clients.items():
                found = seconds(client, f"round{round_}", folder / "images")
                if round_:  # the first round warms up
                    times[workers].append(found)
        load = os.getloadavg()[0]
    one, two = min(times[1]), min(times[2])
    if options.json:
        print(json.dumps({"one_s": one, "two_s": two, "ratio": one / two, "load": load}))
        return
    print(
        f"ingest of {options.count:,} FITS files: two workers {one / two:.2f} x one "
        f"({one:.1f} s and {two:.1f} s, load {load:.1f} on {os.cpu_count()} cores)"
    )


if __name__ == "__main__":
    main()
