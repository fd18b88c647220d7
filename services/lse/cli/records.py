"""How results are printed: JSON for programs, tables for people."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from lse.values import MISSING, value_text

__all__ = ["as_data", "as_text", "print_json", "print_record", "print_rich", "print_table"]

_PIPE_WIDTH = 200  # rich would fold everything at 80 where the output is not a terminal


def as_data(value: object) -> Any:  # noqa: PLR0911  # one for each kind of value
    """Value of JSON types only.

    Resources become objects with their short ``id`` beside the ``name``; operations tell where they stand; times are
    ISO 8601; bytes are base64; a number that JSON does not know is null.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: as_data(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if hasattr(value, "bitmap"):
            from lse.rows import rows_of_bitmap

            fields.pop("bitmap")
            fields["rows"] = None if value.bitmap is None else rows_of_bitmap(value.bitmap).tolist()
        return {"id": value.id, **fields} if hasattr(value, "name") and hasattr(value, "id") else fields
    if hasattr(value, "last_progress"):
        return _operation_data(value)
    if isinstance(value, Mapping):
        return {str(key): as_data(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, Iterable):
        return [as_data(item) for item in value]
    return str(value)


def _operation_data(operation: Any) -> dict[str, Any]:
    error = operation.error
    return {
        **{key: as_data(getattr(operation, key)) for key in ("id", "name", "kind", "target", "state", "done")},
        "progress": as_data(operation.last_progress),
        "stages": [{"stage": stage, "seconds": seconds} for stage, seconds in operation.stages],
        **{key: as_data(getattr(operation, key)) for key in ("attempts", "create_time", "start_time", "end_time")},
        "error": None if error is None else {key: getattr(error, key) for key in ("code", "reason", "message")},
    }


def print_json(data: Any) -> None:
    """Print JSON types as one indented document."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_rich(renderable: Any, *, width: int = _PIPE_WIDTH) -> None:
    """Print something of rich: as wide as the terminal, or so wide and without padding where there is none."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console(highlight=False).print(renderable)
        return
    text = io.StringIO()
    Console(file=text, width=width, highlight=False).print(renderable)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below a line of column names; where there are none, nothing is on the standard output."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=index == 0)
    count = 0
    for row in rows:
        table.add_row(*(Text(as_text(value)) for value in row))
        count += 1
    if count:
        print_rich(table)
    else:
        sys.stderr.write("none\n")


def print_record(rows: Mapping[str, object]) -> None:
    """Print names and values, one a line; what has no value is left out."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        text = as_text(value)
        if text:
            table.add_row(name, Text(text))
    print_rich(table)


def as_text(value: object) -> str:
    """Value as a person reads it; several ones below each other, a missing one as nothing."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {as_text(item)}" for key, item in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "\n".join(as_text(item) for item in value)
    text = value_text(value, grouped=True)
    return "" if text == MISSING else text
