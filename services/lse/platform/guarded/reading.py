"""How this installation reads files of people: where they may lie, and what one of them may cost."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from lse.addresses import SIA2, address_of, address_path, is_address, is_below
from lse.errors import InvalidArgumentError, PermissionDeniedError
from lse.platform.config import Settings
from lse.platform.guarded.processes import GuardedProcesses, Limits
from lse.platform.remote_files import RemoteFiles
from lse.progress import ShouldStop

__all__ = ["Reading"]

_ANY = "*"
_PROJECT = "{project}"
# Legitimate content takes a few times the bytes of its file when it is decompressed, converted and copied.
_COPIES = 6
# Loaded before the time of a first file runs.
_IMAGES = ("lse.images.file_preparation", "astropy.io.fits", "astropy.wcs", "PIL.Image", "scipy.ndimage")


@dataclass(frozen=True)
class Reading:
    """What requests may read, and at what cost; it goes to workers as it is.

    Attributes
    ----------
    roots
        Folders and addresses that requests may name, or what is below; ``*`` for all that they name, ``{project}``
        for the id of their project.
    seconds
        Time that one file may take.
    memory_bytes
        Memory that one file may take.
    file_bytes
        Largest image file.
    remote
        How files at addresses are fetched.
    """

    roots: tuple[str, ...]
    seconds: float
    memory_bytes: int
    file_bytes: int
    remote: RemoteFiles = field(default_factory=RemoteFiles)

    @classmethod
    def of(cls, settings: Settings) -> Reading:
        """What the settings of a process allow."""
        return cls(
            roots=settings.source_roots,
            seconds=settings.reader_seconds,
            memory_bytes=settings.reader_memory_mib * 2**20,
            file_bytes=settings.reader_file_mib * 2**20,
            remote=RemoteFiles(settings.source_options),
        )

    def of_project(self, project: str) -> Reading:
        """The same for requests of a project, given by its name; of none, without a folder of its own, when empty."""
        named = project.removeprefix("projects/")
        roots = tuple(root.replace(_PROJECT, named) for root in self.roots if named or _PROJECT not in root)
        private = tuple(root for root in roots if is_address(root) and root.startswith("http"))
        return replace(self, roots=roots, remote=replace(self.remote, private=private))

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders below which links may lead, without links themselves; beside what a request names."""
        return tuple(Path(root).expanduser().resolve() for root in self.roots if root != _ANY and not is_address(root))

    def check(self, named: Sequence[str | Path]) -> None:
        """Refuse a request that names something that it may not.

        Raises
        ------
        PermissionDeniedError
            ``SOURCE_NOT_ALLOWED``.
        InvalidArgumentError
            If no file can have a path of these.
        """
        for name in named:
            address = _address(name)
            if address is not None:
                address_path(address.rstrip("/"))
                allowed = any(is_below(address, root) for root in self.roots)
            else:
                real = _real(name)
                allowed = any(real.is_relative_to(folder) for folder in self.folders)
            if not (allowed or _ANY in self.roots):
                known = ", ".join(self.roots)
                raise PermissionDeniedError(
                    f"The services may not read {name}: "
                    + (f"name a path below {known}." if known else "its operator can allow its folder (source_roots)."),
                    reason="SOURCE_NOT_ALLOWED",
                    path=name,
                )

    def limits(self, *, input_bytes: int = 0, memory_bytes: int | None = None) -> Limits:
        """What one call may cost that reads a file of some bytes, where it needs less memory than others."""
        own = self.memory_bytes if memory_bytes is None else min(memory_bytes, self.memory_bytes)
        return Limits(self.seconds, own + _COPIES * input_bytes)

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        what: str,
        input_bytes: int = 0,
        memory_bytes: int | None = None,
        should_stop: ShouldStop = lambda: False,
    ) -> Any:
        """See `GuardedProcesses.call`."""
        limits = self.limits(input_bytes=input_bytes, memory_bytes=memory_bytes)
        return _processes().call(function, *arguments, limits=limits, what=what, should_stop=should_stop)

    def map(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]], *, what: Sequence[str]) -> list[Any]:
        """Results of a function, or the error of each item that has none; see `GuardedProcesses.map`."""
        return [result for _, result in _processes().map(function, items, limits=self.limits(), what=what)]


@cache
def _processes() -> GuardedProcesses:
    """The children of this process."""
    return GuardedProcesses(_IMAGES)


def _address(name: str | Path) -> str | None:
    """Address that is asked where a request names one; None of a path of this machine."""
    if isinstance(name, Path):
        return address_of(name)
    return name.removeprefix(SIA2) if is_address(name) else None


def _real(name: str | Path) -> Path:
    """Path without links."""
    try:
        real = Path(name).expanduser().resolve()
        real.exists()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: the home of nobody
        if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:
            return Path(name).absolute()  # said where the file is read
        raise InvalidArgumentError(
            f"No file can have the path '{str(name)[:200]}': correct it.", reason="PATH_INVALID", path=str(name)[:200]
        ) from error
    return real
