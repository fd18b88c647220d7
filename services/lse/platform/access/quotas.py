"""Quotas: what a project may use, and what it uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, Connection, cast, func, select

from lse.errors import ResourceExhaustedError
from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.tables import OPERATIONS, PROJECTS, RESOURCES
from lse.platform.config import Settings

__all__ = ["Limits", "Quotas", "Usage"]


@dataclass(frozen=True)
class Limits:
    """What a project may use; None is no limit.

    Attributes
    ----------
    image_count, vector_count, byte_count, operation_count
        Most images in datasets, vectors in experiments, bytes of bulk data, operations that have not ended.
    upload_byte_count
        Most bytes of an uploaded file.
    """

    image_count: int | None = None
    vector_count: int | None = None
    byte_count: int | None = None
    operation_count: int | None = None
    upload_byte_count: int | None = None


@dataclass(frozen=True)
class Usage:
    """What a project uses; attributes as of `Limits`."""

    image_count: int = 0
    vector_count: int = 0
    byte_count: int = 0
    operation_count: int = 0


_WHAT = {
    "image_count": "images in its datasets",
    "vector_count": "vectors in its experiments",
    "byte_count": "bytes of bulk data",
    "operation_count": "operations that have not ended",
}


class Quotas:
    """The quotas of the projects of a catalogue.

    Parameters
    ----------
    catalogue
        The catalogue.
    settings
        Limits of projects that have none of their own.
    """

    def __init__(self, catalogue: Catalogue, settings: Settings) -> None:
        self._catalogue = catalogue
        self._usual = Limits(
            image_count=settings.quota_images,
            vector_count=settings.quota_vectors,
            byte_count=settings.quota_bytes,
            operation_count=settings.quota_operations,
            upload_byte_count=settings.quota_upload_bytes,
        )

    def limits(self, project: str) -> Limits:
        """What a project may use."""
        with self._catalogue.reading() as connection:
            return self._limits(connection, project)

    def usage(self, project: str) -> Usage:
        """What a project uses."""
        with self._catalogue.reading() as connection:
            return Usage(**{what: _used(connection, project, what) for what in _WHAT})

    def require(self, project: str, **more: int) -> None:
        """Check that a project has room for more.

        Parameters
        ----------
        project
            Name of the project.
        more
            How much more of what, by the names of `Limits`.

        Raises
        ------
        ResourceExhaustedError
            If it would exceed a limit.
        """
        with self._catalogue.transaction() as connection:
            self.require_within(connection, project, **more)

    def require_within(self, connection: Connection, project: str, **more: int) -> None:
        """As `require`, inside a transaction, to whose end the counts hold where the project is locked."""
        limits = asdict(self._limits(connection, project, lock=True))
        for what, amount in more.items():
            limit = limits[what]
            used = 0 if limit is None else _used(connection, project, what)
            if limit is not None and used + amount > limit:
                raise ResourceExhaustedError(
                    f"{project} has {used:,} {_WHAT[what]} and may have {limit:,}, so there is no room for {amount:,} "
                    "more: delete what is not needed, or ask the operator for a larger quota.",
                    reason="QUOTA_FULL",
                    quota=what,
                    limit=limit,
                )

    def _limits(self, connection: Connection, project: str, *, lock: bool = False) -> Limits:
        query = select(PROJECTS.c.limits).where(PROJECTS.c.name == project)
        own: Mapping[str, int | None] = connection.execute(query.with_for_update() if lock else query).scalar() or {}
        return Limits(**{**asdict(self._usual), **own})


def _used(connection: Connection, project: str, what: str) -> int:
    if what == "operation_count":
        running = OPERATIONS.c.project == project, OPERATIONS.c.end_time.is_(None)
        return int(connection.execute(select(func.count()).select_from(OPERATIONS).where(*running)).scalar_one())
    mine = RESOURCES.c.name.startswith(f"{project}/", autoescape=True)
    if what == "byte_count":
        query = select(func.sum(RESOURCES.c.byte_count)).where(mine)
    else:
        kind, key = ("dataset", "prepared_count") if what == "image_count" else ("experiment", "image_count")
        count = cast(RESOURCES.c.result[key].as_string(), BigInteger)
        query = select(func.sum(count)).where(mine, RESOURCES.c.kind == kind, RESOURCES.c.state == "ready")
    return int(connection.execute(query).scalar() or 0)
