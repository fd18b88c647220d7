"""What happens around the steps of a run: progress, figures, checkpoints, the best weights, and its end."""

from __future__ import annotations

import io
import math
import pickle
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lightning
import torch

from lse.errors import CancelledError, FailedPreconditionError
from lse.progress import Progress
from lse.representation.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from lse.progress import ProgressCallback, ShouldStop
    from lse.representation.training.learner import Learner
    from lse.representation.training.trained import TrainedEncoder

__all__ = ["BEST_NAME", "CHECKPOINT_NAME", "Plan", "RunCallback"]

CHECKPOINT_NAME = "checkpoint.pt"
BEST_NAME = "best.pt"
CHECKPOINT_SECONDS = 10.0
REPORT_SECONDS = 0.25
# Writing checkpoints may take this share of the time of a run, however large its networks are.
CHECKPOINT_SHARE = 0.03
# Changes when the meaning of a checkpoint does: an older one is then left aside.
_FORMAT = 2


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    Attributes
    ----------
    fingerprint
        Of inputs and parameters: a checkpoint of another one is not taken up.
    images, steps_per_epoch, epochs
        Images and steps of an epoch, over all processes, and count of the epochs.
    patience
        Epochs without a lower loss after which the run ends; 0 for never.
    loss_ranks
        Whether a lower loss tells of better weights.
    """

    fingerprint: str
    images: int
    steps_per_epoch: int
    epochs: int
    patience: int
    loss_ranks: bool

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch


class RunCallback(lightning.Callback):
    """Reports progress, stops when asked, and keeps checkpoint and best weights of a run.

    Both are files that are replaced in one step: every ten seconds, less often where writing them is dear, and at the
    end, however that comes.  A checkpoint holds all that the next step depends on, so that a run which goes on from it
    ends with the same weights.

    Parameters
    ----------
    folder
        Of the two files.
    plan
        Of the run.
    validate
        Figures over the images held out; None when there are none.
    snapshot
        Copy of the encoder as it is now, with the history given.
    on_progress, should_stop
        Called a few times a second.
    on_epoch
        Called at the end of every epoch.
    """

    def __init__(
        self,
        folder: Path,
        *,
        plan: Plan,
        validate: Callable[[], Mapping[str, float]] | None,
        snapshot: Callable[[list[dict[str, float]]], TrainedEncoder],
        on_progress: ProgressCallback,
        should_stop: ShouldStop,
        on_epoch: Callable[[RunCallback], None],
    ) -> None:
        super().__init__()
        self._path, self._best_path = folder / CHECKPOINT_NAME, folder / BEST_NAME
        self._plan = plan
        self._validate = validate
        self._snapshot = snapshot
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._on_epoch = on_epoch
        self._optimizers: list[dict[str, Any]] = []
        self._precision: dict[str, Any] = {}
        self._sums: dict[str, float] = {}
        self._pending: list[tuple[int, Mapping[str, Tensor]]] = []
        self._latest: dict[str, float] = {}
        self._best: TrainedEncoder | None = None
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.notes: list[str] = []
        self.step = self._first_step = 0
        self._saved_step = -1
        self._started = self._reported = time.monotonic()
        self._next_save = self._started + CHECKPOINT_SECONDS

    # Before the run

    def load(self, learner: Learner) -> None:
        """Take up the checkpoint of this run if there is one that can be used; a note says where there is none."""
        state = self._read()
        if state is None:
            self._best_path.unlink(missing_ok=True)
            return
        learner.load_state_dict(state["weights"])
        self._optimizers, self._precision = state["optimizers"], state["precision"]
        self._sums, self.history = state["sums"], state["history"]
        self.best_epoch, self.notes = state["best_epoch"], state["notes"]
        self.step = self._first_step = self._saved_step = int(state["step"])

    def _read(self) -> dict[str, Any] | None:
        reason = ""
        try:
            state: dict[str, Any] = torch.load(self._path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
            # A damaged disk costs time and nothing else: from the start the run ends with the same weights.
            reason = "is damaged"
        else:
            made_by = (state.get("format", 1), state.get("torch", "unknown"))
            if made_by != (_FORMAT, torch.__version__):
                reason = f"is of another version (format {made_by[0]}, torch {made_by[1]})"
            elif state["fingerprint"] != self._plan.fingerprint:
                reason = "is of other images or parameters"
        if not reason:
            return state
        self.notes.append(f"The checkpoint that was there {reason}, so the training began anew.")
        return None

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.step >= self._plan.steps or self._out_of_patience

    @property
    def ended_early(self) -> bool:
        """Whether the loss had not fallen for too long."""
        return self.step < self._plan.steps and self._out_of_patience

    @property
    def _out_of_patience(self) -> bool:
        return 0 < self._plan.patience <= len(self.history) - self.best_epoch

    # In the run

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 - Lightning's signature
        """Put the optimiser where it was."""
        for optimizer, state in zip(trainer.optimizers, self._optimizers, strict=False):
            optimizer.load_state_dict(state)
        if self._precision:
            trainer.precision_plugin.load_state_dict(self._precision)
        self._started = time.monotonic()
        self._next_save = self._started + CHECKPOINT_SECONDS
        self._ask()
        self._report()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,  # noqa: ARG002 - Lightning's signature
    ) -> None:
        """Count, report, stop, save."""
        self.step = batch[1] + 1
        self._pending.append((self.step, outputs))
        epoch_done = self.step % self._plan.steps_per_epoch == 0
        now = time.monotonic()
        report = now - self._reported >= REPORT_SECONDS or self.step == self._plan.steps
        # Reading a figure makes the host wait for a GPU, so it is done now and then.
        if epoch_done or report or pl_module.device.type == "cpu":
            self._drain(alone=trainer.world_size == 1 or trainer.is_global_zero)
        if epoch_done:
            self._end_epoch(trainer)
            if self.ended_early:
                trainer.should_stop = True
        if self.ended or time.monotonic() >= self._next_save:
            self._save(trainer, pl_module)
        if report or self.ended:
            try:
                self._ask()
            except CancelledError:
                self._save(trainer, pl_module)
                raise
            self._report()
        if epoch_done:
            self._on_epoch(self)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Let all processes have the statistics of the first, and wait until its files are written."""
        if trainer.world_size > 1:
            for buffer in pl_module.buffers():
                torch.distributed.broadcast(buffer, src=0)
        trainer.strategy.barrier()

    def on_exception(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002 - Lightning's signature
        exception: BaseException,  # noqa: ARG002 - Lightning's signature
    ) -> None:
        """Keep the best weights."""
        if trainer.is_global_zero:
            self._save_best()

    def _drain(self, *, alone: bool) -> None:
        """Add up the figures of the steps since the last time.

        Raises
        ------
        FailedPreconditionError
            When a loss is not finite, if this process may tell `alone`.
        """
        if not self._pending:
            return
        values = iter(
            torch.stack([value.detach().float() for _, figures in self._pending for value in figures.values()]).tolist()
        )
        for step, figures in self._pending:
            # Added one by one, the sum does not depend on when it is made.
            self._latest = {name: next(values) for name in figures}
            for name, value in self._latest.items():
                self._sums[name] = self._sums.get(name, 0.0) + value
            if alone and not math.isfinite(self._latest["loss"]):
                raise self._diverged(f"at step {step} of {self._plan.steps}")
        self._pending = []

    def _diverged(self, moment: str) -> FailedPreconditionError:
        return FailedPreconditionError(
            f"The loss is not finite {moment}: the training diverged; train again with a lower learning_rate.",
            reason="LOSS_NOT_FINITE",
            step=self.step,
        )

    def _end_epoch(self, trainer: lightning.Trainer) -> None:
        figures = {name: value / self._plan.steps_per_epoch for name, value in self._sums.items()}
        self._sums = {}
        if self._validate is not None:
            figures |= {f"validation_{name}": value for name, value in self._validate().items()}
        if trainer.world_size > 1:
            together = torch.tensor(list(figures.values()), dtype=torch.float64, device=trainer.strategy.root_device)
            together = trainer.strategy.reduce(together, reduce_op="mean")
            figures = dict(zip(figures, together.tolist(), strict=True))
        epoch = len(self.history) + 1
        for name in ("loss", "validation_loss"):
            if not math.isfinite(figures.get(name, 0.0)):
                raise self._diverged(f"in epoch {epoch} of {self._plan.epochs}")
        self.history.append(figures)
        best = self._criterion(self.best_epoch) if self.best_epoch and self._plan.loss_ranks else math.inf
        if self._criterion(epoch) < best:
            self.best_epoch = epoch
            if trainer.is_global_zero:
                self._best = self._snapshot(self.history)

    def _criterion(self, epoch: int) -> float:
        figures = self.history[epoch - 1]
        return figures.get("validation_loss", figures["loss"])

    def _ask(self) -> None:
        if self._should_stop():
            raise CancelledError("The training was cancelled.")

    def _report(self) -> None:
        self._reported = time.monotonic()
        steps_here = self.step - self._first_step
        per_epoch = self._plan.steps_per_epoch
        metrics = {**self._latest, "epoch": self.step / per_epoch}
        if self.history and "validation_loss" in self.history[-1]:
            metrics["validation_loss"] = self.history[-1]["validation_loss"]
        if steps_here:
            seconds = max(self._reported - self._started, 1e-9)
            metrics["images_per_second"] = steps_here * self._plan.images / per_epoch / seconds
        self._on_progress(Progress("training", self.step, self._plan.steps, "steps", metrics))

    def _save(self, trainer: lightning.Trainer, learner: lightning.LightningModule) -> None:
        if not trainer.is_global_zero or self._saved_step == self.step:
            return
        began = time.monotonic()
        self._drain(alone=True)
        weights = learner.state_dict()
        if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
            return  # the next loss is not finite either, and says so; the last good state stays
        # First the best weights: until the checkpoint follows, they are those that the run will have again.
        self._save_best()
        buffer = io.BytesIO()
        torch.save(
            {
                "format": _FORMAT,
                "torch": str(torch.__version__),
                "fingerprint": self._plan.fingerprint,
                "step": self.step,
                "weights": weights,
                "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
                "precision": trainer.precision_plugin.state_dict(),
                "sums": self._sums,
                "history": self.history,
                "best_epoch": self.best_epoch,
                "notes": self.notes,
            },
            buffer,
        )
        write_atomically(self._path, buffer.getbuffer())
        self._saved_step = self.step
        ended = time.monotonic()
        self._next_save = ended + max(CHECKPOINT_SECONDS, (ended - began) / CHECKPOINT_SHARE)

    def _save_best(self) -> None:
        if self._best is not None:
            self._best.save(self._best_path)
            self._best = None
