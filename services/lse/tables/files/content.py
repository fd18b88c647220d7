"""The door of the tables: what the bytes of a file are, and its reader."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
from collections.abc import Callable
from typing import IO, Any, cast

from lse.regular_files import read_at_most
from lse.tables.files.delimited import decoded, read_delimited
from lse.tables.files.file_table import FileTable, TableError
from lse.tables.files.typed import read_astropy, read_hdf5, read_parquet

__all__ = ["read_table"]

_COMPRESSIONS: dict[bytes, Callable[[io.BytesIO], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_MOST_BYTES = 4 * 2**30


def read_table(content: bytes) -> FileTable:
    """Read a table of any known format, alone or inside gzip, bzip2 or xz; the content decides which.

    Known are Parquet, FITS, HDF5, VOTable, ECSV, IPAC and machine-readable (CDS) tables, and tables of text.

    Raises
    ------
    TableError
        If the file is not such a table; nothing else is raised, and nothing of the file is quoted.
    """
    form = "a table of text"
    try:
        content = _decompressed(content)
        form, read = _reader(content)
        return read(content)
    except TableError as error:
        raise TableError(f"cannot be read as {form}: {error}") from error
    except MemoryError:
        raise TableError("needs more memory than there is") from None
    except Exception as error:  # libraries meet bytes of any kind, and what they say may quote them
        raise TableError(f"cannot be read as {form} ({type(error).__name__})") from error


def _decompressed(content: bytes) -> bytes:
    for start, opener in _COMPRESSIONS.items():
        if content.startswith(start):
            with cast("IO[bytes]", opener(io.BytesIO(content))) as stream:
                found = read_at_most(stream, _MOST_BYTES)
            if found is None:
                raise TableError(f"it decompresses to more than {_MOST_BYTES:,} bytes")
            return found
    return content


def _reader(content: bytes) -> tuple[str, Callable[[bytes], FileTable]]:
    """Name of the format and its reader."""
    head = content[:4096]
    for pattern, form, reader in _BINARY:
        if re.search(pattern, head):
            return form, reader
    for pattern, what in _OTHERS:
        if re.match(pattern, head, re.IGNORECASE):
            raise TableError(f"it is {what}; save the table as CSV, VOTable, FITS or Parquet")
    text, _ = decoded(head)
    for words, form, reader in _TEXTS:
        if re.match(words, text.lstrip(), re.DOTALL):
            return form, reader
    return "CSV or another table of text", read_delimited


def _read_ecsv(content: bytes) -> FileTable:
    """ECSV, or the table of text that it is where its header does not fit its columns."""
    try:
        return read_astropy(content, "ascii.ecsv")
    except (ValueError, KeyError, TypeError):
        found = read_delimited(content)
        note = "The header of the catalogue does not fit its columns: it was read as text, without its types and units."
        return FileTable(found.table, found.form, typed=False, notes=(note, *found.notes))


_BINARY: tuple[tuple[bytes, str, Callable[[bytes], FileTable]], ...] = (
    (rb"\APAR1", "Parquet", read_parquet),
    (rb"\ASIMPLE  =", "FITS", lambda content: read_astropy(content, "fits")),
    (rb"\A\x89HDF", "HDF5", read_hdf5),
    (rb"<(\w+:)?VOTABLE\b", "VOTable", lambda content: read_astropy(content, "votable")),
)
_OTHERS = (
    (rb"PK\x03\x04", "a spreadsheet or another ZIP archive"),
    (rb"\xd0\xcf\x11\xe0", "a spreadsheet of an old kind"),
    (rb"%PDF", "a PDF"),
    (rb"\s*<(!doctype\s+)?html", "a web page"),
    (rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\[{\"])", "JSON"),
)
_TEXTS: tuple[tuple[str, str, Callable[[bytes], FileTable]], ...] = (
    (r"#\s*%ECSV", "ECSV", _read_ecsv),
    (r"\\|\|[^\n]*\|\s*\n", "IPAC table", lambda content: read_astropy(content, "ascii.ipac")),
    (r".*Byte-by-byte Description of file", "machine-readable table", lambda data: read_astropy(data, "ascii.mrt")),
)
