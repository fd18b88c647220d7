"""Memory of this process from which a model of a Triton server on the same machine reads the images.

It spares gRPC from carrying them, and the server from copying them for its Python backend: for a small encoder either
costs a good part of what the encoding does.  Our `triton_backend` is at the other end.
"""

from __future__ import annotations

import mmap
import os
import threading
import uuid
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SharedMemory", "Slot"]


@dataclass(frozen=True, eq=False)
class Slot:
    """A piece of memory for the images of one request.

    It has no name in any file system, so that nothing is left of it, however this process ends; who still has it
    mapped can read on.

    Attributes
    ----------
    name
        What it is called in ``/proc``, different for every piece.
    path
        Where a process of the same user opens it.
    memory
        float32, one axis: the memory itself.
    generation
        How often all pieces had been forgotten when this one was made.
    """

    name: str
    path: str
    memory: NDArray[np.float32]
    generation: int

    def fill(self, batch: NDArray[np.float32]) -> None:
        """Copy a batch to the beginning."""
        np.copyto(self.memory[: batch.size].reshape(batch.shape), batch)


class SharedMemory:
    """Pieces of memory that the requests of one client use in turn."""

    def __init__(self) -> None:
        self._free: list[Slot] = []
        self._generation = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> Slot:
        """Piece of at least `size` float32 for the caller alone.

        Raises
        ------
        ResourceExhaustedError
            If this machine has no memory left for it.
        """
        with self._lock:
            slot = self._free.pop() if self._free else None
            if slot is not None and slot.memory.size >= size:
                return slot
            return _new(size, self._generation)

    def give(self, slot: Slot) -> None:
        """Take a piece back that the server does not read any more."""
        with self._lock:
            if slot.generation == self._generation:
                self._free.append(slot)

    def clear(self) -> None:
        """Forget all pieces, those under way included: the server may still read them."""
        with self._lock:
            self._free = []
            self._generation += 1


def _new(size: int, generation: int) -> Slot:
    name = f"lse_{uuid.uuid4().hex}"
    descriptor = os.memfd_create(name)
    try:
        # Reserved now: writing beyond what there is would end the process.
        os.posix_fallocate(descriptor, 0, 4 * size)
        memory = np.frombuffer(mmap.mmap(descriptor, 4 * size), np.float32)
    except OSError as error:
        os.close(descriptor)
        raise ResourceExhaustedError(
            f"No memory is left for {4 * size} bytes of images to share with Triton; free some or use Triton without"
            " shared memory.",
            reason="SHARED_MEMORY_FULL",
            size=4 * size,
        ) from error
    slot = Slot(name, f"/proc/{os.getpid()}/fd/{descriptor}", memory, generation)
    weakref.finalize(slot, os.close, descriptor)
    return slot
