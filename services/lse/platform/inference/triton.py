"""Inference by a Triton server over gRPC."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn, TypeVar

import numpy as np
from tritonclient import grpc as triton
from tritonclient.utils import InferenceServerException

from lse.errors import (
    DeadlineExceededError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    UnavailableError,
)
from lse.platform.inference.engine import InferenceSettings, ModelSignature, ModelVersion, not_loaded, version_taken
from lse.platform.inference.onnx_model import check_images, new_session, read_model, signature_of
from lse.platform.inference.triton_memory import SharedMemory
from lse.platform.inference.triton_repository import IN_MEMORY, ModelRepository, model_config, model_of, triton_name
from lse.platform.outages import count_failure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.platform.certificates import Certificates

__all__ = ["TritonEngine", "triton_client"]

_Answer = TypeVar("_Answer")


_CHANNEL = {
    "grpc.max_send_message_length": -1,
    "grpc.max_receive_message_length": -1,
    # A server that comes back is used at once; by default it is not tried again for up to two minutes.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 500,
}


def triton_client(url: str, certificates: Certificates | None) -> triton.InferenceServerClient:
    """Client of a Triton server, which may ask for certificates."""
    proof = (
        {
            "ssl": True,
            "root_certificates": str(certificates.authority),
            "private_key": str(certificates.key),
            "certificate_chain": str(certificates.certificate),
        }
        if certificates
        else {}
    )
    return triton.InferenceServerClient(url, channel_args=list(_CHANNEL.items()), **proof)


class TritonEngine:
    """Models of a Triton server with explicit model control.

    The model repository tells what shall be loaded: a server that has lost its models in a restart is told to load
    one again when it is next used.

    Parameters
    ----------
    settings
        Where the server and its repository are, and how models run there.
    """

    name = "Triton"

    def __init__(self, settings: InferenceSettings) -> None:
        self._settings = settings
        self._repository = ModelRepository(settings.repository, json.loads(settings.repository_options))
        self._client = triton_client(settings.url, settings.certificates)
        self._memory = SharedMemory() if settings.shared_memory else None
        self._signatures: dict[ModelVersion, ModelSignature] = {}

    def load(self, model: ModelVersion, source: str | os.PathLike[str]) -> ModelSignature:
        """See `InferenceEngine.load`.

        Raises
        ------
        FailedPreconditionError
            If the server cannot load a file that is right.
        """
        file = read_model(source)
        digest = self._repository.digest(model)
        if digest not in (None, file.digest):
            raise version_taken(model, file.source)
        signature = self._repository.signature(model)
        if signature is None:
            # Tried here before the server sees it, so that a wrong file gets the same answer from every engine.
            signature = signature_of(file, new_session(file, threads=self._settings.thread_count, gpu=False))
        changed = self._repository.put(model, file, model_config(model, signature, self._settings))
        if changed or not self._is_ready(model):
            try:
                self._load(model)
            except FailedPreconditionError:
                if digest is None:
                    self._repository.remove(model)
                raise
        self._signatures[model] = signature
        return signature

    def unload(self, model: ModelVersion) -> None:
        """See `InferenceEngine.unload`."""
        if self._repository.signature(model) is None:
            raise not_loaded(model)
        try:
            self._wait_until_settled(model)
            self._call(lambda: self._client.unload_model(triton_name(model), client_timeout=self._settings.timeout))
        except InferenceServerException as error:
            self._fail(error)
        self._signatures.pop(model, None)
        self._repository.remove(model)

    def loaded(self) -> list[ModelVersion]:
        """See `InferenceEngine.loaded`."""
        try:
            states = self._states()
        except InferenceServerException as error:
            self._fail(error)
        ready = (model_of(name) for name, state in states.items() if state == "READY")
        return sorted(model for model in ready if model is not None)

    def kept(self, name: str) -> list[ModelVersion]:
        """See `InferenceEngine.kept`."""
        return self._repository.versions(name)

    def signature(self, model: ModelVersion) -> ModelSignature:
        """See `InferenceEngine.signature`."""
        signature = self._signatures.get(model) or self._repository.signature(model)
        if signature is None:
            raise not_loaded(model)
        self._signatures[model] = signature
        return signature

    def encode(self, model: ModelVersion, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `InferenceEngine.encode`.

        Raises
        ------
        DeadlineExceededError
            If the server takes longer for a batch than the settings allow.
        """
        signature = self.signature(model)
        check_images(images, signature, model)
        vectors = np.empty((len(images), signature.dimension), np.float32)
        try:
            self._send(model, images, vectors)
        except InferenceServerException as error:
            if self._memory is not None:
                self._memory.clear()
            if not self._is_missing(error):
                self._fail(error)
            if self._repository.signature(model) is None:
                self._signatures.pop(model, None)
                raise not_loaded(model) from error
            self._load(model)
            try:
                self._send(model, images, vectors)
            except InferenceServerException as again:
                self._fail(again)
        return vectors

    def close(self) -> None:
        """See `InferenceEngine.close`."""
        if self._memory is not None:
            self._memory.clear()
        self._client.close()

    def _send(self, model: ModelVersion, images: NDArray[np.float32], vectors: NDArray[np.float32]) -> None:
        """Fill the vectors of images, some requests under way at once: while one runs, the next is on its way."""
        signature = self.signature(model)
        step = self._settings.request_size(signature, len(images))
        # All pieces are as large as the largest batch, so that the next call of another size finds them fit.
        size = self._settings.batch_size(signature) * math.prod(signature.image_shape)

        def send(start: int) -> None:
            vectors[start : start + step] = self._request(model, images[start : start + step], size)

        starts = range(0, len(images), step)
        if len(starts) <= 1:
            for start in starts:
                send(start)
            return
        # Threads that wait cost a request less than gRPC's own way of having several under way.
        with ThreadPoolExecutor(min(self._settings.window, len(starts)), thread_name_prefix="triton") as threads:
            for _ in threads.map(send, starts):
                pass  # the first failure is raised here, and what has not begun is not sent

    def _request(self, model: ModelVersion, batch: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        """Vectors of one batch, through a piece of shared memory of this size where that is used."""
        if self._memory is None:
            images = triton.InferInput("images", batch.shape, "FP32")
            images.set_data_from_numpy(batch)
            return self._infer(model, images)
        slot = self._memory.take(size)
        slot.fill(batch)
        count = triton.InferInput(IN_MEMORY, (len(batch), 1), "UINT8")
        count.set_data_from_numpy(np.zeros((len(batch), 1), np.uint8))
        vectors = self._infer(model, count, {"memory": slot.name, "path": slot.path})
        self._memory.give(slot)
        return vectors

    def _infer(
        self, model: ModelVersion, tensor: triton.InferInput, parameters: dict[str, str] | None = None
    ) -> NDArray[np.float32]:
        result = self._client.infer(
            triton_name(model),
            [tensor],
            model_version=str(model.version),
            client_timeout=self._settings.timeout,
            parameters=parameters,
        )
        vectors: NDArray[np.float32] = result.as_numpy("vectors")
        return vectors

    def _load(self, model: ModelVersion) -> None:
        try:
            self._call(lambda: self._client.load_model(triton_name(model), client_timeout=self._settings.timeout))
        except InferenceServerException as error:
            if error.status() in ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED"):
                self._fail(error)
            raise FailedPreconditionError(
                f"Triton cannot load model {model}: {error.message()}", reason="TRITON_LOAD_FAILED", model=model
            ) from error

    def _states(self) -> dict[str, str]:
        """States of the models of the repository, by the names that the server has for them."""
        index = self._call(lambda: self._client.get_model_repository_index(client_timeout=self._settings.timeout))
        return {entry.name: entry.state for entry in index.models}

    def _wait_until_settled(self, model: ModelVersion) -> None:
        """Wait until the server is not busy loading a model, as it is after a call that was cut off.

        A model whose files go while they are read is never loaded again: the server waits for it for ever.
        """
        deadline = time.monotonic() + self._settings.timeout
        while self._states().get(triton_name(model)) in ("LOADING", "UNLOADING") and time.monotonic() < deadline:
            time.sleep(0.05)

    def _is_ready(self, model: ModelVersion) -> bool:
        name, version = triton_name(model), str(model.version)
        try:
            return self._call(
                lambda: bool(self._client.is_model_ready(name, version, client_timeout=self._settings.timeout))
            )
        except InferenceServerException as error:
            if self._is_missing(error):
                return False
            self._fail(error)

    def _is_missing(self, error: InferenceServerException) -> bool:
        """Whether the server is there and the model is not; for both Triton may say UNAVAILABLE."""
        status = error.status()
        return status == "StatusCode.NOT_FOUND" or (status == "StatusCode.UNAVAILABLE" and self._answers())

    def _call(self, call: Callable[[], _Answer]) -> _Answer:
        try:
            return call()
        except InferenceServerException as error:
            if error.status() != "StatusCode.UNAVAILABLE" or not self._answers():
                raise
            return call()

    def _answers(self) -> bool:
        """Whether the server is there, given the time that a lost connection needs to come back."""
        deadline = time.monotonic() + 1.5
        while True:
            try:
                return bool(self._client.is_server_live(client_timeout=self._settings.timeout))
            except InferenceServerException:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.1)

    def _fail(self, error: InferenceServerException) -> NoReturn:
        url, status = self._settings.url, error.status()
        if status in ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED"):
            count_failure("triton")
        if status == "StatusCode.UNAVAILABLE":
            raise UnavailableError(
                f"The Triton server at {url} cannot be reached; start it or correct its address.",
                reason="TRITON_UNAVAILABLE",
                url=url,
            ) from error
        if status == "StatusCode.DEADLINE_EXCEEDED":
            raise DeadlineExceededError(
                f"The Triton server at {url} did not answer within {self._settings.timeout:g} s;"
                " allow more time or give smaller batches.",
                reason="TRITON_TIMEOUT",
                url=url,
            ) from error
        if status == "StatusCode.UNIMPLEMENTED" and self._memory is not None:
            raise FailedPreconditionError(
                f"The Triton server at {url} cannot read the memory of this process, being on another machine, in"
                f" another container or of another user; use Triton without shared memory ({error.message()}).",
                reason="SHARED_MEMORY_UNREADABLE",
                url=url,
            ) from error
        message = f"The Triton server at {url} refused: {error.message()}"
        if status == "StatusCode.INVALID_ARGUMENT":
            raise InvalidArgumentError(message, reason="TRITON_REQUEST_INVALID", url=url) from error
        raise InternalError(message, reason="TRITON_FAILED", url=url) from error
