"""What this process may use of the machine that it runs on."""

from __future__ import annotations

import ctypes
import math
import os
from pathlib import Path

__all__ = ["give_back_memory", "limit_heaps", "usable_cores", "visible_gpus"]

_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h


def usable_cores() -> int:
    """Number of processor cores, at least 1; inside a container fewer than the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no limit, or another system
        return cores


def give_back_memory() -> None:
    """Give memory back that was freed: the C library keeps it, and other processes may want it."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # of glibc
        trim(0)


def limit_heaps(count: int) -> None:
    """Have all threads of this process allocate from so many heaps, before there are more.

    The C library makes up to eight heaps a core, each of which keeps what its threads have freed: a process of many
    threads holds several times what it uses.  Where ``MALLOC_ARENA_MAX`` or ``GLIBC_TUNABLES`` is set, that decides.
    """
    decided = "MALLOC_ARENA_MAX" in os.environ or "GLIBC_TUNABLES" in os.environ
    if not decided and (choose := getattr(ctypes.CDLL(None), "mallopt", None)):  # glibc, or one that ignores it
        choose(_ARENA_MAX, count)


def visible_gpus() -> int:
    """Number of NVIDIA GPUs."""
    here = len(list(Path("/dev").glob("nvidia[0-9]*")))
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return here
    return min(here, sum(name.strip() not in ("", "-1") for name in named.split(",")))
