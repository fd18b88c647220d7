"""Values of requests: parameters, recipes and paths as the services read them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

from google.protobuf.struct_pb2 import Struct

from latentspace.type.v1.row_set_pb2 import RowList, RowRange, RowSet
from lse.errors import InvalidArgumentError, NotFoundError
from lse.rows import bitmap_of_rows, rows_of_bitmap

__all__ = [
    "check_count",
    "parameters_message",
    "recipe_text",
    "rows_message",
    "source_path",
    "source_paths",
]


def check_count(count: int, most: int, what: str) -> int:
    """Return a number of images that is within its bounds.

    Raises
    ------
    InvalidArgumentError
        If it is not from 1 to `most`; `what` has these bounds.
    """
    if not 1 <= count <= most:
        raise InvalidArgumentError(f"{what} has 1 to {most} images, not {count}.", reason="COUNT_INVALID")
    return count


def parameters_message(
    parameters: Mapping[str, object] | None, settings: Mapping[str, object] | None, more: Mapping[str, object]
) -> Struct:
    """All parameters of a method that a call was given: None is chosen from the data.

    Parameters
    ----------
    parameters
        Given as a mapping.
    settings
        The same under its former name.
    more
        Given as keyword arguments.

    Raises
    ------
    InvalidArgumentError
        If a parameter is given twice.
    """
    if settings is not None:
        warnings.warn("'settings' is now called 'parameters'.", DeprecationWarning, stacklevel=3)
    gathered: dict[str, object] = {}
    for given in (parameters or {}, settings or {}, more):
        if twice := gathered.keys() & given.keys():
            raise InvalidArgumentError(
                f"The parameter '{min(twice)}' is given twice: keep one of them.", reason="PARAMETER_INVALID"
            )
        gathered.update(given)
    struct = Struct()
    struct.update({key: _plain(value) for key, value in gathered.items()})
    return struct


def _plain(value: object) -> bool | int | float | str | None:
    # What JSON does not know is sent as text.
    value = value.item() if hasattr(value, "item") else value  # a number of NumPy
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def rows_message(rows: Iterable[int] | None) -> RowSet | None:
    """Rows as a message in its shortest form; None is all of them."""
    if rows is None:
        return None
    if isinstance(rows, range) and rows.step == 1:
        return RowSet(range=RowRange(start=rows.start, end=rows.stop))
    bitmap = bitmap_of_rows(rows)
    listed = rows_of_bitmap(bitmap)
    return RowSet(list=RowList(rows=listed)) if 4 * len(listed) < len(bitmap) else RowSet(bitmap=bitmap)


def recipe_text(recipe: Path | str | Mapping[str, object] | None) -> str:
    """Recipe as YAML text.

    Parameters
    ----------
    recipe
        File, YAML text (a text of one line that ends with ``.yaml`` or ``.yml`` is the path of a file), or the keys
        themselves.

    Raises
    ------
    NotFoundError, InvalidArgumentError
        If the file is not there or cannot be read.
    """
    if recipe is None:
        return ""
    if isinstance(recipe, Mapping):
        import yaml

        return yaml.safe_dump(dict(recipe), sort_keys=False, allow_unicode=True)
    if isinstance(recipe, str) and not ("\n" not in recipe and recipe.endswith((".yaml", ".yml"))):
        return recipe
    path = Path(recipe).expanduser()
    if not path.exists():
        raise NotFoundError(
            f"There is no recipe file '{path}': correct the path.", reason="RECIPE_NOT_FOUND", path=path
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(
            f"The recipe file '{path}' cannot be read as text ({error}).", reason="RECIPE_UNREADABLE", path=path
        ) from error


def source_paths(sources: str | Path | Iterable[str | Path]) -> list[str]:
    """Sources as the services see them, at least one.

    Raises
    ------
    InvalidArgumentError
        If there is none.
    """
    listed = [sources] if isinstance(sources, str | Path) else list(sources)
    if not listed:
        raise InvalidArgumentError("No sources were given: name a file or a folder.", reason="SOURCES_MISSING")
    return [source_path(source) for source in listed]


def source_path(source: str | Path) -> str:
    """Absolute path of a file or folder; an address such as ``s3://…`` stays as it is.

    Raises
    ------
    InvalidArgumentError
        If it is empty.
    """
    text = str(source)
    if not text.strip():
        raise InvalidArgumentError("A source is empty: name a file or a folder.", reason="SOURCES_MISSING")
    if "://" in text:
        return text
    # Links stay as they are written: the services may see other ones.
    return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111
