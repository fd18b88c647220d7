"""One training run: images and parameters in, a trained encoder out, resumable at any moment."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import lightning
import numpy as np
import torch

from lse.platform.errors import ResourceExhaustedError
from lse.training.encoders.backbones import check_image_shape
from lse.training.images import ImageStatistics, TrainingImages
from lse.training.learner import Batches, Learner, RunCallback
from lse.training.methods import get_method, parse_parameters
from lse.training.trained import TrainedEncoder, fresh_weights, new_encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lse.platform.progress import Progress, ProgressCallback, ShouldStop
    from lse.training.images import ArrayLike
    from lse.training.methods.method import MethodParameters

__all__ = ["train", "untrained"]

CHECKPOINT_NAME = "checkpoint.pt"
# Changes when the meaning of a checkpoint does: an older one is then left aside.
_CHECKPOINT_FORMAT = 1


def train(
    images: ArrayLike,
    *,
    method: str,
    parameters: Mapping[str, object],
    seed: int,
    workdir: Path,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
    rows: NDArray[np.int64] | None = None,
    threads: int | None = None,
) -> TrainedEncoder:
    """Train an encoder, or go on with the run of the same inputs that `workdir` holds.

    On a CPU the weights depend on images, parameters, seed and threads alone, however often the run was killed.

    Parameters
    ----------
    images
        Prepared images, shape (n, channels, size, size).
    method
        Name of the method.
    parameters
        Its parameters by name, as text or typed; defaults fill the rest.
    seed
        Of all randomness.
    workdir
        Folder of the checkpoint, made if need be.
    on_progress, should_stop
        Called a few times a second.
    rows
        Rows to train on, all when None.
    threads
        CPU threads to use, all that the process may use when None.

    Raises
    ------
    InvalidArgumentError
        When a parameter or the images do not fit.
    FailedPreconditionError
        When the training diverges.
    CancelledError
        When asked to stop; the checkpoint stays, so that the run can go on.
    ResourceExhaustedError
        When the disk or the memory is full.
    """
    chosen = parse_parameters(method, parameters)
    check_image_shape(chosen.backbone, tuple(images.shape))
    source = TrainingImages(images, rows)
    report = on_progress or _ignore
    ask = should_stop or _never
    workdir.mkdir(parents=True, exist_ok=True)
    with _Threads(threads):
        statistics = source.read(report, ask)
        learner = _new_learner(method, chosen, source=source, statistics=statistics, seed=seed)
        per_epoch = source.steps_per_epoch(chosen.batch_size)
        callback = RunCallback(
            workdir / CHECKPOINT_NAME,
            fingerprint=_fingerprint(method, chosen, seed=seed, statistics=statistics),
            images_per_epoch=len(source),
            steps=chosen.epochs * per_epoch,
            steps_per_epoch=per_epoch,
            on_progress=report,
            should_stop=ask,
        )
        done = callback.load(learner)
        started = time.monotonic()
        _fit(learner, callback, source, first_step=done, steps=chosen.epochs * per_epoch)
        seconds = time.monotonic() - started
    parts = dict(learner.parts.cpu().items())
    here = (chosen.epochs * per_epoch - done) * len(source) / per_epoch
    return TrainedEncoder(
        method=method,
        parameters=chosen,
        seed=seed,
        encoder=learner.encoder.cpu().eval(),
        decoder=parts["decoder"].eval() if "decoder" in parts else None,
        statistics=statistics,
        images=len(source),
        history=tuple(callback.history),
        seconds=seconds,
        images_per_second=here / seconds if here else 0.0,
    )


def untrained(
    images: ArrayLike,
    *,
    method: str,
    parameters: Mapping[str, object],
    seed: int,
    rows: NDArray[np.int64] | None = None,
) -> TrainedEncoder:
    """Encoder with which `train` would start, for comparison.

    Parameters and errors are those of `train`.
    """
    chosen = parse_parameters(method, parameters)
    check_image_shape(chosen.backbone, tuple(images.shape))
    source = TrainingImages(images, rows)
    statistics = source.read(_ignore, _never)
    learner = _new_learner(method, chosen, source=source, statistics=statistics, seed=seed)
    return TrainedEncoder(
        method=method,
        parameters=chosen,
        seed=seed,
        encoder=learner.encoder.eval(),
        decoder=None,
        statistics=statistics,
        images=len(source),
        history=(),
    )


def _new_learner(
    method: str, parameters: MethodParameters, *, source: TrainingImages, statistics: ImageStatistics, seed: int
) -> Learner:
    chosen = get_method(method)(parameters)
    _, channels, size, _ = source.shape
    encoder = new_encoder(parameters, method=chosen, channels=channels, size=size, statistics=statistics, seed=seed)
    with fresh_weights(seed + 1):
        parts = chosen.parts(encoder)
    per_epoch = source.steps_per_epoch(parameters.batch_size)
    return Learner(
        chosen,
        encoder=encoder,
        parts=parts,
        parameters=parameters,
        seed=seed,
        steps=parameters.epochs * per_epoch,
        steps_per_epoch=per_epoch,
    )


def _fit(learner: Learner, callback: RunCallback, source: TrainingImages, *, first_step: int, steps: int) -> None:
    if first_step == steps:
        return
    batches = Batches(
        source,
        seed=learner.seed,
        batch_size=learner.batch_size,
        first_step=first_step,
        steps=steps,
    )
    # Lightning tells at INFO what hardware it found, through a handler of its own.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # One Lightning epoch is the rest of the run: epochs are counted by step, which makes going on exact.
    trainer = lightning.Trainer(
        accelerator="auto",
        devices=1,
        max_epochs=1,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    if trainer.strategy.root_device.type == "cpu":
        learner.to(memory_format=torch.channels_last)
    with warnings.catch_warnings():
        # lightning 2.6 builds its tree of data loaders with a class that torch 2.13 announces to replace.
        warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*", category=FutureWarning)
        try:
            trainer.fit(learner, train_dataloaders=batches)
        except (MemoryError, RuntimeError) as error:
            # torch tells a full main memory by the text alone.
            if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "alloc" not in str(error):
                raise
            raise ResourceExhaustedError(
                f"The training does not fit into the memory with a batch_size of {learner.batch_size}; "
                "lower batch_size or width.",
                reason="OUT_OF_MEMORY",
                batch_size=learner.batch_size,
            ) from error


def _fingerprint(method: str, parameters: MethodParameters, *, seed: int, statistics: ImageStatistics) -> str:
    """Hash of everything that the weights depend on."""
    content = {
        "format": _CHECKPOINT_FORMAT,
        "method": method,
        "parameters": parameters.model_dump(mode="json"),
        "seed": seed,
        "images": statistics.digest,
        "torch": torch.__version__,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class _Threads:
    """Sets torch's CPU threads for a while: a Dask worker starts with one, whatever the machine has."""

    def __init__(self, count: int | None) -> None:
        self._count = count or len(os.sched_getaffinity(0))
        self._before = torch.get_num_threads()

    def __enter__(self) -> None:
        torch.set_num_threads(self._count)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._before)


def _ignore(_: Progress) -> None:
    pass


def _never() -> bool:
    return False
