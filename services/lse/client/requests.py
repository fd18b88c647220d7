"""Values of requests, as every call of the client writes them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from latentspace.type.v1.method_pb2 import Setting
from lse.platform.errors import InvalidArgumentError, NotFoundError

__all__ = ["new_request_id", "recipe_text", "setting_messages", "setting_text", "source_path", "source_paths"]


def new_request_id(given: str | None) -> str:
    """The request id given, a random one where none was."""
    return given or str(uuid.uuid4())


def setting_messages(settings: Mapping[str, object] | None) -> list[Setting]:
    """Parameters as messages; None becomes ``auto``, truth values ``true`` and ``false``."""
    return [Setting(key=key, value=setting_text(value)) for key, value in (settings or {}).items()]


def setting_text(value: object) -> str:
    """Value of a parameter as text."""
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


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
    """Sources as the services shall see them, at least one.

    Raises
    ------
    InvalidArgumentError
        If there is none.
    """
    listed = [sources] if isinstance(sources, str | Path) else list(sources)
    if not listed:
        raise InvalidArgumentError("No sources were given: name a file or a folder.", reason="NO_SOURCES")
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
        raise InvalidArgumentError("A source is empty: name a file or a folder.", reason="NO_SOURCES")
    if "://" in text:
        return text
    # Links stay as they are written: the services may see other ones.
    return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111
