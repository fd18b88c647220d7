"""An encoder in Triton's Python backend.

This file is copied into the model repository as ``model.py`` and runs in the environment of the Triton server, which
has NumPy and ONNX Runtime and none of this project.

A request brings ``images``, float32 (n, C, H, W).  A client on the same machine may instead leave them in memory of its
own, bring ``in_memory``, (n, 1), for their number alone, and name the memory in the request's parameters: Triton would
copy ``images`` twice on their way here.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]  # a module of the server


class TritonPythonModel:
    """One instance of a model; the server calls its methods by name."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the ONNX file beside this one.

        Parameters
        ----------
        args
            The server's description of model and instance.
        """
        config = json.loads(args["model_config"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(config["parameters"]["intra_op_thread_count"]["string_value"])
        options.log_severity_level = 3
        self._slice_size = int(config["parameters"]["slice_size"]["string_value"])
        providers: list[Any] = ["CPUExecutionProvider"]
        if args["model_instance_kind"] == "GPU":
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": args["model_instance_device_id"]}))
        path = Path(args["model_repository"], args["model_version"], "model.onnx")
        self._session = onnxruntime.InferenceSession(path, options, providers=providers)
        self._memory = ClientMemory([int(length) for length in config["input"][0]["dims"]])

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests that the server put together, in runs of the model that fit the caches."""
        inputs: dict[int, np.ndarray] = {}
        responses: dict[int, Any] = {}
        for i, request in enumerate(requests):
            try:
                inputs[i] = self._images(request)
            except (OSError, ValueError) as error:
                # No other answer has this code, so that our client can tell the remedy.
                responses[i] = _failure(f"the images cannot be read: {error}", pb_utils.TritonError.UNSUPPORTED)
        try:
            for i, vectors in zip(inputs, self._encode(list(inputs.values())), strict=True):
                responses[i] = pb_utils.InferenceResponse([pb_utils.Tensor("vectors", vectors)])
        except Exception as error:  # noqa: BLE001 - whatever fails belongs in the answers, the server goes on
            responses |= {i: _failure(f"the model failed: {error}") for i in inputs}
        return [responses[i] for i in range(len(requests))]

    def _images(self, request: Any) -> np.ndarray:
        sent = pb_utils.get_input_tensor_by_name(request, "images")
        if sent is not None:
            images: np.ndarray = sent.as_numpy()
            return images
        counted = pb_utils.get_input_tensor_by_name(request, "in_memory")
        if counted is None:
            raise ValueError("give the input 'images'")
        named = json.loads(request.parameters() or "{}")
        return self._memory.images(
            len(counted.as_numpy()), memory=str(named.get("memory")), path=str(named.get("path"))
        )

    def _encode(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        runs = [
            images[start : start + self._slice_size]
            for images in _put_together(inputs, self._slice_size)
            for start in range(0, len(images), self._slice_size)
        ]
        if not runs:
            return []
        vectors = np.concatenate([self._session.run(["vectors"], {"images": images})[0] for images in runs])
        return np.split(vectors, np.cumsum([len(images) for images in inputs])[:-1])


class ClientMemory:
    """Memory of clients on this machine, mapped once for the many requests that use a piece of it in turn.

    Parameters
    ----------
    shape
        (C, H, W) of an image.
    """

    def __init__(self, shape: list[int]) -> None:
        self._shape = shape
        self._mapped: dict[str, tuple[str, np.ndarray]] = {}

    def images(self, count: int, *, memory: str, path: str) -> np.ndarray:
        """Images at the beginning of a piece of memory, (count, C, H, W), without a copy.

        Parameters
        ----------
        count
            How many.
        memory
            Name of the piece, as its owner made it by ``memfd_create``.
        path
            Where it is opened: ``/proc/PROCESS/fd/NUMBER`` of its owner.

        Raises
        ------
        OSError
            If it cannot be opened.
        ValueError
            If something else is there, nothing, or one of another user, or if it is shorter.
        """
        if memory not in self._mapped:
            for name, (its_path, _) in list(self._mapped.items()):
                if not _leads_to(its_path, name):  # its owner has given it up
                    del self._mapped[name]
            self._mapped[memory] = path, self._map(memory, path)
        pixels = self._mapped[memory][1]
        size = count * int(np.prod(self._shape))
        if size > len(pixels):
            raise ValueError(f"{count} images do not fit into the memory {memory!r}")
        return pixels[:size].reshape(count, *self._shape)

    def _map(self, memory: str, path: str) -> np.ndarray:
        if not re.fullmatch(r"lse_[0-9a-f]{32}", memory) or not re.fullmatch(r"/proc/\d+/fd/\d+", path):
            raise ValueError("no memory of a client is named")
        # On another machine, or after its owner has ended, another file may be under the same number.
        if not _leads_to(path, memory):
            raise ValueError(f"there is no memory {memory!r} at {path}")
        with Path(path).open("rb") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.float32)


def _leads_to(path: str, memory: str) -> bool:
    with suppress(OSError):
        return str(Path(path).readlink()).startswith(f"/memfd:{memory}")
    return False


def _put_together(inputs: list[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Small requests side by side, up to so many images; a larger one, as bulk encoding sends, is not copied."""
    group: list[np.ndarray] = []
    for i, images in enumerate(inputs):
        group.append(images)
        following = len(inputs[i + 1]) if i + 1 < len(inputs) else size
        if sum(map(len, group)) + following > size:
            yield group[0] if len(group) == 1 else np.concatenate(group)
            group = []


def _failure(sentence: str, *code: int) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(sentence, *code))
