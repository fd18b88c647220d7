"""The home folder of an embedded installation."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lse.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError, ResourceExhaustedError

__all__ = ["Home"]

_FREE_BYTES = 200 << 20


@dataclass(frozen=True)
class Home:
    """Where everything of an embedded installation is kept.

    Attributes
    ----------
    path
        The folder.
    shown
        The home that it is a copy of, whose bulk data are read where they are; None of one of its own.
    """

    path: Path
    shown: Path | None = None

    @property
    def catalogue_url(self) -> str:
        """SQLAlchemy URL of the catalogue."""
        return f"sqlite:///{self.path / 'catalogue.db'}"

    @property
    def artifacts_url(self) -> str:
        """URL of the bulk data."""
        return f"file://{(self.shown or self.path) / 'artifacts'}"

    @property
    def vectors(self) -> Path:
        """Folder of the vector collections."""
        return self.path / "vectors"

    @property
    def models(self) -> Path:
        """Model repository of Triton."""
        return self.path / "models"

    @property
    def logs(self) -> Path:
        """Folder of the logs, one file a process."""
        return self.path / "logs"

    @property
    def scratch(self) -> Path:
        """Folder of what workers put aside."""
        return self.path / "scratch"

    @property
    def private(self) -> Path:
        """Folder of the certificates of a run."""
        return self.path / "private"

    @classmethod
    def open(cls, path: Path) -> tuple[Home, IO[str]]:
        """Make the folder where it is missing, for its owner alone, and lock it for this process.

        Returns
        -------
        Home, file
            The lock is held as long as the file is open.

        Raises
        ------
        InvalidArgumentError
            If the folder cannot be made or written to.
        ResourceExhaustedError
            If its disk is almost full.
        FailedPreconditionError
            If another process has it open.
        """
        path = path.expanduser().resolve()
        home = cls(path)
        try:
            for folder in (path, home.vectors, home.models, home.logs, home.scratch):
                folder.mkdir(parents=True, exist_ok=True)
            # Also one that an earlier version made for all to read.
            path.chmod(0o700)
            lock = (path / "lock").open("a+")
        except OSError as error:
            raise InvalidArgumentError(
                f"The home folder {path} cannot be used ({error.strerror}): choose another with --home, or look at it "
                "with --read-only.",
                reason="HOME_UNWRITABLE",
            ) from error
        free = os.statvfs(path)
        if free.f_bavail * free.f_frsize < _FREE_BYTES:
            raise ResourceExhaustedError(
                f"The disk of {path} has less than {_FREE_BYTES >> 20} MiB left: make room or choose another --home.",
                reason="DISK_FULL",
            )
        _take(lock, path, fcntl.LOCK_EX)
        return home, lock

    @classmethod
    @contextlib.contextmanager
    def looked_at(cls, path: Path) -> Iterator[Home]:
        """A home as it is, for looking: nothing of the folder is written, which may be on a read-only disk.

        What processes write, the catalogue and the vectors, is a copy in a temporary folder that is removed at the end.

        Raises
        ------
        NotFoundError
            If there is no home in the folder.
        FailedPreconditionError
            If another process has it open.
        """
        path = path.expanduser().resolve()
        if not (path / "catalogue.db").is_file():
            raise NotFoundError(
                f"There is no home in {path}: name the folder of one with --home.", reason="HOME_NOT_FOUND"
            )
        with contextlib.ExitStack() as stack:
            if (path / "lock").exists():
                lock = stack.enter_context((path / "lock").open())
                _take(lock, path, fcntl.LOCK_SH)
            home = cls(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lse-look-"))), path)
            for folder in (home.models, home.logs, home.scratch):
                folder.mkdir()
            for file in path.glob("catalogue.db*"):
                shutil.copyfile(file, home.path / file.name)
            if (path / "vectors").is_dir():
                shutil.copytree(path / "vectors", home.vectors, copy_function=shutil.copyfile)
            home.vectors.mkdir(exist_ok=True)
            yield home


def _take(lock: IO[str], path: Path, kind: int) -> None:
    """Lock a home for this process, which is the holder of the file.

    Raises
    ------
    FailedPreconditionError
        If another process has it open.
    """
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise FailedPreconditionError(
            f"Another `lse up` has the home folder {path} open: stop it or choose another with --home.",
            reason="HOME_IN_USE",
        ) from error
