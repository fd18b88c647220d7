"""One training run: images and parameters in, a trained encoder out, resumable at any moment."""

from __future__ import annotations

import copy
import hashlib
import json
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from lse.errors import LseError, ResourceExhaustedError
from lse.hardware import usable_cores
from lse.representation.encoders.backbones import check_image_shape
from lse.representation.methods import TRAINING_METHODS, training_parameters
from lse.representation.training.callback import BEST_NAME, Plan, RunCallback
from lse.representation.training.decorrelation import decorrelated
from lse.representation.training.defaults import choose_parameters
from lse.representation.training.devices import Processes, memory_at_hand, new_trainer, processes
from lse.representation.training.estimate import estimate_training
from lse.representation.training.facts import measure_facts
from lse.representation.training.images import MEMORY_LIMIT, POOL_BYTES, ImageStatistics, TrainingImages
from lse.representation.training.learner import Batches, Learner
from lse.representation.training.trained import TrainedEncoder, as_encoder, fresh_weights, load_trained, new_encoder
from lse.representation.training.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from lse.progress import Progress, ProgressCallback, ShouldStop
    from lse.representation.encoders.pretrained import PretrainedEncoder
    from lse.representation.methods import TrainingParameters
    from lse.representation.training.history import Course
    from lse.representation.training.images import ArrayLike

__all__ = ["best_so_far", "train", "untrained"]

ModuleT = TypeVar("ModuleT", bound=torch.nn.Module)

# A twentieth of the images tells the loss well enough where that is some dozens, and no more than some thousand are
# needed for it.
_HELD_OUT, _FEWEST_HELD_OUT, _MOST_HELD_OUT = 0.05, 32, 2048


def train(
    images: ArrayLike,
    *,
    method: str,
    parameters: Mapping[str, object],
    workdir: Path,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
    on_course: Callable[[Course], None] | None = None,
    rows: NDArray[np.int64] | None = None,
    threads: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
    start: PretrainedEncoder | None = None,
) -> TrainedEncoder:
    """Train an encoder, or go on with the run of the same inputs that `workdir` holds.

    On a CPU the weights depend on images, parameters and threads alone, however often the run was killed.  Under
    ``torchrun`` all processes call this with the same arguments; `workdir` is a folder that all of them read, and the
    first of them alone writes there and reports.

    Parameters
    ----------
    images
        Prepared images, shape (n, channels, size, size).
    method
        Id of the method, or the import path ``package.module:Class`` of one's own `TrainingMethod`.
    parameters
        Its parameters by name, as text or typed; the rest is chosen from the images.  ``backbone`` may be the import
        path of one's own torch module.
    workdir
        Folder of the checkpoint and of the best weights, made if need be.
    on_progress, should_stop
        Called a few times a second.
    on_course
        Given the course so far after an epoch, every few seconds at most, and at the end.
    rows
        Rows to train on, all when None.
    threads
        CPU threads to use; when None all that the process may use, or its share where several share the run.
    memory_limit
        Largest size of images that are kept in memory, in bytes; more are read from the array in every epoch.
    start
        Pretrained network to go on with, which is not changed; a new one with fresh weights when None.  The parameters
        of the network are then without effect, and the vectors are not whitened.

    Returns
    -------
    TrainedEncoder
        With the weights of the last epoch; with `patience`, of the best.

    Raises
    ------
    InvalidArgumentError
        When a parameter or the images do not fit.
    FailedPreconditionError
        When the training diverges, or the device cannot compute with the precision asked for.
    CancelledError
        When asked to stop; the checkpoint stays, so that the run can go on.
    ResourceExhaustedError
        When the disk or the memory is full, or the training would not fit into it.

    Whatever it ends with, `best_so_far` gives the best weights.
    """
    chosen = _parameters(method, parameters, images, rows)
    shared_by = processes()
    chosen, held_out = _with_held_out(chosen, images, rows, shared_by)
    source = TrainingImages(images, rows, held_out=held_out, seed=chosen.seed, memory_limit=memory_limit)
    # A process that takes too much main memory is killed without a word, so that is found out before.
    within = {"available_bytes": memory_at_hand() // shared_by.on_node, "memory_limit": memory_limit}
    estimate_training(
        source.shape, method=method, parameters=chosen, processes=shared_by.count, timed=False, start=start, **within
    ).check()
    first = shared_by.rank == 0
    report = (on_progress if first else None) or _ignore
    ask = (should_stop if first else None) or _never
    workdir.mkdir(parents=True, exist_ok=True)
    with _Threads(threads or max(1, usable_cores() // shared_by.on_node)):
        statistics = source.read(report, ask)
        statistics.check()
        learner = _new_learner(method, chosen, source=source, statistics=statistics, shared_by=shared_by, start=start)
        plan = _plan(method, chosen, source=source, statistics=statistics, ranks=shared_by.count)

        def snapshot(history: list[dict[str, float]]) -> TrainedEncoder:
            made = _snapshot(method, chosen, learner, source=source, statistics=statistics)
            past = tuple(dict(epoch) for epoch in history)
            return replace(made, history=past, epoch=len(past), notes=tuple(callback.notes))

        def validate() -> dict[str, float]:
            return learner.evaluate(
                source.held_out_batches(chosen.batch_size, rank=shared_by.rank, ranks=shared_by.count)
            )

        watcher = Watcher(on_course if first else None, learner, source=source, epochs=chosen.epochs)
        callback = RunCallback(
            workdir,
            plan=plan,
            validate=validate if source.held_out else None,
            snapshot=snapshot,
            on_progress=report,
            should_stop=ask,
            on_epoch=watcher.epoch_done,
        )
        callback.load(learner)
        done = callback.step
        started = time.monotonic()
        if not callback.ended:
            try:
                _fit(learner, callback, source, plan=plan, shared_by=shared_by)
            except LseError:
                watcher.broke_off(callback)
                raise
        seconds = time.monotonic() - started
        learner.cpu()
        outcome = _outcome(snapshot(callback.history), callback, plan, workdir)
        trained = decorrelated(outcome, images, rows) if start is None else outcome
        watcher.ended(callback, trained)
    here = (callback.step - done) * len(source) / plan.steps_per_epoch
    return replace(trained, seconds=seconds, images_per_second=here / seconds if here else 0.0)


def best_so_far(workdir: Path) -> TrainedEncoder | None:
    """Encoder with the best weights of a run that did not come to its end; None where no epoch was done.

    Best is the epoch of the lowest validation loss; where no images were held out, of the lowest loss; and where the
    loss tells nothing about weights, the latest.
    """
    path = workdir / BEST_NAME
    return load_trained(path) if path.exists() else None


def _outcome(last: TrainedEncoder, callback: RunCallback, plan: Plan, workdir: Path) -> TrainedEncoder:
    """Encoder with the weights to keep of a run that came to its end, and the sentence on that."""
    epochs = len(last.history)
    if callback.ended_early:
        ending = (
            f"Ended early after {epochs} of {plan.epochs} epochs, since the loss had not fallen for {plan.patience}; "
            f"the weights are those of epoch {callback.best_epoch}."
        )
    elif plan.patience:
        ending = f"All {plan.epochs} epochs are done; the weights are those of epoch {callback.best_epoch}, the best."
    else:
        ending = "The epoch is done." if plan.epochs == 1 else f"All {plan.epochs} epochs are done."
    notes = (*last.notes, ending) if callback.ended_early else last.notes
    if plan.patience and callback.best_epoch != epochs:
        last = replace(load_trained(workdir / BEST_NAME), history=last.history)
    return replace(last, ending=ending, notes=notes)


def untrained(
    images: ArrayLike,
    *,
    method: str,
    parameters: Mapping[str, object],
    rows: NDArray[np.int64] | None = None,
) -> TrainedEncoder:
    """Encoder with which `train` would start, for comparison.

    Parameters and errors are those of `train`.
    """
    chosen = _parameters(method, parameters, images, rows)
    source = TrainingImages(images, rows)
    statistics = source.read(_ignore, _never)
    learner = _new_learner(method, chosen, source=source, statistics=statistics, shared_by=Processes())
    return decorrelated(_snapshot(method, chosen, learner, source=source, statistics=statistics), images, rows)


def _parameters(
    method: str, given: Mapping[str, object], images: ArrayLike, rows: NDArray[np.int64] | None
) -> TrainingParameters:
    """Parameters in force, those that are not given chosen from the images; checked before any image is read."""
    check_image_shape(training_parameters(method, given).backbone, tuple(images.shape))
    return choose_parameters(method, given, measure_facts(images, rows))


def _with_held_out(
    parameters: TrainingParameters, images: ArrayLike, rows: NDArray[np.int64] | None, shared_by: Processes
) -> tuple[TrainingParameters, int]:
    """Parameters with the share of images to hold out in force, and their count."""
    count = images.shape[0] if rows is None else len(np.unique(rows))
    share = parameters.validation
    if share is None:
        wanted = int(_HELD_OUT * count)
        # Ending early needs to know when the loss no longer falls, also with few images.
        wanted = wanted if wanted >= _FEWEST_HELD_OUT else count // 10 if parameters.patience else 0
        image_bytes = 4 * int(np.prod(images.shape[1:]))
        wanted = min(wanted, _MOST_HELD_OUT, POOL_BYTES // image_bytes)
        share = round(wanted / max(count, 1), 6)
    held_out = round(share * count)
    # Methods that compare images need two of them.
    fewest = 2 * shared_by.count
    if held_out < fewest:
        held_out = fewest if parameters.validation and count >= 2 * fewest else 0
    return parameters.model_copy(update={"validation": share if held_out else 0.0}), held_out


def _new_learner(
    method: str,
    parameters: TrainingParameters,
    *,
    source: TrainingImages,
    statistics: ImageStatistics,
    shared_by: Processes,
    start: PretrainedEncoder | None = None,
) -> Learner:
    chosen = TRAINING_METHODS[method].run(parameters)
    _, channels, size, _ = source.shape
    if start is None:
        encoder = new_encoder(parameters, method=chosen, channels=channels, size=size, statistics=statistics)
    else:
        encoder = as_encoder(start).train()
    with fresh_weights(parameters.seed + 1):
        parts = chosen.parts(encoder)
    per_epoch = source.steps_per_epoch(parameters.batch_size, ranks=shared_by.count)
    return Learner(
        chosen,
        encoder=encoder,
        parts=parts,
        parameters=parameters,
        steps=parameters.epochs * per_epoch,
        steps_per_epoch=per_epoch,
        shared_by=shared_by,
    )


def _fit(
    learner: Learner,
    callback: RunCallback,
    source: TrainingImages,
    *,
    plan: Plan,
    shared_by: Processes,
) -> None:
    batch_size = learner.settings.batch_size
    trainer = new_trainer(callback, precision=learner.settings.precision, shared_by=shared_by)
    device = trainer.strategy.root_device
    batches = Batches(
        source,
        seed=learner.settings.seed,
        batch_size=batch_size,
        first_step=callback.step,
        steps=plan.steps,
        shared_by=shared_by,
        device=device,
    )
    if device.type == "cpu":
        learner.to(memory_format=torch.channels_last)
    with warnings.catch_warnings():
        # lightning 2.6 builds its tree of data loaders with a class that torch 2.13 announces to replace.
        warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*", category=FutureWarning)
        # We find out about unused parameters on purpose, see `new_trainer`.
        warnings.filterwarnings("ignore", message=".*find_unused_parameters=True was specified.*")
        # Normalisations of a pretrained network keep their statistics.
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        try:
            trainer.fit(learner, train_dataloaders=batches)
        except (MemoryError, RuntimeError) as error:
            # torch tells a full main memory by the text alone.
            if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "alloc" not in str(error):
                raise
            raise ResourceExhaustedError(
                f"The training does not fit into the memory with a batch_size of {batch_size}; "
                "lower batch_size or width.",
                reason="MEMORY_FULL",
                batch_size=batch_size,
            ) from error


def _plan(
    method: str, parameters: TrainingParameters, *, source: TrainingImages, statistics: ImageStatistics, ranks: int
) -> Plan:
    plan = Plan(
        fingerprint="",
        images=len(source),
        steps_per_epoch=source.steps_per_epoch(parameters.batch_size, ranks=ranks),
        epochs=parameters.epochs,
        patience=parameters.patience,
        loss_ranks=TRAINING_METHODS[method].facts.loss_ranks,
    )
    return replace(plan, fingerprint=_fingerprint(method, parameters, statistics=statistics, plan=plan))


def _snapshot(
    method: str,
    parameters: TrainingParameters,
    learner: Learner,
    *,
    source: TrainingImages,
    statistics: ImageStatistics,
) -> TrainedEncoder:
    """Encoder with copies of the present weights, without its history."""
    decoder = dict(learner.parts.items()).get("decoder")
    return TrainedEncoder(
        method=method,
        parameters=parameters,
        encoder=_copied(learner.encoder),
        decoder=None if decoder is None else _copied(decoder),
        statistics=statistics,
        images=len(source),
        history=(),
        held_out=source.held_out,
    )


def _copied(module: ModuleT) -> ModuleT:
    """Copy in the usual order in memory, whether trained just now or read from a checkpoint: sums depend on it."""
    copied = copy.deepcopy(module).cpu().eval()
    copied.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch's stubs lack this one
    return copied


def _fingerprint(method: str, parameters: TrainingParameters, *, statistics: ImageStatistics, plan: Plan) -> str:
    """Hash of everything that the weights depend on, but for versions and devices."""
    content = {
        "method": method,
        "parameters": parameters.model_dump(mode="json"),
        "images": statistics.digest,
        "steps_per_epoch": plan.steps_per_epoch,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class _Threads:
    """Sets torch's CPU threads for a while: a Dask worker starts with one, whatever the machine has."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._before = torch.get_num_threads()

    def __enter__(self) -> None:
        torch.set_num_threads(self._count)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._before)


def _ignore(_: Progress) -> None:
    pass


def _never() -> bool:
    return False
