"""HATS catalogues, as LSDB reads them: folders of Parquet files by place on the sky, with maps and samples beside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from lse.regular_files import open_regular_file, read_at_most

__all__ = ["without_hats_extras"]

Named = TypeVar("Named")

_PARTITION = re.compile(r"^(.*?)/(dataset/)?Norder=\d+/.*\.parquet$")
_PROPERTIES = ("hats.properties", "properties")
# Kinds of catalogue whose rows are in another one, too.
_DERIVED = re.compile(
    rb"^\s*(?:dataproduct_type|catalog_type)\s*=\s*(?:margin|index|association|map)\s*$", re.MULTILINE
)
_MOST_BYTES = 2**16


def without_hats_extras(found: Mapping[Path, Named]) -> dict[Path, Named]:
    """Files without those of HATS catalogues that hold none of its rows, or rows of another one's partitions again.

    Left out are maps (``point_map.fits``), samples (``data_thumbnail.parquet``) and what else lies beside the
    partitions, and whole catalogues of margins, indices and associations where they lie on this machine.
    """
    if not any("/Norder=" in str(path) for path in found):
        return dict(found)
    roots = {match[1] for path in found if (match := _PARTITION.match(str(path)))}
    derived = {root for root in roots if _is_derived(Path(root))}
    kept: dict[Path, Named] = {}
    for path, value in found.items():
        root = _root_of(path, roots)
        if root is None or (root not in derived and _PARTITION.match(str(path))):
            kept[path] = value
    return kept


def _root_of(path: Path, roots: Iterable[str]) -> str | None:
    """The innermost of some folders in which a file lies."""
    return next((str(parent) for parent in path.parents if str(parent) in roots), None)


def _is_derived(root: Path) -> bool:
    for name in _PROPERTIES:
        try:
            with open_regular_file(root / name) as file:
                return _DERIVED.search(read_at_most(file, _MOST_BYTES) or b"") is not None
        except OSError:
            continue
    return False
