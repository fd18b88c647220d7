"""Zarr stores (folders called ``.zarr``): arrays of images, one row an image, as in HDF5."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lse.images.formats import ReadError
from lse.images.stacks.arrays import ArrayStack
from lse.images.stacks.stack import Stack, StackFacts
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD", "open_store"]


# Codecs that decode numbers and texts.  Others may run code (``pickle``), and are not asked.
_CODECS = frozenset(
    {
        *("bytes", "transpose", "crc32c", "sharding_indexed", "vlen-utf8"),
        *("blosc", "gzip", "zlib", "zstd", "lz4", "lzma", "bz2"),
        *("shuffle", "delta", "fixedscaleoffset", "bitround", "quantize", "astype"),
    }
)


def open_store(path: Path) -> Stack:
    """Open a folder with a Zarr array or a group of them, of format 2 or 3.

    Raises
    ------
    ReadError
        ``COMPRESSION_UNSUPPORTED``.
    """
    import zarr  # loaded with the stores that need it

    opened = zarr.open(store=str(path), mode="r")
    members = [("images", opened)] if isinstance(opened, zarr.Array) else opened.members(max_depth=None)
    arrays = {name: item for name, item in members if isinstance(item, zarr.Array)}
    for name, array in arrays.items():
        unknown = {codec.removeprefix("numcodecs.") for codec in _codecs(array.metadata.to_dict())} - _CODECS
        if unknown:
            text = ", ".join(sorted(unknown))
            message = (
                f"The array {name!r} of {path.name} is compressed by {text}, which is not read: store it otherwise."
            )
            raise ReadError(message, reason="COMPRESSION_UNSUPPORTED", name=name)
    return ArrayStack(arrays, "Zarr")


def _codecs(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Names of all codecs in the metadata of an array, those inside of others too."""
    for key in ("compressor", "filters", "codecs", "index_codecs"):
        found = metadata.get(key) or ()
        for codec in [found] if isinstance(found, Mapping) else found:
            yield str(codec.get("id") or codec.get("name"))
            yield from _codecs(codec.get("configuration") or {})


METHOD: Method[Callable[[Path], Stack], StackFacts] = Method(
    id="zarr",
    title="Zarr",
    summary="Zarr stores (folders called .zarr) with an array of images, one row an image.",
    parameters=Parameters,
    run=open_store,
    facts=StackFacts(suffixes=(".zarr",), folder=True),
    order=40,
)
