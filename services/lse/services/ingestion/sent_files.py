"""Files that were sent to make a dataset of: they lie beside it among the artifacts, and are read from this machine.

The path of such a source is that of the artifact below the root of all artifacts, so that an installation may be moved;
all other sources have absolute paths.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from lse.addresses import address_of
from lse.errors import InvalidArgumentError
from lse.images.sources import Source, names_of
from lse.images.stacks import is_stack_name
from lse.platform.artifacts import Artifacts

__all__ = [
    "at_hand",
    "checked_file_name",
    "checked_stack_name",
    "file_at_hand",
    "is_sent",
    "own_names",
    "sent_folder",
    "sent_path",
    "sources_within",
]

_ROOT = "artifact:/"
_LONGEST_NAME = 200


def checked_file_name(name: str, what: str) -> str:
    """Return the name of a file that is sent, which has no folder in it.

    Raises
    ------
    InvalidArgumentError
        ``NAME_INVALID``.
    """
    if not name or len(name) > _LONGEST_NAME or PurePath(name).name != name or name.startswith(".") or "\\" in name:
        raise InvalidArgumentError(
            f"{name[:_LONGEST_NAME]!r} is not the name of {what}: give a file name without folders.",
            reason="NAME_INVALID",
            name=name[:_LONGEST_NAME],
        )
    return name


def checked_stack_name(name: str) -> str:
    """Return the name of a file that is sent and may hold many images.

    Raises
    ------
    InvalidArgumentError
        ``NAME_INVALID`` or ``FORMAT_UNKNOWN``.
    """
    if not is_stack_name(Path(checked_file_name(name, "a file of images"))):
        raise InvalidArgumentError(
            f"{name!r} is not the name of a file of many images: send an archive, such as images.zip.",
            reason="FORMAT_UNKNOWN",
            name=name,
        )
    return name


def is_sent(path: Path) -> bool:
    """Whether a path of a source is that of a file that was sent."""
    return not path.is_absolute() and not address_of(path)


def sent_folder(artifacts: Artifacts, uid: str) -> str:
    """URI of the folder of the files that a dataset is made of."""
    return f"{artifacts.folder('dataset', uid)}/sent"


def sent_path(artifacts: Artifacts, uid: str, name: str) -> Path:
    """Path of such a file as a source has it."""
    return Path(f"{sent_folder(artifacts, uid)}/{name}".removeprefix(_ROOT))


def own_names(sources: Sequence[Source]) -> list[Source]:
    """Images of a file that was sent under the names that they have in it, since nobody chose that of the file."""
    own = [replace(source, relative=source.member or source.relative) for source in sources]
    names = names_of({Path(source.location): source.relative for source in own})
    return [replace(source, name=name) for name, source in zip(names, own, strict=True)]


def sources_within(file_name: str, paths: Sequence[str]) -> list[Source]:
    """Images of a file that was sent, given the paths that they have in it."""
    return own_names([Source(path, Path(file_name), path, member=path, called=file_name) for path in paths])


@contextlib.contextmanager
def file_at_hand(artifacts: Artifacts, path: Path) -> Iterator[Path]:
    """Path of a file that was sent on this machine's disk."""
    copy = _copy_of(artifacts, f"{_ROOT}{path.as_posix()}")  # kept until the end
    yield copy.path


@contextlib.contextmanager
def at_hand(artifacts: Artifacts, sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Sources that can be read from this machine's disk; those that are there already stay as they are."""
    sent = {path for path in {source.path for source in sources} if is_sent(path)}
    copies = {path: _copy_of(artifacts, f"{_ROOT}{path.as_posix()}") for path in sent}  # kept until the end
    yield [
        replace(source, path=copy.path, root=copy.path.resolve(), called=source.path.name)
        if (copy := copies.get(source.path))
        else source
        for source in sources
    ]


class _Copy:
    """A file on this machine's disk: the artifact itself, or a copy that is gone with this object."""

    def __init__(self, artifacts: Artifacts, uri: str) -> None:
        self.uri = artifacts.absolute(uri)
        self._opened = artifacts.local_file(uri)
        self.path = self._opened.__enter__()  # a copy ends with its context, which ends with this object


class _Newest:
    """The copy that was made last: the parts of an ingest read the same file one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copy: _Copy | None = None

    def get(self, artifacts: Artifacts, uri: str) -> _Copy:
        with self._lock:
            if self._copy is None or self._copy.uri != artifacts.absolute(uri):
                self._copy = _Copy(artifacts, uri)
            return self._copy


_copy_of = _Newest().get
