"""A Dask cluster on this machine, as a program of its own."""

from __future__ import annotations

import argparse
import signal
import threading

from distributed import LocalCluster

__all__ = ["main"]


def main() -> None:
    """Run a scheduler and its workers until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of the scheduler on the loopback interface")
    parser.add_argument("--workers", type=int, required=True, help="worker processes")
    parser.add_argument("--scratch", required=True, help="folder of what workers put aside")
    arguments = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with LocalCluster(
        n_workers=arguments.workers,
        threads_per_worker=1,
        host="127.0.0.1",
        scheduler_port=arguments.port,
        # The scheduler always opens a port for HTTP: a free one, so that several installations fit on a machine.
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        local_directory=arguments.scratch,
    ):
        stop.wait()


if __name__ == "__main__":
    main()
