"""Copies of a home that are consistent although `lse up` runs on it, and homes made of them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from lse.embedded.home import Home
from lse.embedded.home_check import artifacts_in
from lse.errors import AbortedError, DataLossError, FailedPreconditionError, NotFoundError

__all__ = ["Backup", "back_up", "restore"]

_CATALOGUE, _MANIFEST = "catalogue.db", "manifest.json"
_TRIES = 3
_PIECE = 2**20


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Attributes
    ----------
    path
        The file, or the home made of it.
    files, byte_count
        Files in it, and bytes of all of them.
    """

    path: Path
    files: int
    byte_count: int


def back_up(home: Path, out: Path) -> Backup:
    """Write the catalogue of a home and the bulk data that it names to a tar file, with their SHA-256.

    Bulk data never change under their name, so that what a copy of the catalogue names is copied after it.  Operations
    that have not ended are cancelled in the copy.  Vectors are not copied: a restored home fills its collections anew.

    Raises
    ------
    NotFoundError
        If there is no home.
    AbortedError
        If bulk data were deleted meanwhile, again and again.
    """
    home = home.expanduser().resolve()
    if not (home / _CATALOGUE).is_file():
        raise NotFoundError(
            f"{home} is not the home of an installation: give the folder of `lse up` with --home.",
            reason="HOME_NOT_FOUND",
        )
    temporary = out.with_name(f"{out.name}.{uuid.uuid4().hex}.tmp")
    try:
        for _ in range(_TRIES):
            try:
                made = _write(home, temporary)
            except FileNotFoundError:
                continue  # deleted since the catalogue was copied: a new copy of it names less
            temporary.replace(out)
            return Backup(out, *made)
    finally:
        temporary.unlink(missing_ok=True)
    raise AbortedError(
        "Bulk data were deleted again and again while they were copied: try again when less is deleted.",
        reason="BACKUP_CONFLICT",
    )


def _write(home: Path, out: Path) -> tuple[int, int]:
    digests: dict[str, str] = {}
    size = 0
    with tempfile.TemporaryDirectory(prefix="lse-") as folder, tarfile.open(out, "w") as tar:
        out.chmod(0o600)
        copy = Path(folder) / _CATALOGUE
        named = _copy_catalogue(home / _CATALOGUE, copy)
        for name, path in [(_CATALOGUE, copy), *_files_of(home, named)]:
            digests[name] = _digest(path)
            size += path.stat().st_size
            tar.add(path, name, recursive=False)
        manifest = json.dumps({"time": time.time(), "files": digests}).encode()
        entry = tarfile.TarInfo(_MANIFEST)
        entry.size, entry.mode = len(manifest), 0o600
        tar.addfile(entry, BytesIO(manifest))
    return len(digests), size


def _copy_catalogue(source: Path, copy: Path) -> set[str]:
    """Copy the database at one moment; folders of the artifacts that it names, relative to the home."""
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(copy)) as made:
        original.backup(made)
        now = time.time()
        made.execute(
            "UPDATE operations SET state = 'cancelled', owner = NULL, end_time = ?, update_time = ? "
            "WHERE state IN ('pending', 'running')",
            (now, now),
        )
        made.execute("DELETE FROM operation_tasks")
        made.execute("UPDATE resources SET state = 'failed' WHERE state = 'creating'")
        made.commit()
        results = made.execute("SELECT result FROM resources WHERE state = 'ready'").fetchall()
    uris = (uri for (text,) in results for uri in artifacts_in(json.loads(text)))
    # Kind, resource and operation: all that the operation left.
    return {"/".join(["artifacts", *uri.removeprefix("artifact:/").split("/")[:3]]) for uri in uris}


def _files_of(home: Path, folders: set[str]) -> Iterator[tuple[str, Path]]:
    for folder in sorted(folders):
        # Not there any more is found by reading it.
        for path in sorted((home / folder).rglob("*")) or [home / folder]:
            if not path.is_dir():
                yield path.relative_to(home).as_posix(), path


def restore(file: Path, home: Path) -> Backup:
    """Make a home of a backup, every file of which is compared with its SHA-256.

    Raises
    ------
    FailedPreconditionError
        If there is a home already.
    DataLossError
        If the backup is damaged; no home is left then.
    """
    home = home.expanduser().resolve()
    if (home / _CATALOGUE).exists():
        raise FailedPreconditionError(
            f"{home} is a home already: restore into another folder with --home.", reason="HOME_TAKEN"
        )
    found, lock = Home.open(home)
    with lock:
        try:
            with tarfile.open(file) as tar:
                tar.extractall(found.path, filter="data")
            manifest = json.loads((found.path / _MANIFEST).read_text())["files"]
            wrong = [name for name, digest in manifest.items() if _digest(found.path / name) != digest]
        except (OSError, tarfile.TarError, ValueError, KeyError) as error:
            (found.path / _CATALOGUE).unlink(missing_ok=True)
            raise _damaged(file, str(error)) from error
        if wrong:
            (found.path / _CATALOGUE).unlink(missing_ok=True)
            raise _damaged(file, f"{wrong[0]} is not what it was")
        (found.path / _MANIFEST).unlink()
        for path in found.path.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
    return Backup(found.path, len(manifest), sum((found.path / name).stat().st_size for name in manifest))


def _damaged(file: Path, why: str) -> DataLossError:
    return DataLossError(f"The backup {file} cannot be read ({why}): take another one.", reason="BACKUP_DAMAGED")


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
