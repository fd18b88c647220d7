"""One method at work on one encoder, as a Lightning module, and the batches that it is given."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from typing import TYPE_CHECKING, Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn

from lse.representation.methods.method import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lse.representation.encoders.encoder import Encoder
    from lse.representation.methods.method import TrainingMethod, TrainingParameters
    from lse.representation.training.devices import Processes
    from lse.representation.training.images import TrainingImages

__all__ = ["Batches", "Learner", "step_generator"]

_AHEAD = 2
# Images stay on the GPU where they take no more than this share of its free memory.
_GPU_SHARE = 0.25


def step_generator(seed: int, step: int, device: torch.device, *, stream: tuple[int, ...] = ()) -> torch.Generator:
    """Source of the randomness of one step, the same whenever it is made; `stream` tells apart what has equal steps."""
    sequence = np.random.SeedSequence((seed, step), spawn_key=stream)
    return torch.Generator(device=device).manual_seed(int(sequence.generate_state(1, dtype=np.uint64)[0]))


class Batches:
    """The batches of this process that are still to come, as (images, step): an iterable of known length.

    Parameters
    ----------
    images
        After `read`.
    seed, batch_size
        Of the run.
    first_step, steps
        Steps done before, and steps of the whole run.
    shared_by
        Processes that share the run.
    device
        Where the images are needed.
    """

    def __init__(
        self,
        images: TrainingImages,
        *,
        seed: int,
        batch_size: int,
        first_step: int,
        steps: int,
        shared_by: Processes,
        device: torch.device,
    ) -> None:
        self._images = images
        self._first_step = first_step
        self._steps = steps
        self._device = device
        self._order = {
            "seed": seed,
            "batch_size": batch_size,
            "first_step": first_step,
            "steps": steps,
            "rank": shared_by.rank,
            "ranks": shared_by.count,
        }

    def __len__(self) -> int:
        """Count of batches to come."""
        return self._steps - self._first_step

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        """Yield images (n, channels, height, width) and the number of the step."""
        yield from zip(self._tensors(), range(self._first_step, self._steps), strict=True)

    def _tensors(self) -> Iterator[Tensor]:
        memory = self._images.memory
        if memory is None:
            arrays = self._images.batches(**self._order)
            if self._device.type == "cuda":
                yield from _pinned(arrays)
            else:
                yield from map(torch.from_numpy, arrays)
            return
        images = torch.from_numpy(memory)
        if self._device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self._device)
            if memory.nbytes > _GPU_SHARE * free:
                yield from _pinned(memory[order] for order in self._images.orders(**self._order))
                return
            images = images.to(self._device)
        for order in self._images.orders(**self._order):
            yield images[torch.from_numpy(order).to(images.device)]


def _pinned(arrays: Iterator[NDArray[np.float32]]) -> Iterator[Tensor]:
    """Arrays as tensors in pinned memory, made ahead in a thread, so that they travel to a GPU while it computes."""
    made: queue.Queue[Tensor | BaseException | None] = queue.Queue(_AHEAD)
    ended = threading.Event()

    def put(item: Tensor | BaseException | None) -> None:
        placed = False
        while not placed and not ended.is_set():
            with contextlib.suppress(queue.Full):
                made.put(item, timeout=0.5)
                placed = True

    def make() -> None:
        try:
            for array in arrays:
                put(torch.from_numpy(array).pin_memory())
                if ended.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001  # raised where the batch is missing
            put(error)

    thread = threading.Thread(target=make, name="training-batches", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        ended.set()
        thread.join()


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
    steps, steps_per_epoch
        Of the whole run, and of one epoch.
    shared_by
        Processes that share the run; each draws random numbers of its own.
    """

    def __init__(
        self,
        method: TrainingMethod,
        *,
        encoder: Encoder,
        parts: dict[str, nn.Module],
        parameters: TrainingParameters,
        steps: int,
        steps_per_epoch: int,
        shared_by: Processes,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.parts = nn.ModuleDict(parts)
        self.step = 0
        self._method = method
        self.settings = parameters
        self._rank = shared_by.rank
        self._steps = steps
        self._warmup = parameters.warmup_epochs * steps_per_epoch

    def training_step(self, batch: tuple[Tensor, int], _index: int) -> dict[str, Tensor]:
        """Loss of one step, and figures."""
        images, step = batch
        self.step = step
        stream = (self._rank,) if self._rank else ()
        generator = step_generator(self.settings.seed, step, images.device, stream=stream)
        self._now = Step(generator, progress=step / self._steps)
        loss, figures = self._method.loss(self.encoder, self._parts, self.encoder.normalise(images), self._now)
        return {"loss": loss, **{name: figure.detach() for name, figure in figures.items()}}

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, and let the method change what the optimiser does not.

        Here and not at the end of the batch, where Lightning asks callbacks first: a checkpoint would miss the change.
        """
        super().optimizer_step(*args, **kwargs)
        self._method.after_step(self.encoder, self._parts, self._now)

    @torch.no_grad()
    def evaluate(self, batches: Iterator[NDArray[np.float32]]) -> dict[str, float]:
        """Mean loss and figures over images that are not learnt from, with the same random numbers every time.

        The loss is that of the end of the run, so that epochs can be compared where a method changes its weights on
        the way.  What training keeps beside weights, such as statistics of batches, stays as it was.
        """
        modes = {module: module.training for module in self.modules()}
        buffers = [(buffer, buffer.clone()) for buffer in self.buffers()]
        self.eval()
        sums: dict[str, float] = {}
        count = 0
        try:
            for index, batch in enumerate(batches):
                images = torch.from_numpy(batch).to(self.device)
                # Steps of validation have a stream of their own beside those of all ranks.
                step = Step(
                    step_generator(self.settings.seed, index, images.device, stream=(self._rank, 1)),
                    progress=1.0,
                )
                with self.trainer.precision_plugin.forward_context():
                    normal = self.encoder.normalise(images)
                    loss, figures = self._method.loss(self.encoder, self._parts, normal, step)
                count += len(batch)
                for name, value in {"loss": loss, **figures}.items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(batch)
        finally:
            for module, training in modes.items():
                module.training = training
            for buffer, kept in buffers:
                buffer.copy_(kept)
        return {name: value / count for name, value in sums.items()}

    @property
    def _parts(self) -> dict[str, nn.Module]:
        return {name: part for name, part in self.parts.items()}  # noqa: C416 - ModuleDict is not a Mapping

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; biases and normalisations are not pulled to zero."""
        share = float(getattr(self.encoder, "learning_rate_share", 1.0))
        together: list[tuple[nn.Module, float]] = [(self, 1.0)]
        groups = []
        for module, part in together if share == 1 else [(self.encoder, share), (self.parts, 1.0)]:
            trained = [p for p in module.parameters() if p.requires_grad]
            weights, others = [p for p in trained if p.ndim > 1], [p for p in trained if p.ndim <= 1]
            groups += [
                {"params": weights, "weight_decay": self.settings.weight_decay, "share": part},
                {"params": others, "weight_decay": 0.0, "share": part},
            ]
        return torch.optim.AdamW(groups, lr=self.settings.learning_rate)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Set the learning rate of this step, a function of the step alone."""
        for group in optimizer.param_groups:
            # Checkpoints of earlier releases have no share.
            group["lr"] = group.get("share", 1.0) * self.settings.learning_rate * self._schedule(self.step)

    def _schedule(self, step: int) -> float:
        warm = min(1.0, (step + 1) / self._warmup) if self._warmup >= 1 else 1.0
        return warm * 0.5 * (1 + math.cos(math.pi * step / self._steps))
