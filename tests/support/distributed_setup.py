"""A shared run of two processes that keep their own weights, and count the images that they were given in an epoch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch

from lse.platform.ports import free_port
from lse.representation.training.distributed import main
from lse.representation.training.learner import Learner

PROCESSES = 2


def work(rank: int, port: int, arguments: list[str]) -> None:
    """Share in the run that the arguments describe, told of the others as ``torchrun`` would."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": PROCESSES, "LOCAL_WORLD_SIZE": PROCESSES}
    os.environ |= {key: str(value) for key, value in told.items()}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "test"}
    seen: list[int] = []
    step = Learner.training_step

    def counted(self: Learner, batch: Any, index: int) -> Any:
        seen.append(len(batch[0]))
        return step(self, batch, index)

    Learner.training_step = counted  # type: ignore[method-assign, assignment]
    trained = main(arguments)
    folder = Path(arguments[arguments.index("--workdir") + 1])
    kept = {
        "weights": trained.encoder.state_dict(),
        "history": [dict(epoch) for epoch in trained.history],
        "seen": sum(seen) // trained.parameters.epochs,
    }
    torch.save(kept, folder / f"rank-{rank}.pt")


def share(arguments: list[str]) -> list[int]:
    """Exit statuses of the processes; copies of this one, so that what takes long is imported once."""
    port = free_port()
    children = []
    for rank in range(PROCESSES):
        child = os.fork()
        if child == 0:
            work(rank, port, arguments)
            sys.exit(0)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


if __name__ == "__main__":
    sys.exit(max(share(sys.argv[1:])))
