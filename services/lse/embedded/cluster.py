"""A Dask cluster on this machine, as a program of its own."""

from __future__ import annotations

import argparse
import signal
import threading

import dask
from distributed import LocalCluster

__all__ = ["main"]

# Variables of the workers where the environment of this process does not name them.
_WORKER_ENVIRONMENT = {
    # A task starts as many threads as it may use by itself.
    **{f"{library}_NUM_THREADS": 1 for library in ("OMP", "MKL", "OPENBLAS")},
    # Threads of a network that spin while they wait for one another lose a third of a training's speed as soon as
    # anything else wants a core, as it does on a machine that a person works on.
    "OMP_WAIT_POLICY": "PASSIVE",
    # What a step of a training frees, the next one takes again: it stays in one heap until the task ends.  With Dask's
    # own settings it goes back to the kernel each time, and a training takes 1.6 to 1.8 times as long.
    "MALLOC_ARENA_MAX": 1,
    "MALLOC_MMAP_THRESHOLD_": 1 << 30,
    "MALLOC_TRIM_THRESHOLD_": 1 << 32,
}


def main() -> None:
    """Run a scheduler and its workers until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of the scheduler on the loopback interface")
    parser.add_argument("--workers", type=int, required=True, help="worker processes")
    parser.add_argument("--scratch", required=True, help="folder of what workers put aside")
    arguments = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": _WORKER_ENVIRONMENT}),
        LocalCluster(
            n_workers=arguments.workers,
            threads_per_worker=1,
            host="127.0.0.1",
            scheduler_port=arguments.port,
            # The scheduler always opens a port for HTTP: a free one, so that several installations fit on a machine.
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            local_directory=arguments.scratch,
        ),
    ):
        stop.wait()


if __name__ == "__main__":
    main()
