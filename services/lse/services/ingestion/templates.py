"""Images of a cutout service: one address for each row of a catalogue, made of its columns.

So do HiPS cutouts, SODA, and the cutout services of surveys give an image for each position.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from lse.addresses import address_path, is_address
from lse.errors import InvalidArgumentError
from lse.images.sources import Source
from lse.tables.catalogue import Catalogue
from lse.values import counted

__all__ = ["addressed_sources", "is_template"]

# {column} or {column:format}, as in Python, behind the host.
_PLACEHOLDER = re.compile(r"\{([^{}:]+)(?::([^{}]*))?\}")
_SHOWN = 3


def is_template(source: str) -> bool:
    """Whether a source is the address of a cutout service, with columns in braces."""
    return source.startswith("http") and is_address(source) and _PLACEHOLDER.search(source) is not None


def addressed_sources(sources: Sequence[str], catalogue: Catalogue | None) -> tuple[list[Source], list[int], list[str]]:
    """Sources of the rows of a catalogue, the row of each, and what is said of them.

    Parameters
    ----------
    sources
        What a request names: one address such as ``https://HOST/cutout?ra={ra_deg:.6f}&dec={dec_deg:.6f}``.
    catalogue
        Its rows; a row without a value that the address needs is left out.

    Raises
    ------
    InvalidArgumentError
        ``SOURCE_UNSUPPORTED``, ``CATALOGUE_INVALID`` or ``COLUMN_UNKNOWN``.
    """
    template = sources[0]
    if len(sources) > 1:
        message = "The address of a cutout service is a dataset's only source: make one dataset of each."
        raise InvalidArgumentError(message, reason="SOURCE_UNSUPPORTED")
    host = template.split("/", 3)[2]
    if _PLACEHOLDER.search(host):
        message = f"The host of {template} cannot come from a catalogue: write it out."
        raise InvalidArgumentError(message, reason="SOURCE_UNSUPPORTED")
    if catalogue is None or not catalogue.key:
        raise InvalidArgumentError(
            f"The address {template} needs a catalogue with a column of names and those that it names in braces: give "
            "one (--catalogue), without a radius.",
            reason="CATALOGUE_INVALID",
        )
    table = catalogue.table
    named = {match[1] for match in _PLACEHOLDER.finditer(template)}
    if unknown := sorted(named - set(table.column_names)):
        raise InvalidArgumentError(
            f"The catalogue has no column {unknown[0]!r}, which the address {template} names: it has "
            f"{', '.join(table.column_names)}.",
            reason="COLUMN_UNKNOWN",
            column=unknown[0],
        )
    found: dict[Path, Source] = {}
    rows: list[int] = []
    lacking: list[str] = []
    for row, values in enumerate(table.select([*named, catalogue.key]).to_pylist()):
        name = str(values[catalogue.key])
        if any(values[column] is None for column in named):
            lacking.append(name)
            continue
        path = address_path(_PLACEHOLDER.sub(lambda match: _written(values[match[1]], match[2] or ""), template))  # noqa: B023  # called at once
        if path in found:
            raise InvalidArgumentError(
                f"The rows {found[path].name!r} and {name!r} of the catalogue give the same address: add a "
                "column to it that distinguishes them.",
                reason="CATALOGUE_AMBIGUOUS",
            )
        found[path] = Source(name=name, path=path, relative=name, root=path)
        rows.append(row)
    notes = [f"{counted(len(found), 'image was', 'images were')} asked of {host}, one for each row of the catalogue."]
    if lacking:
        shown = ", ".join(lacking[:_SHOWN]) + (", …" if len(lacking) > _SHOWN else "")
        notes.append(f"Rows of the catalogue without a value that the address needs: {len(lacking)} ({shown}).")
    return list(found.values()), rows, notes


def _written(value: object, form: str) -> str:
    try:
        return quote(format(value, form), safe="")
    except (ValueError, TypeError) as error:
        message = f"The value {value!r} of the catalogue cannot be written as '{form}' ({error}): correct the address."
        raise InvalidArgumentError(message, reason="SOURCE_UNSUPPORTED") from error
