"""Encoding through our engines against the bare ONNX Runtime session on the same images.

A call encodes `--images` images, as a task of bulk encoding does.  The bare session gets them in batches of the size
that a row names; an engine gets them as one call and chooses by itself how many go into a request, by the size of an
image.  So the ratio that the limit is on tells what our way of encoding costs beside the plain one at that batch, and
not what a request of that size costs; that is the row's `same batch`, where the engine is held to the batch too.

All sides have the same number of threads in all and run in turns; a figure is the median over the rounds, a ratio the
median of the ratios within the rounds.

bare               one session of all threads, one batch after the other
bare split         as many sessions of fewer threads as Triton has instances, each in a thread of its own, with the same
                   batches: the same arrangement without Triton
triton             `TritonEngine.encode` of all images, in requests as it chooses them
triton same batch  the same with requests of the batch, several under way at once
triton one by one  `TritonEngine.encode` of one batch, then the next
in process         `OnnxRuntimeEngine.encode` of all images, in batches as it chooses them

On a machine that others use too, more processes get a larger share, which flatters Triton, and a session of several
threads suffers.  The last ratio is of processor time an image, client, server and model processes together: it hardly
depends on what else runs.

Held to one core (`taskset -c 0 … --instances 1 --threads-per-instance 1`) all sides do all their work there, one after
the other, and the ratios are those of the work: the strictest way to run this, and the steadiest on a busy machine.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import psutil
import torch
import torchvision

from lse.platform.config import load_settings
from lse.platform.inference import InferenceSettings, ModelVersion
from lse.platform.inference.onnxruntime import OnnxRuntimeEngine
from lse.platform.inference.triton import TritonEngine
from lse.platform.inference.triton_server import TritonServer, find_triton
from lse.representation.onnx import export_onnx
from lse.representation.training.run import untrained

LIMIT, AT = 0.85, 32
SIZE = 64


def small_convolutional(channels: int) -> torch.nn.Module:
    layers: list[torch.nn.Module] = []
    for before, after in ((channels, 32), (32, 64), (64, 128), (128, 256)):
        layers += [torch.nn.Conv2d(before, after, 3, stride=2, padding=1), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(256, 128))


def resnet18(channels: int) -> torch.nn.Module:
    net = torchvision.models.resnet18(weights=None)
    net.conv1 = torch.nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    net.fc = torch.nn.Identity()
    return net


def export(net: torch.nn.Module, path: Path, channels: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of its own deprecations while exporting
        torch.onnx.export(
            net.eval(),
            (torch.zeros(2, channels, SIZE, SIZE),),
            str(path),
            input_names=["images"],
            output_names=["vectors"],
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("n")},),
            external_data=False,
            verbose=False,
        )


def write_default_encoder(path: Path, channels: int, width: int = 32) -> None:
    """Write the encoder that the training service makes by default of 20,000 images or more, with random weights."""
    images = np.random.default_rng(0).random((64, channels, SIZE, SIZE), dtype=np.float32)
    encoder = untrained(images, method="simclr", parameters={"width": width}).encoder
    export_onnx(encoder, path, samples=images[:4])


def write_default_encoder_of_few(path: Path, channels: int) -> None:
    """Write the one that it makes by default of fewer, which is of half the width."""
    write_default_encoder(path, channels, width=16)


def write_small_convolutional(path: Path, channels: int) -> None:
    """Write a plain net of four convolutions."""
    export(small_convolutional(channels), path, channels)


def write_resnet18(path: Path, channels: int) -> None:
    """Write a ResNet-18 with random weights."""
    export(resnet18(channels), path, channels)


ENCODERS = {
    "default_encoder": write_default_encoder,
    "default_encoder_of_few": write_default_encoder_of_few,
    "small_convolutional": write_small_convolutional,
    "resnet18": write_resnet18,
}


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@dataclasses.dataclass(frozen=True)
class Speed:
    """Images a second, and processor seconds an image."""

    rate: float
    processor: float


def speed(run: Callable[[], object], images: int, seconds: float, server: TritonServer) -> Speed:
    """Measure a run that is repeated for about this long."""
    start, used, done = time.perf_counter(), processor_seconds(server), 0
    while (passed := time.perf_counter() - start) < seconds:
        run()
        done += images
    return Speed(done / passed, (processor_seconds(server) - used) / done)


def processor_seconds(server: TritonServer) -> float:
    """Of this process, the server and the processes of its models."""
    triton = psutil.Process(server.pid)
    processes = [psutil.Process(), triton, *triton.children(recursive=True)]
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def measure(
    path: Path, shape: tuple[int, int, int], batch: int, server: TritonServer, args: argparse.Namespace
) -> dict[str, float]:
    settings = InferenceSettings(
        kind="triton",
        url=server.url,
        repository=os.fspath(server.repository),
        threads=args.threads_per_instance,
        instances=args.instances,
        window=args.window,
        shared_memory=not args.no_shared_memory,
    )
    threads = settings.instance_count * settings.thread_count
    free, held = TritonEngine(settings), TritonEngine(dataclasses.replace(settings, max_batch_size=batch))
    inside = OnnxRuntimeEngine(InferenceSettings(threads=threads))
    model, held_model = ModelVersion(path.stem), ModelVersion(f"{path.stem}-{batch}")
    signature = free.load(model, path)
    held.load(held_model, path)
    inside.load(model, path)
    whole = session(path, threads)
    split = [session(path, settings.thread_count) for _ in range(settings.instance_count)]
    images = np.random.default_rng(0).normal(size=(args.images, *shape)).astype(np.float32)
    batches = [images[start : start + batch] for start in range(0, len(images), batch)]
    with ThreadPoolExecutor(len(split)) as pool:

        def run_split() -> list[object]:
            return list(
                pool.map(
                    lambda i: [split[i].run(None, {"images": b}) for b in batches[i :: len(split)]], range(len(split))
                )
            )

        sides: dict[str, Callable[[], object]] = {
            "bare": lambda: np.concatenate([whole.run(None, {"images": each})[0] for each in batches]),
            "triton": lambda: free.encode(model, images),
            "bare split": run_split,
            "triton same batch": lambda: held.encode(held_model, images),
            "triton one by one": lambda: [held.encode(held_model, each) for each in batches],
            "in process": lambda: inside.encode(model, images),
        }
        for name in ("triton", "triton same batch", "in process"):
            np.testing.assert_allclose(sides[name](), sides["bare"](), rtol=1e-3, atol=1e-4)
        for run in sides.values():
            run()
        speeds: dict[str, list[Speed]] = {name: [] for name in sides}
        for _ in range(args.rounds):
            for name, run in sides.items():
                speeds[name].append(speed(run, len(images), args.seconds, server))
    free.unload(model)
    held.unload(held_model)
    for engine in (free, held, inside):
        engine.close()

    def ratio(name: str, to: str) -> float:
        return statistics.median(a.rate / b.rate for a, b in zip(speeds[name], speeds[to], strict=True))

    return {
        **{f"{name} images/s": statistics.median(each.rate for each in of) for name, of in speeds.items()},
        "images a request of triton": float(settings.batch_size(signature)),
        "triton / bare": ratio("triton", "bare"),
        "triton same batch / bare": ratio("triton same batch", "bare"),
        "triton one by one / bare": ratio("triton one by one", "bare"),
        "triton / bare split": ratio("triton", "bare split"),
        "in process / bare": ratio("in process", "bare"),
        "processor time bare split / triton": statistics.median(
            b.processor / a.processor for a, b in zip(speeds["triton"], speeds["bare split"], strict=True)
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", nargs="+", choices=list(ENCODERS), default=list(ENCODERS))
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--channels", type=int, default=3, help="of an image")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4, help="of one side in one round")
    parser.add_argument("--images", type=int, default=1024, help="in one call, as in a task of bulk encoding")
    parser.add_argument("--instances", type=int, default=0, help="0: those that the engine chooses")
    parser.add_argument("--threads-per-instance", type=int, default=0, help="0: those that the engine chooses")
    parser.add_argument("--window", type=int, default=InferenceSettings.window)
    parser.add_argument("--no-shared-memory", action="store_true", help="send the images through gRPC")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    program = find_triton(load_settings().triton_dir)
    if program is None:
        raise SystemExit("Triton is not installed: run `make triton`.")

    rows = []
    with tempfile.TemporaryDirectory() as folder, TritonServer(program, Path(folder, "models")) as server:
        for name in args.encoders:
            path = Path(folder, f"{name}.onnx")
            torch.manual_seed(0)
            ENCODERS[name](path, args.channels)
            for batch in args.batch:
                shape = (args.channels, SIZE, SIZE)
                row = {"encoder": name, "batch": batch, **measure(path, shape, batch, server, args)}
                rows.append(row)
                if not args.json:
                    figures = "  ".join(
                        f"{key} {value:.2f}" if " / " in key else f"{key} {value:.0f}"
                        for key, value in row.items()
                        if isinstance(value, float)
                    )
                    print(f"{name:22} batch {batch:3}  {figures}", flush=True)

    passed = all(row["triton / bare"] >= LIMIT for row in rows if row["batch"] == AT)
    if args.json:
        print(json.dumps({"limit": {"triton / bare": LIMIT, "batch": AT}, "passed": passed, "rows": rows}))
    else:
        print(f"limit: triton / bare at least {LIMIT} at batch {AT}: {'kept' if passed else 'NOT KEPT'}")
        print(f"load of the machine meanwhile: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
