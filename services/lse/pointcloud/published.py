"""Point clouds that are published: read by anyone, by ranges of bytes, from a folder, a web server or S3.

Beside the files of `lse.pointcloud.storage` lie a page for browsers, ``index.html``, the names of the images, and
``published.json``, which says what there is and is written last. Neither the page nor `PublishedCloud` needs a service.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import fsspec
import numpy as np
import pyarrow as pa
from fsspec.core import url_to_fs
from fsspec.utils import merge_offset_ranges
from numpy.typing import NDArray

from lse.errors import DataLossError, FailedPreconditionError, NotFoundError, UnavailableError
from lse.pointcloud.cloud import Column, PointCloud
from lse.pointcloud.counting import count_tiles
from lse.pointcloud.storage import file_names, open_cloud, read_tiles, write_cloud
from lse.pointcloud.tiles import Spans, Tiles
from lse.pointcloud.window import Window

__all__ = ["PublishedCloud", "check_target", "publish_cloud", "write_texts"]

HEADER = "published.json"
_VERSION = 1
_PAGE = Path(__file__).with_name("page.html")
# Ranges that lie nearer are read as one: a second request costs more than so many bytes.
_GAP_BYTES = 1 << 16
# Names that are in memory at a time.
_NAMES = 1 << 20


def publish_cloud(
    cloud: PointCloud | Path,
    url: str,
    *,
    title: str,
    names: pa.Array | None = None,
    colours: Mapping[str, Sequence[str]] | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write a cloud to where others read it.

    Parameters
    ----------
    cloud
        Points and categories; or the folder of a cloud, which need not fit into memory and gets the other files, too.
    url
        Folder, or address of one that fsspec writes to, such as ``s3://bucket/map``. A cloud that was published there
        is replaced.
    title
        What the cloud shows.
    names
        Name of each given point, shape (source_count,), text.
    colours
        Colour of each category as ``#rrggbb``, by column.
    about
        More for the page: words, colours of the page, provenance.

    Raises
    ------
    FailedPreconditionError
        There is something else at the address, or it needs a package that is not installed.
    UnavailableError
        The address cannot be reached or written.
    """
    if not isinstance(cloud, Path):
        with tempfile.TemporaryDirectory(prefix="lse-publish-") as made:
            write_cloud(cloud, Path(made))
            publish_cloud(Path(made), url, title=title, names=names, colours=colours, about=about)
        return
    folder, cloud = cloud, open_cloud(cloud)
    if names is not None:
        _write_names(names, cloud.rows, folder)
    (folder / "index.html").write_bytes(_PAGE.read_bytes())
    header = {
        "version": _VERSION,
        "title": title,
        "cloud": json.loads((folder / "cloud.json").read_bytes()),
        "extent": cloud.extent,
        "core": cloud.core,
        "first_level": cloud.first_level,
        "tiles": _places(folder / "tiles.arrow"),
        "names": names is not None,
        "columns": [
            {
                "name": name,
                "counts": column.counts.sum(axis=0).tolist(),
                "colours": list((colours or {}).get(name, ())),
            }
            for name, column in cloud.columns.items()
        ],
        **(about or {}),
    }
    (folder / HEADER).write_text(json.dumps(header, ensure_ascii=False, indent=2), encoding="utf-8")
    _put(folder, url)


def check_target(url: str) -> None:
    """Require that nothing but a published cloud is at an address; see `publish_cloud` for what is raised."""
    _earlier(*_store(url), url)


@dataclass(frozen=True)
class PublishedCloud:
    """A published cloud, of which only what is looked at is read.

    Attributes
    ----------
    header
        What ``published.json`` says: title, columns with their categories and counts, extent.
    url
        Where it is.

    Examples
    --------
    >>> cloud = PublishedCloud.open("s3://surveys/map")  # doctest: +SKIP
    >>> window = Window((-5, 5), (-5, 5), 900, 800)
    >>> part = cloud.view(window, columns=["class"], budget=100_000)  # doctest: +SKIP
    >>> part.category_counts(window, "class").shape  # doctest: +SKIP
    (800, 900, 10)
    """

    url: str
    header: Mapping[str, Any] = field(repr=False)

    @classmethod
    def open(cls, url: str) -> PublishedCloud:
        """Open the cloud at an address: a folder, or what fsspec reads, such as ``https://…`` or ``s3://…``.

        Raises
        ------
        NotFoundError
            No cloud is published there.
        FailedPreconditionError
            It was written by a newer version of this software, or the address needs a package that is not installed.
        UnavailableError
            The address does not answer.
        """
        store, root = _store(url)
        try:
            header = json.loads(store.cat_file(f"{root}/{HEADER}"))
        except (FileNotFoundError, ValueError) as error:
            raise NotFoundError(
                f"No point cloud is published at {url}: `lse cloud publish` writes one.", reason="CLOUD_NOT_FOUND"
            ) from error
        except OSError as error:
            raise _away(url, error) from error
        if header["version"] > _VERSION:
            raise FailedPreconditionError(
                f"The point cloud at {url} was written by a newer version of this software: update it.",
                reason="CLOUD_TOO_NEW",
            )
        return cls(url, header)

    def __len__(self) -> int:
        return int(self.header["cloud"]["points"])

    @property
    def files(self) -> frozenset[str]:
        """Names of its files."""
        names = ("names.i64", "names.utf8") if self.header["names"] else ()
        return frozenset((*file_names(len(self.header["columns"])), *names, "index.html", HEADER))

    @cached_property
    def tiles(self) -> Tiles:
        """All tiles, read at first use: 33 bytes for 2,048 points."""
        return read_tiles(self.read("tiles.arrow"), self.header["cloud"])

    def size(self, name: str) -> int:
        """Bytes of a file."""
        store, root = _store(self.url)
        try:
            return int(store.size(f"{root}/{name}"))
        except OSError as error:
            raise self._lost(name, error) from error

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """Bytes of a file, from `start` to before `end`."""
        store, root = _store(self.url)
        try:
            return bytes(store.cat_file(f"{root}/{name}", start=start, end=end))
        except OSError as error:
            raise self._lost(name, error) from error

    def view(self, window: Window, *, columns: Sequence[str] = (), budget: int | None = None) -> PointCloud:
        """Points of the tiles in a window, as a cloud of their own.

        Parameters
        ----------
        window
            What is looked at.
        columns
            Categories to read.
        budget
            Most points, about: a fair sample where there are more. All points of the tiles where not given.
        """
        spans = self.tiles.spans(window, budget=budget)
        points = self._read("points.f32", "<f4", self.header["cloud"]["dimension"], spans)
        tiles = Tiles(
            self.tiles.levels[spans.tiles],
            np.cumsum(spans.counts) - spans.counts,
            spans.counts,
            self.tiles.boxes[spans.tiles],
            self.tiles.shares,
        )
        known = self.header["cloud"]["columns"]
        read = {}
        for name in columns:
            codes = self._read(f"column-{list(known).index(name)}.u16", "<u2", 1, spans)[:, 0]
            labels = tuple(known[name])
            read[name] = Column(codes, labels, count_tiles(codes, tiles.all_spans, len(labels)))
        rows = self._read("rows.u32", "<u4", 1, spans)[:, 0]
        return PointCloud(points, rows, tiles, read, self.header["cloud"]["source_count"])

    def _read(self, name: str, dtype: str, width: int, spans: Spans) -> NDArray[Any]:
        """Values of the points of spans, shape (points, width), in the order of the spans."""
        size = np.dtype(dtype).itemsize * width
        if spans.total == 0:
            return np.empty((0, width), dtype)
        store, root = _store(self.url)
        starts, ends = spans.firsts * size, (spans.firsts + spans.counts) * size
        path = f"{root}/{name}"
        paths, begins, stops = merge_offset_ranges(
            [path] * len(starts), starts.tolist(), ends.tolist(), max_gap=_GAP_BYTES
        )
        try:
            blocks = store.cat_ranges(paths, begins, stops, on_error="raise")
        except OSError as error:
            raise self._lost(name, error) from error
        held = np.searchsorted(begins, starts, side="right") - 1
        parts = [
            blocks[block][start - begins[block] : end - begins[block]]
            for block, start, end in zip(held, starts, ends, strict=True)
        ]
        if any(len(part) != end - start for part, start, end in zip(parts, starts, ends, strict=True)):
            raise self._lost(name, None)
        return np.frombuffer(b"".join(parts), dtype).reshape(-1, width).copy()

    def _lost(self, name: str, error: OSError | None) -> DataLossError | UnavailableError:
        if error is not None and not isinstance(error, FileNotFoundError):
            return _away(self.url, error)
        return DataLossError(
            f"The file {name} of the point cloud at {self.url} is missing or damaged: publish the cloud again.",
            reason="CLOUD_DAMAGED",
        )


def _write_names(names: pa.Array, rows: NDArray[np.uint32], folder: Path) -> None:
    """Write the names of rows in their order, so that each is read by two small ranges."""
    texts = pa.concat_arrays(names.chunks) if isinstance(names, pa.ChunkedArray) else names
    with (folder / "names.i64").open("wb") as starts, (folder / "names.utf8").open("wb") as letters:
        np.zeros(1, "<i8").tofile(starts)
        for first in range(0, len(rows), _NAMES):
            write_texts(texts.take(pa.array(rows[first : first + _NAMES])), starts, letters)


def write_texts(texts: pa.Array, starts: IO[bytes], letters: IO[bytes]) -> None:
    """Write texts behind others, one behind the other, and where each ends."""
    texts = texts.cast(pa.large_string()).fill_null("")
    ends = np.frombuffer(texts.buffers()[1], "<i8")[texts.offset : texts.offset + len(texts) + 1]
    (ends[1:] - ends[0] + letters.tell()).astype("<i8").tofile(starts)
    letters.write(memoryview(texts.buffers()[2] or b"")[ends[0] : ends[-1]])


def _places(path: Path) -> dict[str, list[Any]]:
    """Where the values of each column of a table of numbers begin in its file, and their type."""
    source = pa.memory_map(str(path))
    base = source.read_buffer(source.size()).address
    source.seek(0)
    table = pa.ipc.open_file(source).read_all()
    places = {}
    for name in table.column_names:
        (chunk,) = table[name].chunks or [None]
        places[name] = [0 if chunk is None else chunk.buffers()[1].address - base, str(table.schema.field(name).type)]
    return places


def _store(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    try:
        store, root = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise FailedPreconditionError(
            f"{url} cannot be opened ({error}): install latent-space-explorer[s3] for s3://, or name a folder.",
            reason="PACKAGE_MISSING",
        ) from error
    return store, root.rstrip("/")


def _put(folder: Path, url: str) -> None:
    """Bring the files to an address; while they are not all there, no cloud is there."""
    store, root = _store(url)
    before = _earlier(store, root, url)
    try:
        # Nothing of an earlier cloud stays to be read, such as a category that is no longer to be public.
        for name in sorted(before, key=lambda name: name != HEADER):
            store.rm_file(f"{root}/{name}")
        store.makedirs(root, exist_ok=True)
        for file in sorted(folder.iterdir(), key=lambda file: file.name == HEADER):
            store.put_file(str(file), f"{root}/{file.name}")
    except OSError as error:
        raise _away(url, error) from error


def _earlier(store: fsspec.AbstractFileSystem, root: str, url: str) -> frozenset[str]:
    """Files of the cloud that was published at an address before."""
    try:
        there = {Path(path).name for path in store.ls(root, detail=False)} if store.exists(root) else set()
    except OSError as error:
        raise _away(url, error) from error
    if there and HEADER not in there:
        raise FailedPreconditionError(
            f"There are other files at {url}: name a folder that is empty or not there yet.",
            reason="FOLDER_IN_USE",
        )
    return PublishedCloud.open(url).files & there if there else frozenset()


def _away(url: str, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"{url} cannot be read or written ({error}): check the address.", reason="CLOUD_UNAVAILABLE"
    )
