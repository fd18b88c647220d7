"""Where a run is computed: its devices, the processes that share it, and the numbers it computes with."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import lightning
import psutil
import torch
from distributed import get_worker
from distributed.system import MEMORY_LIMIT
from lightning.pytorch.strategies import DDPStrategy

from lse.errors import FailedPreconditionError

if TYPE_CHECKING:
    from lightning.pytorch.strategies import Strategy

__all__ = ["Processes", "memory_at_hand", "new_trainer", "processes"]

_PRECISIONS: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}
# Share of its limit at which a Dask worker is ended, less a margin for what comes unforeseen.
_WORKER_SHARE = 0.9


@dataclass(frozen=True)
class Processes:
    """The processes that share a run.

    Attributes
    ----------
    rank
        Number of this one; the first, 0, writes and reports.
    count
        Of all processes on all nodes.
    on_node
        Of those on this node.
    """

    rank: int = 0
    count: int = 1
    on_node: int = 1


def processes() -> Processes:
    """Processes that ``torchrun`` started, else this one alone."""
    if not torch.distributed.is_torchelastic_launched():
        return Processes()
    return Processes(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")))


def memory_at_hand() -> int:
    """Main memory that this process may still take, in bytes: of the machine, its container and its Dask worker."""
    taken = int(psutil.Process().memory_info().rss)
    free = min(int(psutil.virtual_memory().available), MEMORY_LIMIT - taken)
    try:
        limit = get_worker().memory_manager.memory_limit
    except ValueError:  # no worker: a program of its own
        limit = None
    return max(0, min(free, int(limit * _WORKER_SHARE) - taken) if limit else free)


def new_trainer(callback: lightning.Callback, *, precision: str, shared_by: Processes) -> lightning.Trainer:
    """Lightning's trainer on the GPU of this process where there is one.

    Parameters
    ----------
    callback
        Told of every step.
    precision
        ``auto``, ``32``, ``bf16`` or ``16``, see `TrainingParameters`.
    shared_by
        Processes that share the run: each computes the gradients of its own images, and all take their mean.

    Raises
    ------
    FailedPreconditionError
        When the device cannot compute with these numbers.
    """
    gpu = torch.cuda.is_available()
    if precision == "auto":
        precision = "bf16" if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "32"
    if precision == "16" and not gpu:
        raise FailedPreconditionError(
            "The precision 16 needs a GPU and there is none here; leave precision at auto.",
            reason="PRECISION_UNSUPPORTED",
        )
    strategy: str | Strategy = "auto"
    if shared_by.count > 1:
        # Some methods leave a network out of some steps, so its gradients must not be waited for.
        strategy = DDPStrategy(find_unused_parameters=True)
    # Lightning tells at INFO what hardware it found, through handlers of its own.
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # One Lightning epoch is the rest of the run: epochs are counted by step, which makes going on exact.
    return lightning.Trainer(
        accelerator="auto",
        devices=shared_by.on_node,
        num_nodes=shared_by.count // shared_by.on_node,
        strategy=strategy,
        precision=_PRECISIONS[precision],
        # Without a GPU torch has no batch normalisation over processes: each then normalises by its own images.
        sync_batchnorm=gpu and shared_by.count > 1,
        max_epochs=1,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
