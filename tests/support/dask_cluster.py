"""A real Dask cluster with worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import LocalCluster

__all__ = ["dask_cluster"]


@contextmanager
def dask_cluster(workers: int) -> Iterator[LocalCluster]:
    """A scheduler and so many workers of one thread each, on this machine alone."""
    # Dask writes the variables of its workers into this process, where later tests would find them.
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {}}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        ) as cluster,
    ):
        yield cluster
