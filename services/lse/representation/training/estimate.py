"""What a training would take, measured before it starts.

Memory is the sum of

- all weights, and for those that are trained their gradients and the two moments of AdamW, 16 bytes a weight;
- what autograd keeps for the backward pass, counted by hooks on real forward passes of 2, 4 and 8 random images (less
  where a batch is less) and continued to the batch by the parabola through the three: contrastive losses compare
  every image with every other;
- a working space of a quarter of that: gradients on their way back and buffers of the convolutions;
- on a CPU, the images that a run keeps at hand;
- 128 MiB for the libraries that do the work.

Weights are counted in 32 bits, what is kept in the precision of the training.

Time is that of real steps, forward, backward and optimiser, with batches that grow until a step takes half a second or
the batch is full; it counts neither the reading of the images nor the export.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from lse.errors import ResourceExhaustedError
from lse.representation.encoders.backbones import check_image_shape
from lse.representation.methods import TRAINING_METHODS
from lse.representation.methods.method import Step
from lse.representation.training.images import MEMORY_LIMIT, POOL_BYTES, ImageStatistics
from lse.representation.training.trained import as_encoder, fresh_weights, new_encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lse.representation.encoders.encoder import Encoder
    from lse.representation.encoders.pretrained import PretrainedEncoder
    from lse.representation.methods.method import TrainingMethod, TrainingParameters

__all__ = ["TrainingEstimate", "estimate_training"]

_PROBES = (2, 4, 8)
_STEP_SECONDS = 0.5
# Steps that are timed at each size, as long as they take no longer than this together.
_TIMED_STEPS, _TIMED_SECONDS = 5, 2.0
_WORKING_SPACE = 0.25
_LIBRARIES = 128 * 2**20
# Views and further networks that a probe may add to one pass through the encoder, before anything is known of them.
_CAUTION = 8
# Without numbers, attention takes a path that keeps up to a quarter more than it really does.
_OUTLINED = 0.75


@dataclass(frozen=True)
class TrainingEstimate:
    """What a training would take.

    Attributes
    ----------
    parameter_count
        Weights of all networks.
    memory_bytes, available_bytes
        Memory of the training, and memory at hand, on the device that trains.
    minutes
        Time of the steps; 0 where the training does not fit, since then none was made.
    device
        What trains, such as ``cpu``.
    largest_batch
        Largest power of two that fits as batch size, 0 where none does.
    """

    parameter_count: int
    memory_bytes: int
    available_bytes: int
    minutes: float
    device: str
    largest_batch: int

    @property
    def fits(self) -> bool:
        """Whether the memory at hand is enough."""
        return self.memory_bytes <= self.available_bytes

    @property
    def shortage(self) -> str:
        """Sentence on a training that does not fit."""
        advice = (
            f"lower batch_size to {self.largest_batch}"
            if self.largest_batch >= 2
            else "choose a smaller backbone, width or image size"
        )
        return (
            f"The training needs about {_size(self.memory_bytes)} of memory and {_size(self.available_bytes)} are "
            f"at hand: {advice}."
        )

    def check(self) -> None:
        """Refuse a training that does not fit into the memory.

        Raises
        ------
        ResourceExhaustedError
            ``TRAINING_TOO_LARGE``, with the batch size that fits where one does.
        """
        if not self.fits:
            raise ResourceExhaustedError(
                self.shortage,
                reason="TRAINING_TOO_LARGE",
                memory_bytes=self.memory_bytes,
                available_bytes=self.available_bytes,
                batch_size=self.largest_batch,
            )


def estimate_training(
    shape: tuple[int, ...],
    *,
    method: str,
    parameters: TrainingParameters,
    available_bytes: int,
    processes: int = 1,
    memory_limit: int = MEMORY_LIMIT,
    timed: bool = True,
    start: PretrainedEncoder | None = None,
) -> TrainingEstimate:
    """Measure what a training would take on this machine.

    Parameters
    ----------
    shape
        Of the prepared images, (n, channels, size, size).
    method
        Name of the method.
    parameters
        Its parameters.
    available_bytes
        Main memory that this process may still take; that of the GPU is asked of the GPU where one trains.
    processes
        Processes that share a batch; the estimate is that of one.
    memory_limit
        Largest size of images that a run keeps in memory, in bytes.
    timed
        Whether steps are timed.
    start
        Pretrained network that the training goes on with; one with fresh weights when None.

    Raises
    ------
    InvalidArgumentError
        When the backbone does not take such images.
    """
    check_image_shape(parameters.backbone, shape)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    available = torch.cuda.mem_get_info()[0] if device.type == "cuda" else available_bytes
    batch = -(-min(parameters.batch_size, shape[0]) // processes)
    kept_images = _kept_images(shape, memory_limit) if device.type == "cpu" else 0
    outline = _Outline(shape, method=method, parameters=parameters, start=start)
    probe: _Probe | None = None
    weights: _Outline | _Probe
    room = available - kept_images - outline.weight_bytes
    if _OUTLINED * outline.kept_bytes(batch) > room:
        # Nothing is built that cannot fit: the encoder alone, without any numbers in it, tells enough.
        weights, counts = outline, [batch]
    else:
        weights = probe = _Probe(shape, method=method, parameters=parameters, device=device, start=start)
        counts = [batch] if batch <= _PROBES[-1] else list(_PROBES)
        counts = [count for count in counts if _CAUTION * outline.kept_bytes(count) <= room] or [min(2, batch)]
    fixed = _LIBRARIES + weights.weight_bytes + kept_images
    kept = _continued(counts, [weights.kept_bytes(count) for count in counts])

    def memory(images: int) -> int:
        return int(fixed + (1 + _WORKING_SPACE) * kept(images))

    powers = (2**power for power in range(batch.bit_length() - 1, 0, -1))
    largest = next((processes * size for size in powers if memory(size) <= available), 0)
    steps = parameters.epochs * -(-shape[0] // (batch * processes))
    seconds = probe.step_seconds(batch) if timed and probe is not None and memory(batch) <= available else 0.0
    return TrainingEstimate(
        parameter_count=weights.parameter_count,
        memory_bytes=memory(batch),
        available_bytes=available,
        minutes=steps * seconds / 60,
        device=device.type,
        largest_batch=largest,
    )


class _Outline:
    """The encoder alone, without memory for its numbers."""

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        method: str,
        parameters: TrainingParameters,
        start: PretrainedEncoder | None,
    ) -> None:
        self._image = shape[1:]
        with torch.device("meta"):
            self._encoder = _fresh_encoder(shape, _method(method, parameters), parameters, start).to("meta").train()
        self.parameter_count, self.weight_bytes = _weights(list(self._encoder.parameters()))

    def kept_bytes(self, count: int) -> int:
        """What autograd would keep of one pass."""
        kept = _Kept()
        with kept.counting():
            self._encoder.features(torch.empty((count, *self._image), device="meta"))
        return kept.total


class _Probe:
    """A method at work on random images, as it would be in the training."""

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        method: str,
        parameters: TrainingParameters,
        device: torch.device,
        start: PretrainedEncoder | None,
    ) -> None:
        self._image = shape[1:]
        self._device = device
        self._precision = parameters.precision
        self._method = _method(method, parameters)
        encoder = _fresh_encoder(shape, self._method, parameters, start)
        with fresh_weights(1):
            parts = self._method.parts(encoder)
        layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
        # torch.nn.Module.to takes a layout too, and its annotation does not say so.
        self._encoder: Encoder = cast("Any", encoder).to(device, memory_format=layout).train()
        self._parts: dict[str, torch.nn.Module] = {
            name: cast("Any", part).to(device, memory_format=layout).train() for name, part in parts.items()
        }
        weights = [weight for module in (self._encoder, *self._parts.values()) for weight in module.parameters()]
        self.parameter_count, self.weight_bytes = _weights(weights)
        self._optimizer = torch.optim.AdamW([weight for weight in weights if weight.requires_grad], lr=1e-6)

    def kept_bytes(self, count: int) -> int:
        """What autograd keeps of the loss on so many images."""
        kept = _Kept()
        with kept.counting():
            loss = self._loss(count)
        del loss
        return kept.total

    def step_seconds(self, batch: int) -> float:
        """Time of a step with a full batch."""
        count = min(_PROBES[-1], batch)
        while True:
            seconds = self._shortest_step(count)
            if count == batch or seconds >= _STEP_SECONDS:
                return seconds * batch / count
            count = min(4 * count, batch)

    def _shortest_step(self, count: int) -> float:
        """Time of the quickest of a few steps: what else runs on the machine makes single ones many times longer."""
        self._step(count)  # the first of a shape chooses its kernels
        shortest, first = math.inf, time.perf_counter()
        for _ in range(_TIMED_STEPS):
            began = time.perf_counter()
            self._step(count)
            ended = time.perf_counter()
            shortest = min(shortest, ended - began)
            if ended - first >= _TIMED_SECONDS:
                break
        return shortest

    def _step(self, count: int) -> None:
        self._optimizer.zero_grad()
        self._loss(count).backward()  # type: ignore[no-untyped-call] # torch does not type it
        self._optimizer.step()
        self._method.after_step(self._encoder, self._parts, self._now())
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def _loss(self, count: int) -> Tensor:
        now = self._now()
        images = torch.randn((count, *self._image), generator=now.generator, device=self._device)
        with self._numbers():
            loss, _ = self._method.loss(self._encoder, self._parts, self._encoder.normalise(images), now)
        return loss

    def _numbers(self) -> contextlib.AbstractContextManager[object]:
        """What `lse.representation.training.devices` has Lightning compute with."""
        precision = self._precision
        if precision == "auto":
            gpu = self._device.type == "cuda"
            precision = "bf16" if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "32"
        if precision == "32":
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, dtype=torch.bfloat16 if precision == "bf16" else torch.float16)

    def _now(self) -> Step:
        return Step(torch.Generator(device=self._device).manual_seed(0), progress=0.5)


def _method(method: str, parameters: TrainingParameters) -> TrainingMethod:
    return TRAINING_METHODS[method].run(parameters)


def _fresh_encoder(
    shape: tuple[int, ...], method: TrainingMethod, parameters: TrainingParameters, start: PretrainedEncoder | None
) -> Encoder:
    if start is not None:
        return as_encoder(start)
    plain = ImageStatistics((0.0,) * shape[1], (1.0,) * shape[1], "")
    return new_encoder(parameters, method=method, channels=shape[1], size=shape[2], statistics=plain)


def _weights(weights: Sequence[torch.nn.Parameter]) -> tuple[int, int]:
    """Count of weights, and their bytes: with gradients and the moments of AdamW where they are trained."""
    count = sum(weight.numel() for weight in weights)
    return count, 4 * count + 12 * sum(weight.numel() for weight in weights if weight.requires_grad)


class _Kept:
    """Bytes of the tensors that autograd keeps, each storage once, weights not at all."""

    def __init__(self) -> None:
        self.total = 0
        self._seen: set[int] = set()

    def counting(self) -> torch.autograd.graph.saved_tensors_hooks:
        """Context in which they are counted."""
        return torch.autograd.graph.saved_tensors_hooks(self._count, lambda tensor: tensor)

    def _count(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, torch.nn.Parameter) and storage._cdata not in self._seen:  # noqa: SLF001 - the identity of a storage, also of one without memory
            self._seen.add(storage._cdata)  # noqa: SLF001 - as above
            self.total += storage.nbytes()
        return tensor


def _continued(counts: list[int], measured: list[int]) -> np.polynomial.Polynomial:
    """Bytes as a function of the count of images: through the origin where one count alone was measured."""
    if len(counts) == 1:
        return np.polynomial.Polynomial([0, measured[0] / counts[0]])
    return np.polynomial.Polynomial.fit(counts, measured, deg=len(counts) - 1).convert()


def _kept_images(shape: tuple[int, ...], memory_limit: int) -> int:
    """Bytes of the images that a run keeps at hand: all, or else the pools that it reads ahead."""
    total = 4 * math.prod(shape)
    return total if total <= memory_limit else 3 * POOL_BYTES


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
