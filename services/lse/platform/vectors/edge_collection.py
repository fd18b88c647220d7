"""One collection of the embedded vector server: a durable folder around a Qdrant Edge shard.

Layout of the folder::

    collection.json    the settings, written once
    current            name of the shard folder in use, replaced atomically
    shard-…/           the engine's files: segments and write-ahead log
    building-…/        a copy in which an index is being built; removed at the next opening if it was left behind

Everything here runs on one event loop.  Calls of the engine hold Python's global lock whatever thread they are made
from, so that they are made on the loop itself; reads are atomic there and need no lock of ours, changes take turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import qdrant_edge as edge
import structlog

from lse.errors import DataLossError, NotFoundError, ResourceExhaustedError
from lse.platform.children import ending_with_parent
from lse.platform.vectors.edge_layout import CollectionLayout

__all__ = ["CollectionSettings", "CollectionState", "EdgeCollection"]

_BUILDER = Path(__file__).with_name("edge_build.py")
# A write that the file system cannot take kills the process where files are mapped into memory, so stop well before.
_MIN_FREE_BYTES = 128 * 2**20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CollectionSettings:
    """What a collection was created with.

    Attributes
    ----------
    name
        Name given by the caller.
    dimension
        Length of every vector.
    distance
        Member of `qdrant_edge.Distance`, by name.
    m, ef_construct, full_scan_threshold
        Parameters of the HNSW index: links a node, candidates while building, size in KB below which a plain scan
        is taken instead.
    indexing_threshold
        Size in KB of the unindexed vectors from which an index is worth building.
    layout
        Codes and tiers of memory.
    """

    name: str
    dimension: int
    distance: str = "Cosine"
    m: int = 16
    ef_construct: int = 100
    full_scan_threshold: int = 10_000
    indexing_threshold: int = 10_000
    layout: CollectionLayout = field(default_factory=CollectionLayout)

    @classmethod
    def stored(cls, text: str) -> CollectionSettings:
        """Settings as a collection keeps them; those of an earlier version have no layout."""
        values = json.loads(text)
        return cls(**{**values, "layout": CollectionLayout(**values.get("layout", {}))})


@dataclass(frozen=True)
class CollectionState:
    """How a collection stands.

    Attributes
    ----------
    points, indexed, segments
        Number of points, of those that the HNSW index holds, and of the engine's segments.
    payload_schema
        Type of each payload index, by key.
    building, pending
        Whether an index is being built now, and whether enough vectors lie outside it that one should be.
    error
        Why the last build failed, empty if it did not.
    """

    points: int
    indexed: int
    segments: int
    payload_schema: dict[str, edge.PayloadSchemaType]
    building: bool
    pending: bool
    error: str


class EdgeCollection:
    """A collection on disk, opened when it is first used.

    Parameters
    ----------
    folder
        Its folder, made by `create`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = CollectionSettings.stored((folder / "collection.json").read_text())
        self._shard: edge.EdgeShard | None = None
        self._changing = asyncio.Lock()
        self._build: asyncio.Task[None] | None = None
        self._build_error = ""
        self._journal: list[edge.UpdateOperation] | None = None
        self._dirty = False
        # The engine counts a replaced vector as indexed still, so vectors written since the last build are counted
        # here; what a previous process wrote is not known, and the first build asked for finds out.
        self._written = 0
        self._verified = False
        self._dropped = False

    @staticmethod
    def create(folder: Path, settings: CollectionSettings) -> None:
        """Write an empty collection into a new folder."""
        shard_folder = folder / "shard-0"
        shard_folder.mkdir(parents=True)
        config = edge.EdgeConfig(
            vectors=settings.layout.vector_params(settings.dimension, settings.distance),
            hnsw_config=settings.layout.index(settings.m, settings.ef_construct, settings.full_scan_threshold),
            quantization_config=settings.layout.engine_codes(),
            optimizers=edge.EdgeOptimizersConfig(indexing_threshold=settings.indexing_threshold),
        )
        shard = edge.EdgeShard.create(str(shard_folder), config)
        shard.flush()
        shard.close()
        (folder / "current").write_text(shard_folder.name)
        (folder / "collection.json").write_text(json.dumps(asdict(settings)))

    @property
    def shard(self) -> edge.EdgeShard:
        """The engine's shard.

        Raises
        ------
        NotFoundError
            If the collection was deleted meanwhile.
        DataLossError
            If its files cannot be read.
        """
        if self._dropped:
            raise NotFoundError(f"Collection `{self.settings.name}` doesn't exist!")
        if self._shard is None:
            try:
                current = self.folder / (self.folder / "current").read_text()
                for stale in self.folder.iterdir():
                    if stale.is_dir() and stale != current:
                        shutil.rmtree(stale, ignore_errors=True)
                self._shard = edge.EdgeShard.load(str(current))
            except Exception as error:
                raise DataLossError(
                    f"The files of collection {self.settings.name} in {self.folder} cannot be opened: {error}",
                    reason="COLLECTION_DAMAGED",
                ) from error
        return self._shard

    async def change(
        self,
        operations: Sequence[Callable[[], edge.UpdateOperation]],
        *,
        written: int = 0,
        check: Callable[[edge.EdgeShard], None] | None = None,
    ) -> None:
        """Apply changes in order; they are in the write-ahead log when this returns.

        Parameters
        ----------
        operations
            What makes each change; made one after another, with other requests answered in between.
        written
            Number of vectors that they write.
        check
            Called first with the shard, under the same lock, to refuse the changes by an exception.
        """
        if shutil.disk_usage(self.folder).free < _MIN_FREE_BYTES:
            raise ResourceExhaustedError(
                f"Less than {_MIN_FREE_BYTES >> 20} MiB are free in {self.folder.parent}; free some space.",
                reason="DISK_FULL",
            )
        async with self._changing:
            if check is not None:
                check(self.shard)
            for make in operations:
                operation = make()
                self._dirty = True
                if self._journal is not None:
                    self._journal.append(operation)
                self.shard.update(operation)
                await asyncio.sleep(0)
            self._written += written

    def flush(self) -> None:
        """Force all changes to the disk, and shorten the write-ahead log."""
        if self._shard is not None and self._dirty:
            self._dirty = False
            self._shard.flush()

    def state(self) -> CollectionState:
        """How the collection stands now."""
        info = self.shard.info()
        unindexed = max(info.points_count - info.indexed_vectors_count, min(self._written, info.points_count))
        indexed = info.points_count - unindexed if info.indexed_vectors_count else 0
        kilobytes = (info.points_count - indexed) * self.settings.dimension * 4 / 1024
        building = self._build is not None
        return CollectionState(
            points=info.points_count,
            indexed=indexed,
            segments=info.segments_count,
            payload_schema={key: index.data_type for key, index in info.payload_schema.items()},
            building=building,
            pending=not building and kilobytes > self.settings.indexing_threshold and self._may_improve,
            error=self._build_error,
        )

    @property
    def _may_improve(self) -> bool:
        return self._written > 0 or not self._verified

    def start_build(self) -> None:
        """Begin to build the index in the background, if there is anything to build and no build is going on."""
        state = self.state()
        if self._build is None and (state.pending or (state.indexed and not self._verified)):
            self._build_error = ""
            self._build = asyncio.create_task(self._build_index())

    async def _build_index(self) -> None:
        target = self.folder / f"building-{uuid.uuid4().hex}"
        try:
            await self._build_into(target)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - a build is in the background: its failure is told by the state
            self._build_error = f"The index could not be built: {error}"
            _log.exception("index build failed", collection=self.settings.name)
        finally:
            self._journal = None
            self._build = None
            if target != self._folder_in_use():
                shutil.rmtree(target, ignore_errors=True)

    async def _build_into(self, target: Path) -> None:
        async with self._changing:
            self.shard.flush()
            written_before = self._written
            journal = self._journal = []
            await _in_thread(lambda: shutil.copytree(self._folder_in_use(), target))
        await _run_build(target)
        shard = edge.EdgeShard.load(str(target))
        try:
            while len(journal) > 20:
                behind = journal[:]
                del journal[: len(behind)]
                await _replay(shard, behind)
            async with self._changing:
                await _replay(shard, journal)
                shard.flush()
                old, old_folder = self.shard, self._folder_in_use()
                pointer = self.folder / "current.new"
                pointer.write_text(target.name)
                pointer.replace(self.folder / "current")
                self._shard, self._journal = shard, None
        except BaseException:
            shard.close()
            raise
        self._written -= written_before
        self._verified = True
        old.close()
        await _in_thread(lambda: shutil.rmtree(old_folder, ignore_errors=True))

    def _folder_in_use(self) -> Path:
        return self.folder / (self.folder / "current").read_text()

    async def close(self, *, dropped: bool = False) -> None:
        """Stop a build, flush and let go of the files; with `dropped` every later use ends in NotFoundError."""
        if self._build is not None:
            self._build.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._build
        async with self._changing:
            if self._shard is not None:
                self.flush()
                self._shard.close()
                self._shard = None
            self._dropped = self._dropped or dropped


async def _in_thread(work: Callable[[], object]) -> None:
    """Do file work off the loop; when cancelled, wait for its end first so that nothing is left writing."""
    running = asyncio.create_task(asyncio.to_thread(work))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


async def _run_build(folder: Path) -> None:
    """Run `edge_build` on a shard folder; killed when this is cancelled."""
    process = await asyncio.create_subprocess_exec(
        *ending_with_parent([sys.executable, "-P", str(_BUILDER), str(folder)]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, complaint = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        message = complaint.decode(errors="replace").strip().splitlines()
        raise RuntimeError(message[-1] if message else f"the builder ended with status {process.returncode}")


async def _replay(shard: edge.EdgeShard, operations: Sequence[edge.UpdateOperation]) -> None:
    for operation in operations:
        # What failed on the one shard fails alike on its copy, and its caller was told.
        with contextlib.suppress(Exception):
            shard.update(operation)
        await asyncio.sleep(0)
