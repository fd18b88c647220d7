"""One method at work on one encoder, as a Lightning module, and the checkpoints of its run."""

from __future__ import annotations

import io
import math
import pickle
import time
from typing import TYPE_CHECKING, Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn

from lse.platform.errors import CancelledError, FailedPreconditionError
from lse.platform.progress import Progress
from lse.training.atomic import write_atomically
from lse.training.methods.method import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lse.platform.progress import ProgressCallback, ShouldStop
    from lse.training.encoders.encoder import Encoder
    from lse.training.images import TrainingImages
    from lse.training.methods.method import Method, MethodParameters

__all__ = ["Batches", "Learner", "RunCallback", "step_generator"]

CHECKPOINT_SECONDS = 20.0
REPORT_SECONDS = 0.25


def step_generator(seed: int, step: int, device: torch.device) -> torch.Generator:
    """Source of the randomness of one step, the same whenever and wherever the step is made."""
    state = int(np.random.SeedSequence((seed, step)).generate_state(1, dtype=np.uint64)[0])
    return torch.Generator(device=device).manual_seed(state)


class Batches:
    """The batches still to come, as (images, step): an iterable of known length.

    Parameters
    ----------
    images
        After `read`.
    seed, batch_size
        Of the run.
    first_step, steps
        Steps done before, and steps of the whole run.
    """

    def __init__(self, images: TrainingImages, *, seed: int, batch_size: int, first_step: int, steps: int) -> None:
        self._images = images
        self._seed = seed
        self._batch_size = batch_size
        self._first_step = first_step
        self._steps = steps

    def __len__(self) -> int:
        """Count of batches to come."""
        return self._steps - self._first_step

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        """Yield images (n, channels, height, width) and the number of the step."""
        batches = self._images.batches(
            seed=self._seed, batch_size=self._batch_size, first_step=self._first_step, steps=self._steps
        )
        for step, batch in enumerate(batches, start=self._first_step):
            yield torch.from_numpy(batch), step


class Learner(lightning.LightningModule):
    """Trains an encoder by a method with AdamW; warm-up, then a cosine down to zero.

    Parameters
    ----------
    method
        Gives the loss.
    encoder, parts
        What is trained.
    parameters
        Of the method.
    seed
        Of the run.
    steps, steps_per_epoch
        Of the whole run, and of one epoch.
    """

    def __init__(
        self,
        method: Method,
        *,
        encoder: Encoder,
        parts: dict[str, nn.Module],
        parameters: MethodParameters,
        seed: int,
        steps: int,
        steps_per_epoch: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.parts = nn.ModuleDict(parts)
        self.step = 0
        self._method = method
        self._settings = parameters
        self.seed = seed
        self.batch_size = parameters.batch_size
        self._steps = steps
        self._warmup = parameters.warmup_epochs * steps_per_epoch

    def training_step(self, batch: tuple[Tensor, int], _index: int) -> dict[str, Tensor]:
        """Loss of one step.

        Raises
        ------
        FailedPreconditionError
            When the loss is not finite.
        """
        images, step = batch
        self.step = step
        self._now = Step(step_generator(self.seed, step, images.device), progress=step / self._steps)
        loss, figures = self._method.loss(self.encoder, self._parts, self.encoder.normalise(images), self._now)
        if not torch.isfinite(loss.detach()):
            raise FailedPreconditionError(
                f"The loss is not finite at step {step + 1} of {self._steps}: the training diverged; "
                "train again with a lower learning_rate.",
                reason="LOSS_NOT_FINITE",
                step=step + 1,
            )
        return {"loss": loss, **{name: figure.detach() for name, figure in figures.items()}}

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's signature
        """Let the method change what the optimiser does not."""
        self._method.after_step(self.encoder, self._parts, self._now)

    @property
    def _parts(self) -> dict[str, nn.Module]:
        return {name: part for name, part in self.parts.items()}  # noqa: C416 - ModuleDict is no Mapping

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; biases and normalisations are not pulled to zero."""
        trained = [p for p in self.parameters() if p.requires_grad]
        weights = [p for p in trained if p.ndim > 1]
        others = [p for p in trained if p.ndim <= 1]
        groups = [
            {"params": weights, "weight_decay": self._settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self._settings.learning_rate)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Set the learning rate of this step, a function of the step alone."""
        for group in optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * self._schedule(self.step)

    def _schedule(self, step: int) -> float:
        warm = min(1.0, (step + 1) / self._warmup) if self._warmup >= 1 else 1.0
        return warm * 0.5 * (1 + math.cos(math.pi * step / self._steps))


class RunCallback(lightning.Callback):
    """Reports progress, stops when asked, and keeps the checkpoint of a run.

    A checkpoint is replaced in one step at the end of every epoch, at least every 20 seconds, and at the end.  It
    holds all that the next step depends on, so that a run which goes on from it ends with the same weights.

    Parameters
    ----------
    path
        Of the checkpoint file.
    fingerprint
        Of inputs and parameters; a checkpoint with another one is not taken up.
    images_per_epoch, steps, steps_per_epoch
        Of the run.
    on_progress, should_stop
        Called a few times a second.
    """

    def __init__(
        self,
        path: Path,
        *,
        fingerprint: str,
        images_per_epoch: int,
        steps: int,
        steps_per_epoch: int,
        on_progress: ProgressCallback,
        should_stop: ShouldStop,
    ) -> None:
        super().__init__()
        self._path = path
        self._fingerprint = fingerprint
        self._images_per_epoch = images_per_epoch
        self._steps = steps
        self._steps_per_epoch = steps_per_epoch
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._optimizers: list[dict[str, Any]] = []
        self._sums: dict[str, float] = {}
        self.history: list[dict[str, float]] = []
        self._first_step = 0
        self._started = self._saved = self._reported = time.monotonic()

    def load(self, learner: Learner) -> int:
        """Take up the checkpoint of this run if there is one; the count of steps done."""
        try:
            state = torch.load(self._path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return 0
        except (RuntimeError, EOFError, pickle.UnpicklingError):
            # A damaged disk costs time and nothing else: from the start the run ends with the same weights.
            return 0
        if state["fingerprint"] != self._fingerprint:
            return 0
        learner.load_state_dict(state["weights"])
        self._optimizers, self._sums, self.history = state["optimizers"], state["sums"], state["history"]
        self._first_step = int(state["step"])
        return self._first_step

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 - Lightning's signature
        """Put the optimiser where it was."""
        for optimizer, state in zip(trainer.optimizers, self._optimizers, strict=False):
            optimizer.load_state_dict(state)
        self._started = self._saved = time.monotonic()
        self._ask()
        self._report(self._first_step, {})

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,  # noqa: ARG002 - Lightning's signature
    ) -> None:
        """Count, report, stop, save."""
        step = batch[1] + 1
        # Sums of an epoch are kept on the device's own terms: one number a step, read where it is needed.
        figures = {name: float(value.detach()) for name, value in outputs.items()}
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        epoch_done = step % self._steps_per_epoch == 0
        if epoch_done:
            self.history.append({name: value / self._steps_per_epoch for name, value in self._sums.items()})
            self._sums = {}
        now = time.monotonic()
        if epoch_done or step == self._steps or now - self._saved >= CHECKPOINT_SECONDS:
            self._save(trainer, pl_module, step)
            self._saved = time.monotonic()
        if now - self._reported >= REPORT_SECONDS or step == self._steps:
            self._ask()
            self._report(step, figures)

    def _ask(self) -> None:
        if self._should_stop():
            raise CancelledError("The training was cancelled.", reason="TRAINING_CANCELLED")

    def _report(self, step: int, figures: dict[str, float]) -> None:
        self._reported = time.monotonic()
        steps_here = step - self._first_step
        rate = steps_here * self._images_per_epoch / self._steps_per_epoch / max(self._reported - self._started, 1e-9)
        metrics = {**figures, "epoch": step / self._steps_per_epoch}
        if steps_here:
            metrics["images_per_second"] = rate
        self._on_progress(Progress("training", step, self._steps, "steps", metrics))

    def _save(self, trainer: lightning.Trainer, learner: lightning.LightningModule, step: int) -> None:
        if not trainer.is_global_zero:
            return
        weights = learner.state_dict()
        if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
            return  # the next loss is not finite either, and says so; the last good state stays
        buffer = io.BytesIO()
        torch.save(
            {
                "fingerprint": self._fingerprint,
                "step": step,
                "weights": weights,
                "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
                "sums": self._sums,
                "history": self.history,
            },
            buffer,
        )
        write_atomically(self._path, buffer.getbuffer())
