"""A process of a shared run that keeps its own weights, and counts the images that it was given in an epoch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch

from lse.training.distributed import main
from lse.training.learner import Learner


def work(arguments: list[str]) -> None:
    """Share in the run that the arguments describe."""
    seen: list[int] = []
    step = Learner.training_step

    def counted(self: Learner, batch: Any, index: int) -> Any:
        seen.append(len(batch[0]))
        return step(self, batch, index)

    Learner.training_step = counted  # type: ignore[method-assign]
    trained = main(arguments)
    folder = Path(arguments[arguments.index("--workdir") + 1])
    kept = {
        "weights": trained.encoder.state_dict(),
        "history": [dict(epoch) for epoch in trained.history],
        "seen": sum(seen) // trained.parameters.epochs,
    }
    torch.save(kept, folder / f"rank-{os.environ['RANK']}.pt")


if __name__ == "__main__":
    work(sys.argv[1:])
