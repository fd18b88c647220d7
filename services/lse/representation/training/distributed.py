"""One training run shared by several processes, each with a GPU of its own, on one node or on many.

`train_on_all_gpus` starts them on this node.  By hand, and on many nodes, ``torchrun`` does, with the same command on
each node::

    torchrun --nnodes=2 --nproc-per-node=4 --rdzv-backend=c10d --rdzv-endpoint=HOST:29500
        -m lse.representation.training.distributed IMAGES --method simclr --workdir FOLDER --set epochs=100
        --onnx encoder.onnx

IMAGES is the Zarr array of the prepared images of a dataset and FOLDER holds checkpoint and best weights; all processes
must see both.  Each is given its share of every epoch and computes the gradients of it; all take the mean.  The batch
size is that of all processes together.  Without a GPU the processes compute on the CPU.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch

from lse.errors import InternalError, InvalidArgumentError, LseError, error_class
from lse.progress import Progress
from lse.representation.training.devices import processes
from lse.representation.training.history import Course
from lse.representation.training.images import open_images
from lse.representation.training.run import train
from lse.representation.training.trained import TrainedEncoder, load_trained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lse.progress import ProgressCallback, ShouldStop

__all__ = ["main", "train_on_all_gpus"]

_RESULT = "encoder.pt"
_OPTIONS = "LSE_ARTIFACTS_OPTIONS"
_POLL_SECONDS = 0.25


def train_on_all_gpus(
    images_url: str,
    *,
    method: str,
    parameters: Mapping[str, object],
    workdir: Path,
    on_progress: ProgressCallback,
    should_stop: ShouldStop,
    on_course: Callable[[Course], None],
    storage_options: Mapping[str, Any] | None = None,
    count: int | None = None,
) -> TrainedEncoder:
    """Train as `lse.representation.training.run.train` does, on all GPUs that this process sees.

    Parameters
    ----------
    images_url
        URL of the Zarr array of the prepared images.
    method, parameters, workdir, on_course
        As for `train`.
    on_progress, should_stop
        Called a few times a second.
    storage_options
        Options of the fsspec file system of the images.
    count
        Processes to share the run; one for each GPU when None.
    """
    count = torch.cuda.device_count() if count is None else count
    if count <= 1:
        return train(
            open_images(images_url, storage_options),
            method=method,
            parameters=parameters,
            workdir=workdir,
            on_progress=on_progress,
            should_stop=should_stop,
            on_course=on_course,
        )
    command = [
        *[sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"],
        *["-m", "lse.representation.training.distributed", images_url, "--method", method],
        *["--workdir", str(workdir), "--settings", json.dumps(dict(parameters))],
        "--supervised",
    ]
    environment = {**os.environ, _OPTIONS: json.dumps(dict(storage_options or {}))}
    with tempfile.TemporaryFile() as log:
        # The processes end when their standard input does: when we say so, and when we are killed.
        with subprocess.Popen(  # noqa: S603  # our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment
        ) as child:
            error = _follow(child, on_progress=on_progress, should_stop=should_stop, on_course=on_course)
        if error is not None:
            raise error
        if child.returncode != 0:
            log.seek(0)
            told = log.read().decode(errors="replace").strip().splitlines()
            raise InternalError(
                f"The processes of the training ended with status {child.returncode}: {' '.join(told[-3:])}",
                reason="TRAINING_PROCESSES_FAILED",
            )
    return load_trained(workdir / _RESULT)


def _follow(
    child: subprocess.Popen[bytes],
    *,
    on_progress: ProgressCallback,
    should_stop: ShouldStop,
    on_course: Callable[[Course], None],
) -> Exception | None:
    """Hand on what the processes report until they end; their first error, or that of a callback."""
    assert child.stdin is not None
    assert child.stdout is not None
    errors: list[Exception] = []

    def hand_on(message: Mapping[str, Any]) -> None:
        if "progress" in message:
            on_progress(Progress(**message["progress"]))
        elif "course" in message:
            picture = base64.b64decode(message["reconstructions"])
            on_course(Course.from_json(message["course"], reconstructions=picture))
        elif "error" in message:
            told = message["error"]
            error = error_class(told["code"])(told["message"], reason=told["reason"])
            error.metadata = told["metadata"]
            raise error

    def listen(output: IO[bytes]) -> None:
        for line in output:
            try:
                hand_on(_message(line))
            except Exception as error:  # noqa: BLE001  # raised in the thread of the caller
                errors.append(error)

    listener = threading.Thread(target=listen, args=(child.stdout,), name="training-processes", daemon=True)
    listener.start()
    try:
        while listener.is_alive():
            listener.join(_POLL_SECONDS)
            if not child.stdin.closed and (errors or should_stop()):
                child.stdin.close()
    finally:
        child.stdin.close()
        child.wait()
    return errors[0] if errors else None


def _message(line: bytes) -> dict[str, Any]:
    """Message of a line; nothing of one that a library wrote."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def main(arguments: Sequence[str] | None = None) -> TrainedEncoder:
    """Work as one of the processes that ``torchrun`` started."""
    parser = argparse.ArgumentParser(
        prog="torchrun … -m lse.representation.training.distributed", description="Share one training."
    )
    parser.add_argument("images", metavar="IMAGES", help="Zarr array of prepared images: a path or a URL")
    parser.add_argument("--method", required=True, help="training method")
    parser.add_argument("--workdir", required=True, type=Path, help="folder of checkpoint and weights, seen by all")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="parameter of the method")
    parser.add_argument("--settings", type=json.loads, default={}, metavar="JSON", help="parameters as a JSON object")
    parser.add_argument("--onnx", type=Path, help="file for the encoder as ONNX, which `lse encoder import` takes")
    parser.add_argument("--supervised", action="store_true", help="report as JSON; end when the standard input does")
    given = parser.parse_args(arguments)
    first = processes().rank == 0
    url = given.images if "://" in given.images else f"file://{Path(given.images).resolve()}"
    stop = threading.Event()
    if given.supervised and first:
        threading.Thread(target=_wait_for_end_of_input, args=(stop,), daemon=True).start()

    def on_progress(progress: Progress) -> None:
        if given.supervised:
            _tell({"progress": asdict(progress)})

    def on_course(course: Course) -> None:
        if given.supervised:
            _tell({"course": course.to_json(), "reconstructions": base64.b64encode(course.reconstructions).decode()})
        elif course.history:
            figures = "  ".join(f"{name} {value:.5g}" for name, value in course.history[-1].items())
            sys.stdout.write(f"epoch {len(course.history)} of {course.epochs}: {figures} {course.ending}\n")

    try:
        images = open_images(url, json.loads(os.environ.get(_OPTIONS) or "{}"))
        trained = train(
            images,
            method=given.method,
            parameters={**given.settings, **dict(_setting(text) for text in given.set)},
            workdir=given.workdir,
            on_progress=on_progress,
            should_stop=stop.is_set,
            on_course=on_course,
        )
        if first:
            trained.save(given.workdir / _RESULT)
            if given.onnx:
                from lse.representation.onnx import export_onnx

                export_onnx(trained.encoder, given.onnx, samples=np.asarray(images[:16], np.float32))
    except LseError as error:
        if not given.supervised:
            sys.exit(error.message)
        told = {"code": error.code, "message": error.message, "reason": error.reason, "metadata": error.metadata}
        _tell({"error": told})
        sys.exit(1)
    return trained


def _setting(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise InvalidArgumentError(f"--set takes key=value, not '{text}'.", reason="PARAMETER_INVALID")
    return key.strip(), value.strip()


def _tell(message: Mapping[str, Any]) -> None:
    # In one write, since several processes may tell of an error at once.
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _wait_for_end_of_input(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()


if __name__ == "__main__":
    main()
