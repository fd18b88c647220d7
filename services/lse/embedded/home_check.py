"""What is wrong in the home folder of an embedded installation, and what of it can be mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select, text

from lse.embedded.home import Home
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Catalogue
from lse.platform.catalogue.tables import RESOURCES

__all__ = ["Finding", "artifacts_in", "check_home"]

_OPEN_TO_OTHERS = 0o077
_ARTIFACT = "artifact:/"


@dataclass(frozen=True)
class Finding:
    """Something wrong in a home.

    Attributes
    ----------
    message
        What it is and what to do, where it cannot be mended here.
    mend
        Mends it; None where only a person can.
    """

    message: str
    mend: Callable[[], None] | None = None


def check_home(path: Path) -> Iterator[Finding]:
    """Look through a home that no process has open.

    Raises
    ------
    FailedPreconditionError
        If another process has it open, or its catalogue is of another version.
    """
    home, lock = Home.open(path)
    with lock, closing(Catalogue(home.catalogue_url)) as catalogue:
        yield from _modes(home)
        with catalogue.reading() as connection:
            damage = connection.execute(text("PRAGMA integrity_check")).scalars().all()
            if damage != ["ok"]:
                yield Finding(f"{home.path / 'catalogue.db'} is damaged ({damage[0]}): restore it from a backup.")
                return
        catalogue.require_schema()
        with catalogue.reading() as connection:
            resources = connection.execute(select(RESOURCES)).all()
        artifacts = Artifacts(home.artifacts_url)
        yield from _lost(resources, artifacts, home)
        yield from _left_over({row.uid for row in resources}, artifacts, home)


def _modes(home: Home) -> Iterator[Finding]:
    open_files = [
        path for path in home.path.rglob("*") if not path.is_symlink() and path.stat().st_mode & _OPEN_TO_OTHERS
    ]

    def close() -> None:
        for path in open_files:
            path.chmod(path.stat().st_mode & ~_OPEN_TO_OTHERS)

    if open_files:
        yield Finding(f"{_counted(open_files, 'file')} can be read by other users, such as {open_files[0]}.", close)


def _lost(resources: Sequence[Row[Any]], artifacts: Artifacts, home: Home) -> Iterator[Finding]:
    """Resources whose bulk data are not there."""
    collections = {
        json.loads(file.read_text(encoding="utf-8"))["name"] for file in home.vectors.glob("*/collection.json")
    }
    for row in resources:
        if row.state != "ready":
            continue
        missing = sorted({uri for uri in artifacts_in(row.result) if not artifacts.exists(uri)})
        if missing:
            yield Finding(
                f"{row.name} lacks {', '.join(missing)}: restore the folder from a backup, or delete it and make it "
                "again."
            )
        elif row.kind == "experiment" and row.uid not in collections:
            name = row.name.rsplit("/", 1)[-1]
            yield Finding(
                f"{row.name} has lost its collection: run `lse experiment rebuild {name}` while `lse up` runs."
            )


def artifacts_in(result: Any) -> Iterator[str]:
    """URIs of artifacts in what came out of a resource."""
    if isinstance(result, str):
        if result.startswith(_ARTIFACT):
            yield result
    elif isinstance(result, dict):
        for value in result.values():
            yield from artifacts_in(value)
    elif isinstance(result, list):
        for value in result:
            yield from artifacts_in(value)


def _left_over(known: set[str], artifacts: Artifacts, home: Home) -> Iterator[Finding]:
    """Bulk data that nothing names."""
    for uid, folder in artifacts.resource_folders().items():
        if uid not in known:
            size = artifacts.size(folder) / 2**20
            yield Finding(f"Nothing names {folder} ({size:,.1f} MiB).", partial(artifacts.remove, folder))
    unfinished = list((home.path / "artifacts").rglob("*.tmp"))
    if unfinished:
        yield Finding(
            f"{_counted(unfinished, 'file')} of writes that were cut short.",
            partial(_unlink, unfinished),
        )


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _counted(items: list[Path], noun: str) -> str:
    return f"{len(items):,} {noun}{'s' * (len(items) != 1)}"
