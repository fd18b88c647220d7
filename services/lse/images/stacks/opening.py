"""The door of the stacks: what is in a file, and one image of it."""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from lse.errors import LseError
from lse.images.formats import Extensions, ReadError, ReadLimits, SourceImage
from lse.images.stacks.stack import Stack, StackFacts
from lse.methods import Method, Registry
from lse.parameters import Parameters
from lse.regular_files import OutsideError, open_regular_file

__all__ = ["STACKS", "images_of", "is_stack_name", "read_member"]

Open: TypeAlias = Callable[[Any], Stack]

STACKS: Registry[Open, StackFacts] = Registry(
    kind="kind of stack",
    package="lse.images.stacks",
    group="lse.stacks",
    parameters=Parameters,
    facts=StackFacts,
)

_HEAD_BYTES = 1024
_MOST_IMAGES = 1_000_000


def is_stack_name(path: Path) -> bool:
    """Whether a file is called like one of many images."""
    return path.name.lower().endswith(_suffixes())


@cache
def _suffixes() -> tuple[str, ...]:
    return tuple(suffix for stack in STACKS for suffix in stack.facts.suffixes)


def images_of(path: Path, name: str, within: Sequence[Path] | None) -> tuple[str, Sequence[str]] | None:
    """What is between the name of a file and those of its images, and the latter; None of a file that is no stack.

    Parameters
    ----------
    path
        The file.
    name
        How messages call it.
    within
        Folders and files, without links, that it must not lead out of.

    Raises
    ------
    ReadError
        ``IMAGES_TOO_MANY``, or what is wrong with the file.
    """
    try:
        opened = _opened(path, tuple(within) if within is not None else None)
        images = None if opened is None else opened[1].images()
    except LseError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # libraries meet bytes of any kind
        raise _damaged(name, error) from error
    if opened is None or images is None:
        return None
    if len(images) > _MOST_IMAGES:
        message = f"{name} holds {len(images):,} images and at most {_MOST_IMAGES:,} are read: divide it."
        raise ReadError(message, reason="IMAGES_TOO_MANY", name=name)
    return opened[0].facts.separator, images


def read_member(
    path: Path, image: str, *, name: str, limits: ReadLimits, extensions: Extensions, within: Sequence[Path] | None
) -> SourceImage:
    """Read one image of a file of many.

    Raises
    ------
    ReadError
        Whatever is wrong with it; nothing else is raised.
    """
    try:
        opened = _opened(path, tuple(within) if within is not None else None)
        if opened is not None:
            return opened[1].read(image, name, limits, extensions)
    except LseError:
        raise
    except MemoryError:
        message = f"{name} needs more memory than there is: give the workers more memory or make the image smaller."
        raise ReadError(message, reason="IMAGE_TOO_LARGE", name=name) from None
    except Exception as error:  # as above
        raise _damaged(name, error) from error
    message = f"{name} is in a file that has changed: ingest it again."
    raise ReadError(message, reason="FORMAT_UNKNOWN", name=name)


def _damaged(name: str, error: Exception) -> ReadError:
    message = f"{name} is damaged and cannot be read ({type(error).__name__}): get the file again."
    return ReadError(message, reason="IMAGE_DAMAGED", name=name, detail=type(error).__name__)


def _opened(path: Path, within: tuple[Path, ...] | None) -> tuple[Method[Open, StackFacts], Stack] | None:
    try:
        kind = path.stat()
    except OSError as error:
        detail = error.strerror or type(error).__name__
        message = f"{path.name} cannot be opened ({detail}): check that it exists and may be read."
        raise ReadError(message, reason="FILE_UNREADABLE", name=path.name, detail=detail) from error
    return _kept(path, within, kind.st_mtime_ns, kind.st_size)


@lru_cache(maxsize=1)  # the images of a file are read one after the other
def _kept(
    path: Path, within: tuple[Path, ...] | None, changed: int, size: int
) -> tuple[Method[Open, StackFacts], Stack] | None:
    del changed, size
    if path.is_dir():
        return _folder(path, within)
    try:
        file = open_regular_file(path, within=within)
    except OutsideError as error:
        message = f"{path.name} is a link that leads out of the folders that may be read: copy the file."
        raise ReadError(message, reason="FILE_OUTSIDE_NOT_ALLOWED", name=path.name) from error
    except OSError as error:
        message = f"{path.name} cannot be opened: check that it is a file that may be read."
        raise ReadError(message, reason="FILE_UNREADABLE", name=path.name, detail=type(error).__name__) from error
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    lower = path.name.lower()
    try:
        for method in STACKS:
            named = lower.endswith(method.facts.suffixes) and not method.facts.folder
            if named and re.match(method.facts.signature, head, re.DOTALL):
                stack = method.run(file)
                weakref.finalize(stack, file.close)
                return method, stack
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def _folder(path: Path, within: tuple[Path, ...] | None) -> tuple[Method[Open, StackFacts], Stack] | None:
    method = next((m for m in STACKS if m.facts.folder and path.name.lower().endswith(m.facts.suffixes)), None)
    if method is None:
        return None
    real = path.resolve()
    if within is not None and not any(real.is_relative_to(root) for root in within):
        message = f"{path.name} is a link that leads out of the folders that may be read: copy the folder."
        raise ReadError(message, reason="FILE_OUTSIDE_NOT_ALLOWED", name=path.name)
    for folder, folders, files in os.walk(real):
        if any(Path(folder, name).is_symlink() for name in (*folders, *files)):
            message = f"{path.name} has links in it, which are not followed: copy the files that they lead to."
            raise ReadError(message, reason="FILE_OUTSIDE_NOT_ALLOWED", name=path.name)
    return method, method.run(real)
