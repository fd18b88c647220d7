"""ASDF files: the image among the arrays of the tree, with what the tree says of it and its generalised WCS (gwcs)."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lse.images.formats.fits_hdus import chosen_hdus, is_companion_name, planes_of
from lse.images.formats.library_warnings import collected_notes
from lse.images.formats.masks import bad_pixels, check_mask_shape
from lse.images.formats.source_image import (
    Extensions,
    MetadataValue,
    ReaderFacts,
    ReadError,
    ReadLimits,
    SourceImage,
    channel_names,
    narrowed,
)
from lse.images.gwcs_sky import GwcsSky
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD", "image_stack", "read_asdf"]

_ARRAY_TAG, _QUANTITY_TAG = "core/ndarray-", "unit/quantity-"
# What the image is called where a tree has several arrays.
_USUAL = ("data", "sci", "image", "images")
_MOST_NODES = 200_000
_MOST_FACTS = 2000
# What says how the file was written, and not what it shows.
_ABOUT_FILE = {"asdf_library", "history"}
_MOST_BEYOND = 16  # reads at the end of a file: the library looks there for further blocks


@dataclass(frozen=True)
class _Array:
    """An array of two dimensions or more in the tree of a file.

    Attributes
    ----------
    index
        Its number in the tree.
    path
        Keys that lead to it.
    name
        The last of them; all, with dots, where several arrays have that one.
    shape
        Lengths of its axes.
    datatype
        Type of its values, as ASDF writes it.
    unit
        Unit of a quantity; else empty.
    """

    index: int
    path: tuple[str, ...]
    name: str
    shape: tuple[int, ...]
    datatype: str
    unit: str

    version = 1

    @property
    def called(self) -> tuple[str, ...]:
        """What it may be asked for by, in capitals."""
        return self.name.upper(), ".".join(self.path).upper()

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name

    @property
    def is_companion(self) -> bool:
        """Whether it belongs to another image: its errors, weights, mask or the like."""
        return is_companion_name(self.path[-1])


@dataclass(frozen=True)
class _Tree:
    """What a tree holds, before any array is read: `arrays`, plain values by path (`facts`), and where a WCS is."""

    arrays: list[_Array]
    facts: dict[tuple[str, ...], Any]
    wcs: list[tuple[str, ...]]


class _Ending(io.BytesIO):
    """Content that says when it is read beyond its end: of a block that claims to be huge the library reads on."""

    beyond = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As of `io.BytesIO`; the end itself may be met a few times."""
        found = super().read(size)
        self.beyond = 0 if found or not size else self.beyond + 1
        if self.beyond > _MOST_BEYOND:
            msg = "it ends within a block"
            raise EOFError(msg)
        return found


def read_asdf(content: bytes, name: str, limits: ReadLimits, extensions: Extensions | None = None) -> SourceImage:
    """Read the array that is asked for by name or path, else the one called ``data``, else the first of no other image.

    As in FITS files, the first row is the bottom one.  Arrays in other files are refused.

    Raises
    ------
    ReadError
        ``HEADER_DAMAGED``, ``IMAGE_HDU_MISSING``, ``EXTENSION_MISSING``, ``EXTENSION_MISMATCH``,
        ``DIMENSIONS_UNSUPPORTED``, ``VALUES_UNSUPPORTED``, ``FILE_OUTSIDE_NOT_ALLOWED``, ``IMAGE_TOO_LARGE``, or what
        decoding raises.
    """
    extensions = extensions or Extensions()
    with collected_notes() as notes:
        tree = _tree_of(io.BytesIO(content), name)
        images = _image_arrays(tree.arrays, name)
        chosen, mask = chosen_hdus(images, extensions, name)
        shapes = [planes_of(image, name) for image in chosen]
        if len({shape[1:] for shape in shapes}) > 1:
            text = ", ".join(f"{i.label} {s[2]} x {s[1]}" for i, s in zip(chosen, shapes, strict=True))
            message = f"{name} has bands of different sizes ({text}): bring them onto one grid first."
            raise ReadError(message, reason="EXTENSION_MISMATCH", name=name, shapes=text)
        limits.check_pixels(sum(map(math.prod, shapes)), name)
        with _opened_tree(_Ending(content)) as opened:
            bands = [_pixels(opened, image, shape, name) for image, shape in zip(chosen, shapes, strict=True)]
            pixels = bands[0] if len(bands) == 1 else np.concatenate(bands)
            metadata = _layout(chosen, pixels, [image for image in images if image not in chosen and image is not mask])
            if mask is not None:
                planes = planes_of(mask, name)
                limits.check_pixels(math.prod(planes), name)
                check_mask_shape(planes, pixels, mask.label, name)
                bad = bad_pixels(_pixels(opened, mask, planes, name), extensions)
                pixels[np.broadcast_to(bad, pixels.shape)] = np.nan
                metadata |= {"mask": mask.label, "masked_fraction": float(bad.mean())}
            sky, more = _sky(opened, tree, chosen[0], pixels.shape[1:])
    if sky is not None:
        more |= sky.at((pixels.shape[2] + 1) / 2, (pixels.shape[1] + 1) / 2)
        sky = sky if "ra_deg" in more else None
    metadata |= more | _facts(tree, chosen[0])
    if notes:
        metadata["reader_notes"] = "; ".join(notes)
    channels = tuple(image.label for image in chosen) if len(chosen) == len(pixels) > 1 else channel_names(len(pixels))
    units = {"pixels": chosen[0].unit} if chosen[0].unit else {}
    return SourceImage(pixels=pixels, channels=channels, metadata=metadata, units=units, sky=sky)


@contextmanager
def _opened_tree(file: IO[bytes]) -> Iterator[Any]:
    """Open a file; parts of its tree are read as they are asked for, and tags that nobody knows are plain mappings."""
    opened = _open(file)
    try:
        yield opened
    finally:
        opened.close()


def _open(file: IO[bytes]) -> Any:
    import asdf  # loaded with the files that need it

    with asdf.config_context() as config:
        config.validate_on_read = False  # schemas of others say nothing about the pixels
        return asdf.open(file, lazy_tree=True, memmap=False, ignore_unrecognized_tag=True)


def _node(opened: Any, path: Sequence[str]) -> Any:
    node = opened
    for key in path:
        node = node[key]
    return node


def image_stack(file: IO[bytes]) -> tuple[dict[str, Any], Any]:
    """Arrays by their paths, none of a file of one image, and the file, which must stay open while values are read."""
    whole = getattr(file, "raw", file)  # which asdf reads, and whose place is another one than that of its buffer
    whole.seek(0)
    arrays = _tree_of(whole, "The file").arrays
    if len(_image_arrays(arrays, "The file")[0].shape) == 2:
        return {}, None
    whole.seek(0)
    opened = _open(whole)
    return {".".join(array.path): _node(opened, array.path) for array in arrays if not array.unit}, opened


def _image_arrays(arrays: Sequence[_Array], name: str) -> list[_Array]:
    """Arrays that may be an image, those first that are called so.

    Raises
    ------
    ReadError
        ``IMAGE_HDU_MISSING``.
    """
    found = [array for array in arrays if len(array.shape) >= 2 and min(array.shape[-2:]) >= 2]
    if not found:
        message = f"{name} is an ASDF file without an image: it holds no array of numbers of two dimensions."
        raise ReadError(message, reason="IMAGE_HDU_MISSING", name=name)
    words = {word: rank for rank, word in enumerate(_USUAL)}
    return sorted(found, key=lambda array: words.get(array.path[-1].lower(), len(words)))


def _tree_of(file: IO[bytes], name: str) -> _Tree:
    """What the tree of a file holds, none of which is interpreted yet."""
    from asdf.util import load_yaml
    from yaml import YAMLError

    try:
        root = load_yaml(file, tagged=True)
    except (YAMLError, ValueError, OSError, RecursionError) as error:
        message = f"{name} starts like an ASDF file but its tree is broken: get the file again."
        raise ReadError(message, reason="HEADER_DAMAGED", name=name, detail=type(error).__name__) from error
    found = _Tree([], {}, [])
    left: list[tuple[tuple[str, ...], Any]] = [((), root)] if isinstance(root, Mapping) else []
    nodes = 0
    while left:
        path, node = left.pop()
        nodes += 1
        if nodes > _MOST_NODES:  # also one that holds itself
            message = f"{name} has more than {_MOST_NODES:,} entries in its tree: it is no image."
            raise ReadError(message, reason="HEADER_DAMAGED", name=name)
        left += reversed(_entries(node, path, found, name))
    last = [array.path[-1] for array in found.arrays]
    for number, array in enumerate(found.arrays):
        own = array.path[-1] if last.count(array.path[-1]) == 1 else ".".join(array.path)
        found.arrays[number] = _Array(number, array.path, own, array.shape, array.datatype, array.unit)
    return found


def _entries(node: Any, path: tuple[str, ...], found: _Tree, name: str) -> list[tuple[tuple[str, ...], Any]]:
    """Note what a node is; its entries, where these are to be looked at."""
    tag = str(getattr(node, "_tag", ""))
    if isinstance(node, Mapping) and ("$ref" in node or (isinstance(node.get("source"), str) and "shape" in node)):
        message = f"{name} points at other files, which are not read: store its arrays within it."
        raise ReadError(message, reason="FILE_OUTSIDE_NOT_ALLOWED", name=name)
    if _ARRAY_TAG in tag or _QUANTITY_TAG in tag:
        value = node["value"] if _QUANTITY_TAG in tag and isinstance(node, Mapping) else node
        unit = str(node.get("unit", "")) if _QUANTITY_TAG in tag and isinstance(node, Mapping) else ""
        if isinstance(value, Mapping) and isinstance(value.get("source"), str):
            return [(path, value)]  # which is refused
        shape, datatype = _shape(value)
        if shape and isinstance(datatype, str):
            found.arrays.append(_Array(0, path, "", shape, datatype, unit))
        elif not shape and isinstance(value, int | float):
            found.facts[path] = value
        return []
    if path and (path[-1] == "wcs" or "gwcs/wcs-" in tag):
        found.wcs.append(path)
        return []
    if isinstance(node, Mapping):
        return [((*path, str(key)), value) for key, value in node.items() if path or key not in _ABOUT_FILE]
    if isinstance(node, str | int | float | datetime | date) and len(found.facts) < _MOST_FACTS:
        found.facts[path] = node
    return []


def _shape(node: Any) -> tuple[tuple[int, ...], Any]:
    """Shape and type of an array, of which nothing is read; an empty shape where it is none of numbers."""
    if isinstance(node, Mapping) and "shape" in node and "source" in node:
        shape = node["shape"]
        whole = isinstance(shape, Sequence) and all(type(length) is int and length > 0 for length in shape)
        return (tuple(shape) if whole else ()), node.get("datatype")
    values = node.get("data") if isinstance(node, Mapping) else node
    try:
        array = np.array(values)
    except ValueError:
        return (), None
    return (array.shape, str(array.dtype)) if array.dtype.kind in "buif" else ((), None)


def _pixels(opened: Any, array: _Array, shape: tuple[int, ...], name: str) -> NDArray[Any]:
    """Values (C, H, W) of an array, the top row first."""
    node = _node(opened, array.path)
    values = node.value if hasattr(node, "unit") else node[...]  # an array, or a masked one
    if values.dtype.kind not in "buif":
        message = f"{name} holds {values.dtype} values, which are not read: save it as an array of real numbers."
        raise ReadError(message, reason="VALUES_UNSUPPORTED", name=name, dtype=values.dtype)
    if values.shape != array.shape:
        message = f"{name} has an array of another shape than it says: get the file again."
        raise ReadError(message, reason="IMAGE_DAMAGED", name=name)
    pixels = narrowed(np.ma.getdata(values)[..., ::-1, :]).reshape(shape)
    missing = np.ma.getmaskarray(values)
    if missing.any():
        pixels[missing[..., ::-1, :].reshape(shape)] = np.nan
    return pixels


def _layout(chosen: list[_Array], pixels: NDArray[Any], left: list[_Array]) -> dict[str, MetadataValue]:
    dtype = np.dtype(chosen[0].datatype if chosen[0].datatype != "bool8" else "bool")
    facts: dict[str, MetadataValue] = {
        "format": "ASDF",
        "width": pixels.shape[2],
        "height": pixels.shape[1],
        "bit_depth": 8 * dtype.itemsize,
        "floating": dtype.kind == "f",
        "array": ".".join(chosen[0].path),
    }
    if len(chosen) > 1:
        facts["bands"] = ", ".join(image.label for image in chosen)
    if left:
        facts["not_read"] = ", ".join(image.label for image in left)
    return facts


def _facts(tree: _Tree, chosen: _Array) -> dict[str, MetadataValue]:
    """Plain values of the tree as cards of a header, by their paths below what holds the image."""
    below = chosen.path[:-1]
    facts: dict[str, MetadataValue] = {}
    for path, value in tree.facts.items():
        own = path[len(below) :] if path[: len(below)] == below else path
        key = f"header.{'.'.join(own).lower()}"
        if isinstance(value, float) and not math.isfinite(value):
            continue
        facts.setdefault(key, value.isoformat() if isinstance(value, date) else _plain(value))
    return facts


def _plain(value: str | float) -> MetadataValue:
    """A value without the tag that the tree gave it."""
    return str(value) if isinstance(value, str) else value


def _sky(
    opened: Any, tree: _Tree, chosen: _Array, shape: tuple[int, ...]
) -> tuple[GwcsSky | None, dict[str, MetadataValue]]:
    """World coordinates of an image, or a word on why those that its tree has cannot be used."""
    nearest = sorted(tree.wcs, key=lambda path: -_shared(path, chosen.path))
    if not nearest:
        return None, {}
    try:
        return GwcsSky.of(_node(opened, nearest[0]), shape[0], shape[1]), {}
    except Exception as error:  # noqa: BLE001  # transforms of any kind; the pixels are right without it
        return None, {"sky_note": f"The WCS of the file was not understood ({type(error).__name__}): no position."}


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many keys two paths begin alike with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="asdf",
    title="ASDF",
    summary="ASDF files, such as those of the Roman telescope, with their tree and position on the sky.",
    parameters=Parameters,
    run=read_asdf,
    facts=ReaderFacts(signature=rb"#ASDF ", suffixes=(".asdf",), extensions=True),
    order=15,
)
