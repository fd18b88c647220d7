"""All collections of the embedded vector server under one root folder, which one process at a time may open."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lse.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.vectors.edge_collection import CollectionSettings, EdgeCollection
from lse.platform.vectors.points import COLLECTION_NAME

__all__ = ["EdgeStorage"]


class EdgeStorage:
    """Collections by name.

    Parameters
    ----------
    root
        Folder of the store, made if it is absent.
    lock_wait
        Seconds to wait for another process to let go of the folder.
    """

    def __init__(self, root: Path, *, lock_wait: float = 3.0) -> None:
        self.root = root
        self._lock_wait = lock_wait
        self._lock: IO[str] | None = None
        self._collections: dict[str, EdgeCollection] = {}

    async def open(self) -> None:
        """Take the folder, remove what was half made or half deleted, and find the collections.

        Raises
        ------
        FailedPreconditionError
            If another server has the folder open.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = await self._take_lock()
        for folder in self.root.iterdir():
            if folder.name.startswith((".creating-", ".deleted-")):
                shutil.rmtree(folder, ignore_errors=True)
            elif (folder / "collection.json").is_file():
                collection = EdgeCollection(folder)
                self._collections[collection.settings.name] = collection

    async def _take_lock(self) -> IO[str]:
        lock = (self.root / "LOCK").open("a+")
        deadline = asyncio.get_running_loop().time() + self._lock_wait
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if asyncio.get_running_loop().time() < deadline:
                    await asyncio.sleep(0.1)
                    continue
                lock.seek(0)
                owner = lock.read().strip() or "unknown"
                lock.close()
                raise FailedPreconditionError(
                    f"The vector store {self.root} is open in another server (process {owner}); "
                    "stop that one first or choose another folder.",
                    reason="VECTOR_STORE_IN_USE",
                    process=owner,
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            return lock

    def __iter__(self) -> Iterator[EdgeCollection]:
        return iter(list(self._collections.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._collections

    def __getitem__(self, name: str) -> EdgeCollection:
        """Collection of a name, or NotFoundError."""
        try:
            return self._collections[name]
        except KeyError:
            raise NotFoundError(f"Not found: Collection `{name}` doesn't exist!") from None

    def create(self, settings: CollectionSettings) -> None:
        """Make an empty collection; it is there as a whole or not at all.

        Raises
        ------
        AlreadyExistsError
            If the name is taken.
        InvalidArgumentError
            If the name cannot be one.
        """
        if not COLLECTION_NAME.fullmatch(settings.name):
            raise InvalidArgumentError(
                f'{settings.name!r} cannot name a collection: use 1 to 255 characters without <>:"/\\|?*.'
            )
        if settings.name in self._collections:
            raise AlreadyExistsError(f"Wrong input: Collection `{settings.name}` already exists!")
        identity = uuid.uuid4().hex
        making = self.root / f".creating-{identity}"
        EdgeCollection.create(making, settings)
        self._collections[settings.name] = EdgeCollection(making.rename(self.root / identity))

    async def delete(self, name: str) -> bool:
        """Delete a collection and its files; False if there is none of that name."""
        collection = self._collections.pop(name, None)
        if collection is None:
            return False
        await collection.close(dropped=True)
        doomed = collection.folder.rename(self.root / f".deleted-{collection.folder.name}")
        await asyncio.to_thread(shutil.rmtree, doomed, ignore_errors=True)
        return True

    def flush(self) -> None:
        """Force all changes of all collections to the disk."""
        for collection in self:
            collection.flush()

    async def close(self) -> None:
        """Close all collections and let go of the folder."""
        for collection in self:
            await collection.close()
        self._collections.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
