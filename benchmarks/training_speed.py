"""Speed of a whole training run against a bare PyTorch loop over tensors in memory.

Both train the same network with the same loss, augmentation, optimiser and batches, with the parameters that a training
chooses of these images, for fewer epochs.  Ours runs on a worker of a cluster as `lse up` starts it, reads the images
(from memory, from a Zarr array into memory, and from a Zarr array anew in every epoch), measures them, logs, reports,
writes checkpoints and best weights; the loop runs in this process and does none of that.  Runs alternate; ratios are
medians over the rounds, of the wall clock and, on a CPU, of the processor time, which a busy machine disturbs less.  On
a GPU the share of the time in which it waited for the next step is printed too.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr

from lse.platform.children import Child
from lse.platform.compute import Compute, TaskChannel
from lse.platform.ports import answers, free_port
from lse.representation.methods import TRAINING_METHODS
from lse.representation.methods.method import Step, TrainingParameters
from lse.representation.training.images import ImageStatistics
from lse.representation.training.learner import Learner
from lse.representation.training.run import train
from lse.representation.training.trained import fresh_weights, new_encoder

TARGET = 0.9
SOURCES = ("memory", "zarr", "zarr streamed")


def sky(count: int, channels: int, size: int) -> np.ndarray:
    """Round sources of many widths on a noisy sky."""
    random = np.random.default_rng(0)
    axis = np.arange(size) - size / 2 + 0.5
    radius = axis[:, None] ** 2 + axis[None, :] ** 2
    width = random.uniform(size / 8, 2 * size, size=(count, 1, 1, 1))
    sources = np.exp(-radius / width) * random.uniform(0.5, 1.5, size=(count, channels, 1, 1))
    return (sources + 0.05 * random.standard_normal((count, channels, size, size))).astype(np.float32)


def bare_loop(images: np.ndarray, method_name: str, parameters: TrainingParameters) -> None:
    """Train with as little as PyTorch needs."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    method = TRAINING_METHODS[method_name].run(parameters)
    channels, size = images.shape[1:3]
    mean, std = images.mean(axis=(0, 2, 3)), images.std(axis=(0, 2, 3))
    facts = ImageStatistics(tuple(mean.tolist()), tuple(std.tolist()), "")
    encoder = new_encoder(parameters, method=method, channels=channels, size=size, statistics=facts).to(device)
    with fresh_weights(1):
        parts = {name: part.to(device) for name, part in method.parts(encoder).items()}
    if device.type == "cpu":
        for network in (encoder, *parts.values()):
            network.to(memory_format=torch.channels_last)
    weights = [weight for network in (encoder, *parts.values()) for weight in network.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=parameters.learning_rate, weight_decay=parameters.weight_decay)
    data = torch.from_numpy(images).to(device)
    generator = torch.Generator(device).manual_seed(0)
    mixed = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    batches = -(-len(data) // parameters.batch_size)
    for _ in range(parameters.epochs):
        for chosen in torch.randperm(len(data), device=device).tensor_split(batches):
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                normal = encoder.normalise(data[chosen])
                loss, _ = method.loss(encoder, parts, normal, Step(generator, progress=0.5))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()


@contextlib.contextmanager
def gpu_events() -> Iterator[list[tuple[Any, Any]]]:
    """Moments, on the clock of the GPU, at which each step of our run begins and ends."""
    steps: list[tuple[Any, Any]] = []
    begin, end = Learner.training_step, Learner.on_train_batch_end

    def mark() -> Any:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def training_step(self: Learner, *arguments: Any) -> Any:
        steps.append((mark(), None))
        return begin(self, *arguments)

    def on_train_batch_end(self: Learner, *arguments: Any) -> None:
        end(self, *arguments)
        steps[-1] = (steps[-1][0], mark())

    Learner.training_step, Learner.on_train_batch_end = training_step, on_train_batch_end  # type: ignore[method-assign]
    try:
        yield steps
    finally:
        Learner.training_step, Learner.on_train_batch_end = begin, end  # type: ignore[method-assign]


def waiting_share(steps: list[tuple[Any, Any]]) -> float:
    """Share of the time from the first step to the last in which the GPU waited for the next step."""
    torch.cuda.synchronize()
    pauses = sum(end.elapsed_time(begin) for (_, end), (begin, _) in itertools.pairwise(steps))
    return float(pauses / steps[0][0].elapsed_time(steps[-1][1]))


def measured(work: Any) -> tuple[float, float]:
    """Seconds of the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def train_on_worker(
    stored: str, source: str, arguments: dict[str, Any], channel: TaskChannel
) -> tuple[float, float, float | None]:
    """Train as a service has it done: seconds of the clock, of the processor, share in which a GPU waited."""
    images = zarr.open_array(stored, mode="r")
    given = images[:] if source == "memory" else images
    with tempfile.TemporaryDirectory(prefix="lse-") as workdir:

        def run() -> None:
            train(
                given,
                workdir=Path(workdir),
                threads=len(os.sched_getaffinity(0)),
                on_progress=channel.report,
                should_stop=channel.should_stop,
                on_course=lambda _: None,
                **arguments,
                **({"memory_limit": 0} if source == "zarr streamed" else {}),
            )

        if not torch.cuda.is_available():
            return *measured(run), None
        with gpu_events() as steps:
            return *measured(run), waiting_share(steps)


@contextlib.contextmanager
def worker() -> Iterator[Compute]:
    """A cluster of one worker, as `lse up` starts it."""
    with tempfile.TemporaryDirectory(prefix="lse-") as folder:
        port = free_port()
        command = [sys.executable, "-m", "lse.cli.main", "worker", f"--scheduler-port={port}", "--workers=1"]
        with Child(
            "compute cluster",
            [*command, f"--scratch={folder}"],
            log=Path(folder, "compute-cluster.log"),
            ready=lambda: answers(port),
        ):
            compute = Compute(f"tcp://127.0.0.1:{port}")
            yield compute
            compute.close()


def compare(images: np.ndarray, method: str, *, epochs: int, rounds: int, compute: Compute) -> dict[str, Any]:
    """Interleaved rounds of the bare loop and of our run from each source."""
    gpu = torch.cuda.is_available()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ("loop", *SOURCES)}
    waits: dict[str, list[float]] = {name: [] for name in SOURCES}
    with tempfile.TemporaryDirectory(prefix="lse-") as folder:
        chunks = (64, *images.shape[1:])
        path = Path(folder) / "images.zarr"
        stored = zarr.create_array(path, shape=images.shape, dtype="f4", chunks=chunks)
        stored[:] = images

        def ours(source: str, parameters: dict[str, Any], seed: int) -> tuple[float, float, float | None]:
            arguments = {"method": method, "parameters": {**parameters, "seed": seed}}
            found: tuple[float, float, float | None] = compute.run(
                train_on_worker,
                (str(path), source, arguments),
                on_progress=lambda _: None,
                should_stop=lambda: False,
            )
            return found

        # All parameters but the epochs are chosen from the images once, for both; these runs also warm up.
        warm: dict[str, Any] = {"epochs": 1, "validation": 0}
        parameters = train(images, method=method, parameters=warm, workdir=Path(folder) / "warm").parameters
        ours("memory", warm, 0)
        parameters = parameters.model_copy(update={"epochs": epochs})
        for number in range(rounds):
            seconds["loop"].append(measured(lambda: bare_loop(images, method, parameters)))
            for source in SOURCES:
                wall, cpu, wait = ours(source, parameters.model_dump(), number)
                seconds[source].append((wall, cpu))
                if wait is not None:
                    waits[source].append(wait)
    shown = epochs * len(images)
    result: dict[str, Any] = {
        "loop_images_per_second": statistics.median(shown / wall for wall, _ in seconds["loop"]),
    }
    for source in SOURCES:
        pairs = list(zip(seconds["loop"], seconds[source], strict=True))
        result[source] = {
            "images_per_second": statistics.median(shown / wall for wall, _ in seconds[source]),
            "ratio": statistics.median(loop[0] / ours[0] for loop, ours in pairs),
        }
        if gpu:
            result[source]["gpu_waits"] = statistics.median(waits[source])
        else:
            result[source]["processor_time_ratio"] = statistics.median(loop[1] / ours[1] for loop, ours in pairs)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2048, help="images of the training set")
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--size", type=int, default=64, help="side of an image in pixels")
    parser.add_argument("--epochs", type=int, default=50 if torch.cuda.is_available() else 8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", nargs="*", default=["autoencoder", "simclr"])
    parser.add_argument("--json", action="store_true", help="print JSON only")
    arguments = parser.parse_args()
    # Both use the same threads, all that this process may use.
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    images = sky(arguments.images, arguments.channels, arguments.size)
    result: dict[str, Any] = {"device": device, "images": list(images.shape), "target_ratio": TARGET}
    with worker() as compute:
        for method in arguments.methods:
            result[method] = compare(images, method, epochs=arguments.epochs, rounds=arguments.rounds, compute=compute)
            if not arguments.json:
                print(f"{method} on {device}: loop {result[method]['loop_images_per_second']:.0f} images/s")
                for source in SOURCES:
                    print(
                        f"  {source:<14}"
                        + "  ".join(f"{key} {value:.3g}" for key, value in result[method][source].items())
                    )
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
