"""Shared memory through which a Triton server on the same machine reads images.

It spares gRPC from carrying the images, which for a small encoder costs as much as the encoding itself.
"""

from __future__ import annotations

import mmap
import os
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tritonclient import grpc as triton
from tritonclient.utils import InferenceServerException

from lse.platform.errors import FailedPreconditionError, ResourceExhaustedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SharedMemory", "Slot"]


@dataclass(frozen=True)
class Slot:
    """A piece of shared memory for the images of one request.

    Attributes
    ----------
    name
        What the server knows it by.
    memory
        float32, one axis: the memory itself.
    generation
        How often all pieces had been forgotten when this one was made.
    """

    name: str
    memory: NDArray[np.float32]
    generation: int

    def fill(self, batch: NDArray[np.float32]) -> None:
        """Copy a batch to the beginning."""
        np.copyto(self.memory[: batch.size].reshape(batch.shape), batch)


class SharedMemory:
    """Pieces of shared memory that the requests of one client use in turn.

    Parameters
    ----------
    client
        Client of a server on this machine.
    """

    def __init__(self, client: triton.InferenceServerClient) -> None:
        self._client = client
        self._free: list[Slot] = []
        self._generation = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> Slot:
        """Piece of at least `size` float32 for the caller alone.

        Raises
        ------
        ResourceExhaustedError
            If this machine has no shared memory left.
        FailedPreconditionError
            If the server cannot open it, being on another machine.
        """
        with self._lock:
            slot = self._free.pop() if self._free else None
        if slot is not None and slot.memory.size >= size:
            return slot
        if slot is not None:
            self._forget(slot)
        return self._new(size)

    def give(self, slot: Slot) -> None:
        """Take a piece back that the server does not read any more."""
        with self._lock:
            if slot.generation == self._generation:
                self._free.append(slot)
                return
        self._forget(slot)

    def clear(self) -> None:
        """Forget all pieces, those under way included: the server has ended, or may still read them."""
        with self._lock:
            free, self._free = self._free, []
            self._generation += 1
        for slot in free:
            self._forget(slot)

    def _new(self, size: int) -> Slot:
        name = f"lse_{uuid.uuid4().hex}"
        path = f"/dev/shm/{name}"  # noqa: S108 - what POSIX shared memory is on Linux
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            # Reserved now: writing beyond what there is would end the process.
            os.posix_fallocate(descriptor, 0, 4 * size)
            memory = np.frombuffer(mmap.mmap(descriptor, 4 * size), np.float32)
            self._client.register_system_shared_memory(name, f"/{name}", 4 * size)
        except OSError as error:
            raise ResourceExhaustedError(
                f"No shared memory is left for {4 * size} bytes of images; enlarge /dev/shm or use Triton without it.",
                reason="SHARED_MEMORY_FULL",
                size=4 * size,
            ) from error
        except InferenceServerException as error:
            if error.status() == "StatusCode.UNAVAILABLE":
                raise
            raise FailedPreconditionError(
                "The Triton server cannot open the shared memory of this machine; use Triton without it"
                f" ({error.message()}).",
                reason="SHARED_MEMORY_NOT_SHARED",
            ) from error
        finally:
            os.close(descriptor)
            # The server has it mapped; without a name nothing is left behind, however this process ends.
            Path(path).unlink()
        return Slot(name=name, memory=memory, generation=self._generation)

    def _forget(self, slot: Slot) -> None:
        with suppress(InferenceServerException):  # a server that has ended has forgotten it already
            self._client.unregister_system_shared_memory(slot.name, client_timeout=5.0)
