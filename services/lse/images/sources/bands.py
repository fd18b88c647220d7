"""Objects whose bands are files of their own, such as ``obj0_g.fits`` and ``obj0_r.fits``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lse.images.sources.files import Source

__all__ = ["grouped", "likely_pattern"]

# By wavelength; other names follow in the order of the alphabet.
_ORDER = ("FUV", "NUV", "u", "g", "r", "i", "z", "y", "Y", "J", "H", "K", "Ks", "W1", "W2", "W3", "W4")
_COMPRESSED = r"(?:\.(?:gz|bz2|xz|fz))?"
_MOST_TRIED = 4096
_USUAL = re.compile(
    r"(?P<object>.+)[-_.](?P<band>FUV|NUV|[ugrizyYJHK]|Ks|W[1-4]|[A-Z]?F\d{3,4}[WMNL]P?)(?P<end>\.\w+(?:\.\w+)?)"
)


def grouped(sources: Sequence[Source], pattern: str, bands: Sequence[str] = ()) -> tuple[list[Source], tuple[str, ...]]:
    """Sources in which the files of an object's bands are one; files that the pattern does not fit remain as they are.

    Parameters
    ----------
    sources
        The files.
    pattern
        End of a path with ``{object}`` and ``{band}``, such as ``{object}_{band}.fits`` or ``{object}/{band}.fits``;
        ``*`` is any text without ``/``.
    bands
        The bands in the wanted order; all that are found, by wavelength, when not given.

    Returns
    -------
    list of Source
        Those of an object have a path for each band, or None for one that is missing.
    tuple of str
        The bands.

    Examples
    --------
    >>> from pathlib import Path
    >>> files = [Source("", Path("/x", name), name) for name in ("a_r.fits", "a_g.fits", "b_g.fits")]
    >>> found, bands = grouped(files, "{object}_{band}.fits")
    >>> [source.name for source in found], bands, found[1].bands
    (['a', 'b'], ('g', 'r'), (PosixPath('/x/b_g.fits'), None))
    """
    expression = _expression(pattern, bands)
    files: dict[str, dict[str, Source]] = {}
    alone: list[Source] = []
    for source in sources:
        match = expression.fullmatch(source.relative)
        if match is None or match["band"] in files.setdefault(match["folder"] + match["object"], {}):
            alone.append(source)
        else:
            files[match["folder"] + match["object"]][match["band"]] = source
    order = tuple(bands) or tuple(sorted({band for own in files.values() for band in own}, key=_place))
    objects = [
        replace(
            next(own[band] for band in order if band in own),
            name=name,
            relative=name,
            bands=tuple(own[band].path if band in own else None for band in order),
        )
        for name, own in files.items()
        if own
    ]
    taken = {source.name for source in objects}
    return [*objects, *(source for source in alone if source.name not in taken)], order


def likely_pattern(sources: Sequence[Source]) -> str | None:
    """Pattern of files that look like bands of objects: two bands and more of every object; None of others.

    The first few thousand files are looked at.
    """
    objects: dict[str, set[str]] = {}
    first: re.Match[str] | None = None
    for source in sources[:_MOST_TRIED]:
        folder, _, name = source.relative.rpartition("/")
        match = _USUAL.fullmatch(name)
        if match is None:
            return None
        first = first or match
        objects.setdefault(f"{folder}/{match['object']}", set()).add(match["band"])
    if len(sources) > _MOST_TRIED:
        objects.popitem()  # whose other bands may follow
    if first is None or not objects or len(next(iter(objects.values()))) < 2:
        return None
    if len(set(map(frozenset, objects.values()))) > 1:
        return None
    return "{object}" + first.string[first.end("object")] + "{band}" + first["end"]


def _expression(pattern: str, bands: Sequence[str]) -> re.Pattern[str]:
    band = "|".join(map(re.escape, sorted(bands, key=len, reverse=True))) if bands else r"[^/_.\-]+"
    text = re.escape(pattern).replace(r"\{object\}", "(?P<object>[^/]+)").replace(r"\{band\}", f"(?P<band>{band})")
    return re.compile(r"(?P<folder>(?:[^/]+/)*)" + text.replace(r"\*", "[^/]*") + _COMPRESSED)


def _place(band: str) -> tuple[int, str]:
    return (_ORDER.index(band) if band in _ORDER else len(_ORDER), band)
