"""Rows as a command line gives them: ``3``, ``0-9,15``, or a file with one a line."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from lse.errors import InvalidArgumentError, NotFoundError

__all__ = ["Rows", "RowsFrom", "parse_rows", "read_text"]

Rows = Annotated[str | None, typer.Option("--rows", metavar="0-9,15", help="Rows of the images, with ranges.")]
RowsFrom = Annotated[
    str | None, typer.Option("--rows-from", metavar="FILE", help="File with a row a line; - is the standard input.")
]


def parse_rows(rows: str | None, rows_from: str | None) -> list[int]:
    """Rows given on the command line or in a file.

    Raises
    ------
    InvalidArgumentError
        If neither or both are given, or something is not a row.
    NotFoundError
        If the file is not there.
    """
    if (rows is None) == (rows_from is None):
        raise InvalidArgumentError("Give the rows with either --rows or --rows-from.", reason="ROWS_INVALID")
    if rows is None:
        rows = ",".join(read_text(str(rows_from)).split())
    found: list[int] = []
    for part in filter(None, (part.strip() for part in rows.split(","))):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise InvalidArgumentError(
                f"'{part}' is not a row or a range of rows: write for instance 0-9,15.", reason="ROWS_INVALID"
            )
        found.extend(range(first, last + 1))
    if not found:
        raise InvalidArgumentError("No rows were given.", reason="ROWS_INVALID")
    return found


def read_text(path: str) -> str:
    """Text of a file, or of the standard input for ``-``; errors as of `parse_rows`."""
    if path == "-":
        return sys.stdin.read()
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"There is no file '{path}': correct the path.", reason="FILE_NOT_FOUND") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"The file '{path}' cannot be read ({error}).", reason="FILE_UNREADABLE") from error
