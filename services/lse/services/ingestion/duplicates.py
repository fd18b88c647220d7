"""Images with the same pixels: one image when they are added to a dataset, and a note when a dataset is made."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lse.platform.artifacts import Artifacts
from lse.platform.catalogue.records.dataset import DatasetResult
from lse.platform.catalogue.records.record import Facts
from lse.platform.prepared_images import image_blocks, prepared_images
from lse.services.ingestion.assembly import ROWS_PER_CHUNK
from lse.services.ingestion.parts import part_uri, pixel_digest
from lse.values import counted

__all__ = ["Compared", "compare_parts", "equal_images"]

_LIMITS = re.compile(r"(low|high)\.(\d+)")
_DIGEST = "S16"


class Compared(Facts):
    """What is left of the parts of an ingest.

    Attributes
    ----------
    prepared
        Number of the prepared images of each part.
    notes
        Sentences on those that have the same pixels.
    digests_uri
        Table of the digests of the images by row.
    """

    prepared: tuple[int, ...]
    notes: tuple[str, ...]
    digests_uri: str = ""


def compare_parts(artifacts: Artifacts, folder: str, parts: int, earlier: DatasetResult | None) -> Compared:
    """Find images of an ingest that have the same pixels as another one, and keep a digest of each image.

    Of those that are added to a dataset, all but the first become rejected inputs; done twice it is the same.
    """
    before = _digests(artifacts, earlier) if earlier is not None else np.empty(0, _DIGEST)
    heads = [_read_digests(artifacts, part_uri(folder, index)) for index in range(parts)]
    ends = np.cumsum([len(before), *map(len, heads)])
    digests = np.concatenate([before, *heads])
    _, firsts, which = np.unique(digests, return_index=True, return_inverse=True)
    originals = firsts[which]
    repeated = (originals != np.arange(len(digests))) & (digests != b"")
    repeated[: len(before)] = False
    images = digests != b""
    notes: tuple[str, ...] = ()
    if repeated.any():
        names = _names(artifacts, folder, parts, earlier)
        notes = _notes(names, np.flatnonzero(repeated), originals, added=earlier is not None)
        if earlier is not None:
            images &= ~repeated
            for index, (first, end) in enumerate(itertools.pairwise(ends)):
                if repeated[first:end].any():
                    same = zip(originals[first:end], repeated[first:end], strict=True)
                    others = [names[int(one)].as_py() if is_same else None for one, is_same in same]
                    _reject(artifacts, part_uri(folder, index), others, reason="IMAGE_DUPLICATE")
    prepared = tuple(int(images[first:end].sum()) for first, end in itertools.pairwise(ends))
    uri = f"{folder}/digests.parquet"
    artifacts.write_table(uri, pa.table({"digest": pa.array(digests[images].tolist(), pa.binary())}))
    return Compared(prepared=prepared, notes=notes, digests_uri=uri)


def equal_images(artifacts: Artifacts, dataset: DatasetResult) -> pa.Table:
    """Images of a dataset with the same pixels as another one: ``group``, the largest first, ``row`` and ``name``."""
    digests = _digests(artifacts, dataset)
    _, which, counts = np.unique(digests, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(counts[which] > 1)
    firsts = {kind: row for row, kind in reversed(list(zip(rows.tolist(), which[rows].tolist(), strict=True)))}
    order = {kind: group for group, kind in enumerate(sorted(firsts, key=lambda kind: (-counts[kind], firsts[kind])))}
    groups = np.array([order[kind] for kind in which[rows].tolist()], np.int64)
    names = prepared_images(artifacts, dataset.table_uri, ["name"], rows)["name"]
    table = pa.table({"group": groups, "row": rows.astype(np.int64), "name": names.cast(pa.string())})
    return table.sort_by([("group", "ascending"), ("row", "ascending")])


def _read_digests(artifacts: Artifacts, uri: str) -> NDArray[np.bytes_]:
    """Digests of a table; empty where there is none."""
    found = artifacts.read_table(uri, ["digest"])["digest"].to_pylist()
    return np.array([digest or b"" for digest in found], _DIGEST)


def _digests(artifacts: Artifacts, dataset: DatasetResult) -> NDArray[np.bytes_]:
    """Digest of each image of a dataset, by row; computed of one that was made before they were kept."""
    if dataset.digests_uri:
        return _read_digests(artifacts, dataset.digests_uri)
    found: list[bytes] = []
    images = artifacts.open_array(dataset.images_uri)
    limits = sorted(
        (name for name in artifacts.table_schema(dataset.table_uri).names if _LIMITS.fullmatch(name)),
        key=lambda name: (not name.startswith("low"), int(name.rpartition(".")[2])),
    )
    for block in image_blocks(artifacts, dataset.table_uri, ["row", *limits]):
        for first in range(0, block.num_rows, ROWS_PER_CHUNK):
            lines = block.slice(first, ROWS_PER_CHUNK).to_pylist()
            tensors = np.asarray(images[len(found) : len(found) + len(lines)])
            for tensor, line in zip(tensors, lines, strict=True):
                found.append(pixel_digest(tensor, [line[name] for name in limits if line[name] is not None]))
    return np.array(found, _DIGEST)


def _names(artifacts: Artifacts, folder: str, parts: int, earlier: DatasetResult | None) -> pa.ChunkedArray:
    """Names of the images of a dataset, and of all inputs of the parts after them."""
    columns = [] if earlier is None else [prepared_images(artifacts, earlier.table_uri, ["name"])["name"]]
    columns += [artifacts.read_table(part_uri(folder, index), ["name"])["name"] for index in range(parts)]
    return pa.chunked_array([chunk.cast(pa.string()) for column in columns for chunk in column.chunks], pa.string())


def _reject(artifacts: Artifacts, uri: str, others: Sequence[str | None], *, reason: str) -> None:
    part = artifacts.read_table(uri)
    same = pa.array([other is not None for other in others])
    messages = [
        other and f"It has the same pixels as '{other}', which the dataset has: it is one image." for other in others
    ]
    changed = {
        "status": pc.if_else(same, "rejected", part["status"]),
        "reason": pc.if_else(same, reason, part["reason"]),
        "message": pc.coalesce(pa.array(messages, pa.string()), part["message"]),
        **{
            key: pc.if_else(same, pa.scalar(None, part[key].type), part[key])
            for key in ("digest", "thumbnail", "tensor")
        },
    }
    for key, values in changed.items():
        number = part.column_names.index(key)
        part = part.set_column(number, part.schema.field(number), values)
    artifacts.write_table(uri, part)


def _notes(
    names: pa.ChunkedArray, repeated: NDArray[np.intp], originals: NDArray[np.intp], *, added: bool
) -> tuple[str, ...]:
    count, first = len(repeated), int(repeated[0])
    example = f"such as '{names[first]}' and '{names[int(originals[first])]}'"
    if added:
        inputs = counted(count, "input was", "inputs were")
        return (f"{inputs} not added for having the same pixels as an image of the dataset, {example}.",)
    images = counted(count, "image has", "images have")
    return (f"{images} the same pixels as another one, {example}.",)
