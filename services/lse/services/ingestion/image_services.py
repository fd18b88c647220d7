"""Images of a service of the Virtual Observatory: it is asked for each position of a catalogue (SIA2, SODA)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from urllib.parse import urlsplit

from lse.addresses import SIA2, address_path
from lse.errors import CancelledError, InvalidArgumentError, LseError
from lse.images.sources import Source, names_of
from lse.images.sources.observatory import ImageOffer, circle_radius_deg, offers_in, query_address, soda_address
from lse.platform.guarded.reading import Reading
from lse.platform.outages import is_outage
from lse.progress import ShouldStop
from lse.tables.catalogue import Catalogue
from lse.values import counted

__all__ = ["FoundImages", "found_images", "is_image_service"]

Place: TypeAlias = tuple[float, float]

_AT_ONCE = 8
_BATCH = 64
_MOST_ANSWER_BYTES = 64 * 2**20
_SHOWN = 3


@dataclass(frozen=True)
class FoundImages:
    """What a service has of the positions of a catalogue.

    Attributes
    ----------
    sources
        An image for each row that it has one of; files of their own, each once, where they are cut here.
    rows
        Row of the catalogue of each source; none where they are cut here.
    notes
        What was found, a sentence each.
    """

    sources: list[Source]
    rows: list[int]
    notes: list[str]


def is_image_service(source: str) -> bool:
    """Whether a source is the address of a service of SIA2."""
    return source.startswith(SIA2)


def found_images(
    reading: Reading,
    services: Sequence[str],
    catalogue: Catalogue | None,
    *,
    cut_here: bool,
    should_stop: ShouldStop = lambda: False,
) -> FoundImages:
    """Images that a service has of the positions of a catalogue, of each the one whose centre is nearest.

    Parameters
    ----------
    reading
        How addresses are read.
    services
        What a request names: one address of a service, behind ``sia2+``.
    catalogue
        Names and positions.
    cut_here
        Whether cutouts are made here, of whole images; else by the service where it has SODA.
    should_stop
        Asked now and then.

    Raises
    ------
    InvalidArgumentError
        ``SOURCE_UNSUPPORTED``, ``CATALOGUE_INVALID``, ``CATALOGUE_AMBIGUOUS`` or ``USABLE_IMAGES_MISSING``.
    """
    if len(services) > 1:
        message = "The address of an image service is a dataset's only source: make one dataset of each."
        raise InvalidArgumentError(message, reason="SOURCE_UNSUPPORTED")
    service = services[0].removeprefix(SIA2)
    radius = circle_radius_deg(service)
    if catalogue is None or not catalogue.key or not {"ra_deg", "dec_deg"} <= set(catalogue.table.column_names):
        raise InvalidArgumentError(
            f"The image service {service} needs a catalogue with a column of names and positions: give one "
            "(--catalogue), without a radius.",
            reason="CATALOGUE_INVALID",
        )
    names, ras, decs = (catalogue.table[key].to_pylist() for key in (catalogue.key, "ra_deg", "dec_deg"))
    wanted = [(row, place) for row, place in enumerate(zip(ras, decs, strict=True)) if None not in place]
    search = _Search(service, radius, cut_here)
    for begin in range(0, len(wanted), _BATCH):
        if should_stop():
            raise CancelledError("The work was cancelled on request.")
        search.go_on(reading, wanted[begin : begin + _BATCH])
    found = search.found
    reading.check(sorted(set(found.values())))
    if not found:
        why = f": {search.failed[0].message}" if search.failed else f" within {radius:g} degrees (RADIUS)."
        message = f"The image service {service} has no image of any of the {len(wanted)} positions{why}"
        raise InvalidArgumentError(message, reason="USABLE_IMAGES_MISSING")
    named = [str(name) for name in names]
    notes = search.notes(named)
    if cut_here:
        files = {address_path(address): _file_name(address) for address in dict.fromkeys(found.values())}
        called = zip(names_of(files), files.items(), strict=True)
        return FoundImages([Source(name, path, file, path) for name, (path, file) in called], [], notes)
    return FoundImages(_sources(found, named), list(found), notes)


@dataclass
class _Search:
    """Answers of a service, gathered.

    Attributes
    ----------
    service, radius_deg, cut_here
        What is asked.
    found
        Address of the image of each row of the catalogue that has one.
    several, cut
        Positions with several images, and those of which the service cuts one.
    failed
        Errors that were answered.
    """

    service: str
    radius_deg: float
    cut_here: bool
    found: dict[int, str] = field(default_factory=dict)
    several: int = 0
    cut: int = 0
    failed: list[LseError] = field(default_factory=list)

    def go_on(self, reading: Reading, wanted: Sequence[tuple[int, Place]]) -> None:
        """Ask for some more positions."""
        answers = _asked(reading, [(query_address(self.service, *place), place) for _, place in wanted])
        chosen: list[tuple[int, Place, ImageOffer]] = []
        for (row, place), offers in zip(wanted, answers, strict=True):
            if isinstance(offers, LseError):
                self.failed.append(offers)
            elif offers:
                self.several += len(offers) > 1
                chosen.append((row, place, offers[0]))
        for (row, place, _), offer in zip(chosen, _followed(reading, chosen), strict=True):
            if isinstance(offer, LseError):
                self.failed.append(offer)
            elif offer is not None and offer.soda[0] and not self.cut_here:
                self.found[row] = soda_address(offer, place, self.radius_deg)
                self.cut += 1
            elif offer is not None and offer.address:
                self.found[row] = offer.address

    def notes(self, names: Sequence[str]) -> list[str]:
        """What was found for the rows of these names, a sentence each."""
        notes = [f"{urlsplit(self.service).hostname} has an image of {len(self.found)} of {len(names)} positions."]
        if self.cut:
            notes.append(f"It cut {self.cut} of them to a radius of {self.radius_deg:g} degrees (SODA).")
        if self.several:
            notes.append(
                f"It has several images of {counted(self.several, 'position')}, of which the one whose "
                "centre is nearest was taken: parameters in the address, such as COLLECTION or BAND, choose others."
            )
        lacking = [name for row, name in enumerate(names) if row not in self.found]
        if lacking:
            shown = ", ".join(lacking[:_SHOWN]) + (", …" if len(lacking) > _SHOWN else "")
            notes.append(f"Positions without an image: {len(lacking)} ({shown}).")
        if self.failed:
            notes.append(
                f"To {len(self.failed)} of them the service answered with an error, the first: {self.failed[0].message}"
            )
        return notes


def _sources(found: Mapping[int, str], names: Sequence[str]) -> list[Source]:
    """An image for each row, under its name."""
    first: dict[str, int] = {}
    for row, address in found.items():
        if first.setdefault(address, row) != row:
            raise InvalidArgumentError(
                f"The positions {names[first[address]]!r} and {names[row]!r} lie in the same image of the service, "
                "which does not cut it: give a recipe with a cutout.",
                reason="CATALOGUE_AMBIGUOUS",
            )
    paths = {row: address_path(address) for row, address in found.items()}
    return [Source(names[row], path, names[row], path) for row, path in paths.items()]


def _followed(
    reading: Reading, chosen: Sequence[tuple[int, Place, ImageOffer]]
) -> Iterator[ImageOffer | LseError | None]:
    """The offers, in place of DataLink documents what these offer; None where one offers nothing."""
    linked = [(offer.address, place) for _, place, offer in chosen if offer.datalink and not offer.soda[0]]
    reading.check(sorted({address for address, _ in linked}))
    answers = iter(_asked(reading, linked))
    for _, _, offer in chosen:
        if not offer.datalink or offer.soda[0]:
            yield offer
            continue
        answer = next(answers)
        yield answer if isinstance(answer, LseError) else next(iter(answer), None)


def _asked(reading: Reading, queries: Sequence[tuple[str, Place]]) -> list[list[ImageOffer] | LseError]:
    """What the answers at some addresses offer, or the error of each; they are read in a child with limits."""
    if not queries:
        return []
    with tempfile.TemporaryDirectory(prefix="lse-asked-") as folder, ThreadPoolExecutor(_AT_ONCE) as pool:
        files = [Path(folder, f"{number}.xml") for number in range(len(queries))]
        errors = list(pool.map(partial(_fetched, reading), [address for address, _ in queries], files))
        there = [number for number, error in enumerate(errors) if error is None]
        items = [(files[number], queries[number][1]) for number in there]
        what = [f"The answer to {queries[number][0]}" for number in there]
        answers = iter(reading.map(offers_in, items, what=what))
        return [next(answers) if error is None else error for error in errors]


def _fetched(reading: Reading, address: str, file: Path) -> LseError | None:
    try:
        reading.remote.fetch(address, file, most_bytes=_MOST_ANSWER_BYTES)
    except LseError as error:
        if is_outage(error):
            raise
        return error
    return None


def _file_name(address: str) -> str:
    return PurePosixPath(urlsplit(address).path).name or "image"
