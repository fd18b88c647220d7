"""A training run small enough for tests, also as a program that has runs killed with SIGKILL."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lse.progress import Progress
    from lse.representation.training.trained import TrainedEncoder

PARAMETERS = {
    "simclr": {"epochs": "4", "batch_size": "16", "width": "4", "latent_dim": "6", "noise": "1", "blur": "0.7"},
    "autoencoder": {"epochs": "4", "batch_size": "16", "width": "4", "latent_dim": "6"},
}
STEPS = 16  # four epochs of 60 images in batches of 15


def images(count: int = 60, *, channels: int = 2, size: int = 16) -> np.ndarray:
    """Round sources of many widths on a noisy sky."""
    random = np.random.default_rng(5)
    axis = np.arange(size) - size / 2 + 0.5
    radius = axis[:, None] ** 2 + axis[None, :] ** 2
    width = random.uniform(1, 20, size=(count, 1, 1, 1))
    sources = np.exp(-radius / width) * random.uniform(0.5, 1.5, size=(count, channels, 1, 1))
    return (sources + 0.05 * random.normal(size=(count, channels, size, size))).astype(np.float32)


def run(method: str, workdir: Path, *, kill_at: int | None = None) -> TrainedEncoder:
    """Train on one thread; a process that shall be killed saves at every step and ends at step `kill_at`."""
    from lse.representation.training import callback
    from lse.representation.training.run import train

    def report(progress: Progress) -> None:
        if kill_at is not None and progress.stage == "training" and progress.done >= kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    if kill_at is not None:
        callback.CHECKPOINT_SECONDS = callback.REPORT_SECONDS = 0.0
        callback.CHECKPOINT_SHARE = float("inf")
    return train(
        images(),
        method=method,
        parameters={**PARAMETERS[method], "seed": 11},
        workdir=workdir,
        threads=1,
        on_progress=report,
    )


def main(method: str, workdir: str, kill_at: str) -> None:
    """Have a run killed in a process of its own; write its exit status.

    The process is a copy of this one, which has imported all that takes long and has not computed anything.
    """
    import lse.representation.training.run  # noqa: F401

    child = os.fork()
    if child == 0:
        run(method, Path(workdir), kill_at=int(kill_at))
        os._exit(0)
    sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")


if __name__ == "__main__":
    for arguments in zip(*[iter(sys.argv[1:])] * 3, strict=True):
        main(*arguments)
